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
    bool ran_out;   /* the bytes have ended: what the library reads now is the end mark that ran_out() gives it */
    bool truncated; /* and it needed more than that */
    bool all_rows;
    bool damaged;
    char text[JMSG_LENGTH_MAX];
};

static void stop(j_common_ptr jpeg)
{
    struct reader *reader = jpeg->client_data;
    if (reader->all_rows && reader->ran_out) /* something that was cut stood behind the picture */
        longjmp(reader->back, 1);
    reader->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? ERR_SYSTEM : ERR_DATA;
    reader->truncated = reader->ran_out && reader->status == ERR_DATA; /* whatever it made of the end mark */
    jpeg->err->format_message(jpeg, reader->text);
    longjmp(reader->back, 1);
}

static void stop_truncated(struct reader *reader)
{
    reader->status = ERR_DATA;
    reader->truncated = true;
    longjmp(reader->back, 1);
}

/* Warnings are about damage inside, which Pillow lets pass too; nothing may be printed. But when a Huffman decoder asks
 * for bits behind the last byte of the file, rows are missing. */
static void note_warning(j_common_ptr jpeg, int level)
{
    struct reader *reader = jpeg->client_data;
    int code = jpeg->err->msg_code;
    if (level >= 0 || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM) /* of no interest to the pixels */
        return;
    if (reader->ran_out && code == JWRN_HIT_MARKER)
        stop_truncated(reader);
    reader->damaged = true;
}

/* The end mark is read here where the file has none. */
static boolean ran_out(j_decompress_ptr jpeg)
{
    static const JOCTET end_mark[] = {0xFF, JPEG_EOI};
    struct reader *reader = jpeg->client_data;
    reader->ran_out = reader->damaged = true;
    jpeg->src->next_input_byte = end_mark;
    jpeg->src->bytes_in_buffer = sizeof end_mark;
    return TRUE;
}

/* Of a file that ran out: has every component had its scan, and, where they come bit by bit, every bit of every
 * coefficient? An arithmetic decoder does not tell when it invents what is missing. */
static bool all_scans_seen(const struct jpeg_decompress_struct *jpeg)
{
    if (jpeg->arith_code)
        return false;
    for (int c = 0; c < jpeg->num_components; c++)
        if (!jpeg->comp_info[c].quant_table)
            return false;
    for (int c = 0; jpeg->coef_bits && c < jpeg->num_components; c++)
        for (int k = 0; k < DCTSIZE2; k++)
            if (jpeg->coef_bits[c][k] != 0)
                return false;
    return true;
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
    reader->all_rows = true;
    while (jpeg_consume_input(jpeg) != JPEG_REACHED_EOI) /* as jpeg_finish_decompress, which frees coef_bits */
        ;
}

static void say_truncated(const struct jpeg_decompress_struct *jpeg, const struct image_info *info, size_t size,
                          struct error *err)
{
    if (info->progressive)
        error_set(err, ERR_DATA, "truncated: the JPEG's %zu bytes end in scan %d of its picture", size,
                  jpeg->input_scan_number);
    else
        error_set(err, ERR_DATA, "truncated: the JPEG's %zu bytes hold %u of its %d rows", size,
                  jpeg->input_iMCU_row * (unsigned)jpeg->max_v_samp_factor * DCTSIZE, info->height);
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
    reader.errors.emit_message = note_warning;
    read_pixels(&reader, &image, row, info, bytes, size);
    if (reader.status == OK && reader.ran_out && !all_scans_seen(&reader.jpeg)) {
        reader.truncated = true;
        reader.status = ERR_DATA;
    }
    if (reader.truncated)
        say_truncated(&reader.jpeg, info, size, err);
    else if (reader.status != OK)
        error_set(err, reader.status, "JPEG cannot be decoded: %s", reader.text);
    jpeg_destroy_decompress(&reader.jpeg);
    memory_free(row);
    if (reader.status != OK) {
        memory_free(pixels);
        return reader.status;
    }
    image.damaged = reader.damaged;
    *out = image;
    return OK;
}

/* A progressive file holds all coefficients: 2 bytes each, one a pixel and channel at most, also where it decodes to a
 * smaller picture. */
size_t image_held_jpeg(const struct image_info *info)
{
    return info->progressive ? 2 * (size_t)info->channels * (size_t)info->height * (size_t)info->width : 0;
}

bool image_jpeg_arithmetic(void)
{
#ifdef D_ARITH_CODING_SUPPORTED
    return true;
#else
    return false;
#endif
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
    if (info->cut) /* stb_image makes rows up */
        return error_set(err, ERR_DATA, "truncated: the JPEG has no end mark in its %zu bytes", size);
    return image_decode_stb(out, info, bytes, size, shift, err);
}

bool image_jpeg_arithmetic(void)
{
    return false;
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
