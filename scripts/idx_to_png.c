/* idx_to_png IMAGES LABELS FOLDER SKIP COUNT LABEL=NAME...
 *
 * Photos of an IDX data set (MNIST and its kin, unpacked) as PNG class folders, for the offline path of the demo. For
 * each LABEL, the SKIP first photos of that label are skipped and the COUNT next are written, as
 * FOLDER/NAME/NNNNN.png with the photo's number in the set. The format is big-endian: magic 0x803, count, height,
 * width, then the pixels; magic 0x801, count, then the labels. Exit codes as freezetune's.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

#define FILE_LIMIT ((size_t)1 << 30)
#define LABELS 256

struct idx {
    uint8_t *file;        /* owned */
    const uint8_t *bytes; /* behind the header */
    size_t count, height, width;
};

struct wish {
    const char *name; /* NULL: not wanted */
    long long seen;   /* photos of this label so far */
};

/* `dimensions` is 1 for labels and 3 for images. */
static enum status idx_read(struct idx *out, const char *path, size_t dimensions, struct error *err)
{
    size_t size, need, header = 4 + 4 * dimensions;
    enum status status = file_read(&out->file, &size, path, FILE_LIMIT, err);
    if (status != OK)
        return status;
    if (size < header || get_big32(out->file) != 0x800 + dimensions)
        return error_set(err, ERR_DATA, "%s: not an IDX file of bytes in %zu dimensions", path, dimensions);
    out->bytes = out->file + header;
    out->count = get_big32(out->file + 4);
    out->height = dimensions == 3 ? get_big32(out->file + 8) : 1;
    out->width = dimensions == 3 ? get_big32(out->file + 12) : 1;
    if (!size_mul(&need, out->height, out->width) || !size_mul(&need, need, out->count) || need != size - header)
        return error_set(err, ERR_DATA, "%s: the header promises %zu items of %zux%zu bytes, the file holds %zu bytes",
                         path, out->count, out->height, out->width, size - header);
    if (out->height > 4096 || out->width > 4096 || need == 0)
        return error_set(err, ERR_DATA, "%s: %zu items of %zux%zu pixels are no photos", path, out->count, out->height,
                         out->width);
    return OK;
}

static void write_bytes(void *stream, void *bytes, int size)
{
    fwrite(bytes, 1, (size_t)size, stream);
}

/* Written without a sync for each: thousands of photos that can be remade. The caller renames the whole folder. */
static enum status write_photo(const char *path, const uint8_t *pixels, const struct idx *images, struct error *err)
{
    FILE *stream = fopen(path, "wb");
    if (!stream)
        return error_set(err, ERR_CANTCREATE, "%s: cannot be created: %s", path, strerror(errno));
    int width = (int)images->width, height = (int)images->height;
    int done = stbi_write_png_to_func(write_bytes, stream, width, height, 1, pixels, width);
    int broken = ferror(stream);
    if (fclose(stream) != 0 || broken || !done)
        return error_set(err, ERR_IO, "%s: writing failed: %s", path, strerror(errno));
    return OK;
}

static enum status write_numbered(const char *root, const char *class, size_t number, const uint8_t *pixels,
                                  const struct idx *images, struct error *err)
{
    char name[32], *folder = NULL, *path = NULL;
    snprintf(name, sizeof name, "%05zu.png", number);
    enum status status = path_join(&folder, root, class, err);
    if (status == OK)
        status = folder_create(folder, err);
    if (status == OK)
        status = path_join(&path, folder, name, err);
    if (status == OK)
        status = write_photo(path, pixels, images, err);
    memory_free(folder);
    memory_free(path);
    return status;
}

static enum status write_all(const char *root, const struct idx *images, const struct idx *labels, long long skip,
                             long long count, struct wish wishes[LABELS], struct error *err)
{
    size_t pixels = images->height * images->width;
    for (size_t i = 0; i < images->count; i++) {
        struct wish *wish = &wishes[labels->bytes[i]];
        if (!wish->name || wish->seen++ < skip || wish->seen > skip + count)
            continue;
        enum status status = write_numbered(root, wish->name, i, images->bytes + i * pixels, images, err);
        if (status != OK)
            return status;
    }
    for (size_t i = 0; i < LABELS; i++)
        if (wishes[i].name && wishes[i].seen < skip + count)
            return error_set(err, ERR_DATA, "label %zu (%s) has %lld photos, %lld are wanted", i, wishes[i].name,
                             wishes[i].seen, skip + count);
    return OK;
}

static enum status parse_wishes(struct wish wishes[LABELS], char **arguments, struct error *err)
{
    for (; *arguments; arguments++) {
        char *equals = strchr(*arguments, '=');
        long long label;
        if (equals)
            *equals = '\0';
        if (!equals || !equals[1] || strchr(equals + 1, '/') || !text_to_long(&label, *arguments) || label < 0 ||
            label >= LABELS)
            return error_set(err, ERR_USAGE, "'%s' is not LABEL=NAME", *arguments);
        wishes[label].name = equals + 1;
    }
    return OK;
}

static enum status run(char **arguments, struct error *err)
{
    struct idx images = {0}, labels = {0};
    struct wish wishes[LABELS] = {{0}};
    long long skip, count;
    if (!text_to_long(&skip, arguments[3]) || !text_to_long(&count, arguments[4]) || skip < 0 || count < 1 ||
        skip > 1 << 30 || count > 1 << 30)
        return error_set(err, ERR_USAGE, "SKIP and COUNT are whole numbers, COUNT at least 1");
    enum status status = parse_wishes(wishes, arguments + 5, err);
    if (status == OK)
        status = idx_read(&images, arguments[0], 3, err);
    if (status == OK)
        status = idx_read(&labels, arguments[1], 1, err);
    if (status == OK && images.count != labels.count)
        status = error_set(err, ERR_DATA, "%s has %zu photos, %s %zu labels", arguments[0], images.count, arguments[1],
                           labels.count);
    if (status == OK)
        status = write_all(arguments[2], &images, &labels, skip, count, wishes, err);
    memory_free(images.file);
    memory_free(labels.file);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc < 7) {
        fprintf(stderr, "usage: idx_to_png IMAGES LABELS FOLDER SKIP COUNT LABEL=NAME...\n");
        return ERR_USAGE;
    }
    enum status status = run(argv + 1, &err);
    if (status != OK)
        fprintf(stderr, "idx_to_png: %s\n", err.text);
    return (int)status;
}
