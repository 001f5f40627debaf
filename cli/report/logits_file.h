/* predict --logits: the network's raw outputs for comparison with other programs.
 *
 *   logits     F32 [photos, classes], the readable photos in the order of the answers
 *   metadata   files: their names as a JSON list
 */
#ifndef FREEZETUNE_LOGITS_FILE_H
#define FREEZETUNE_LOGITS_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/folder.h"

struct logits_file {
    const char *path; /* borrowed */
    size_t classes, count;
    float *logits; /* [count, classes] */
    size_t logits_room;
    uint32_t *photos; /* [count] numbers in the list */
    size_t photos_room;
};

/* ERR_CANTCREATE when the place is not one for a file, before any work is done. */
MUST_CHECK enum status logits_file_start(struct logits_file *file, const char *path, size_t classes, struct error *err);
MUST_CHECK enum status logits_file_add(struct logits_file *file, const float *logits, const uint32_t *photos,
                                       size_t count, struct error *err);
MUST_CHECK enum status logits_file_write(const struct logits_file *file, const struct photo_list *photos,
                                         struct error *err);
void logits_file_free(struct logits_file *file);

#endif
