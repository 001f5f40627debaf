/* Which photos of a list were away (loader.h), in how many epochs, and why: so that none is left out in silence, and a
 * class that has no photo left in an epoch ends the run. Part of what a checkpoint remembers. */
#ifndef FREEZETUNE_ABSENCE_H
#define FREEZETUNE_ABSENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/folder.h"

enum { ABSENCE_REASONS = 64 }; /* different texts that are kept; those beyond become "cannot be read" */

struct absence_row {
    uint32_t photo;
    uint32_t epochs; /* it was away in */
    uint32_t last;   /* of these, from 0 */
    uint32_t reason; /* of the last, number in `reasons` */
};

struct absence {
    const struct photo_list *photos; /* borrowed */
    size_t classes;
    struct absence_row *rows; /* in the order of being noted first */
    size_t count, room;
    char *reasons[ABSENCE_REASONS];
    size_t reason_count;
    uint32_t *row_of;        /* [photos] 1 + row, or 0 */
    uint32_t *of_class;      /* [classes] photos of each that are not bad */
    uint32_t *away_of_class; /* [classes] of these, away in `epoch` */
    size_t epoch, away;      /* the newest one that anything was noted in; photos away in it */
};

/* Bytes that absence_init takes. */
size_t absence_bytes(size_t photos, size_t classes);
/* ERR_SYSTEM without memory. Free with absence_free, also after an error. */
MUST_CHECK enum status absence_init(struct absence *out, const struct photo_list *photos, size_t classes,
                                    struct error *err);
void absence_free(struct absence *absence);

/* A photo is away in an epoch, which is not before that of the last call. Noting it twice in an epoch counts once.
 * *again: it was away in the epoch before too. ERR_SYSTEM without memory. */
MUST_CHECK enum status absence_note(struct absence *absence, uint32_t photo, size_t epoch, const char *reason,
                                    bool *again, struct error *err);
/* Takes over what was saved: the reasons in their order, then the rows; the last epoch of all rows becomes `epoch`.
 * ERR_DATA when there are too many reasons, or a second row of a photo. */
MUST_CHECK enum status absence_restore_reason(struct absence *absence, const char *reason, struct error *err);
MUST_CHECK enum status absence_restore(struct absence *absence, const struct absence_row *row, struct error *err);

/* Takes back what was noted in an epoch, the newest: its pass begins again from the start. */
void absence_forget(struct absence *absence, size_t epoch);

/* How many photos are away in an epoch that is not before the last one noted. */
size_t absence_in(const struct absence *absence, size_t epoch);

/* A photo was found bad for good, or is no longer so. */
void absence_set_bad(struct absence *absence, uint32_t photo, bool bad);
/* Whether no photo of this photo's class is left in `absence->epoch` although not all of them are bad. */
bool absence_takes_class(const struct absence *absence, uint32_t photo);

#endif
