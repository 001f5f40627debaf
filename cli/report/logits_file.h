/* A matrix with a row for each photo that was answered, in the order of the answers, for other programs: the network's
 * raw outputs (predict --logits) or the features before its last layer (predict --features). It is kept in memory until
 * it is written.
 *
 *   safetensors   one tensor, F32 [photos, columns], "logits" or "features"; metadata files: the photos' names as a
 *                 JSON list
 *   NumPy         format 1.0, '<f4', [photos, columns] in C order; the names, the same list, in FILE.files.json
 */
#ifndef FREEZETUNE_LOGITS_FILE_H
#define FREEZETUNE_LOGITS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/folder.h"

struct logits_file {
    const char *path, *tensor; /* borrowed */
    bool npy;
    size_t classes, count; /* columns, rows */
    float *logits;         /* [count, classes] */
    size_t logits_room;
    uint32_t *photos; /* [count] numbers in the list */
    size_t photos_room;
};

/* ERR_CANTCREATE when the place is not one for a file, before any work is done. */
MUST_CHECK enum status logits_file_start(struct logits_file *file, const char *path, size_t classes, struct error *err);
/* The same for features, as NumPy's format when the path ends in .npy, else it must end in .safetensors: ERR_USAGE. */
MUST_CHECK enum status logits_file_start_features(struct logits_file *file, const char *path, size_t columns,
                                                  struct error *err);
MUST_CHECK enum status logits_file_add(struct logits_file *file, const float *logits, const uint32_t *photos,
                                       size_t count, struct error *err);
MUST_CHECK enum status logits_file_write(const struct logits_file *file, const struct photo_list *photos,
                                         struct error *err);
void logits_file_free(struct logits_file *file);

#endif
