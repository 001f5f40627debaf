/* Local headers, data and data descriptors: they fill the file from its first byte to the directory. */
#include <string.h>
#include <stdbool.h>

#include "core/base/byte_order.h"
#include "core/base/crc32.h"
#include "weights/torch/zip_fields.h"
#include "weights/torch/zip_read.h"

static enum status check_flags(const struct zip *zip, const struct zip_entry *entry)
{
    if (entry->flags & ZIP_FLAG_ENCRYPTED)
        return zip_fail(zip, entry->directory_at + 8, entry, "it is encrypted, which is not read");
    if (entry->flags & ~(ZIP_FLAG_DESCRIPTOR | ZIP_FLAG_UTF8))
        return zip_fail(zip, entry->directory_at + 8, entry,
                        "flags 0x%04x, which torch.save does not write" ZIP_PACKED_AGAIN, entry->flags);
    if (entry->method != 0)
        return zip_fail(zip, entry->directory_at + 10, entry,
                        "it is compressed (method %u), which torch.save does not do" ZIP_PACKED_AGAIN, entry->method);
    return OK;
}

/* The values of a wide form: the sizes with or without the place, or the place alone. The library in torch.save writes
 * the header before it has packed the data: where a descriptor follows, the packed size may still be 0. */
static bool wide_agrees(const struct zip_entry *entry, const uint8_t *values, size_t size)
{
    const uint64_t wanted[] = {entry->size, entry->size, entry->header};
    size_t first = size == 8 ? 2 : 0;
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t value = get_little64(values + 8 * i);
        bool not_yet = i == 1 && value == 0 && (entry->flags & ZIP_FLAG_DESCRIPTOR);
        if (value != wanted[first + i] && !not_yet)
            return false;
    }
    return true;
}

/* The extra field of a local header: padding, and wide forms of the sizes or the place, in which nothing new may stand.
 * *wide = whether there are any, which makes the data descriptor wide as well. */
static enum status check_extra(const struct zip *zip, const struct zip_entry *entry, size_t at, size_t length,
                               size_t *wide)
{
    const uint8_t *extra = zip->map->bytes + at;
    *wide = 0;
    while (length > 0) {
        size_t size = length >= 4 ? get_little16(extra + 2) : SIZE_MAX;
        unsigned kind = length >= 4 ? get_little16(extra) : 0;
        if (length < 4 || size > length - 4 || (kind != ZIP_EXTRA_PADDING && (kind != ZIP_EXTRA_WIDE || *wide)))
            return zip_fail(zip, at, entry,
                            "an extra field in the local header that torch.save does not write" ZIP_PACKED_AGAIN);
        if (kind == ZIP_EXTRA_WIDE) {
            if (size != 8 && size != 16 && size != 24)
                return zip_fail(zip, at, entry, "a zip64 field of %zu bytes", size);
            if (!wide_agrees(entry, extra + 4, size))
                return zip_fail(zip, at, entry, "the local header contradicts the directory");
            *wide = size;
        }
        extra += size + 4;
        at += size + 4;
        length -= size + 4;
    }
    return OK;
}

/* Sum and sizes of the local header: those of the directory, or none when a descriptor follows. */
static enum status check_sizes(const struct zip *zip, const struct zip_entry *entry, size_t wide)
{
    const uint8_t *record = zip->map->bytes + entry->header;
    uint32_t crc = get_little32(record + 14), packed = get_little32(record + 18), size = get_little32(record + 22);
    uint64_t wanted = wide >= 16 ? UINT32_MAX : entry->size;
    bool none = (entry->flags & ZIP_FLAG_DESCRIPTOR) && crc == 0 && packed == 0 && size == 0;
    if (none || (crc == entry->crc && packed == wanted && size == wanted))
        return OK;
    return zip_fail(zip, entry->header + 14, entry, "the local header contradicts the directory: sum or sizes");
}

