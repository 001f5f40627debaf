/* JPEG through libjpeg-turbo, or through stb_image when the build found no libjpeg. */
#include "core/data/image_format.h"

#include <stdio.h>

#include "core/base/memory.h"

#ifdef HAVE_LIBJPEG

#include <setjmp.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf back;
    enum status status;
    char text[JMSG_LENGTH_MAX];
};

static void stop(j_common_ptr jpeg)
{
    struct reader *reader = jpeg->client_data;
    reader->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? ERR_SYSTEM : ERR_DATA;
    jpeg->err->format_message(jpeg, reader->text);
    longjmp(reader->back, 1);
}

/* Warnings are about damage inside, which Pillow lets pass too; nothing may be printed. */
static void stay_silent(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static boolean ran_out(j_decompress_ptr jpeg)
{
    struct reader *reader = jpeg->client_data;
    reader->status = ERR_DATA;
    strcpy(reader->text, "ends early");
    longjmp(reader->back, 1);
    return FALSE;
}

/* r = k - (255-c)*k/255 with Pillow's rounding; c and k as stored, that is inverted. */
static uint8_t ink(int c, int k)
{
    int product = (255 - c) * k + 128;
    return (uint8_t)(k - ((product + (product >> 8)) >> 8));
}

/* One row of grey (1 channel) or stored ink (4) to RGB. */
static void row_to_rgb(uint8_t *out, const uint8_t *row, int width, int channels)
{
    for (int x = 0; x < width; x++, out += 3, row += channels) {
        out[0] = channels == 4 ? ink(row[0], row[3]) : row[0];
        out[1] = channels == 4 ? ink(row[1], row[3]) : row[0];
        out[2] = channels == 4 ? ink(row[2], row[3]) : row[0];
    }
}

/* The setjmp stands here, where no local changes afterwards. out->pixels has room for out->height x out->width. */
static void read_pixels(struct reader *reader, const struct image *out, uint8_t *row, const struct image_info *info,
                        const uint8_t *bytes, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    if (setjmp(reader->back) != 0)
        return;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = reader;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg->src->fill_input_buffer = ran_out;
    jpeg_read_header(jpeg, TRUE);
    if ((int)jpeg->image_width != info->width || (int)jpeg->image_height != info->height)
        ERREXIT(jpeg, JERR_EMPTY_IMAGE); /* image_examine read another size; the pixels would not fit */
    int channels = jpeg->num_components;
    jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->scale_num = 1;
    jpeg->scale_denom = 1U << out->shift;
    jpeg_start_decompress(jpeg);
    if ((int)jpeg->output_width != out->width || (int)jpeg->output_height != out->height)
        ERREXIT(jpeg, JERR_EMPTY_IMAGE); /* a library that scales otherwise; the pixels would not fit */
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = out->pixels + (size_t)jpeg->output_scanline * (size_t)out->width * 3;
        JSAMPROW into = channels == 3 ? to : row;
        jpeg_read_scanlines(jpeg, &into, 1);
        if (channels != 3)
            row_to_rgb(to, row, out->width, channels);
    }
    jpeg_finish_decompress(jpeg);
}

enum status image_decode_jpeg(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                              int shift, struct error *err)
{
    void *pixels = NULL, *row = NULL;
    int over = (1 << shift) - 1;
    struct image image = {
        .height = (info->height + over) >> shift, .width = (info->width + over) >> shift, .shift = shift};
    size_t width = (size_t)image.width;
    enum status status = memory_alloc(&pixels, (size_t)image.height * width, 3, "a photo", err);
    if (status == OK)
        status = memory_alloc(&row, width, 4, "a photo", err);
    if (status != OK) {
        memory_free(pixels);
        return status;
    }
    image.pixels = pixels;
    image.trim.bottom = (image.height << shift) - info->height;
    image.trim.right = (image.width << shift) - info->width;
    struct reader reader = {.status = OK};
    reader.jpeg.err = jpeg_std_error(&reader.errors);
    reader.jpeg.client_data = &reader;
    reader.errors.error_exit = stop;
    reader.errors.emit_message = stay_silent;
    read_pixels(&reader, &image, row, info, bytes, size);
    jpeg_destroy_decompress(&reader.jpeg);
    memory_free(row);
    if (reader.status != OK) {
        memory_free(pixels);
        return error_set(err, reader.status, "JPEG %s%s",
                         strcmp(reader.text, "ends early") ? "cannot be decoded: " : "", reader.text);
    }
    *out = image;
    return OK;
}

/* A progressive file holds all coefficients: 2 bytes each, three a pixel at most, also where it decodes to a smaller
 * picture. */
size_t image_held_jpeg(const struct image_info *info)
{
    return info->progressive ? 6 * (size_t)info->height * (size_t)info->width : 0;
}

#define TEXT_OF(x) #x
#define TEXT_OF_VALUE(x) TEXT_OF(x)

const char *image_jpeg_library(void)
{
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " TEXT_OF_VALUE(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg " TEXT_OF_VALUE(JPEG_LIB_VERSION);
#endif
}

#else

enum status image_decode_jpeg(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                              int shift, struct error *err)
{
    return image_decode_stb(out, info, bytes, size, shift, err);
}

/* The pixels twice. */
size_t image_held_jpeg(const struct image_info *info)
{
    return 6 * (size_t)info->height * (size_t)info->width;
}

const char *image_jpeg_library(void)
{
    return "stb_image";
}

#endif
