/* eval --strangers DIR: how well photos of no class are told from those of the classes, by three scores:
 *
 *   probability  the largest one (at the model's temperature)
 *   energy       log sum exp of the logits
 *   distance     to the nearest class mean of the features of child 9, with the minus sign; a known photo is left out
 *                of the mean of its own class (class_means.h)
 *
 * The area under the ROC curve of each (auroc.h). The features of the known photos are kept: 4 bytes a value.
 */
#ifndef FREEZETUNE_EVAL_STRANGERS_H
#define FREEZETUNE_EVAL_STRANGERS_H

#include "cli/model/inference.h"
#include "cli/shell/json.h"
#include "core/train/auroc.h"
#include "core/train/class_means.h"

enum { STRANGER_PROBABILITY, STRANGER_ENERGY, STRANGER_DISTANCE, STRANGER_SCORES };

/* Begins as {0}. */
struct eval_strangers {
    struct photo_list list;
    const struct model *model; /* borrowed; NULL: not asked for */
    struct class_means means;
    float *features; /* [known, means.size] */
    int32_t *labels; /* [known] */
    size_t features_room, labels_room, known;
    double *scores[2][STRANGER_SCORES]; /* of known photos and of strangers */
    size_t scores_room[2][STRANGER_SCORES], counts[2];
    size_t bad, failed;                  /* strangers that could not be read; of these, for a disk */
    struct auroc auroc[STRANGER_SCORES]; /* after eval_strangers_run */
};

/* Lists the photos of `path`, in whatever folders. ERR_USAGE where photos are looked at twice (`tta`), ERR_NOINPUT
 * without a photo; errors of photo_list_add. */
MUST_CHECK enum status eval_strangers_open(struct eval_strangers *out, const char *path, const struct model *model,
                                           int tta, struct error *err);
/* A batch of known photos; `inference` has just computed it and was opened by inference_open_cam. */
MUST_CHECK enum status eval_strangers_add(struct eval_strangers *strangers, const struct inference *inference,
                                          const struct photo_batch *batch, const float *logits, struct error *err);
/* After all known photos: looks at the strangers, and measures. stderr: those that cannot be read. ERR_DATA when none
 * can; errors of inference_open_cam and inference_next. */
MUST_CHECK enum status eval_strangers_run(struct eval_strangers *strangers, const struct engine_options *engine,
                                          size_t batch_size, struct error *err);
MUST_CHECK enum status eval_strangers_text(FILE *out, const struct eval_strangers *strangers, struct error *err);
/* "strangers": an object in an open one. */
void eval_strangers_json(struct json *json, const struct eval_strangers *strangers);
void eval_strangers_free(struct eval_strangers *strangers);

#endif
