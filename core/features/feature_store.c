#define _GNU_SOURCE
#include "core/features/feature_store.h"

#include <assert.h>
#include <string.h>

#include "core/base/half.h"
#include "core/base/memory.h"
#include "core/features/feature_file.h"

/* Entries are written to disk, and given memory, in pieces of about this size. */
enum { PIECE_BYTES = 1 << 20 };

struct feature_store {
    struct feature_store_about about;
    struct feature_index index;
    size_t entry_bytes, record_bytes, piece_records;
    size_t damaged;
    struct error refusal; /* status OK: it may be appended to */

    /* On disk. */
    struct feature_file file;
    uint8_t *piece; /* [piece_records][record_bytes], for writing; the first for reading */

    /* In memory: the same records, without their heads filled in. */
    bool ram;
    uint8_t **pieces; /* of piece_records each */
    size_t piece_count, piece_capacity;
    uint32_t records;
};

const char *const feature_dtype_names[] = {[FEATURE_F16] = "f16", [FEATURE_F32] = "f32", [FEATURE_BF16] = "bf16", NULL};

enum precision feature_precision(const struct feature_store_about *about)
{
    return about->dtype == FEATURE_BF16 ? PRECISION_BF16 : PRECISION_F32;
}

size_t feature_entry_bytes(const struct feature_store_about *about)
{
    return about->values * precision_size(feature_precision(about));
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum status store_create(struct feature_store **out, const struct feature_store_about *about, struct error *err)
{
    void *memory;
    assert(feature_about_valid(about));
    enum status status = memory_alloc(&memory, 1, sizeof **out, "the features", err);
    if (status != OK)
        return status;
    struct feature_store *store = memory;
    store->about = *about;
    store->entry_bytes = feature_entry_bytes(about);
    store->record_bytes = feature_record_bytes(about);
    store->piece_records = store->record_bytes < PIECE_BYTES ? PIECE_BYTES / store->record_bytes : 1;
    store->file.fd = -1;
    *out = store;
    return OK;
}

enum status feature_store_open_ram(struct feature_store **out, const struct feature_store_about *about,
                                   struct error *err)
{
    enum status status = store_create(out, about, err);
    if (status == OK)
        (*out)->ram = true;
    return status;
}

enum status feature_store_open_disk(struct feature_store **out, const char *dir,
                                    const struct feature_store_about *about, struct error *err)
{
    struct feature_store *store;
    void *piece = NULL;
    enum status status = store_create(&store, about, err);
    if (status != OK)
        return status;
    status = memory_alloc(&piece, store->piece_records, store->record_bytes, "the features", err);
    store->piece = piece;
    if (status == OK)
        status = feature_file_open(&store->file, dir, about, err);
    if (status == OK && store->file.read_only)
        error_set(&store->refusal, ERR_CANTCREATE, "%s: may be read but not written", store->file.path);
    if (status == OK)
        status = feature_store_refresh(store, err);
    if (status == OK)
        *out = store;
    else
        feature_store_close(store);
    return status;
}

void feature_store_close(struct feature_store *store)
{
    if (!store)
        return;
    feature_file_close(&store->file);
    feature_index_free(&store->index);
    for (size_t i = 0; i < store->piece_count; i++)
        memory_free(store->pieces[i]);
    memory_free(store->pieces);
    memory_free(store->piece);
    memory_free(store);
}

enum status feature_store_refresh(struct feature_store *store, struct error *err)
{
    if (store->ram)
        return OK;
    enum status status = feature_file_lock(&store->file, false, err);
    if (status == OK) {
        status = feature_file_list(&store->file, &store->index, err);
        feature_file_unlock(&store->file);
    }
    return status;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static void put_values(uint8_t *record, const struct feature_store *store, const void *features)
{
    void *place = record + FEATURE_RECORD_VALUES;
    memset(record + store->record_bytes - sizeof(uint64_t), 0, sizeof(uint64_t)); /* what is behind the last value */
    if (store->about.dtype == FEATURE_F16)
        half_from_floats(place, features, store->about.values);
    else
        memcpy(place, features, store->entry_bytes);
}

static void get_values(void *out, const struct feature_store *store, const uint8_t *record)
{
    const void *place = record + FEATURE_RECORD_VALUES;
    if (store->about.dtype == FEATURE_F16)
        half_to_floats(out, place, store->about.values);
    else
        memcpy(out, place, store->entry_bytes);
}

static const void *entry_at(const struct feature_store *store, const void *features, size_t at)
{
    return (const char *)features + at * store->entry_bytes;
}

static uint8_t *ram_record(const struct feature_store *store, uint32_t number)
{
    return store->pieces[number / store->piece_records] + number % store->piece_records * store->record_bytes;
}

bool feature_store_has(const struct feature_store *store, const struct feature_id *id)
{
    return feature_index_find(NULL, &store->index, id);
}

enum status feature_store_read(void *out, bool *found, struct feature_store *store, const struct feature_id *id,
                               struct error *err)
{
    uint32_t number;
    (void)err;
    *found = feature_index_find(&number, &store->index, id);
    if (*found && !store->ram && !feature_file_read(store->piece, &store->file, number, id)) {
        feature_index_remove(&store->index, id);
        store->damaged++;
        *found = false;
    }
    if (*found)
        get_values(out, store, store->ram ? ram_record(store, number) : store->piece);
    return OK;
}

/* ---- appending --------------------------------------------------------------------------------------------------- */

static enum status append_ram(struct feature_store *store, const struct feature_id *id, const void *features,
                              struct error *err)
{
    enum status status = OK;
    if (feature_index_find(NULL, &store->index, id))
        return OK;
    if (store->records == FEATURE_RECORDS_MOST)
        return error_set(err, ERR_CANTCREATE, "the cache holds as many entries as it may hold");
    if (store->records / store->piece_records == store->piece_count) {
        void *pieces = store->pieces, *piece = NULL;
        status = memory_grow(&pieces, &store->piece_capacity, store->piece_count + 1, sizeof *store->pieces,
                             "the features", err);
        store->pieces = pieces;
        if (status == OK)
            status = memory_alloc(&piece, store->piece_records, store->record_bytes, "the features", err);
        if (status != OK)
            return status;
        store->pieces[store->piece_count++] = piece;
    }
    status = feature_index_put(&store->index, id, store->records, err);
    if (status == OK)
        put_values(ram_record(store, store->records++), store, features);
    return status;
}

/* As many of the entries from *next on as make a piece, in one call of the system. */
static enum status append_piece(struct feature_store *store, size_t *next, const struct feature_id *ids,
                                const void *features, size_t count, struct error *err)
{
    size_t first = *next, filled = 0, at;
    enum status status = OK;
    for (at = first; at < count && filled < store->piece_records && status == OK; at++) {
        uint8_t *record = store->piece + filled * store->record_bytes;
        if (feature_index_find(NULL, &store->index, &ids[at]))
            continue;
        put_values(record, store, entry_at(store, features, at));
        feature_record_seal(record, &store->about, &ids[at]);
        status = feature_index_put(&store->index, &ids[at], store->file.records + (uint32_t)filled, err);
        filled += status == OK;
    }
    *next = at;
    enum status written = feature_file_append(&store->file, store->piece, filled, status == OK ? err : NULL);
    for (size_t i = first; i < at; i++) {
        uint32_t number;
        if (feature_index_find(&number, &store->index, &ids[i]) && number >= store->file.records)
            feature_index_remove(&store->index, &ids[i]);
    }
    return status == OK ? written : status;
}

static enum status append_disk(struct feature_store *store, const struct feature_id *ids, const void *features,
                               size_t count, struct error *err)
{
    enum status status = feature_file_lock(&store->file, true, err);
    if (status != OK)
        return status;
    status = feature_file_list(&store->file, &store->index, err);
    for (size_t next = 0; next < count && status == OK;)
        status = append_piece(store, &next, ids, features, count, err);
    feature_file_unlock(&store->file);
    return status;
}

static enum status check_half(const float *values, size_t count, struct error *err)
{
    if (half_holds(values, count))
        return OK;
    return error_set(err, ERR_DATA, "a feature is too large for a half (65504): use --cache-dtype f32");
}

enum status feature_round_half(float *values, size_t count, struct error *err)
{
    enum status status = check_half(values, count, err);
    for (size_t i = 0; status == OK && i < count; i++)
        values[i] = half_to_float(half_from_float(values[i]));
    return status;
}

enum status feature_store_append(struct feature_store *store, const struct feature_id *ids, const void *features,
                                 size_t count, struct error *err)
{
    enum status status = OK;
    if (store->refusal.status != OK)
        return error_set(err, store->refusal.status, "%s", store->refusal.text);
    if (store->about.dtype == FEATURE_F16)
        status = check_half(features, count * store->about.values, err);
    if (status != OK)
        return status;
    struct error reason = {.status = OK};
    if (store->ram)
        for (size_t i = 0; i < count && status == OK; i++)
            status = append_ram(store, &ids[i], entry_at(store, features, i), &reason);
    else
        status = append_disk(store, ids, features, count, &reason);
    if (status == OK)
        return OK;
    store->refusal = reason;
    return error_set(err, status, "%s", reason.text);
}

/* ---- what there is ----------------------------------------------------------------------------------------------- */

size_t feature_store_count(const struct feature_store *store)
{
    return store->index.count;
}

size_t feature_store_damaged(const struct feature_store *store)
{
    return store->damaged;
}

bool feature_store_writable(const struct feature_store *store)
{
    return store->refusal.status == OK;
}

uint64_t feature_store_bytes(const struct feature_store_about *about, size_t entries)
{
    uint64_t bytes;
    if (__builtin_mul_overflow((uint64_t)entries, (uint64_t)feature_record_bytes(about), &bytes) ||
        __builtin_add_overflow(bytes, (uint64_t)FEATURE_HEADER_BYTES, &bytes))
        return UINT64_MAX;
    return bytes;
}
