/* The part of `check` that needs a pretrained network: photos that show the same picture. */
#ifndef FREEZETUNE_CHECK_NEAR_H
#define FREEZETUNE_CHECK_NEAR_H

#include "cli/model/model_file.h"
#include "cli/report/findings_near.h"
#include "cli/shell/engine_options.h"
#include "core/data/quality_scan.h"

struct check_near {
    const struct engine_options *engine;
    const char *weights, *cache_dir; /* as given, or NULL */
    int image_size;
    float least;
    near_watch *watch; /* counts what it is told to: photos, then blocks, then photos again */
    void *context;
    const struct dataset *dataset;
    const struct scan_report *scan;
    const struct quality_photo *photos;
    const struct align_photo *align;
    struct pool *pool;
};

/* The weights that there are, opened: the given ones, else the default ones (path_weights). model->net = NULL and *why
 * (owned) where nothing was given and there are none. Errors of model_open. Free with model_close. */
MUST_CHECK enum status check_near_open(struct model *model, char **why, const char *weights, int image_size,
                                       struct error *err);

/* Adds what is found. *stopped: the watch said so. Errors of embedder_open and embedder_list. */
MUST_CHECK enum status check_near_look(struct findings *out, const struct check_near *check, const struct model *model,
                                       bool *stopped, struct error *err);

#endif
