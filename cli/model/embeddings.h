/* The embedding of photos: the input of the network's last layer for the plain view of each photo, 2048 numbers for a
 * ResNet-50 (child 9, avgpool). They go through the feature cache under the key that training with these children
 * frozen uses, so that each finds what the other has computed.
 */
#ifndef FREEZETUNE_EMBEDDINGS_H
#define FREEZETUNE_EMBEDDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/model/model_file.h"
#include "cli/shell/engine_options.h"
#include "core/base/threads.h"
#include "core/data/folder.h"
#include "core/features/feature_cache.h"

struct embeddings_options {
    const struct engine_options *engine;
    const char *dir; /* of the feature cache; NULL: memory is used instead */
    size_t batch;    /* images of a pass */
    feature_watch *watch;
    void *context;
};

struct embedder;

/* The model is borrowed, its preprocess says how photos are prepared; `photos` is how many there will be. ERR_DATA for
 * a network without children to freeze; errors of plan_create, exec_create, feature_plan_begin and _size. */
MUST_CHECK enum status embedder_open(struct embedder **out, const struct model *model, size_t photos,
                                     const struct embeddings_options *options, struct pool *pool, struct error *err);
void embedder_close(struct embedder *embedder);
size_t embedder_width(const struct embedder *embedder);

/* out[photos of the list][width]; a row of zeros where skip[photo] says that it is not to be tried (NULL: none), or
 * where it cannot be read. *stopped: the watch said so. Errors of loader_create, feature_cache_fill and _load. */
MUST_CHECK enum status embedder_list(float *out, struct embedder *embedder, const struct photo_list *list,
                                     const bool *skip, bool *stopped, struct error *err);

#endif
