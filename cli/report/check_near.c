#include "cli/report/check_near.h"

#include "cli/model/embeddings.h"
#include "cli/shell/paths.h"
#include "core/base/memory.h"

enum { BATCH = 16 };

enum status check_near_open(struct model *model, char **why, const char *weights, int image_size, struct error *err)
{
    char *path;
    struct error reason = {0};
    *model = (struct model){0};
    *why = NULL;
    enum status status = path_weights(&path, weights, &reason);
    if (status == ERR_NOINPUT && !weights)
        return memory_strdup(why, "there are no pretrained weights; name them with --weights FILE", err);
    if (status != OK)
        return error_set(err, status, "%s", reason.text);
    status = model_open(model, path, NULL, err);
    memory_free(path);
    if (status == OK) {
        model->info.preprocess = preprocess_scaled(&model->info.preprocess, image_size);
        status = preprocess_check(&model->info.preprocess, "--image-size", err);
    }
    return status;
}

/* Photos that cannot be read are not tried again. */
static enum status embed_list(float *out, struct embedder *embedder, const struct photo_list *list,
                              const struct quality_photo *photos, bool *stopped, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, list->count, sizeof(bool), "the near photos", err);
    if (status != OK)
        return status;
    bool *skip = memory;
    for (size_t i = 0; i < list->count; i++)
        skip[i] = photos[i].reason != NULL;
    status = embedder_list(out, embedder, list, skip, stopped, err);
    memory_free(skip);
    return status;
}

static enum status embed(float **out, size_t *width, const struct check_near *check, const struct model *model,
                         bool *stopped, struct error *err)
{
    const struct dataset *dataset = check->dataset;
    size_t train = dataset->train.count, count = train + dataset->val.count;
    char *dir = NULL;
    struct embedder *embedder = NULL;
    void *memory = NULL;
    enum status status = path_cache(&dir, check->cache_dir, err);
    if (status == ERR_USAGE && !check->cache_dir)
        status = OK; /* no home folder: in memory */
    const struct embeddings_options options = {
        .engine = check->engine, .dir = dir, .batch = BATCH, .watch = check->watch, .context = check->context};
    if (status == OK)
        status = embedder_open(&embedder, model, count, &options, check->pool, err);
    if (status == OK) {
        *width = embedder_width(embedder);
        status = memory_alloc(&memory, count, *width * sizeof(float), "the embeddings of the photos", err);
    }
    float *values = memory;
    if (status == OK)
        status = embed_list(values, embedder, &dataset->train, check->photos, stopped, err);
    if (status == OK && !*stopped)
        status = embed_list(values + train * *width, embedder, &dataset->val, check->photos + train, stopped, err);
    embedder_close(embedder);
    memory_free(dir);
    if (status == OK)
        *out = values;
    else
        memory_free(values);
    return status;
}

enum status check_near_look(struct findings *out, const struct check_near *check, const struct model *model,
                            bool *stopped, struct error *err)
{
    float *embeddings;
    struct near_input input = {.dataset = check->dataset,
                               .scan = check->scan,
                               .align = check->align,
                               .least = check->least,
                               .watch = check->watch,
                               .context = check->context};
    enum status status = embed(&embeddings, &input.width, check, model, stopped, err);
    if (status != OK)
        return status;
    input.embeddings = embeddings;
    if (!*stopped)
        status = findings_look_near(out, &input, check->pool, stopped, err);
    memory_free(embeddings);
    return status;
}
