#define _GNU_SOURCE
#include "core/data/photo_stamp.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/data/content_hash.h"

struct comparison {
    bool *changed;
    const struct photo_list *list;
    const struct photo_stamp *before;
    struct photo_stamp *now;
};

/* 0 when it cannot be read. */
static uint64_t hash_of(const struct photo_list *list, size_t photo)
{
    char path[PATH_MAX];
    struct hash128 hash;
    return photo_path(path, sizeof path, list, photo) && content_hash(&hash, NULL, path) ? hash.low : 0;
}

static bool was_seen(const struct photo_stamp *stamp)
{
    return stamp->size != 0 || stamp->changed != 0 || stamp->ends != 0;
}

static void compare_one(void *context, size_t i, size_t thread)
{
    (void)thread;
    const struct comparison *c = context;
    const struct photo_stamp *before = &c->before[i];
    struct photo_stamp *now = &c->now[i];
    bool changed = false;
    if (!was_seen(now)) {
        *now = *before;
    } else if (before->size == now->size && before->changed == now->changed) {
        now->hash = before->hash;
    } else if (before->hash != 0) {
        now->hash = hash_of(c->list, i);
        changed = now->hash != 0 && now->hash != before->hash;
    } else if (was_seen(before)) {
        changed = before->size != now->size || before->ends != now->ends;
    }
    c->changed[i] = changed;
}

size_t photo_stamps_compare(bool *changed, const struct photo_list *list, const struct photo_stamp *before,
                            struct photo_stamp *now, struct pool *pool)
{
    struct comparison comparison = {changed, list, before, now};
    size_t count = 0;
    pool_for(pool, list->count, compare_one, &comparison);
    for (size_t i = 0; i < list->count; i++)
        count += changed[i];
    return count;
}

enum { HEAD = 128, FIELDS = 4, ROW = FIELDS * 8 };

static size_t put_head(char head[HEAD], const char list[33], size_t train, size_t val)
{
    return (size_t)snprintf(head, HEAD, "freezetune photos 1 %s %zu %zu\n", list, train, val);
}

size_t photo_stamps_size(size_t train, size_t val)
{
    static const char zeros[33] = "00000000000000000000000000000000";
    char head[HEAD];
    return put_head(head, zeros, train, val) + (train + val) * ROW + 8;
}

void photo_stamps_write(uint8_t *out, const char list[33], const struct photo_stamp *stamps, size_t train, size_t val)
{
    char head[HEAD];
    size_t at = put_head(head, list, train, val);
    memcpy(out, head, at);
    for (size_t i = 0; i < train + val; i++) {
        const uint64_t fields[FIELDS] = {stamps[i].size, (uint64_t)stamps[i].changed, stamps[i].ends, stamps[i].hash};
        for (size_t f = 0; f < FIELDS; f++, at += 8)
            put_little(out + at, fields[f], 8);
    }
    put_little(out + at, hash_bytes(out, at, 0).low, 8);
}

static enum status check_record(const uint8_t *bytes, size_t size, struct error *err)
{
    static const char magic[] = "freezetune photos 1 ";
    if (size < sizeof magic + 8 || memcmp(bytes, magic, sizeof magic - 1) != 0)
        return error_set(err, ERR_DATA, "is not a record of photos");
    if (get_little64(bytes + size - 8) != hash_bytes(bytes, size - 8, 0).low)
        return error_set(err, ERR_DATA, "is truncated or damaged");
    return OK;
}

static void take_rows(struct photo_stamp *stamps, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t fields[FIELDS];
        for (size_t f = 0; f < FIELDS; f++, bytes += 8)
            fields[f] = get_little64(bytes);
        stamps[i] = (struct photo_stamp){fields[0], (int64_t)fields[1], fields[2], fields[3]};
    }
}

/* Is it a record of so many photos of this list? *at is where its rows begin. */
static bool is_record_of(size_t *at, const uint8_t *bytes, size_t size, const char list[33], size_t train, size_t val)
{
    char head[HEAD];
    *at = put_head(head, list, train, val);
    return size == photo_stamps_size(train, val) && memcmp(bytes, head, *at) == 0;
}

enum status photo_stamps_read(struct photo_stamp *stamps, bool *same, const uint8_t *bytes, size_t size,
                              const char list[33], size_t train, size_t val, struct error *err)
{
    size_t at;
    enum status status = check_record(bytes, size, err);
    if (status != OK)
        return status;
    *same = is_record_of(&at, bytes, size, list, train, val);
    if (*same)
        take_rows(stamps, bytes + at, train + val);
    return OK;
}

/* The two numbers at the end of the first line; false when there are none that the size allows. */
static bool read_counts(size_t *train, size_t *val, const uint8_t *bytes, size_t size)
{
    char head[HEAD] = "", list[33];
    memcpy(head, bytes, size < HEAD - 1 ? size : HEAD - 1);
    return sscanf(head, "freezetune photos 1 %32s %zu %zu", list, train, val) == 3 && *train <= size / ROW &&
           *val <= size / ROW;
}

enum status photo_stamps_read_train(struct photo_stamp **out, size_t *train, bool *same, const uint8_t *bytes,
                                    size_t size, const char list[33], struct error *err)
{
    size_t at, count, val;
    void *stamps;
    enum status status = check_record(bytes, size, err);
    if (status != OK)
        return status;
    *same = read_counts(&count, &val, bytes, size) && is_record_of(&at, bytes, size, list, count, val);
    if (!*same)
        return OK;
    status = memory_alloc(&stamps, count, sizeof **out, "the record of the photos", err);
    if (status != OK)
        return status;
    take_rows(stamps, bytes + at, count);
    *out = stamps;
    *train = count;
    return OK;
}
