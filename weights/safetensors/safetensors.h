/* The safetensors format (huggingface/safetensors, README "Format"):
 *
 *     | n: 8 bytes, little-endian | n bytes of JSON, padded with spaces | data of all tensors, nothing between |
 *
 *     {"__metadata__": {"key": "value"}, "name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]}, ...}
 *
 * Reading is as strict as the reference implementation and stricter where that lets something pass: a header of at most
 * 100,000,000 bytes that lies within the file, begins with { and ends in } and spaces; JSON by RFC 8259 in valid UTF-8;
 * no key twice, no key unknown; integers that are written as digits and fit 64 bits; shape times type equal to the
 * range; ranges that follow one another from 0 to the end of the file. At most 8 dimensions.
 *
 * Writing gives the same bytes for the same input: metadata first, then the tensors in the order given.
 */
#ifndef FREEZETUNE_SAFETENSORS_H
#define FREEZETUNE_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "weights/weight_file.h"

#define SAFETENSORS_MAX_HEADER ((uint64_t)100000000)

/* Writes a whole file: tensors[i].data holds tensors[i].bytes bytes, which must be what shape and type say. The file
 * appears under `path` only when all is on disk; on any failure a former file there is as it was and nothing is left.
 * ERR_DATA when a name or text is not UTF-8 or a name occurs twice, ERR_CANTCREATE when the file cannot be made, ERR_IO
 * when writing fails (disk full). metadata may be NULL when metadata_count is 0. */
MUST_CHECK enum status safetensors_write(const char *path, const struct weight_tensor *tensors, size_t count,
                                         const struct weight_metadata *metadata, size_t metadata_count,
                                         struct error *err);

/* The same in pieces, for tensors that do not lie in memory as the file wants them: the header first (the data pointers
 * are ignored), then the data of all tensors in order, cut as the caller likes, then finish. */
struct safetensors_writer;

MUST_CHECK enum status safetensors_create(struct safetensors_writer **out, const char *path,
                                          const struct weight_tensor *tensors, size_t count,
                                          const struct weight_metadata *metadata, size_t metadata_count,
                                          struct error *err);
MUST_CHECK enum status safetensors_append(struct safetensors_writer *writer, const void *data, size_t bytes,
                                          struct error *err);
/* Puts the file in its place. Frees the writer, whatever happens; asserts that all data has been appended. */
MUST_CHECK enum status safetensors_finish(struct safetensors_writer *writer, struct error *err);
/* Gives up: the file under construction is removed. NULL is fine. */
void safetensors_discard(struct safetensors_writer *writer);

#endif
