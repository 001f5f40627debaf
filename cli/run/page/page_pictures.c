#include "cli/run/page/page_pictures.h"

#include <stdlib.h>
#include <string.h>

#include "cli/report/html/html_png.h"
#include "core/base/memory.h"
#include "core/data/jpeg_encode.h"

enum { BATCH = 16, SHADE = 190 }; /* of 255: how dark the parts are that say nothing */

/* A chosen photo by its name. */
struct wanted {
    const char *file;
    size_t chosen;
};

static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->file, ((const struct wanted *)b)->file);
}

/* order[] by one walk over the list. */
static enum status find_order(struct page_pictures *p, const struct photo_list *list, size_t part, struct error *err)
{
    size_t all = p->answers->chosen_count, count = 0;
    void *memory, *order;
    enum status status = memory_alloc(&order, all, sizeof(uint32_t), "the photos of the report", err);
    if (status != OK)
        return status;
    p->order = order;
    status = memory_alloc(&memory, all, sizeof(struct wanted), "the photos of the report", err);
    if (status != OK)
        return status;
    struct wanted *wanted = memory;
    for (size_t i = 0; i < all; i++) {
        if (p->answers->chosen[i].part == part)
            wanted[count++] = (struct wanted){p->answers->chosen[i].file, i};
        p->order[i] = PAGE_NO_PHOTO;
    }
    qsort(wanted, count, sizeof *wanted, by_file);
    for (size_t i = 0; i < list->count; i++) {
        const struct wanted key = {photo_name(list, i), 0};
        const struct wanted *found = bsearch(&key, wanted, count, sizeof *wanted, by_file);
        if (found)
            p->order[found->chosen] = (uint32_t)i;
    }
    memory_free(wanted);
    return OK;
}

static enum status next_batch(struct page_pictures *p, struct error *err)
{
    const float *logits;
    p->at = 0;
    return inference_next(&p->inference, &p->batch, &logits, err);
}

/* The loader takes those that are there, in the order of the page. */
static enum status start(struct page_pictures *p, struct error *err)
{
    size_t count = 0;
    void *memory;
    enum status status =
        memory_alloc(&memory, p->answers->chosen_count, sizeof(uint32_t), "the photos of the report", err);
    if (status != OK)
        return status;
    uint32_t *there = memory;
    for (size_t i = 0; i < p->answers->chosen_count; i++)
        if (p->order[i] != PAGE_NO_PHOTO)
            there[count++] = p->order[i];
    loader_start(p->inference.loader, there, count, 0, 0, AUGMENT_NONE);
    memory_free(there);
    return next_batch(p, err);
}

enum status page_pictures_open(struct page_pictures *out, const struct page_source *source,
                               const struct page_answers *answers, size_t part, struct error *err)
{
    void *map = NULL;
    *out = (struct page_pictures){.answers = answers, .side = (size_t)source->model->info.preprocess.crop};
    enum status status = find_order(out, source->photos, part, err);
    if (status == OK)
        status = resizer_create(&out->resizer, err);
    if (status == OK)
        status = inference_open_cam(&out->inference, source->model, source->photos, source->engine, BATCH, false, err);
    if (status == OK)
        status = memory_alloc(&map, cam_height(out->inference.cam) * cam_width(out->inference.cam), sizeof(float),
                              "a heat map", err);
    out->map = map;
    return status == OK ? start(out, err) : status;
}

void page_pictures_close(struct page_pictures *pictures)
{
    inference_close(&pictures->inference);
    resizer_destroy(pictures->resizer);
    memory_free(pictures->map);
    memory_free(pictures->order);
    *pictures = (struct page_pictures){0};
}

enum status page_picture_encode(uint8_t **out, size_t *size, struct resizer *resizer, const uint8_t *pixels,
                                size_t from, size_t side, struct error *err)
{
    const struct resize_input input = {.pixels = pixels, .height = (int)from, .width = (int)from, .stride = 3 * from};
    const struct resize_window window = {(int)side, (int)side, 0, 0, (int)side, (int)side};
    void *small;
    enum status status = memory_alloc(&small, 3 * side * side, 1, "a thumbnail", err);
    if (status != OK)
        return status;
    status = resize_pixels(resizer, small, 3 * side, INTERPOLATION_BILINEAR, &window, &input, err);
    if (status == OK)
        status = jpeg_encode(out, size, small, side, side, PICTURE_QUALITY, err);
    memory_free(small);
    return status;
}

/* Dark where the map of the class is not above 0, clear at its highest. */
static enum status make_heat(uint8_t **out, size_t *size, struct page_pictures *p, uint32_t class, struct error *err)
{
    const struct cam *cam = p->inference.cam;
    size_t height = cam_height(cam), width = cam_width(cam);
    uint8_t shade[PNG_SIDE_MOST * PNG_SIDE_MOST];
    float most = 0;
    void *bytes;
    if (height > PNG_SIDE_MOST || width > PNG_SIDE_MOST)
        return OK;
    cam_map(p->map, cam, p->at, class);
    for (size_t i = 0; i < height * width; i++)
        most = p->map[i] > most ? p->map[i] : most;
    for (size_t i = 0; i < height * width; i++) {
        float share = most > 0 && p->map[i] > 0 ? p->map[i] / most : 0;
        shade[i] = (uint8_t)(SHADE * (1 - share) + 0.5F);
    }
    *size = png_shade_size(height, width);
    enum status status = memory_alloc(&bytes, *size, 1, "a heat map", err);
    if (status != OK)
        return status;
    png_shade(bytes, shade, height, width);
    *out = bytes;
    return OK;
}

enum status page_pictures_next(struct page_picture *out, struct page_pictures *p, size_t i, struct error *err)
{
    const struct page_answer *answer = &p->answers->chosen[i];
    size_t side = p->side;
    *out = (struct page_picture){0};
    /* A photo that could not be read is in no batch: the next one is there in its place. */
    if (!p->batch || p->order[i] == PAGE_NO_PHOTO || p->batch->photos[p->at] != p->order[i])
        return OK;
    enum status status = page_picture_encode(&out->jpeg, &out->jpeg_size, p->resizer,
                                             p->batch->pixels + p->at * 3 * side * side, side, PICTURE_SIDE, err);
    if (status == OK)
        status = make_heat(&out->heat[0], &out->heat_size, p, answer->predicted, err);
    if (status == OK && answer->predicted != answer->label)
        status = make_heat(&out->heat[1], &out->heat_size, p, answer->label, err);
    if (status == OK && ++p->at == p->batch->count)
        status = next_batch(p, err);
    return status;
}

void page_picture_free(struct page_picture *picture)
{
    memory_free(picture->jpeg);
    memory_free(picture->heat[0]);
    memory_free(picture->heat[1]);
    *picture = (struct page_picture){0};
}
