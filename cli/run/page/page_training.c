#include "cli/run/page/page_training.h"

#include <math.h>
#include <string.h>

#include "cli/run/page/page_found.h"
#include "cli/run/page/page_pictures.h"
#include "cli/shell/augment_options.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/data/loader.h"
#include "core/data/photo_view.h"
#include "core/data/resize.h"

static void count_classes(uint64_t *counts, const struct photo_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        counts[list->photos[i].class]++;
}

static enum status count_photos(struct page_training *out, const struct page_found *source, struct error *err)
{
    void *counts;
    size_t classes = source->model.info.classes.count;
    enum status status = memory_alloc(&counts, 2 * classes, sizeof(uint64_t), "the counts of classes", err);
    if (status != OK)
        return status;
    out->classes = classes;
    out->train = counts;
    out->val = out->train + classes;
    count_classes(out->train, &source->photos.dataset.train);
    count_classes(out->val, &source->photos.dataset.val);
    return OK;
}

/* What --random-erasing makes 0 once it is normalised is the mean colour. */
static void fill_hole(uint8_t *pixels, size_t side, const struct box *hole, const struct preprocess *preprocess)
{
    for (int y = hole->top; y < hole->top + hole->height; y++)
        for (int x = hole->left; x < hole->left + hole->width; x++)
            for (size_t c = 0; c < 3; c++)
                pixels[((size_t)y * side + (size_t)x) * 3 + c] = (uint8_t)lrintf(255 * preprocess->mean[c]);
}

static enum status keep_batch(struct page_training *out, const struct photo_batch *batch,
                              const struct preprocess *preprocess, struct error *err)
{
    struct resizer *resizer = NULL;
    size_t side = (size_t)preprocess->crop, bytes = 3 * side * side;
    void *pixels = NULL;
    enum status status = resizer_create(&resizer, err);
    if (status == OK)
        status = memory_alloc(&pixels, bytes, 1, "a photo of the report", err);
    for (size_t i = 0; status == OK && i < batch->count; i++) {
        struct training_photo *shown = &out->shown[i];
        memcpy(pixels, batch->pixels + i * bytes, bytes);
        fill_hole(pixels, side, &batch->holes[i], preprocess);
        shown->class = (uint32_t)batch->labels[i];
        status = page_picture_encode(&shown->jpeg, &shown->size, resizer, pixels, side, PICTURE_SIDE, err);
        out->shown_count += status == OK;
    }
    memory_free(pixels);
    resizer_destroy(resizer);
    return status;
}

/* The order of epoch 0 and the draws of its photos are those of train.h. A larger batch begins with the same photos. */
static enum status draw_batch(struct page_training *out, const struct page_found *source,
                              const struct train_values *values, struct error *err)
{
    const struct photo_list *list = &source->photos.dataset.train;
    struct train_options options = train_options_from(values, &source->model.info.preprocess);
    struct loader *loader = NULL;
    const struct photo_batch *batch = NULL;
    struct rng rng = rng_stream(options.seed, RNG_ORDER, 0, 0);
    void *memory;
    enum status status = memory_alloc(&memory, list->count, sizeof(uint32_t), "the order of the photos", err);
    if (status != OK)
        return status;
    uint32_t *order = memory;
    for (size_t i = 0; i < list->count; i++)
        order[i] = (uint32_t)i;
    rng_shuffle(&rng, order, list->count);
    if (options.loader.batch > TRAINING_SHOWN)
        options.loader.batch = TRAINING_SHOWN;
    options.loader.ahead = options.loader.batch;
    options.loader.strict = false; /* a photo that is gone since is left out */
    status = augment_options_parse(&options.loader.extras, options.augment, values->color_jitter,
                                   values->random_erasing, err);
    if (status == OK)
        status = loader_create(&loader, list, &options.loader, err);
    if (status == OK) {
        struct photo_view view = photo_view_of(options.augment, options.views, 0);
        loader_start(loader, order, list->count, 0, view.number, view.augment);
        status = loader_next(loader, &batch, err);
    }
    if (status == OK && batch)
        status = keep_batch(out, batch, &source->model.info.preprocess, err);
    loader_destroy(loader);
    memory_free(order);
    return status;
}

enum status page_training_read(struct page_training *out, const char *folder, const struct train_values *values,
                               struct error *err)
{
    struct page_found source;
    *out = (struct page_training){0};
    enum status status = page_found_open(&source, folder, err);
    if (status == OK && !source.photos.changed && source.photos.gone == 0) {
        status = count_photos(out, &source, err);
        if (status == OK)
            status = draw_batch(out, &source, values, err);
        out->known = status == OK;
    }
    page_found_close(&source);
    if (status == OK || status == ERR_SYSTEM || status == ERR_IO)
        return status;
    return memory_strdup(&out->why, err->text, err);
}

void page_training_free(struct page_training *training)
{
    for (size_t i = 0; i < training->shown_count; i++)
        memory_free(training->shown[i].jpeg);
    memory_free(training->train);
    memory_free(training->why);
    *training = (struct page_training){0};
}
