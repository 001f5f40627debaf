#include "tests/support/pth_sample.h"

#include <string.h>

#include "core/base/crc32.h"
#include "tests/support/test.h"

/* ---- pickles ----------------------------------------------------------------------------------------------------- */

void pickle_op(struct bytes *out, uint8_t opcode)
{
    bytes_put(out, &opcode, 1);
}

void pickle_text(struct bytes *out, const char *text)
{
    pickle_op(out, 'X');
    bytes_put_little(out, strlen(text), 4);
    bytes_put(out, text, strlen(text));
}

void pickle_int(struct bytes *out, int64_t value)
{
    pickle_op(out, 0x8a);
    pickle_op(out, 8);
    bytes_put_little(out, (uint64_t)value, 8);
}

void pickle_global(struct bytes *out, const char *module, const char *name)
{
    pickle_op(out, 'c');
    bytes_put(out, module, strlen(module));
    pickle_op(out, '\n');
    bytes_put(out, name, strlen(name));
    pickle_op(out, '\n');
}

void pickle_start(struct bytes *out)
{
    bytes_put(out, "\x80\2}(", 4);
}

void pickle_stop(struct bytes *out)
{
    bytes_put(out, "u.", 2);
}

static void pickle_numbers(struct bytes *out, const int64_t *numbers, size_t count)
{
    pickle_op(out, '(');
    for (size_t i = 0; i < count; i++)
        pickle_int(out, numbers[i]);
    pickle_op(out, 't');
}

void pickle_tensor(struct bytes *out, const struct tensor_sample *tensor, bool legacy)
{
    pickle_global(out, "torch._utils", "_rebuild_tensor_v2");
    bytes_put(out, "((", 2);
    pickle_text(out, "storage");
    pickle_global(out, "torch", tensor->storage_type);
    pickle_text(out, tensor->key);
    pickle_text(out, "cpu");
    pickle_int(out, tensor->storage_values);
    bytes_put(out, legacy ? "NtQ" : "tQ", legacy ? 3 : 2);
    pickle_int(out, tensor->offset);
    pickle_numbers(out, tensor->shape, tensor->rank);
    pickle_numbers(out, tensor->strides, tensor->rank);
    pickle_op(out, 0x89);
    pickle_global(out, "collections", "OrderedDict");
    bytes_put(out, ")RtR", 4);
}

/* ---- zip files --------------------------------------------------------------------------------------------------- */

static void zip_local(struct bytes *out, const struct zip_part *part, size_t at, uint32_t crc, int style)
{
    bool descriptor = style & ZIP_WITH_DESCRIPTORS, wide = style & ZIP_WITH_WIDE_ENTRIES;
    size_t name = strlen(part->name), padding = 64 - (at + 30 + name + (wide ? 20 : 0) + 4) % 64;
    bytes_put_little(out, 0x04034B50, 4);
    bytes_put_little(out, 0, 2);
    bytes_put_little(out, descriptor ? 0x0808 : 0x0800, 2);
    bytes_put_little(out, 0, 6); /* method, time, date */
    bytes_put_little(out, descriptor ? 0 : crc, 4);
    bytes_put_little(out, descriptor ? 0 : wide ? UINT32_MAX : part->size, 4);
    bytes_put_little(out, descriptor ? 0 : wide ? UINT32_MAX : part->size, 4);
    bytes_put_little(out, name, 2);
    bytes_put_little(out, padding + 4 + (wide ? 20 : 0), 2);
    bytes_put(out, part->name, name);
    if (wide) {
        bytes_put_little(out, 16 << 16 | 1, 4);
        bytes_put_little(out, part->size, 8);
        bytes_put_little(out, style & ZIP_WITH_UNPACKED_WIDE ? 0 : part->size, 8);
    }
    bytes_put_little(out, padding << 16 | 0x4246, 4);
    for (size_t i = 0; i < padding; i++)
        bytes_put(out, "Z", 1);
}

static void zip_entry(struct bytes *out, struct zip_places *places, const struct zip_part *part, int style)
{
    uint32_t crc = crc32_add(0, part->data, part->size);
    size_t i = places->count++;
    places->local[i] = out->length;
    zip_local(out, part, out->length, crc, style);
    places->data[i] = out->length;
    bytes_put(out, part->data, part->size);
    places->descriptor[i] = out->length;
    if (style & ZIP_WITH_DESCRIPTORS) {
        unsigned size = style & ZIP_WITH_WIDE_ENTRIES ? 8 : 4;
        bytes_put_little(out, 0x08074B50, 4);
        bytes_put_little(out, crc, 4);
        bytes_put_little(out, part->size, size);
        bytes_put_little(out, part->size, size);
    }
}

