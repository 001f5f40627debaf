/* PNG through libpng, or through stb_image when the build found no libpng. Checksums have been looked at before
 * (image_png.c), so libpng skips them; chunks other than header, palette, transparency and pixels it does not read. */
#include "core/data/image_format.h"

#ifdef HAVE_LIBPNG

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "core/base/memory.h"

struct reader {
    png_structp png;
    png_infop info;
    jmp_buf back;
    enum status status;
    const uint8_t *bytes;
    size_t size, at;
    size_t cut;         /* where the chunk begins that goes beyond the end; 0: none does */
    size_t behind_rows; /* bytes that were read while the last row was */
    size_t row_most;    /* of a row, as libpng inflates it */
    bool last_row;      /* it is being read */
    bool all_rows;      /* it has been */
    bool damaged;
    bool no_memory;
    char text[100];
    int channels;
    uint8_t *stored; /* [W,channels], or [H,W,channels] if interlaced; NULL where the rows are RGB as they come */
};

static void stop(png_structp png, png_const_charp message)
{
    struct reader *reader = png_get_error_ptr(png);
    if (!reader->all_rows) {
        reader->status = reader->no_memory ? ERR_SYSTEM : ERR_DATA;
        if (reader->text[0] == '\0')
            strncat(reader->text, message, sizeof reader->text - 1);
    }
    reader->damaged = true;
    longjmp(reader->back, 1);
}

/* Nothing may be printed. While rows are read it is about them. */
static void note_warning(png_structp png, png_const_charp message)
{
    struct reader *reader = png_get_error_ptr(png);
    (void)message;
    reader->damaged = reader->damaged || reader->row_most > 0;
}

static void *allocate(png_structp png, size_t size)
{
    struct reader *reader = png_get_mem_ptr(png);
    void *block = malloc(size);
    reader->no_memory = reader->no_memory || !block;
    return block;
}

static void release(png_structp png, void *block)
{
    (void)png;
    free(block);
}

/* Behind the last row a file may hold data without end, which libpng would inflate to throw it away. */
static void give_bytes(png_structp png, png_bytep out, size_t count)
{
    enum { BEHIND_ROWS = 1 << 16 };
    struct reader *reader = png_get_io_ptr(png);
    if (count > reader->size - reader->at) {
        strcpy(reader->text, "truncated");
        png_error(png, reader->text);
    }
    if (reader->last_row && (reader->behind_rows += count) > 2 * reader->row_most + BEHIND_ROWS) {
        strcpy(reader->text, "it holds far more data than its size needs");
        reader->all_rows = false;
        png_error(png, reader->text);
    }
    memcpy(out, reader->bytes + reader->at, count);
    if (reader->cut > 0 && reader->at == reader->cut && count == 8) /* its length: what there is, not a byte more */
        png_save_uint_32(out, (png_uint_32)(reader->size - reader->at - count));
    reader->at += count;
}

/* Called when a row is complete, before libpng looks for the end of the data. */
static void note_row(png_structp png, png_row_infop row, png_bytep data)
{
    struct reader *reader = png_get_user_transform_ptr(png);
    (void)row, (void)data;
    reader->all_rows = reader->all_rows || reader->last_row;
}

