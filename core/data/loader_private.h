/* What the files of the loader share: loader.c decodes and hands out, loader_known.c keeps what is known of a photo. */
#ifndef FREEZETUNE_LOADER_PRIVATE_H
#define FREEZETUNE_LOADER_PRIVATE_H

#include <pthread.h>

#include "core/data/loader.h"
#include "core/data/photo_faults.h"
#include "core/data/resize.h"

enum slot_state { SLOT_EMPTY, SLOT_GOOD, SLOT_BAD, SLOT_FAILED };

/* A place for one decoded photo. Entry e of the order is decoded into slot e mod slots. */
struct slot {
    enum slot_state state;
    enum status status; /* of a bad or failed one */
    char *reason;       /* of a bad or failed one (may be NULL then), on its way to the list or the error */
    uint64_t hash;      /* of the file, 0: it could not be read */
    struct box hole;    /* of a good one, */
    bool damaged;       /* as it is (image.damaged) */
};

struct worker {
    struct loader *loader;
    struct resizer *resizer;
    uint8_t *spare; /* [crop,crop,3] */
    pthread_t thread;
};

struct loader {
    const struct photo_list *list;
    struct loader_options options;
    size_t photo_bytes; /* crop * crop * 3 */

    /* Fixed for an epoch. */
    uint32_t *order;
    size_t count;
    uint32_t epoch;
    enum augment augment;

    /* Under the lock. `taken` is the next entry for a worker, `done` the next one for the caller: entries done..taken-1
     * are in the slots. */
    pthread_mutex_t lock;
    pthread_cond_t room, ready, idle;
    size_t taken, done;
    size_t busy; /* workers with a photo in their hands */
    bool stop;
    struct slot *slots;
    size_t slot_count;
    uint8_t *slot_pixels;

    /* The caller's thread only; faults.is_bad is written by it, and read by workers under the lock. */
    double waited;
    struct photo_faults faults;
    uint64_t *hashes; /* [photos] */
    struct photo_batch batch;
    uint8_t *pixels;
    int32_t *labels;
    uint32_t *photos;
    struct box *holes;

    struct worker *workers;
    size_t started;
};

/* The photo cannot be read. Workers read is_bad under the lock. Takes over the reason, also on failure. ERR_SYSTEM
 * without memory. */
MUST_CHECK enum status loader_add_bad(struct loader *loader, uint32_t photo, enum status why, char *reason,
                                      struct error *err);

#endif
