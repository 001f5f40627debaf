/* predict --cam: a picture for each answer, beside it the numbers of its class activation maps (cam.h).
 *
 *   DIR/0001_IMG-17_bees.jpg             the square that the network saw, and the same under the map of its answer
 *   DIR/0002_IMG-18_bees_true_ants.jpg   where the photo lies in the folder of another class: that class's map too
 *
 * Colour shows what speaks for the class (heat_map.h), over the largest value of the picture's maps, so that the two
 * compare; what speaks against it is left without. The strip below goes from 0 to that value. Names begin with the
 * number of the photo, so they are unique; of the photo's and the classes' names letters, digits, '.', '-', '_' and
 * whatever is no ASCII and may be shown stay, the rest becomes '-'. The folder appears with all its files or not at
 * all.
 */
#ifndef FREEZETUNE_CAM_FOLDER_H
#define FREEZETUNE_CAM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/model/inference.h"
#include "core/base/error.h"
#include "core/base/outfolder.h"

enum { CAM_SHOWN_MOST = 2, CAM_NAME = 256 };

/* What was drawn of one photo: the map of the answer and, where it is known and another, of the true class. */
struct cam_answer {
    char file[CAM_NAME]; /* in the folder */
    size_t height, width, count;
    struct {
        size_t class;
        float logit, bias; /* logit = mean of the map + bias */
        const float *map;  /* [height,width] */
    } shown[CAM_SHOWN_MOST];
};

struct cam_folder {
    struct outfolder folder;
    const struct inference *inference; /* borrowed: by inference_open_cam */
    int digits;                        /* of a photo's number */
    uint8_t *picture;
    float *maps; /* [CAM_SHOWN_MOST,height,width] */
    struct cam_answer answer;
};

/* ERR_CANTCREATE as outfolder_open. Free with cam_folder_end. */
MUST_CHECK enum status cam_folder_start(struct cam_folder *out, const char *path, const struct inference *inference,
                                        struct error *err);

/* Draws image `i` of the last batch, whose logits[classes] these are. *answer is borrowed until the next call. */
MUST_CHECK enum status cam_folder_add(struct cam_folder *folder, const struct cam_answer **answer,
                                      const struct photo_batch *batch, size_t i, const float *logits,
                                      struct error *err);

/* Puts the folder in its place when all went well (`status`), else removes it; a zeroed one is left alone. */
MUST_CHECK enum status cam_folder_end(struct cam_folder *folder, enum status status, struct error *err);

/* The class whose folder the photo lies in: the last folder of the path that has a class's name; or SIZE_MAX. */
size_t cam_true_class(const struct class_names *classes, const char *path);

/* The name of the picture of photo `number`, with `digits` digits. truth is SIZE_MAX or another class than `class`. */
void cam_file_name(char out[CAM_NAME], const struct class_names *classes, const char *path, size_t number, int digits,
                   size_t class, size_t truth);

#endif
