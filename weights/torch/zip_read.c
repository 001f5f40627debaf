/* The end records and the central directory. Places and sizes are compared with what remains before they are used. */
#include "weights/torch/zip_read.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/torch/zip_fields.h"
#include "weights/weight_file_private.h"

enum status zip_fail(const struct zip *zip, size_t at, const struct zip_entry *entry, const char *format, ...)
{
    char what[300], name[200] = "", shown[160], copy[ZIP_MAX_NAME + 1] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (entry) {
        memcpy(copy, entry->name, entry->name_length);
        snprintf(name, sizeof name, "entry '%s': ", text_escape(shown, sizeof shown, copy));
    }
    return error_set(zip->err, ERR_DATA, "%.400s: byte %zu: %s%s", zip->path, at, name, what);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* What the end records say. */
struct ending {
    uint64_t disk, directory_disk, disk_entries, entries, directory_size, directory;
    size_t at; /* where the first of them begins */
};

/* The zip64 end record and its locator, in front of the end record at `end`. */
static enum status read_ending64(struct ending *ending, const struct zip *zip, size_t end)
{
    const uint8_t *bytes = zip->map->bytes;
    size_t locator = end - ZIP_LOCATOR_SIZE;
    uint64_t at = get_little64(bytes + locator + 8);
    if (get_little32(bytes + locator + 4) != 0 || get_little32(bytes + locator + 16) != 1)
        return zip_fail(zip, locator + 4, NULL, "a zip file in several parts, which is not read");
    if (locator < ZIP_ENDING64_SIZE || at != locator - ZIP_ENDING64_SIZE)
        return zip_fail(zip, locator + 8, NULL, "the zip64 end record is said to begin at byte %llu, expected %zu",
                        (unsigned long long)at, locator - ZIP_ENDING64_SIZE);
    const uint8_t *record = bytes + at;
    if (get_little32(record) != ZIP_ENDING64 || get_little64(record + 4) != ZIP_ENDING64_SIZE - 12)
        return zip_fail(zip, (size_t)at, NULL, "no zip64 end record, or one of another size than %zu",
                        ZIP_ENDING64_SIZE);
    const struct ending wide = {.disk = get_little32(record + 16),
                                .directory_disk = get_little32(record + 20),
                                .disk_entries = get_little64(record + 24),
                                .entries = get_little64(record + 32),
                                .directory_size = get_little64(record + 40),
                                .directory = get_little64(record + 48),
                                .at = (size_t)at};
    bool same = (ending->disk == wide.disk || ending->disk == UINT16_MAX) &&
                (ending->directory_disk == wide.directory_disk || ending->directory_disk == UINT16_MAX) &&
                (ending->disk_entries == wide.disk_entries || ending->disk_entries == UINT16_MAX) &&
                (ending->entries == wide.entries || ending->entries == UINT16_MAX) &&
                (ending->directory_size == wide.directory_size || ending->directory_size == UINT32_MAX) &&
                (ending->directory == wide.directory || ending->directory == UINT32_MAX);
    if (!same)
        return zip_fail(zip, (size_t)at, NULL, "the two end records of the zip file contradict each other");
    *ending = wide;
    return OK;
}

/* All that may belong to the end records, a comment included. */
#define ENDINGS_MOST (ZIP_ENDING_SIZE + UINT16_MAX + ZIP_LOCATOR_SIZE + ZIP_ENDING64_SIZE)

/* Is there a whole end record in the part of the file where one may be? */
static bool has_ending(const struct zip *zip)
{
    const uint8_t *bytes = zip->map->bytes;
    size_t size = zip->map->size;
    for (size_t back = ZIP_ENDING_SIZE; back <= size && back <= ZIP_ENDING_SIZE + UINT16_MAX; back++)
        if (get_little32(bytes + size - back) == ZIP_ENDING)
            return true;
    return false;
}

static enum status read_ending(struct ending *out, const struct zip *zip)
{
    const uint8_t *bytes = zip->map->bytes;
    size_t size = zip->map->size;
    if (size < ZIP_ENDING_SIZE || get_little32(bytes + size - ZIP_ENDING_SIZE) != ZIP_ENDING ||
        get_little16(bytes + size - 2) != 0)
        return has_ending(zip)
                   ? zip_fail(zip, size, NULL,
                              "the file does not end with the end record of a zip file, which lies before: "
                              "it has a comment, or something was added")
                   : weight_file_truncated(zip->path, size, 0, false, "the directory of the zip file", zip->err);
    size_t at = size - ZIP_ENDING_SIZE;
    const uint8_t *record = bytes + at;
    *out = (struct ending){.disk = get_little16(record + 4),
                           .directory_disk = get_little16(record + 6),
                           .disk_entries = get_little16(record + 8),
                           .entries = get_little16(record + 10),
                           .directory_size = get_little32(record + 12),
                           .directory = get_little32(record + 16),
                           .at = at};
    enum status status = OK;
    if (at >= ZIP_LOCATOR_SIZE && get_little32(bytes + at - ZIP_LOCATOR_SIZE) == ZIP_LOCATOR)
        status = read_ending64(out, zip, at);
    if (status == OK && (out->disk != 0 || out->directory_disk != 0 || out->disk_entries != out->entries))
        status = zip_fail(zip, out->at, NULL, "a zip file in several parts, which is not read");
    if (status == OK && (out->directory > out->at || out->directory_size != out->at - out->directory))
        status = zip_fail(zip, out->at, NULL,
                          "the directory is said to take %llu bytes from byte %llu, but must end at byte %zu",
                          (unsigned long long)out->directory_size, (unsigned long long)out->directory, out->at);
    if (status == OK && (out->entries > ZIP_MAX_ENTRIES || out->entries > out->directory_size / ZIP_CENTRAL_SIZE))
        status = zip_fail(zip, out->at, NULL, "%llu entries in a directory of %llu bytes",
                          (unsigned long long)out->entries, (unsigned long long)out->directory_size);
    return status;
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

/* The extra field of a central header may hold the wide forms of sizes and place, in this order, each only where the
 * short form is saturated; and nothing else. */
static enum status read_wide(uint64_t *sizes[3], const struct zip *zip, const struct zip_entry *entry,
                             const uint8_t *extra, size_t length)
{
    size_t at = (size_t)(extra - zip->map->bytes), wanted = 0;
    for (int i = 0; i < 3; i++)
        wanted += *sizes[i] == UINT32_MAX ? 8 : 0;
    if (length == 0 && wanted == 0)
        return OK;
    if (length != wanted + 4 || get_little16(extra) != ZIP_EXTRA_WIDE || get_little16(extra + 2) != wanted)
        return zip_fail(zip, at, entry, "%zu bytes of extra field, which torch.save does not write" ZIP_PACKED_AGAIN,
                        length);
    extra += 4;
    for (int i = 0; i < 3; i++)
        if (*sizes[i] == UINT32_MAX) {
            *sizes[i] = get_little64(extra);
            extra += 8;
        }
    return OK;
}

static enum status read_entry(struct zip_entry *out, const struct zip *zip, size_t *at)
{
    const uint8_t *record = zip->map->bytes + *at;
    size_t rest = zip->directory_end - *at;
    if (rest < ZIP_CENTRAL_SIZE || get_little32(record) != ZIP_CENTRAL)
        return zip_fail(zip, *at, NULL, "expected an entry of the directory");
    size_t name_length = get_little16(record + 28), extra = get_little16(record + 30),
           comment = get_little16(record + 32);
    uint64_t packed = get_little32(record + 20), size = get_little32(record + 24), header = get_little32(record + 42);
    if (name_length + extra + comment > rest - ZIP_CENTRAL_SIZE)
        return zip_fail(zip, *at, NULL, "an entry of the directory that is longer than the directory");
    *out = (struct zip_entry){.name = (const char *)record + ZIP_CENTRAL_SIZE,
                              .directory_at = *at,
                              .crc = get_little32(record + 16),
                              .flags = get_little16(record + 8),
                              .method = get_little16(record + 10)};
    if (name_length == 0 || name_length > ZIP_MAX_NAME || !text_is_utf8(out->name, name_length))
        return zip_fail(zip, *at, NULL, "a name of %zu bytes that is empty, too long or not UTF-8", name_length);
    out->name_length = name_length;
    if (comment != 0 || get_little16(record + 34) != 0)
        return zip_fail(zip, *at, out,
                        "a comment, or on another disk, which torch.save does not write" ZIP_PACKED_AGAIN);
    enum status status =
        read_wide((uint64_t *[3]){&size, &packed, &header}, zip, out, record + ZIP_CENTRAL_SIZE + name_length, extra);
    uint64_t taken = out->method == 0 ? size : packed; /* what is compressed is refused by zip_check, by its name */
    if (status == OK && (header > zip->directory || taken > zip->directory - header))
        status = zip_fail(zip, *at, out, "%llu bytes from byte %llu, but the entries end at byte %zu",
                          (unsigned long long)taken, (unsigned long long)header, zip->directory);
    if (status == OK && out->method == 0 && packed != size)
        status = zip_fail(zip, *at, out, "stored in %llu bytes, but %llu bytes long", (unsigned long long)packed,
                          (unsigned long long)size);
    out->size = (size_t)size;
    out->header = (size_t)header;
    *at += ZIP_CENTRAL_SIZE + name_length + extra;
    return status;
}

static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_entries(const void *a, const void *b)
{
    const struct zip_entry *x = *(const struct zip_entry *const *)a, *y = *(const struct zip_entry *const *)b;
    return compare_names(x->name, x->name_length, y->name, y->name_length);
}

static enum status sort_names(struct zip *zip)
{
    void *list;
    enum status status = memory_alloc(&list, zip->count, sizeof *zip->by_name, "a list of zip entries", zip->err);
    if (status != OK)
        return status;
    zip->by_name = list;
    for (size_t i = 0; i < zip->count; i++)
        zip->by_name[i] = &zip->entries[i];
    qsort(zip->by_name, zip->count, sizeof *zip->by_name, compare_entries);
    for (size_t i = 1; i < zip->count; i++)
        if (compare_entries(&zip->by_name[i - 1], &zip->by_name[i]) == 0) {
            const struct zip_entry *a = zip->by_name[i - 1], *b = zip->by_name[i];
            return zip_fail(zip, a > b ? a->directory_at : b->directory_at, a, "the name occurs twice");
        }
    return OK;
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name, size_t length)
{
    size_t low = 0, high = zip->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct zip_entry *entry = zip->by_name[middle];
        int order = compare_names(name, length, entry->name, entry->name_length);
        if (order == 0)
            return entry;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

enum status zip_read(const struct zip *zip, size_t at, size_t size)
{
    return file_map_read(zip->map, at, size, zip->err);
}

enum status zip_open(struct zip *out, const struct file_map *map, const char *path, struct error *err)
{
    struct ending ending = {0};
    *out = (struct zip){.map = map, .path = path, .err = err};
    size_t end = map->size < ENDINGS_MOST ? map->size : ENDINGS_MOST;
    enum status status = zip_read(out, map->size - end, end);
    if (status == OK)
        status = read_ending(&ending, out);
    if (status != OK)
        return status;
    out->directory = (size_t)ending.directory;
    out->directory_end = ending.at;
    status = zip_read(out, out->directory, out->directory_end - out->directory);
    if (status != OK)
        return status;
    void *entries;
    status = memory_alloc(&entries, (size_t)ending.entries, sizeof *out->entries, "a list of zip entries", err);
    if (status != OK)
        return status;
    out->entries = entries;
    size_t at = out->directory;
    while (status == OK && out->count < ending.entries) {
        status = read_entry(&out->entries[out->count], out, &at);
        out->count += status == OK;
    }
    if (status == OK && at != out->directory_end)
        status = zip_fail(out, at, NULL, "the directory goes on for %zu bytes behind its %zu entries",
                          out->directory_end - at, out->count);
    return status == OK ? sort_names(out) : status;
}

void zip_close(struct zip *zip)
{
    memory_free(zip->by_name);
    memory_free(zip->entries);
    *zip = (struct zip){0};
}
