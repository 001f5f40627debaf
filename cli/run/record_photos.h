/* RUN/photos.bin: how each photo looked when the run saw it last (core/data/photo_stamp.h says what is in it: 32 bytes
 * a photo), so that --resume notices photos whose content has changed under the same names. Written when a run begins,
 * and with each checkpoint once more content has been read. A series has one of its own, from the scan. */
#ifndef FREEZETUNE_RECORD_PHOTOS_H
#define FREEZETUNE_RECORD_PHOTOS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/run/run_setup.h"
#include "core/data/photo_stamp.h"

/* Compares the photos with what a run or a series that is resumed has recorded, and takes over what is known of their
 * content. *stale: the record is missing or not up to date. *changed [train + val photos] tells which have another
 * content, NULL when none has; owned by the caller (memory_free). `accept`: changed photos are no error. `says`: tell
 * (stderr) of a missing record and of what was accepted. A record of another list of photos is left to
 * checkpoint_restore. ERR_DATA for changed photos, and for a damaged record. */
MUST_CHECK enum status record_photos_check(bool **changed, bool *stale, const struct run_setup *setup,
                                           const char *folder, bool accept, bool says, struct error *err);

/* Takes over what the run has read of the photos' content; whether anything is new. After run_setup_prepare. */
bool record_photos_update(const struct run_setup *setup);
MUST_CHECK enum status record_photos_write(const char *folder, const struct run_setup *setup, struct error *err);

/* For photos that are gone: how those looked that a run trained on, *out[*count], owned by the caller (memory_free).
 * `list` is checkpoint_photos of the run's photos. *known is false, and that is no error, without such a record.
 * ERR_SYSTEM without memory. */
MUST_CHECK enum status record_photos_trained(struct photo_stamp **out, size_t *count, bool *known, const char *folder,
                                             const char list[33], struct error *err);

#endif
