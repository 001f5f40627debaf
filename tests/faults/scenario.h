/* Does something again and again, and lets another call fail each time (tests/faults/faults.h): it then either does
 * without, with the right result, or says so with the right status and one line. Nothing is lost (the sanitizers
 * watch), no descriptor stays open, no file is half-written. */
#ifndef FREEZETUNE_SCENARIO_H
#define FREEZETUNE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/net/net.h"
#include "models/resnet.h"

struct scenario {
    void (*prepare)(void); /* before the counting; NULL: nothing */
    /* Does it all once: OK with everything right (asserted inside), or a status with its text; frees what it took. */
    enum status (*run)(struct error *err);
    void (*check)(enum status status); /* what is left then; NULL: nothing */
    bool allocates, uses_files;        /* so something must fail */
};

/* Every allocation fails once, then every call about files (of very many, some in the middle are left out). */
void scenario_fail_all(const struct scenario *scenario);

/* ---- what scenarios work on: made once for a test program -------------------------------------------------------- */

enum { SCENARIO_PHOTOS = 6, SCENARIO_SIDE = 33 };

/* A folder with data/train (SCENARIO_PHOTOS of each of two classes), data/val (one of each), weights.safetensors, and
 * the file "former" that holds its name. */
extern char scenario_folder[256];
/* What weights.safetensors holds, and its architecture. */
extern struct net *scenario_weights;
extern const struct resnet_shape scenario_shape;

/* cmocka group setup and teardown. */
int scenario_setup(void **state);
int scenario_teardown(void **state);

/* How many entries a folder has, "." and ".." among them. */
size_t scenario_entries(const char *path);
/* A file in scenario_folder holds "former": writing it again failed before it was replaced. After a failure it may be
 * the new one, whole, where its folder could not be synced. */
bool scenario_is_former(const char *name);
/* Two files in scenario_folder hold the same bytes. */
void scenario_assert_same(const char *name, const char *expected_name);

#endif