static void read_header(struct reader *reader, const struct image_info *info)
{
    png_structp png = reader->png;
    png_set_read_fn(png, reader, give_bytes);
    png_set_user_limits(png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_benign_errors(png, 1);
    png_read_info(png, reader->info);
    if ((int)png_get_image_width(png, reader->info) != info->width ||
        (int)png_get_image_height(png, reader->info) != info->height)
        png_error(png, "its size changes"); /* image_examine read another one; the pixels would not fit */
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_interlace_handling(png);
    png_set_read_user_transform_fn(png, note_row);
    png_set_user_transform_info(png, reader, 0, 0);
    png_read_update_info(png, reader->info);
}

/* Where the last pixels of an interlaced picture lie: the last pass that is not empty, and its last row. */
static void find_last(int *pass, int *row, int height, int width)
{
    for (*pass = PNG_INTERLACE_ADAM7_PASSES - 1; *pass > 0; --*pass)
        if (PNG_PASS_ROWS(height, *pass) > 0 && PNG_PASS_COLS(width, *pass) > 0)
            break;
    *row = PNG_ROW_FROM_PASS_ROW(PNG_PASS_ROWS(height, *pass) - 1, *pass);
}

static void read_rows(struct reader *reader, const struct image *out)
{
    size_t width = (size_t)out->width;
    for (int y = 0; y < out->height; y++) {
        uint8_t *to = out->pixels + (size_t)y * width * 3;
        reader->last_row = y == out->height - 1;
        png_read_row(reader->png, reader->stored ? reader->stored : to, NULL);
        if (reader->stored)
            image_to_rgb(to, reader->stored, width, reader->channels);
    }
}

static void read_passes(struct reader *reader, const struct image *out)
{
    size_t stride = (size_t)out->width * (size_t)reader->channels;
    uint8_t *to = reader->stored ? reader->stored : out->pixels;
    int last_pass, last_row;
    find_last(&last_pass, &last_row, out->height, out->width);
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
        for (int y = 0; y < out->height; y++) {
            reader->last_row = pass == last_pass && y == last_row;
            png_read_row(reader->png, to + (size_t)y * stride, NULL);
        }
}

/* The setjmp stands here, where no local changes afterwards. out->pixels has room for out->height x out->width. */
static void read_pixels(struct reader *reader, const struct image *out, const struct image_info *info)
{
    if (setjmp(reader->back) != 0)
        return;
    read_header(reader, info);
    reader->channels = png_get_channels(reader->png, reader->info);
    reader->row_most = png_get_rowbytes(reader->png, reader->info) * 2; /* 16 bits a sample */
    if (reader->channels != 3) {
        size_t rows = info->progressive ? (size_t)out->height : 1;
        reader->stored = png_malloc(reader->png, rows * (size_t)out->width * (size_t)reader->channels);
    }
    if (info->progressive)
        read_passes(reader, out);
    else
        read_rows(reader, out);
}

/* What read_pixels has not come to: an interlaced picture, or the last row of another whose data has no end. */
static void convert_stored(const struct reader *reader, const struct image *image, const struct image_info *info)
{
    size_t width = (size_t)image->width, height = (size_t)image->height;
    if (reader->stored && info->progressive)
        image_to_rgb(image->pixels, reader->stored, height * width, reader->channels);
    else if (reader->stored)
        image_to_rgb(image->pixels + (height - 1) * width * 3, reader->stored, width, reader->channels);
}

static enum status decode(struct image *image, struct reader *reader, const struct image_info *info, struct error *err)
{
    reader->png =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, stop, note_warning, reader, allocate, release);
    reader->info = reader->png ? png_create_info_struct(reader->png) : NULL;
    if (!reader->info) {
        png_destroy_read_struct(&reader->png, NULL, NULL);
        return error_memory(err, "a photo", 0);
    }
    read_pixels(reader, image, info);
    if (reader->status == OK)
        convert_stored(reader, image, info);
    free(reader->stored);
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    if (reader->status == ERR_SYSTEM)
        return error_memory(err, "a photo", 0);
    if (reader->status != OK && strcmp(reader->text, "truncated") == 0)
        return error_set(err, ERR_DATA, "truncated: the PNG's %zu bytes end before its last row", reader->size);
    if (reader->status != OK)
        return error_set(err, ERR_DATA, "PNG cannot be decoded: %s", reader->text);
    image->damaged = reader->damaged || info->cut;
    return OK;
}

enum status image_decode_png(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                             int shift, struct error *err)
{
    (void)shift;
    struct image image = {.height = info->height, .width = info->width};
    struct reader reader = {.bytes = bytes, .size = size, .cut = info->cut ? info->data : 0};
    void *pixels;
    enum status status = memory_alloc(&pixels, (size_t)info->height * (size_t)info->width, 3, "a photo", err);
    if (status != OK)
        return status;
    image.pixels = pixels;
    status = decode(&image, &reader, info, err);
    if (status != OK) {
        memory_free(pixels);
        return status;
    }
    *out = image;
    return OK;
}

size_t image_held_png(const struct image_info *info)
{
    return info->progressive ? (size_t)info->channels * (size_t)info->height * (size_t)info->width : 0;
}

const char *image_png_library(void)
{
    return "libpng " PNG_LIBPNG_VER_STRING;
}

#else

enum status image_decode_png(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                             int shift, struct error *err)
{
    if (info->cut) /* stb_image wants the end mark */
        return error_set(err, ERR_DATA, "truncated: the PNG has no end mark in its %zu bytes", size);
    return image_decode_stb(out, info, bytes, size, shift, err);
}

/* The rows with their filters, and 4 bytes a pixel. */
size_t image_held_png(const struct image_info *info)
{
    return 8 * (size_t)info->height * (size_t)info->width;
}

const char *image_png_library(void)
{
    return "stb_image";
}

#endif
