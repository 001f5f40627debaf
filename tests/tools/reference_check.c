/* Compares with reference answers kept as safetensors.
 *
 *   reference_check pixels FOLDER REFERENCE   decodes, resizes to 256 and crops to 224 every photo of FOLDER that
 *                                             REFERENCE has pixels of (U8 [224,224,3], named as the file): all equal?
 *   reference_check logits FOUND REFERENCE LIMIT
 *                                             the tensors "logits" F32 [photos, classes]: the largest difference over
 *                                             the largest value, photo by photo; is none beyond LIMIT?
 *
 * Prints one line; exit code 0 yes, 1 no, else freezetune's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/data/image.h"
#include "core/data/preprocess.h"
#include "weights/weight_file.h"

/* ---- pixels ------------------------------------------------------------------------------------------------------ */

/* *different counts the values of one photo that are not those of the reference. */
static enum status compare_photo(size_t *different, const char *folder, const struct weight_tensor *wanted,
                                 struct resizer *resizer, struct error *err)
{
    const struct preprocess preprocess = preprocess_imagenet();
    const struct image_options options = {.ignore_exif = true};
    struct image image = {0};
    char *path = NULL;
    void *pixels = NULL;
    size_t count = (size_t)preprocess.crop * (size_t)preprocess.crop * 3;
    if (wanted->dtype != WEIGHT_U8 || wanted->bytes != count)
        return error_set(err, ERR_DATA, "%s: the reference is not %zu bytes", wanted->name, count);
    enum status status = path_join(&path, folder, wanted->name, err);
    if (status == OK)
        status = memory_alloc(&pixels, count, 1, "pixels", err);
    if (status == OK)
        status = image_read(&image, path, &options, err);
    if (status == OK)
        status = preprocess_photo(pixels, &preprocess, &image, resizer, err);
    *different = 0;
    for (size_t i = 0; status == OK && i < count; i++)
        *different += ((const uint8_t *)pixels)[i] != ((const uint8_t *)wanted->data)[i];
    image_free(&image);
    memory_free(pixels);
    memory_free(path);
    return status;
}

static enum status check_pixels(char **arguments, struct error *err)
{
    struct weight_file *reference = NULL;
    struct resizer *resizer = NULL;
    size_t photos = 0, equal = 0, different = 0;
    enum status status = weight_file_open(&reference, arguments[1], err);
    if (status == OK)
        status = resizer_create(&resizer, err);
    for (; status == OK && photos < weight_file_count(reference); photos++) {
        status = weight_tensor_fetch(weight_file_at(reference, photos), reference, err);
        if (status == OK)
            status = compare_photo(&different, arguments[0], weight_file_at(reference, photos), resizer, err);
        equal += status == OK && different == 0;
    }
    if (status == OK) {
        printf("%zu of %zu photos equal\n", equal, photos);
        status = photos > 0 && equal == photos ? OK : error_set(err, ERR_NO, "pixels differ");
    }
    resizer_destroy(resizer);
    weight_file_close(reference);
    return status;
}

/* ---- logits ------------------------------------------------------------------------------------------------------ */

static enum status read_logits(float **out, size_t shape[2], const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *tensor = weight_file_find(file, "logits");
    void *values;
    if (!tensor || tensor->rank != 2 || weight_tensor_values(tensor) == 0)
        return error_set(err, ERR_DATA, "%s: has no logits [photos, classes]", weight_file_path(file));
    enum status status = memory_alloc(&values, weight_tensor_values(tensor), sizeof(float), "logits", err);
    if (status != OK)
        return status;
    *out = values;
    shape[0] = (size_t)tensor->shape[0];
    shape[1] = (size_t)tensor->shape[1];
    return weight_tensor_read_f32(values, tensor, file, err);
}

/* The largest difference of one photo's logits over the largest wanted one; infinite when anything is not finite. */
static double photo_distance(const float *found, const float *wanted, size_t classes)
{
    double largest = 0, difference = 0;
    for (size_t i = 0; i < classes; i++) {
        double d = fabs((double)found[i] - (double)wanted[i]);
        if (!isfinite(d))
            return INFINITY;
        difference = fmax(difference, d);
        largest = fmax(largest, fabs((double)wanted[i]));
    }
    return largest > 0 ? difference / largest : INFINITY;
}

static enum status check_logits(char **arguments, struct error *err)
{
    struct weight_file *files[2] = {NULL, NULL};
    float *logits[2] = {NULL, NULL};
    size_t shapes[2][2];
    double limit, worst = 0;
    enum status status = text_to_double(&limit, arguments[2]) ? OK : error_set(err, ERR_USAGE, "LIMIT is a number");
    for (int i = 0; i < 2 && status == OK; i++) {
        status = weight_file_open(&files[i], arguments[i], err);
        if (status == OK)
            status = read_logits(&logits[i], shapes[i], files[i], err);
    }
    if (status == OK && memcmp(shapes[0], shapes[1], sizeof shapes[0]) != 0)
        status = error_set(err, ERR_NO, "logits are [%zu,%zu], the reference has [%zu,%zu]", shapes[0][0], shapes[0][1],
                           shapes[1][0], shapes[1][1]);
    if (status == OK) {
        for (size_t n = 0; n < shapes[0][0]; n++)
            worst =
                fmax(worst, photo_distance(logits[0] + n * shapes[0][1], logits[1] + n * shapes[0][1], shapes[0][1]));
        printf("%zu photos, worst %.2e\n", shapes[0][0], worst);
        if (!(worst <= limit))
            status = error_set(err, ERR_NO, "beyond %g", limit);
    }
    for (int i = 0; i < 2; i++) {
        memory_free(logits[i]);
        weight_file_close(files[i]);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    enum status status;
    if (argc == 4 && strcmp(argv[1], "pixels") == 0)
        status = check_pixels(argv + 2, &err);
    else if (argc == 5 && strcmp(argv[1], "logits") == 0)
        status = check_logits(argv + 2, &err);
    else
        status =
            error_set(&err, ERR_USAGE, "usage: reference_check pixels FOLDER REFERENCE | logits FOUND REFERENCE LIMIT");
    if (status != OK)
        fprintf(stderr, "reference_check: %s\n", err.text);
    return (int)status;
}
