#include "core/data/quality.h"

#include <math.h>

#include "core/base/memory.h"
#include "core/data/reduce.h"

enum status quality_scratch_init(struct quality_scratch *scratch, struct error *err)
{
    void *memory;
    enum status status = resizer_create(&scratch->resizer, err);
    if (status == OK)
        status = memory_alloc(&memory, (size_t)QUALITY_SIDE * QUALITY_SIDE * 3, 1, "the photos' quality", err);
    if (status != OK)
        return status;
    scratch->pixels = memory;
    status =
        memory_alloc(&memory, (size_t)QUALITY_SIDE * QUALITY_SIDE, sizeof *scratch->grey, "the photos' quality", err);
    if (status == OK)
        scratch->grey = memory;
    return status;
}

void quality_scratch_free(struct quality_scratch *scratch)
{
    resizer_destroy(scratch->resizer);
    memory_free(scratch->pixels);
    memory_free(scratch->grey);
    *scratch = (struct quality_scratch){0};
}

enum status quality_load(struct image *out, const char *path, const struct image_options *options, struct error *err)
{
    struct image_file file;
    enum status status = image_open(&file, path, options, err);
    if (status != OK)
        return status;
    int least = file.height < file.width ? file.height : file.width;
    status = image_load(out, &file, reduce_shift(least, least, QUALITY_SIDE, QUALITY_SIDE), options, err);
    image_file_close(&file);
    return status;
}

/* The middle square as pixels[side,side,3]; returns the side. */
static enum status middle(int *side, const struct image *image, struct quality_scratch *scratch, struct error *err)
{
    int least = image->height < image->width ? image->height : image->width;
    *side = least < QUALITY_SIDE ? least : QUALITY_SIDE;
    const struct resize_input input = {
        .pixels = image->pixels,
        .height = image->height,
        .width = image->width,
        .stride = (size_t)image->width * 3,
        .part = {(image->height - least) / 2, (image->width - least) / 2, least, least},
    };
    const struct resize_window window = {*side, *side, 0, 0, *side, *side};
    return resize_pixels(scratch->resizer, scratch->pixels, (size_t)*side * 3, INTERPOLATION_BILINEAR, &window, &input,
                         err);
}

/* n times the sum of squares less the square of the sum, over n squared. */
static double variance(int64_t sum, int64_t squares, int64_t n)
{
    double mean = (double)sum / (double)n;
    double value = (double)squares / (double)n - mean * mean;
    return value > 0 ? value : 0;
}

/* The smallest grey that at least `share` of the pixels do not exceed. */
static uint8_t percentile(const uint32_t histogram[256], uint32_t pixels, double share)
{
    uint32_t below = 0;
    int grey = 0;
    while (grey < 255 && (below += histogram[grey]) < share * pixels)
        grey++;
    return (uint8_t)grey;
}

static void measure_light(struct quality *out, double *grey_variance, struct quality_scratch *scratch, int side)
{
    uint32_t histogram[256] = {0};
    int64_t sums[4] = {0}, squares[4] = {0};
    int64_t pixels = (int64_t)side * side;
    for (int64_t i = 0; i < pixels; i++) {
        const uint8_t *rgb = scratch->pixels + 3 * i;
        int grey = (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000;
        const int values[4] = {rgb[0], rgb[1], rgb[2], grey};
        scratch->grey[i] = (int16_t)grey;
        histogram[grey]++;
        for (int c = 0; c < 4; c++) {
            sums[c] += values[c];
            squares[c] += (int64_t)values[c] * values[c];
        }
    }
    out->dark = percentile(histogram, (uint32_t)pixels, 0.99);
    out->light = percentile(histogram, (uint32_t)pixels, 0.05);
    double most = 0;
    for (int c = 0; c < 3; c++)
        most = fmax(most, variance(sums[c], squares[c], pixels));
    out->spread = (float)sqrt(most);
    *grey_variance = variance(sums[3], squares[3], pixels);
}

static double laplacian_variance(const int16_t *grey, int side)
{
    int64_t sum = 0, squares = 0, n = (int64_t)(side - 2) * (side - 2);
    for (int y = 1; y < side - 1; y++)
        for (int x = 1; x < side - 1; x++) {
            const int16_t *g = grey + (int64_t)y * side + x;
            int value = 4 * g[0] - g[-1] - g[1] - g[-side] - g[side];
            sum += value;
            squares += (int64_t)value * value;
        }
    return variance(sum, squares, n);
}

enum status quality_measure(struct quality *out, const struct image *image, struct quality_scratch *scratch,
                            struct error *err)
{
    struct quality quality = {.damaged = image->damaged};
    double grey_variance;
    int side;
    enum status status = middle(&side, image, scratch, err);
    if (status != OK)
        return status;
    reduce_photo_size(&quality.height, &quality.width, image);
    measure_light(&quality, &grey_variance, scratch, side);
    if (side >= 3 && grey_variance > 0)
        quality.sharpness = (float)(laplacian_variance(scratch->grey, side) / grey_variance);
    *out = quality;
    return OK;
}
