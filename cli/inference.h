/* A model made ready to answer for a list of photos: what predict and eval share. */
#ifndef FREEZETUNE_INFERENCE_H
#define FREEZETUNE_INFERENCE_H

#include "cli/engine_options.h"
#include "cli/model_file.h"
#include "core/data/folder.h"
#include "core/data/loader.h"
#include "core/net/plan.h"
#include "core/net/run.h"

struct inference {
    struct pool *pool;
    struct plan *plan;
    struct run *run;
    struct loader *loader;
};

/* Makes everything ready for photos 0, 1, 2, ... of the list. Model and list are borrowed until inference_close.
 * `strict` makes the first bad photo an error. */
MUST_CHECK enum status inference_open(struct inference *out, const struct model *model, const struct photo_list *photos,
                                      const struct engine_options *engine, size_t batch_size, bool strict,
                                      struct error *err);
void inference_close(struct inference *inference);

#endif
