/* How a photo's file looked, so that another time can tell whether its content is still the same: what --resume asks.
 *
 *   same size, same time of change     the same, without reading
 *   its content's hash is known        by content
 *   else                               by size, and by the bytes that the scan looks at
 *
 * A file that was never seen before, and one that is away now, cannot be compared and count as unchanged.
 */
#ifndef FREEZETUNE_PHOTO_STAMP_H
#define FREEZETUNE_PHOTO_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/folder.h"

struct photo_stamp {
    uint64_t size;   /* bytes */
    int64_t changed; /* mtime, in ns since 1970 */
    uint64_t ends;   /* see image_cost */
    uint64_t hash;   /* of the whole content as loader_hash; 0: not known */
};

/* changed[i] = whether photo i is another than `before` says, `now` being its stamp of today, into which
 * goes what `before` knows and the comparison found. Returns how many changed. Uses the pool. */
size_t photo_stamps_compare(bool *changed, const struct photo_list *list, const struct photo_stamp *before,
                            struct photo_stamp *now, struct pool *pool);

/* A record of both lists of a dataset as bytes: a line of text ("freezetune photos 1 <list> <train> <val>", where
 * `list` is checkpoint_photos, 32 digits), a row of four little-endian 64-bit numbers (size, changed, ends, hash) for
 * each photo of train, then of val, and the low half of XXH3 128 of all before. */
size_t photo_stamps_size(size_t train, size_t val);
void photo_stamps_write(uint8_t *out, const char list[33], const struct photo_stamp *stamps, size_t train, size_t val);

/* stamps[train + val] from such a record. *same: it belongs to the same list; else stamps are untouched. ERR_DATA when
 * it is no such record or is damaged; the text is the reason alone. */
MUST_CHECK enum status photo_stamps_read(struct photo_stamp *stamps, bool *same, const uint8_t *bytes, size_t size,
                                         const char list[33], size_t train, size_t val, struct error *err);

/* The stamps of train alone from such a record, for a caller that no longer has the lists: *out[*train], owned by the
 * caller (memory_free). *same as above; when it is false nothing else is set. Errors as above; ERR_SYSTEM without
 * memory. */
MUST_CHECK enum status photo_stamps_read_train(struct photo_stamp **out, size_t *train, bool *same,
                                               const uint8_t *bytes, size_t size, const char list[33],
                                               struct error *err);

#endif
