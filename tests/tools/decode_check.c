/* Large photos, and what `--decode fast` makes of them.
 *
 *   decode_check enlarge IN OUT MEGAPIXELS   IN, resized (bicubic) to so many pixels, as a JPEG of quality 92
 *   decode_check compare LIMIT PHOTO...      the 224 x 224 squares by the exact and the fast way: a line for each
 *                                            photo, with the shift, the mean and the largest difference of a value, and
 *                                            the share of values that differ; is no mean beyond LIMIT?
 *
 * Exit code 0 yes, 1 no, 2 for a build without libjpeg, else freezetune's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/augment.h"
#include "core/data/image.h"

#ifdef HAVE_LIBJPEG

#include <jpeglib.h>

static void write_jpeg(FILE *out, const struct image *image)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, out);
    jpeg.image_width = (JDIMENSION)image->width;
    jpeg.image_height = (JDIMENSION)image->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 92, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = image->pixels + (size_t)jpeg.next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
}

static enum status enlarge(const char *in, const char *path, double megapixels, struct resizer *resizer,
                           struct error *err)
{
    struct image small;
    void *pixels;
    enum status status = image_read(&small, in, NULL, err);
    if (status != OK)
        return status;
    double by = sqrt(megapixels * 1e6 / ((double)small.height * small.width));
    struct image large = {.height = (int)(small.height * by), .width = (int)(small.width * by)};
    status = memory_alloc(&pixels, (size_t)large.height * (size_t)large.width, 3, "a photo", err);
    if (status == OK) {
        const struct resize_input from = {
            .pixels = small.pixels, .height = small.height, .width = small.width, .stride = (size_t)small.width * 3};
        const struct resize_window all = {large.height, large.width, 0, 0, large.height, large.width};
        large.pixels = pixels;
        status = resize_pixels(resizer, pixels, (size_t)large.width * 3, INTERPOLATION_BICUBIC, &all, &from, err);
    }
    FILE *out = status == OK ? fopen(path, "wb") : NULL;
    if (out)
        write_jpeg(out, &large);
    if (status == OK && (!out || fclose(out) != 0))
        status = error_set(err, ERR_CANTCREATE, "%s: cannot be written", path);
    image_free(&large);
    image_free(&small);
    return status;
}

#endif

static enum status square(uint8_t *out, int *shift, bool fast, const struct image_file *file, struct resizer *resizer,
                          struct error *err)
{
    const struct preprocess preprocess = preprocess_imagenet();
    const struct augment_draws draws = {0};
    struct image image;
    int wanted = fast ? augment_shift(&draws, &preprocess, file->height, file->width) : 0;
    enum status status = image_load(&image, file, wanted, NULL, err);
    if (status != OK)
        return status;
    *shift = image.shift;
    status = augment_apply(out, &draws, &preprocess, &image, resizer, NULL, err);
    image_free(&image);
    return status;
}

static enum status compare(const char *path, double limit, struct resizer *resizer, struct error *err)
{
    enum { BYTES = 224 * 224 * 3 };
    static uint8_t exact[BYTES], fast[BYTES];
    struct image_file file;
    double sum = 0;
    int shift = 0, largest = 0, different = 0;
    enum status status = image_open(&file, path, NULL, err);
    if (status != OK)
        return status;
    status = square(exact, &shift, false, &file, resizer, err);
    if (status == OK)
        status = square(fast, &shift, true, &file, resizer, err);
    image_file_close(&file);
    if (status != OK)
        return status;
    for (int i = 0; i < BYTES; i++) {
        int difference = abs(exact[i] - fast[i]);
        sum += difference;
        largest = difference > largest ? difference : largest;
        different += difference > 0;
    }
    printf("%s: shift %d, mean %.3f, largest %d, %.1f %% differ\n", path, shift, sum / BYTES, largest,
           100.0 * different / BYTES);
    return sum / BYTES <= limit ? OK : error_set(err, ERR_NO, "%s: a mean of %.3f is beyond", path, sum / BYTES);
}

int main(int argc, char **argv)
{
    struct error err = {.text = "usage: decode_check enlarge IN OUT MEGAPIXELS | compare LIMIT PHOTO..."};
    struct resizer *resizer;
    enum status status = ERR_USAGE;
    if (resizer_create(&resizer, &err) != OK)
        return ERR_SYSTEM;
    if (argc == 5 && strcmp(argv[1], "enlarge") == 0) {
#ifdef HAVE_LIBJPEG
        status = enlarge(argv[2], argv[3], strtod(argv[4], NULL), resizer, &err);
#else
        resizer_destroy(resizer);
        return 2;
#endif
    } else if (argc >= 4 && strcmp(argv[1], "compare") == 0) {
        status = OK;
        for (int i = 3; i < argc && status == OK; i++)
            status = compare(argv[i], strtod(argv[2], NULL), resizer, &err);
    }
    resizer_destroy(resizer);
    if (status != OK)
        fprintf(stderr, "decode_check: %s\n", err.text);
    return (int)status;
}
