/* A training run over a folder of small photos: for tests of the loop, of what it keeps and of what it proves. */
#ifndef FREEZETUNE_SMALL_RUN_H
#define FREEZETUNE_SMALL_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/dataset.h"
#include "core/net/net.h"
#include "core/train/train_private.h"

enum { SMALL_RUN_PHOTOS = 8, SMALL_RUN_SIDE = 33, SMALL_RUN_CLASSES = 2 };

/* Makes folder/data: SMALL_RUN_PHOTOS to train on and a photo of each class to validate, none like another. */
void small_run_photos(const char *folder);
/* Makes folder/name, which ends in .bmp: one more like them, of other pixels for another seed. */
void small_run_photo(const char *folder, const char *name, uint32_t seed);
/* Photo number `photo` to train on gets other pixels. */
void small_run_change_photo(const char *folder, size_t photo);

struct small_run {
    struct net *net;
    struct pool *pool;
    struct dataset dataset;
    struct train *train;
};

/* A batch is half of the photos; layer2 and all before it is frozen; one epoch, no augmentation, no cache. */
struct train_options small_run_options(void);
/* Prepared, with random weights. The test ends on failure. */
void small_run_open(struct small_run *out, const char *folder, const struct train_options *options);
/* The same with `data`, the path of folder/data, and without ending the test: for threads. Close it also after an
 * error. */
MUST_CHECK enum status small_run_try(struct small_run *out, const char *data, const struct train_options *options,
                                     struct error *err);
void small_run_close(struct small_run *run);

#endif
