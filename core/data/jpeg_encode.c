#include "core/data/jpeg_encode.h"

#include <assert.h>
#include <stdio.h>

#include "core/base/bytes.h"
#include "core/data/image.h"

/* stb_image_write has this border built in; libjpeg is told to have the same. */
enum { FULL_CHROMA_ABOVE = 90 };

#ifdef HAVE_LIBJPEG

#include <setjmp.h>

#include <jpeglib.h>

#include <jerror.h>

struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf back;
    enum status status;
    char text[JMSG_LENGTH_MAX];
    struct bytes *bytes;
    JOCTET buffer[4096];
};

static void stop(j_common_ptr jpeg)
{
    struct writer *writer = jpeg->client_data;
    writer->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? ERR_SYSTEM : ERR_PROMISE;
    jpeg->err->format_message(jpeg, writer->text);
    longjmp(writer->back, 1);
}

static void ignore_message(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static void empty_buffer(j_compress_ptr jpeg)
{
    struct writer *writer = jpeg->client_data;
    writer->destination.next_output_byte = writer->buffer;
    writer->destination.free_in_buffer = sizeof writer->buffer;
}

static boolean buffer_full(j_compress_ptr jpeg)
{
    struct writer *writer = jpeg->client_data;
    bytes_put(writer->bytes, writer->buffer, sizeof writer->buffer);
    empty_buffer(jpeg);
    return TRUE;
}

static void buffer_rest(j_compress_ptr jpeg)
{
    struct writer *writer = jpeg->client_data;
    bytes_put(writer->bytes, writer->buffer, sizeof writer->buffer - writer->destination.free_in_buffer);
}

/* The setjmp stands here, where no local changes afterwards. */
static void write_pixels(struct writer *writer, const uint8_t *pixels, size_t height, size_t width, int quality)
{
    struct jpeg_compress_struct *jpeg = &writer->jpeg;
    if (setjmp(writer->back) != 0)
        return;
    jpeg_create_compress(jpeg);
    jpeg->client_data = writer;
    jpeg->dest = &writer->destination;
    jpeg->image_width = (JDIMENSION)width;
    jpeg->image_height = (JDIMENSION)height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = quality > FULL_CHROMA_ABOVE ? 1 : 2;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + (size_t)jpeg->next_scanline * width * 3); /* it only reads */
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

static enum status encode(struct bytes *bytes, const uint8_t *pixels, size_t height, size_t width, int quality,
                          struct error *err)
{
    struct writer writer = {.status = OK, .bytes = bytes};
    writer.jpeg.err = jpeg_std_error(&writer.errors);
    writer.jpeg.client_data = &writer;
    writer.errors.error_exit = stop;
    writer.errors.emit_message = ignore_message;
    writer.destination.init_destination = empty_buffer;
    writer.destination.empty_output_buffer = buffer_full;
    writer.destination.term_destination = buffer_rest;
    write_pixels(&writer, pixels, height, width, quality);
    jpeg_destroy_compress(&writer.jpeg);
    return writer.status == OK ? OK : error_set(err, writer.status, "a JPEG cannot be encoded: %s", writer.text);
}

#else

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
/* Its writers of other formats; told at the end of the file, so it cannot be popped. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_write.h>

static void take(void *context, void *data, int size)
{
    bytes_put(context, data, (size_t)size);
}

static enum status encode(struct bytes *bytes, const uint8_t *pixels, size_t height, size_t width, int quality,
                          struct error *err)
{
    return stbi_write_jpg_to_func(take, bytes, (int)width, (int)height, 3, pixels, quality)
               ? OK
               : error_set(err, ERR_PROMISE, "a JPEG cannot be encoded: stb_image_write refuses the picture");
}

#endif

enum status jpeg_encode(uint8_t **out, size_t *size, const uint8_t *pixels, size_t height, size_t width, int quality,
                        struct error *err)
{
    assert(quality >= 1 && quality <= 100);
    if (height < 1 || width < 1 || height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE)
        return error_set(err, ERR_DATA, "a JPEG cannot have %zux%zu pixels: each side has 1 to %d", width, height,
                         IMAGE_MAX_SIDE);
    struct bytes bytes = bytes_start("a JPEG", err);
    enum status status = encode(&bytes, pixels, height, width, quality, err);
    if (status == OK)
        status = bytes.status;
    if (status != OK) {
        bytes_free(&bytes);
        return status;
    }
    *out = bytes.data;
    *size = bytes.length;
    return OK;
}
