#include "cli/report/cam_folder.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/text.h"
#include "core/data/heat_map.h"
#include "core/data/jpeg_encode.h"
#include "core/train/metrics.h"
#include "models/imagenet_classes.h"

/* Pixels between the squares and around the strip; levels. */
enum { GAP = 4, STRIP = 8, QUALITY = 90, PAPER = 255, GREY = 128 };
enum { STEM_MOST = 80, CLASS_MOST = 60 }; /* bytes of a name that a file's name shows */

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Up to `most` bytes of text[length], made fit for a file's name. Returns the end of what was written. */
static char *put_name(char *out, const char *text, size_t length, size_t most)
{
    char *start = out;
    for (size_t i = 0, step; i < length; i += step) {
        size_t whole = text_safe_length(text + i);
        bool plain = isalnum((unsigned char)text[i]) || text[i] == '.' || text[i] == '-' || text[i] == '_';
        step = whole > 1 && i + whole <= length ? whole : 1;
        if ((size_t)(out - start) + step > most)
            break;
        if (step > 1)
            memcpy(out, text + i, step);
        else
            *out = plain && (unsigned char)text[i] < 0x80 ? text[i] : '-';
        out += step;
    }
    return out;
}

void cam_file_name(char out[CAM_NAME], const struct class_names *classes, const char *path, size_t number, int digits,
                   size_t class, size_t truth)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    char *at = out + snprintf(out, CAM_NAME, "%0*zu_", digits, number);
    at = put_name(at, base, dot && dot > base ? (size_t)(dot - base) : strlen(base), STEM_MOST);
    *at++ = '_';
    at = put_name(at, classes->names[class], strlen(classes->names[class]), CLASS_MOST);
    if (truth != SIZE_MAX) {
        memcpy(at, "_true_", strlen("_true_"));
        at = put_name(at + strlen("_true_"), classes->names[truth], strlen(classes->names[truth]), CLASS_MOST);
    }
    memcpy(at, ".jpg", sizeof ".jpg");
}

size_t cam_true_class(const struct class_names *classes, const char *path)
{
    for (const char *end = strrchr(path, '/'); end && end > path;) {
        const char *start = end;
        while (start > path && start[-1] != '/')
            start--;
        size_t length = (size_t)(end - start);
        for (size_t k = 0; k < classes->count && length > 0; k++)
            if (strlen(classes->names[k]) == length && memcmp(classes->names[k], start, length) == 0)
                return k;
        end = start > path ? start - 1 : NULL;
    }
    return SIZE_MAX;
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

static size_t side_of(const struct cam_folder *folder)
{
    return (size_t)folder->inference->model->info.preprocess.crop;
}

/* The strip from 0 to the most, over grey. */
static void draw_strip(uint8_t *to, size_t stride, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        uint8_t heat[4];
        heat_colour(heat, width > 1 ? (float)x / (float)(width - 1) : 1);
        for (size_t y = 0; y < STRIP; y++)
            for (size_t c = 0; c < 3; c++)
                to[y * stride + x * 3 + c] = (uint8_t)((GREY * (255 - heat[3]) + heat[c] * heat[3] + 127) / 255);
    }
}

/* The square, then the square under each map with the strip below. Returns the picture's width; its height is that of
 * the square, a gap and the strip. */
static size_t draw(struct cam_folder *folder, const uint8_t *pixels)
{
    const struct cam_answer *answer = &folder->answer;
    size_t side = side_of(folder), area = answer->height * answer->width;
    size_t width = (answer->count + 1) * (side + GAP) - GAP, stride = width * 3;
    float most = heat_most(folder->maps, answer->count * area);
    memset(folder->picture, PAPER, (side + GAP + STRIP) * stride);
    for (size_t y = 0; y < side; y++)
        memcpy(folder->picture + y * stride, pixels + y * side * 3, side * 3);
    for (size_t i = 0; i < answer->count; i++) {
        uint8_t *square = folder->picture + (i + 1) * (side + GAP) * 3;
        heat_overlay(square, stride, pixels, side, side, answer->shown[i].map, answer->height, answer->width, most);
        draw_strip(square + (side + GAP) * stride, stride, side);
    }
    return width;
}

