/* A model prepared to classify a list of photos: shared by predict and eval. */
#ifndef FREEZETUNE_INFERENCE_H
#define FREEZETUNE_INFERENCE_H

#include "cli/model/model_file.h"
#include "cli/shell/engine_options.h"
#include "core/data/folder.h"
#include "core/data/loader.h"
#include "core/net/cam.h"
#include "core/net/plan.h"
#include "core/net/exec.h"
#include "core/train/mirrored.h"

/* How often a photo is looked at. */
enum { TTA_NONE, TTA_FLIP };
extern const char *const tta_choices[]; /* "none", "flip" */

#define INFERENCE_ROW_TTA(type, field)                                                                                 \
    OPTION_ROW("Photos", OPTION_CHOICE, "tta", type, field, .choices = tta_choices, .initial = "none",                 \
               .help = "flip: average the probabilities of each photo and its mirror image, for twice the work")

struct inference {
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    struct loader *loader;
    struct mirrored *mirrored; /* with TTA_FLIP */
    struct cam *cam;           /* by inference_open_cam: maps and features of the photos of the last inference_next */
    const struct model *model;
    const struct photo_list *photos;
    size_t batch;
};

/* Makes everything ready for photos 0, 1, 2, ... of the list. Model and list are borrowed until inference_close.
 * `strict` makes the first bad photo an error. */
MUST_CHECK enum status inference_open(struct inference *out, const struct model *model, const struct photo_list *photos,
                                      const struct engine_options *engine, size_t batch_size, bool strict,
                                      struct error *err);
/* The same, with maps and features (cam.h) in out->cam; the logits keep their bits. ERR_DATA when the network has none.
 * Not with TTA_FLIP, whose logits are not those of one pass. */
MUST_CHECK enum status inference_open_cam(struct inference *out, const struct model *model,
                                          const struct photo_list *photos, const struct engine_options *engine,
                                          size_t batch_size, bool strict, struct error *err);
/* The same for photos that come one at a time, and many of them: what each needs of the weights is kept in memory,
 * about half as much again as the weights. The logits keep their bits. */
MUST_CHECK enum status inference_open_stream(struct inference *out, const struct model *model,
                                             const struct photo_list *photos, const struct engine_options *engine,
                                             struct error *err);
void inference_close(struct inference *inference);

/* From now on each photo is looked at as `tta` says. ERR_SYSTEM without memory. */
MUST_CHECK enum status inference_set_tta(struct inference *inference, int tta, const struct model *model,
                                         struct error *err);

/* The next photos and their logits[batch->count,classes], both borrowed until the next call; *batch = NULL at the end.
 * With TTA_FLIP the logits are the logarithms of the mean probabilities (mirrored.h). ERR_DATA, naming the photo, when
 * the logits of one are not finite: they are no answer. Errors of loader_next. */
MUST_CHECK enum status inference_next(struct inference *inference, const struct photo_batch **batch,
                                      const float **logits, struct error *err);

/* The error of a command that answered although `bad` of `all` photos could not be read, `failed` of them because a
 * disk or a share did not answer: ERR_IO then, else ERR_DATA. `behind` goes on with the sentence: "; the others are
 * done". */
MUST_CHECK enum status inference_unreadable(size_t bad, size_t failed, size_t all, const char *behind,
                                            struct error *err);

#endif
