/* The photos of a run, found again by its options: a count for each class, and the first ones of the first epoch as the
 * network saw them, cropped, flipped and coloured as the seed had it. */
#ifndef FREEZETUNE_PAGE_TRAINING_H
#define FREEZETUNE_PAGE_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/run/train_options.h"
#include "core/base/error.h"

enum { TRAINING_SHOWN = 16 };

struct page_training {
    bool known; /* the photos are there, and the same as when the run began */
    char *why;  /* else, where they were not found: the reason; owned */
    size_t classes;
    uint64_t *train, *val; /* [classes] photos */
    struct training_photo {
        uint8_t *jpeg; /* of PICTURE_SIDE */
        size_t size;
        uint32_t class;
    } shown[TRAINING_SHOWN]; /* fewer where a batch has fewer */
    size_t shown_count;
};

/* Not known where the photos have changed or cannot be found, which is no error. ERR_SYSTEM, ERR_IO. Free with
 * page_training_free, also after an error. */
MUST_CHECK enum status page_training_read(struct page_training *out, const char *folder,
                                          const struct train_values *values, struct error *err);
void page_training_free(struct page_training *training);

#endif
