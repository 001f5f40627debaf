/* Threads that read, decode, crop and flip photos ahead of the network, and hand them over in batches.
 *
 * An epoch is a list of photo numbers, `order`. The rule of batches, which no number of threads and no timing can
 * change: go through the order; a photo that cannot be read or decoded is recorded and skipped; the others fill the
 * batches one after the other. So every batch but the last is full. Of those that are skipped there are two kinds:
 *
 *   bad    its content cannot be decoded: it is not tried again
 *   away   its file cannot be opened or read now (missing, a share that is gone, a disk error): it is skipped until
 *          loader_forget_away, which who goes through many epochs calls before each
 *
 * Where the system itself has run out (memory, descriptors), no photo is to blame: that is an error of loader_next.
 *
 * Going on in the middle of an epoch: photo_batch.position says how many entries of the order are used up with
 * this batch, bad ones included. loader_start with that position gives the next batch as it would have been. (The batch
 * number alone could not say where to go on without decoding what lay before.)
 *
 *   order    7 2 9 4 4' ...       workers take the next entry, decode into slot (entry mod slots), in any order of
 *   slots   [7][2][x][4]          time; loader_next walks the slots in order, skips the bad one (x), and copies
 *   batch   [7][2][4]             into the one batch buffer that the caller borrows
 */
#ifndef FREEZETUNE_LOADER_H
#define FREEZETUNE_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/augment.h"
#include "core/data/folder.h"
#include "core/data/image.h"
#include "core/data/photo_faults.h"
#include "core/data/preprocess.h"

struct loader_options {
    size_t threads; /* at least 1, besides the caller's own */
    size_t batch;   /* photos in a batch, at least 1 */
    size_t ahead;   /* photos decoded ahead of the caller; raised to threads */
    struct preprocess preprocess;
    struct image_options image;
    struct augment_extras extras;
    bool fast;     /* photos may be decoded smaller than they are, see reduce.h */
    uint64_t seed; /* of the augmentation */
    bool strict;   /* the first photo that is skipped is an error of loader_next, unless it was marked bad */
};

struct photo_batch {
    size_t count;            /* N: options.batch, fewer in the last batch of an epoch, never 0 */
    const uint8_t *pixels;   /* [N,crop,crop,3] */
    const int32_t *labels;   /* [N] class numbers, -1 for PHOTO_NO_CLASS */
    const uint32_t *photos;  /* [N] numbers in the photo list */
    const struct box *holes; /* [N] of each square: where it is 0 once it is normalised; height 0: nowhere */
    size_t position;         /* entries of the order used up so far, to go on from here */
};

struct loader;

/* Bytes that loader_create takes. What a photo needs while it is decoded comes on top: per thread, the file, its pixels
 * (3 bytes each, with EXIF rotation 6) and the decoder's own. */
size_t loader_memory(const struct loader_options *options, size_t photos);

/* Starts the threads. The list is borrowed and must outlive the loader. ERR_SYSTEM without memory or threads. */
MUST_CHECK enum status loader_create(struct loader **out, const struct photo_list *photos,
                                     const struct loader_options *options, struct error *err);
/* Ends the threads (waits for the photos in their hands) and frees. NULL is fine; in the middle of an epoch too. */
void loader_destroy(struct loader *loader);

/* Begins an epoch: order[count] (copied; NULL means 0, 1, 2, ...; count <= photos in the list), from `position` on.
 * What is left of a former epoch is dropped. `epoch` only keys the augmentation (photo_view.h: the view's number). */
void loader_start(struct loader *loader, const uint32_t *order, size_t count, size_t position, uint32_t epoch,
                  enum augment augment);

/* The next batch, borrowed until the next loader_next, _start or _destroy; *out = NULL at the end of the epoch.
 * ERR_DATA, ERR_NOINPUT or ERR_IO for the first photo that is skipped ("path: reason") when strict; ERR_SYSTEM
 * without memory or descriptors. After an error the epoch is over. */
MUST_CHECK enum status loader_next(struct loader *loader, const struct photo_batch **out, struct error *err);

/* For a caller that composes batches itself and wants a part of each: takes the next `entries` entries of the order,
 * which has as many left. Entry i is put at places[i], below options.batch, of *pixels [batch,crop,crop,3] and *holes
 * [batch], where nothing else changes; places NULL: nowhere. One that is skipped is not put there: loader_is_bad tells
 * which. Borrowed as loader_next's are, and kept where the next call takes nothing. Errors of loader_next. */
MUST_CHECK enum status loader_take(const uint8_t **pixels, const struct box **holes, struct loader *loader,
                                   const uint32_t *places, size_t entries, struct error *err);

/* Seconds that loader_next and loader_take have waited for threads, since loader_create. */
double loader_waited(const struct loader *loader);

/* Photos that are skipped: the bad ones so far and those that are away, in the order of being met by loader_next or
 * marked. For the thread that calls loader_next. */
size_t loader_bad_count(const struct loader *loader);
struct photo_fault loader_bad_get(const struct loader *loader, size_t index);
bool loader_is_bad(const struct loader *loader, uint32_t photo); /* or away */

/* Between epochs: takes those that are away off the list, so that they are tried; the order of the others stays. */
void loader_forget_away(struct loader *loader);

/* Photos so far that are damaged and were handed over all the same (image.damaged), each counted once. For the thread
 * that calls loader_next. */
size_t loader_damaged_count(const struct loader *loader);
/* Counts a photo as damaged that was not decoded here, once. */
void loader_mark_damaged(struct loader *loader, uint32_t photo);
bool loader_is_damaged(const struct loader *loader, uint32_t photo);

/* Tells that a photo is bad (from the scan, or from a run that is resumed), before or between epochs: it is
 * never tried. Marking twice counts once. ERR_SYSTEM without memory. */
MUST_CHECK enum status loader_mark_bad(struct loader *loader, uint32_t photo, const char *reason, struct error *err);
/* Takes a photo off the list, so that it is tried: its file has another content now. */
void loader_forgive(struct loader *loader, uint32_t photo);

/* Between epochs: the photo's name in the list stands for another file from now on, of which nothing is known. */
void loader_renew(struct loader *loader, uint32_t photo);

/* The content hash (XXH3 128, low half) of a photo's file when it was last read and could be looked through; 0: not
 * yet. */
uint64_t loader_hash(const struct loader *loader, uint32_t photo);
/* Where another process has read it. */
void loader_set_hash(struct loader *loader, uint32_t photo, uint64_t hash);

#endif