static enum status check_descriptor(const struct zip *zip, const struct zip_entry *entry, size_t at, bool wide,
                                    size_t *size)
{
    const uint8_t *record = zip->map->bytes + at;
    *size = wide ? 24 : 16;
    bool room = *size <= zip->directory - at;
    enum status status = room ? zip_read(zip, at, *size) : OK;
    if (status != OK)
        return status;
    if (!room || get_little32(record) != ZIP_DESCRIPTOR)
        return zip_fail(zip, at, entry, "expected a data descriptor behind the data");
    uint64_t packed = wide ? get_little64(record + 8) : get_little32(record + 8);
    uint64_t unpacked = wide ? get_little64(record + 16) : get_little32(record + 12);
    if (get_little32(record + 4) != entry->crc || packed != entry->size || unpacked != entry->size)
        return zip_fail(zip, at, entry, "the data descriptor contradicts the directory");
    return OK;
}

/* In pieces, so that the file is never whole in memory. */
static enum status check_sum(const struct zip *zip, const struct zip_entry *entry)
{
    enum { PIECE = 1 << 22 };
    uint32_t crc = 0;
    for (size_t done = 0; done < entry->size;) {
        size_t piece = entry->size - done < PIECE ? entry->size - done : PIECE;
        enum status status = zip_read(zip, entry->data + done, piece);
        if (status != OK)
            return status;
        crc = crc32_add(crc, zip->map->bytes + entry->data + done, piece);
        file_map_drop(zip->map, entry->data + done, piece);
        done += piece;
    }
    if (crc == entry->crc)
        return OK;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    return OK; /* chance finds no sums: a fuzzer would see nothing behind this */
#endif
    return zip_fail(zip, entry->data, entry, "its CRC-32 is %08x, expected %08x: the file is damaged", crc, entry->crc);
}

/* The entry that must begin at byte *at; *at moves behind it. */
static enum status check_entry(const struct zip *zip, struct zip_entry *entry, size_t *at)
{
    const uint8_t *record = zip->map->bytes + *at;
    size_t rest = zip->directory - *at;
    if (entry->header != *at)
        return zip_fail(zip, entry->directory_at + 42, entry, "it begins at byte %zu, expected %zu: %s", entry->header,
                        *at, entry->header < *at ? "entries overlap" : "there is a hole before it");
    enum status status = zip_read(zip, *at, rest < ZIP_LOCAL_SIZE ? 0 : ZIP_LOCAL_SIZE);
    if (status != OK)
        return status;
    if (rest < ZIP_LOCAL_SIZE || get_little32(record) != ZIP_LOCAL)
        return zip_fail(zip, *at, entry, "expected a local header");
    size_t name = get_little16(record + 26), extra = get_little16(record + 28), wide = 0, descriptor = 0;
    rest -= ZIP_LOCAL_SIZE;
    if (name > rest || extra > rest - name || entry->size > rest - name - extra)
        return zip_fail(zip, *at, entry, "it reaches into the directory");
    status = zip_read(zip, *at + ZIP_LOCAL_SIZE, name + extra);
    if (status != OK)
        return status;
    /* Version, flags, method, time and date; then the name. */
    if (memcmp(record + 4, zip->map->bytes + entry->directory_at + 6, 10) != 0 || name != entry->name_length ||
        memcmp(record + ZIP_LOCAL_SIZE, entry->name, name) != 0)
        return zip_fail(zip, *at, entry, "the local header contradicts the directory");
    status = check_extra(zip, entry, *at + ZIP_LOCAL_SIZE + name, extra, &wide);
    if (status == OK)
        status = check_sizes(zip, entry, wide);
    entry->data = *at + ZIP_LOCAL_SIZE + name + extra;
    *at = entry->data + entry->size;
    if (status == OK && (entry->flags & ZIP_FLAG_DESCRIPTOR))
        status = check_descriptor(zip, entry, *at, wide > 0, &descriptor);
    *at += descriptor;
    return status == OK ? check_sum(zip, entry) : status;
}

enum status zip_check(struct zip *zip)
{
    size_t at = 0;
    enum status status = OK;
    for (size_t i = 0; i < zip->count && status == OK; i++)
        status = check_flags(zip, &zip->entries[i]);
    for (size_t i = 0; i < zip->count && status == OK; i++)
        status = check_entry(zip, &zip->entries[i], &at);
    if (status == OK && at != zip->directory)
        status = zip_fail(zip, at, NULL, "%zu bytes between the last entry and the directory", zip->directory - at);
    return status;
}
