#include "cli/model/inference.h"

#include <stdio.h>
#include <string.h>

#include "core/ops/loss.h"

const char *const tta_choices[] = {[TTA_NONE] = "none", [TTA_FLIP] = "flip", [TTA_FLIP + 1] = NULL};

static enum status make_run(struct inference *inference, const struct model *model, const struct engine_options *engine,
                            size_t batch_size, bool with_cam, bool stream, struct error *err)
{
    const struct preprocess *preprocess = &model->info.preprocess;
    struct plan_options options = {.batch = batch_size,
                                   .keep_prepared = stream || prepared_pays((enum precision)engine->precision),
                                   .height = (size_t)preprocess->crop,
                                   .width = (size_t)preprocess->crop,
                                   .conv = (enum conv_engine)engine->conv,
                                   .precision = (enum precision)engine->precision,
                                   .threads = engine_threads(engine)};
    struct normalise normalise;
    enum status status = OK;
    memcpy(normalise.mean, preprocess->mean, sizeof normalise.mean);
    memcpy(normalise.std, preprocess->std, sizeof normalise.std);
    if (with_cam) {
        status = cam_place(&options.from, model->net, err);
        options.cut = options.from + 1;
    }
    if (status == OK)
        status = plan_create(&inference->plan, model->net, &options, err);
    if (status == OK)
        status = exec_create(&inference->exec, inference->plan, &normalise, inference->pool, NULL, err);
    if (status == OK && with_cam)
        status = cam_create(&inference->cam, inference->plan, err);
    return status;
}

static enum status make_loader(struct inference *inference, const struct model *model, const struct photo_list *photos,
                               const struct engine_options *engine, size_t batch_size, bool strict, struct error *err)
{
    const struct loader_options options = {.threads = engine_threads(engine),
                                           .batch = batch_size,
                                           .ahead = batch_size,
                                           .preprocess = model->info.preprocess,
                                           .image = engine_image_options(engine),
                                           .fast = engine->decode == DECODE_FAST,
                                           .strict = strict};
    return loader_create(&inference->loader, photos, &options, err);
}

static enum status open_any(struct inference *out, const struct model *model, const struct photo_list *photos,
                            const struct engine_options *engine, size_t batch_size, bool strict, bool with_cam,
                            bool stream, struct error *err)
{
    struct inference inference = {.model = model, .photos = photos};
    if (photos->count < batch_size)
        batch_size = photos->count;
    inference.batch = batch_size;
    enum status status = engine_start(&inference.pool, engine, err);
    if (status == OK)
        status = make_run(&inference, model, engine, batch_size, with_cam, stream, err);
    if (status == OK)
        status = make_loader(&inference, model, photos, engine, batch_size, strict, err);
    if (status == OK)
        *out = inference;
    else
        inference_close(&inference);
    return status;
}

enum status inference_open(struct inference *out, const struct model *model, const struct photo_list *photos,
                           const struct engine_options *engine, size_t batch_size, bool strict, struct error *err)
{
    return open_any(out, model, photos, engine, batch_size, strict, false, false, err);
}

enum status inference_open_cam(struct inference *out, const struct model *model, const struct photo_list *photos,
                               const struct engine_options *engine, size_t batch_size, bool strict, struct error *err)
{
    return open_any(out, model, photos, engine, batch_size, strict, true, false, err);
}

enum status inference_open_stream(struct inference *out, const struct model *model, const struct photo_list *photos,
                                  const struct engine_options *engine, struct error *err)
{
    return open_any(out, model, photos, engine, 1, false, false, true, err);
}

enum status inference_set_tta(struct inference *inference, int tta, const struct model *model, struct error *err)
{
    if (tta == TTA_NONE)
        return OK;
    return mirrored_create(&inference->mirrored, inference->batch, (size_t)model->info.preprocess.crop,
                           model->info.classes.count, err);
}

/* All values of a model are finite (weights_load), and so are mean and deviation: what is not finite came of products
 * in the network. */
static enum status check_finite(const struct inference *inference, const struct photo_batch *batch, const float *logits,
                                struct error *err)
{
    size_t classes = inference->model->info.classes.count, bad = logits_finite(logits, batch->count, classes);
    char photo[4096];
    if (bad == batch->count)
        return OK;
    if (!photo_path(photo, sizeof photo, inference->photos, batch->photos[bad]))
        snprintf(photo, sizeof photo, "%s", photo_name(inference->photos, batch->photos[bad]));
    return error_set(err, ERR_DATA,
                     "%.400s: no answer: the output of the network is not finite: values overflow inside %.300s, which "
                     "is damaged or whose training diverged; use another model",
                     photo, inference->model->path);
}

enum status inference_next(struct inference *inference, const struct photo_batch **batch, const float **logits,
                           struct error *err)
{
    enum status status = loader_next(inference->loader, batch, err);
    if (status != OK || !*batch)
        return status;
    const uint8_t *pixels = (*batch)->pixels;
    size_t count = (*batch)->count;
    if (inference->cam)
        *logits = cam_forward(inference->cam, inference->exec, pixels, count);
    else if (inference->mirrored)
        *logits = mirrored_forward(inference->mirrored, inference->exec, pixels, count);
    else
        *logits = exec_forward_pixels(inference->exec, pixels, count);
    return check_finite(inference, *batch, *logits, err);
}

enum status inference_unreadable(size_t bad, size_t failed, size_t all, const char *behind, struct error *err)
{
    if (failed > 0)
        return error_set(err, ERR_IO,
                         "%zu of %zu photos could not be read, %zu of them because the disk failed%s; try again", bad,
                         all, failed, behind);
    return error_set(err, ERR_DATA, "%zu of %zu photos could not be read%s", bad, all, behind);
}

void inference_close(struct inference *inference)
{
    cam_destroy(inference->cam);
    mirrored_destroy(inference->mirrored);
    loader_destroy(inference->loader);
    exec_destroy(inference->exec);
    plan_destroy(inference->plan);
    pool_destroy(inference->pool);
    *inference = (struct inference){0};
}