static enum status write_picture(const struct cam_folder *folder, size_t width, struct error *err)
{
    struct outfile file = {0};
    uint8_t *jpeg = NULL;
    size_t size = 0, height = side_of(folder) + GAP + STRIP;
    enum status status = jpeg_encode(&jpeg, &size, folder->picture, height, width, QUALITY, err);
    if (status == OK)
        status = outfile_open_in(&file, folder->folder.temporary, folder->answer.file, err);
    if (status == OK) {
        fwrite(jpeg, 1, size, file.stream); /* a failure is seen at the commit */
        status = outfile_end(&file, OK, err);
    }
    memory_free(jpeg);
    return status;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

enum status cam_folder_start(struct cam_folder *out, const char *path, const struct inference *inference,
                             struct error *err)
{
    const struct cam *cam = inference->cam;
    struct cam_folder folder = {.inference = inference, .digits = 4};
    size_t side = side_of(&folder), most = (CAM_SHOWN_MOST + 1) * (side + GAP);
    void *picture = NULL, *maps = NULL;
    folder.answer.height = cam_height(cam);
    folder.answer.width = cam_width(cam);
    for (size_t left = inference->photos->count; left > 9999; left /= 10)
        folder.digits++;
    enum status status = outfolder_open(&folder.folder, path, err);
    if (status != OK)
        return status;
    status = memory_alloc(&picture, side + GAP + STRIP, most * 3, "a picture", err);
    if (status == OK)
        status = memory_alloc(&maps, CAM_SHOWN_MOST, folder.answer.height * folder.answer.width * sizeof(float),
                              "the class activation maps", err);
    folder.picture = picture;
    folder.maps = maps;
    *out = folder; /* also on failure: the end removes the folder */
    return status;
}

static void add_map(struct cam_folder *folder, size_t image, size_t class, const float *logits)
{
    const struct cam *cam = folder->inference->cam;
    struct cam_answer *answer = &folder->answer;
    float *map = folder->maps + answer->count * answer->height * answer->width;
    cam_map(map, cam, image, class);
    answer->shown[answer->count].class = class;
    answer->shown[answer->count].logit = logits[class];
    answer->shown[answer->count].bias = cam_bias(cam, class);
    answer->shown[answer->count++].map = map;
}

enum status cam_folder_add(struct cam_folder *folder, const struct cam_answer **answer, const struct photo_batch *batch,
                           size_t i, const float *logits, struct error *err)
{
    const struct model_info *info = &folder->inference->model->info;
    const char *name = photo_name(folder->inference->photos, batch->photos[i]);
    bool named = info->own_classes || info->classes.count == IMAGENET_CLASSES; /* else "0", "1", ... mean nothing */
    size_t class = argmax(logits, info->classes.count), side = side_of(folder);
    size_t truth = named ? cam_true_class(&info->classes, name) : SIZE_MAX;
    if (truth == class)
        truth = SIZE_MAX;
    cam_file_name(folder->answer.file, &info->classes, name, batch->photos[i] + (size_t)1, folder->digits, class,
                  truth);
    folder->answer.count = 0;
    add_map(folder, i, class, logits);
    if (truth != SIZE_MAX)
        add_map(folder, i, truth, logits);
    *answer = &folder->answer;
    return write_picture(folder, draw(folder, batch->pixels + i * side * side * 3), err);
}

enum status cam_folder_end(struct cam_folder *folder, enum status status, struct error *err)
{
    status = outfolder_end(&folder->folder, status, err);
    memory_free(folder->picture);
    memory_free(folder->maps);
    *folder = (struct cam_folder){0};
    return status;
}
