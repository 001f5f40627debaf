/* What is wrong with photos, as a loader finds it out: a list of those that it skips, and which of the others are
 * damaged. No locks: who shares one between threads brings them. */
#ifndef FREEZETUNE_PHOTO_FAULTS_H
#define FREEZETUNE_PHOTO_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* A photo that is skipped. */
struct photo_fault {
    uint32_t photo;
    bool away;          /* else bad for good */
    bool failed;        /* a disk or a share did not answer, again and again (ERR_IO) */
    const char *reason; /* without the path; owned by the list, lives until the photo leaves it */
};

/* Begins as {0}. */
struct photo_faults {
    struct photo_fault *list; /* in the order of being added */
    size_t count, room;
    bool *is_bad;     /* [photos] on the list: bad or away */
    bool *is_damaged; /* [photos] used all the same (image.damaged) */
    size_t damaged_count;
};

/* ERR_SYSTEM without memory. Free with photo_faults_free, also after an error. */
MUST_CHECK enum status photo_faults_init(struct photo_faults *out, size_t photos, struct error *err);
void photo_faults_free(struct photo_faults *faults);
/* Bytes that photo_faults_init takes. */
size_t photo_faults_bytes(size_t photos);

/* Adds a photo that is not on the list. `why`: ERR_DATA is bad for good, anything else away. Takes over `reason`, which
 * memory_strdup made (also on failure). ERR_SYSTEM without memory. */
MUST_CHECK enum status photo_faults_add(struct photo_faults *faults, uint32_t photo, enum status why, char *reason,
                                        struct error *err);
/* Takes off all that are away, or the one photo; the order of the others stays. */
void photo_faults_forget_away(struct photo_faults *faults);
void photo_faults_forgive(struct photo_faults *faults, uint32_t photo);

/* Counts a photo as damaged, once. */
void photo_faults_mark_damaged(struct photo_faults *faults, uint32_t photo);

#endif