static void zip_central(struct bytes *out, struct zip_places *places, size_t i, const struct zip_part *part, int style)
{
    bool wide = style & ZIP_WITH_WIDE_ENTRIES;
    places->central[i] = out->length;
    bytes_put_little(out, 0x02014B50, 4);
    bytes_put_little(out, 0, 4);
    bytes_put_little(out, style & ZIP_WITH_DESCRIPTORS ? 0x0808 : 0x0800, 2);
    bytes_put_little(out, 0, 6);
    bytes_put_little(out, crc32_add(0, part->data, part->size), 4);
    bytes_put_little(out, wide ? UINT32_MAX : part->size, 4);
    bytes_put_little(out, wide ? UINT32_MAX : part->size, 4);
    bytes_put_little(out, strlen(part->name), 2);
    bytes_put_little(out, wide ? 28 : 0, 2);
    bytes_put_little(out, 0, 4); /* comment, disk */
    bytes_put_little(out, 0, 6); /* attributes */
    bytes_put_little(out, wide ? UINT32_MAX : places->local[i], 4);
    bytes_put(out, part->name, strlen(part->name));
    if (wide) {
        bytes_put_little(out, 24 << 16 | 1, 4);
        bytes_put_little(out, part->size, 8);
        bytes_put_little(out, part->size, 8);
        bytes_put_little(out, places->local[i], 8);
    }
}

void zip_sample(struct bytes *out, struct zip_places *places, const struct zip_part *parts, size_t count, int style)
{
    assert_true(count <= ZIP_SAMPLE_PARTS);
    *places = (struct zip_places){0};
    for (size_t i = 0; i < count; i++)
        zip_entry(out, places, &parts[i], style);
    size_t directory = out->length;
    for (size_t i = 0; i < count; i++)
        zip_central(out, places, i, &parts[i], style);
    size_t end = out->length;
    if (style & ZIP_WITH_ENDING64) {
        places->ending64 = out->length;
        bytes_put_little(out, 0x06064B50, 4);
        bytes_put_little(out, 44, 8);
        bytes_put_little(out, 0, 4);
        bytes_put_little(out, 0, 8);
        bytes_put_little(out, count, 8);
        bytes_put_little(out, count, 8);
        bytes_put_little(out, end - directory, 8);
        bytes_put_little(out, directory, 8);
        places->locator = out->length;
        bytes_put_little(out, 0x07064B50, 4);
        bytes_put_little(out, 0, 4);
        bytes_put_little(out, end, 8);
        bytes_put_little(out, 1, 4);
    }
    places->ending = out->length;
    bytes_put_little(out, 0x06054B50, 4);
    bytes_put_little(out, 0, 4);
    bytes_put_little(out, count, 2);
    bytes_put_little(out, count, 2);
    bytes_put_little(out, end - directory, 4);
    bytes_put_little(out, directory, 4);
    bytes_put_little(out, 0, 2);
}

/* ---- whole files ------------------------------------------------------------------------------------------------- */

static void add_floats(struct bytes *out, size_t values)
{
    for (size_t i = 0; i < values; i++)
        bytes_put(out, &(float){(float)i}, sizeof(float));
}

void pth_zip(struct bytes *out, struct zip_places *places, const struct bytes *pickle, size_t values, int style)
{
    struct bytes data = {0};
    add_floats(&data, values);
    const struct zip_part parts[] = {
        {"archive/data.pkl", pickle->data, pickle->length},
        {"archive/byteorder", "little", 6},
        {"archive/data/0", data.data, data.length},
        {"archive/version", "3\n", 2},
    };
    zip_sample(out, places, parts, 4, style);
    bytes_free(&data);
}

void pth_legacy(struct bytes *out, const struct bytes *pickle, size_t values)
{
    static const char head[] =
        "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}(X\x10\0\0\0protocol_version"
        "M\xe9\3X\r\0\0\0little_endian\x88u.";
    static const char keys[] = "\x80\2]X\1\0\0\0"
                               "0a.";
    bytes_put(out, head, sizeof head - 1);
    bytes_put(out, pickle->data, pickle->length);
    bytes_put(out, keys, sizeof keys - 1);
    bytes_put_little(out, values, 8);
    add_floats(out, values);
}

void pth_good_pickle(struct bytes *out)
{
    static const struct tensor_sample plain = {"FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}};
    pickle_start(out);
    pickle_text(out, "w");
    pickle_tensor(out, &plain, false);
    pickle_stop(out);
}

void pth_good_zip(struct bytes *out, struct zip_places *places, int style)
{
    struct bytes pickle = {0};
    pth_good_pickle(&pickle);
    pth_zip(out, places, &pickle, 6, style);
    bytes_free(&pickle);
}
