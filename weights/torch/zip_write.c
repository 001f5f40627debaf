#define _POSIX_C_SOURCE 200809L
#include "weights/torch/zip_write.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/crc32.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"

enum {
    NAME_MOST = 200,
    ENTRIES_MOST = 65534,
    ALIGN = 64,
    LOCAL_SIZE = 30,       /* of a local header without name and extra field */
    LOCAL_CRC = 14,        /* where its CRC-32 stands, the two sizes behind it */
    EXTRA_HEADER = 4,      /* id and size of an extra field */
    EXTRA_PADDING = 0x4246 /* "FB": PyTorch's own mark for padding */
};
#define SIZE_MOST ((uint64_t)UINT32_MAX)

struct zip_writer {
    struct outfile file;
    char *path;
    struct bytes directory; /* the central headers of the entries so far */
    uint64_t at;            /* bytes written */
    size_t entries;
    /* The entry that is being written. */
    char name[NAME_MOST];
    uint64_t local, data; /* where its local header and its data begin */
    uint32_t crc;
};

static enum status write_failed(const struct zip_writer *zip, struct error *err)
{
    return error_set(err, ERR_IO, "%.400s: writing failed near byte %llu: %s; nothing was changed", zip->path,
                     (unsigned long long)zip->at, strerror(errno));
}

static enum status write_bytes(struct zip_writer *zip, const void *data, size_t size, struct error *err)
{
    if (size > SIZE_MOST - zip->at)
        return error_set(err, ERR_DATA, "%.400s: cannot be written: larger than 4 GiB, which a zip file is not here",
                         zip->path);
    if (size > 0 && fwrite(data, 1, size, zip->file.stream) != size)
        return write_failed(zip, err);
    zip->at += size;
    return OK;
}

enum status zip_create(struct zip_writer **out, const char *path, struct error *err)
{
    void *fresh;
    enum status status = memory_alloc(&fresh, 1, sizeof(struct zip_writer), "a writer", err);
    if (status != OK)
        return status;
    struct zip_writer *zip = fresh;
    zip->directory = bytes_start("the directory of a zip file", err);
    status = memory_strdup(&zip->path, path, err);
    if (status == OK)
        status = outfile_open(&zip->file, path, err);
    if (status == OK)
        *out = zip;
    else
        zip_discard(zip);
    return status;
}

/* What local and central header share: version 2.0, no flags, stored, 1 January 1980 (the least date there is), CRC-32,
 * both sizes, the length of the name. */
static void put_common(struct bytes *out, uint32_t crc, uint64_t size, const char *name)
{
    bytes_put_little(out, 20, 2);
    bytes_put_little(out, 0, 2);
    bytes_put_little(out, 0, 2);
    bytes_put_little(out, 0, 2);
    bytes_put_little(out, 0x21, 2);
    bytes_put_little(out, crc, 4);
    bytes_put_little(out, size, 4);
    bytes_put_little(out, size, 4);
    bytes_put_little(out, strlen(name), 2);
}

enum status zip_begin(struct zip_writer *zip, const char *name, struct error *err)
{
    static const uint8_t zeros[ALIGN];
    size_t length = strlen(name), padding;
    assert(length > 0 && length < NAME_MOST);
    if (zip->entries == ENTRIES_MOST)
        return error_set(err, ERR_DATA, "%.400s: cannot be written: more than %d entries", zip->path, ENTRIES_MOST);
    struct bytes header = bytes_start("a header", err);
    memcpy(zip->name, name, length + 1);
    zip->local = zip->at;
    zip->crc = 0;
    padding = (ALIGN - (zip->at + LOCAL_SIZE + length + EXTRA_HEADER) % ALIGN) % ALIGN;
    bytes_put(&header, "PK\3\4", 4);
    put_common(&header, 0, 0, name);
    bytes_put_little(&header, EXTRA_HEADER + padding, 2);
    bytes_put(&header, name, length);
    bytes_put_little(&header, EXTRA_PADDING, 2);
    bytes_put_little(&header, padding, 2);
    bytes_put(&header, zeros, padding);
    enum status status = header.status;
    if (status == OK)
        status = write_bytes(zip, header.data, header.length, err);
    bytes_free(&header);
    zip->data = zip->at;
    return status;
}

enum status zip_put(struct zip_writer *zip, const void *data, size_t size, struct error *err)
{
    zip->crc = crc32_add(zip->crc, data, size);
    return write_bytes(zip, data, size, err);
}

/* The local header was written before its entry's size and sum were known. */
static enum status patch_local(struct zip_writer *zip, uint64_t size, struct error *err)
{
    uint8_t out[12];
    FILE *stream = zip->file.stream;
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(zip->crc >> (8 * i));
        out[4 + i] = out[8 + i] = (uint8_t)(size >> (8 * i));
    }
    if (fseeko(stream, (off_t)(zip->local + LOCAL_CRC), SEEK_SET) != 0 ||
        fwrite(out, 1, sizeof out, stream) != sizeof out || fseeko(stream, 0, SEEK_END) != 0)
        return write_failed(zip, err);
    return OK;
}

enum status zip_end(struct zip_writer *zip, struct error *err)
{
    uint64_t size = zip->at - zip->data;
    struct bytes *out = &zip->directory;
    out->err = err;
    bytes_put(out, "PK\1\2", 4);
    bytes_put_little(out, 20, 2); /* made by version 2.0 on MS-DOS: no attributes of Unix */
    put_common(out, zip->crc, size, zip->name);
    bytes_put_little(out, 0, 2); /* extra field */
    bytes_put_little(out, 0, 2); /* comment */
    bytes_put_little(out, 0, 2); /* disk */
    bytes_put_little(out, 0, 2); /* attributes */
    bytes_put_little(out, 0, 4);
    bytes_put_little(out, zip->local, 4);
    bytes_put_text(out, zip->name);
    zip->entries++;
    return out->status == OK ? patch_local(zip, size, err) : out->status;
}

static enum status write_directory(struct zip_writer *zip, struct error *err)
{
    uint64_t begin = zip->at, size = zip->directory.length;
    struct bytes end = bytes_start("the end of a zip file", err);
    enum status status = write_bytes(zip, zip->directory.data, zip->directory.length, err);
    bytes_put(&end, "PK\5\6", 4);
    bytes_put_little(&end, 0, 4); /* disks */
    bytes_put_little(&end, zip->entries, 2);
    bytes_put_little(&end, zip->entries, 2);
    bytes_put_little(&end, size, 4);
    bytes_put_little(&end, begin, 4);
    bytes_put_little(&end, 0, 2); /* comment */
    if (status == OK)
        status = end.status;
    if (status == OK)
        status = write_bytes(zip, end.data, end.length, err);
    bytes_free(&end);
    return status;
}

static void zip_destroy(struct zip_writer *zip)
{
    bytes_free(&zip->directory);
    memory_free(zip->path);
    memory_free(zip);
}

enum status zip_finish(struct zip_writer *zip, struct error *err)
{
    enum status status = write_directory(zip, err);
    if (status != OK) {
        zip_discard(zip);
        return status;
    }
    status = outfile_commit(&zip->file, err);
    zip_destroy(zip);
    return status;
}

void zip_discard(struct zip_writer *zip)
{
    if (!zip)
        return;
    outfile_discard(&zip->file);
    zip_destroy(zip);
}
