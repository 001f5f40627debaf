/* Stored features: the output of the frozen prefix of a network for a view of a photo, so that it is computed
 * once. What they are and how they are made is the caller's; here they are `values` numbers under an id.
 *
 * One interface, two places: RAM, or a file that later runs find again, DIR/<key>.features, the key in 32 hexadecimal
 * digits. Runs may share a file while they write it: entries are appended under a lock. An entry is either as it was
 * appended or not there: each has a checksum, so that a torn write (kill -9, a full disk, loss of power), a flipped bit
 * or a file cut short is never taken for a feature. core/features/feature_header.h draws the file.
 *
 * Calls on one store come from one thread at a time. A store of several processes or several stores on one file in one
 * process are fine.
 */
#ifndef FREEZETUNE_FEATURE_STORE_H
#define FREEZETUNE_FEATURE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/ops/precision.h"

/* How the numbers are kept. F16: floats, rounded to IEEE 754 half precision, to nearest, ties to even. F32, BF16: the
 * bytes of a map of that precision, as they are. */
enum feature_dtype { FEATURE_F16, FEATURE_F32, FEATURE_BF16, FEATURE_DTYPES };
extern const char *const feature_dtype_names[]; /* "f16", "f32", "bf16", NULL at the end */

struct feature_id {
    uint64_t photo[2]; /* content hash of the photo's file */
    uint32_t view;     /* which random view, and the seed that it came from; 0, 0 for the plain one */
    uint32_t view_seed;
};

/* What a store holds. Two stores whose features or whose dtype may differ must have different keys. The texts end in a
 * NUL within their arrays. */
struct feature_store_about {
    uint8_t key[16]; /* XXH3-128 of all that the features depend on, made by the caller */
    size_t values;   /* of an entry, 1..FEATURE_VALUES_MOST */
    enum feature_dtype dtype;
    char arch[32]; /* the rest is for people: `freezetune cache list` shows it */
    char cut[64];
    int image_size;
};

#define FEATURE_VALUES_MOST ((size_t)1 << 26)

/* How the numbers of an entry are given and taken, and the bytes of an entry then. */
enum precision feature_precision(const struct feature_store_about *about);
size_t feature_entry_bytes(const struct feature_store_about *about);

struct feature_store;

/* An empty store in memory. Owned by the caller (feature_store_close). ERR_SYSTEM without memory. */
MUST_CHECK enum status feature_store_open_ram(struct feature_store **out, const struct feature_store_about *about,
                                              struct error *err);

/* The store of about->key in the folder, which is made when missing (as is the file), with all that earlier runs left
 * there. Marks the file as used now (its time of change). Where the file may be read but not written, the store only
 * reads. ERR_CANTCREATE when folder or file cannot be made, ERR_IO when reading or writing it fails, ERR_DATA when the
 * file is another thing than its name says (no feature file, another version, other features) or another user could
 * have written it, ERR_SYSTEM without memory. Nothing is deleted or overwritten then; the text says what to do. */
MUST_CHECK enum status feature_store_open_disk(struct feature_store **out, const char *dir,
                                               const struct feature_store_about *about, struct error *err);

/* Frees the memory; what is on disk stays. NULL is fine. */
void feature_store_close(struct feature_store *store);

/* Is there an entry, as far as is known without reading it? What another process appended is known from this store's
 * next append or refresh on. */
bool feature_store_has(const struct feature_store *store, const struct feature_id *id);

/* Looks for entries that other processes have appended since: as quick as there are few.
 * ERR_IO, ERR_SYSTEM, ERR_DATA. */
MUST_CHECK enum status feature_store_refresh(struct feature_store *store, struct error *err);

/* out[values] = the entry's features in the store's feature_precision, *found = true; or *found = false and out
 * unspecified. An entry whose checksum is wrong or that the disk does not return is forgotten, counts as damaged and is
 * not found: the caller appends it again. So neither kind of store returns an error now. */
MUST_CHECK enum status feature_store_read(void *out, bool *found, struct feature_store *store,
                                          const struct feature_id *id, struct error *err);

/* Appends features[count,values], of that precision too, under their ids. An id that is there already (another process
 * may have been faster) is skipped. ERR_CANTCREATE (the store only reads), ERR_IO (disk full) and ERR_SYSTEM (memory):
 * some first entries may have been appended, the store then only reads, and each later call returns the same error at
 * once. ERR_DATA: a finite number is too large for F16; nothing was appended, the store stays as it was. */
MUST_CHECK enum status feature_store_append(struct feature_store *store, const struct feature_id *ids,
                                            const void *features, size_t count, struct error *err);

/* values[count] become what a store of F16 gives back of them. ERR_DATA: a finite one is too large for F16. */
MUST_CHECK enum status feature_round_half(float *values, size_t count, struct error *err);

/* Entries that feature_store_has would find, and how many reads met a damaged one since opening. */
size_t feature_store_count(const struct feature_store *store);
size_t feature_store_damaged(const struct feature_store *store);

/* Will feature_store_append try? False after it failed, and for a file that may only be read. */
bool feature_store_writable(const struct feature_store *store);

/* The size of a store with so many entries: of its file; of its memory, but for up to a megabyte and the list of
 * entries. That list, in both kinds, takes up to 100 bytes an entry; a store on disk has room for one entry, or for as
 * many as fit into a megabyte, beside it. */
uint64_t feature_store_bytes(const struct feature_store_about *about, size_t entries);

#endif
