#include "cli/run/show_statistics.h"

#include <math.h>
#include <string.h>

#include "cli/shell/remark.h"
#include "cli/shell/wrap.h"

/* ---- what is said ------------------------------------------------------------------------------------------------ */

/* A variance in log2 as a factor of the standard deviation. */
static double factor(double shift)
{
    return exp2(shift / 2);
}

/* By finding: what it means, where it was measured, what makes it so. */
static const struct {
    const char *name; /* in JSON */
    const char *meaning, *place, *causes;
} findings[] = {
    [BN_AGREES] = {.name = "agree"},
    [BN_INPUT] = {"input", "the photos are not scaled as in its training", "the output of conv1",
                  "it was trained on pixels from 0 to 255 or from 0 to 1, with another mean and std, or on BGR as "
                  "Caffe's"},
    [BN_STEM] = {"stem", "the file belongs to another network", "the output of the pooling behind conv1",
                 "a stem with another pooling or activation"},
    [BN_BLOCKS] = {"blocks", "the file belongs to another network",
                   "the output where layer2 and layer3 halve the image",
                   "the stride in the first convolution of a block (as in Caffe's ResNets), or blur pooling"},
    [BN_ACTIVATIONS] = {"activations", "the file belongs to another network", "the output of layer4",
                        "another activation than ReLU"},
};

static void remark_finding(const struct bn_check *check, const char *path)
{
    const double shifts[] = {[BN_INPUT] = check->input,
                             [BN_STEM] = check->stem,
                             [BN_BLOCKS] = check->blocks,
                             [BN_ACTIVATIONS] = check->last};
    char shown[PATH_SHOWN];
    if (check->finding == BN_UNKNOWN || check->finding == BN_AGREES)
        return;
    remark("weights: %s: %s: on %zu photos %s varies %.2g times as much as its running statistics say; likely cause: "
           "%s (docs/weights.md)",
           path_shown(shown, path, stderr), findings[check->finding].meaning, check->photos,
           findings[check->finding].place, factor(shifts[check->finding]), findings[check->finding].causes);
}

static enum status judge(struct bn_check *check, const struct bn_moments *moments, const char *path, struct error *err)
{
    enum status status = bn_check(check, moments, err);
    if (status == OK)
        remark_finding(check, path);
    return status;
}

void statistics_json(struct json *json, const struct bn_check *check)
{
    if (check->finding == BN_UNKNOWN) {
        json_text(json, "running_statistics", NULL);
        return;
    }
    json_open(json, "running_statistics", '{');
    json_text(json, "finding", findings[check->finding].name);
    json_int(json, "photos", (int64_t)check->photos);
    json_float(json, "input", (float)check->input);
    json_float(json, "stem", (float)check->stem);
    json_float(json, "blocks", (float)check->blocks);
    json_float(json, "last", (float)check->last);
    json_close(json);
}

/* ---- predict and eval -------------------------------------------------------------------------------------------- */

enum status statistics_watch_start(struct statistics_watch *out, struct exec *exec, const struct plan *plan,
                                   const char *path, size_t photos, struct error *err)
{
    struct statistics_watch watch = {.exec = exec, .path = path};
    *out = (struct statistics_watch){0};
    if (photos < BN_CHECK_LEAST)
        return OK;
    enum status status = bn_moments_create(&watch.moments, plan, photos < BN_CHECK_MOST ? photos : BN_CHECK_MOST, err);
    if (status != OK)
        return status;
    exec_set_moments(exec, watch.moments);
    *out = watch;
    return OK;
}

enum status statistics_watch_look(struct statistics_watch *watch, bool end, struct error *err)
{
    if (!watch->moments || (!end && !bn_moments_full(watch->moments)))
        return OK;
    enum status status = judge(&watch->check, watch->moments, watch->path, err);
    statistics_watch_stop(watch);
    return status;
}

void statistics_watch_stop(struct statistics_watch *watch)
{
    if (!watch->moments)
        return;
    exec_set_moments(watch->exec, NULL);
    bn_moments_destroy(watch->moments);
    watch->moments = NULL;
}

/* ---- train ------------------------------------------------------------------------------------------------------- */

/* Photos of the list, spread evenly: lists are sorted by class. */
struct sample {
    uint32_t photos[BN_CHECK_MOST];
    size_t count;
};

static struct sample sample_of(const struct photo_list *list)
{
    struct sample sample = {.count = list->count < BN_CHECK_MOST ? list->count : BN_CHECK_MOST};
    for (size_t i = 0; i < sample.count; i++)
        sample.photos[i] = (uint32_t)(i * list->count / sample.count);
    return sample;
}

static bool is_to_be_checked(const struct run_setup *t)
{
    const struct feature_plan *cache = train_cache(t->train);
    bool kept = cache->mode == CACHE_DISK && cache->bytes > 0 && cache->there >= cache->bytes;
    return t->file && !kept && !t->values->resume && !t->values->dry_run && remarks_shown() &&
           t->options.usable >= BN_CHECK_LEAST;
}

/* What a few photos go through. */
struct trial {
    struct plan *plan;
    struct exec *exec;
    struct loader *loader;
    struct bn_moments *moments;
};

static void trial_close(struct trial *trial)
{
    loader_destroy(trial->loader);
    exec_destroy(trial->exec);
    bn_moments_destroy(trial->moments);
    plan_destroy(trial->plan);
}

/* An evaluation of as many photos at a time as the training takes in a pass: no more memory than that will need. */
static enum status trial_open(struct trial *out, const struct run_setup *t, struct error *err)
{
    struct loader_options loader = t->options.loader;
    const struct preprocess *preprocess = &loader.preprocess;
    struct trial trial = {0};
    struct normalise normalise;
    size_t pass = recipe_pass(&t->options.recipe, loader.batch);
    loader.batch = pass < BN_CHECK_LEAST ? pass : BN_CHECK_LEAST;
    loader.ahead = loader.batch;
    loader.strict = false;
    const struct plan_options options = {.batch = loader.batch,
                                         .height = (size_t)preprocess->crop,
                                         .width = (size_t)preprocess->crop,
                                         .conv = t->options.conv,
                                         .precision = t->options.precision,
                                         .threads = pool_threads(t->pool)};
    memcpy(normalise.mean, preprocess->mean, sizeof normalise.mean);
    memcpy(normalise.std, preprocess->std, sizeof normalise.std);
    enum status status = plan_create(&trial.plan, t->net, &options, err);
    if (status == OK)
        status = exec_create(&trial.exec, trial.plan, &normalise, t->pool, NULL, err);
    if (status == OK)
        status = bn_moments_create(&trial.moments, trial.plan, BN_CHECK_MOST, err);
    if (status == OK)
        status = loader_create(&trial.loader, &t->dataset.train, &loader, err);
    if (status == OK)
        *out = trial;
    else
        trial_close(&trial);
    return status;
}

enum status show_statistics(const struct run_setup *setup, struct error *err)
{
    struct sample sample = sample_of(&setup->dataset.train);
    const struct photo_batch *batch = NULL;
    struct bn_check check;
    struct trial trial;
    if (!is_to_be_checked(setup))
        return OK;
    enum status status = trial_open(&trial, setup, err);
    if (status != OK)
        return status;
    exec_set_moments(trial.exec, trial.moments);
    loader_start(trial.loader, sample.photos, sample.count, 0, 0, AUGMENT_NONE);
    while ((status = loader_next(trial.loader, &batch, err)) == OK && batch)
        exec_forward_pixels(trial.exec, batch->pixels, batch->count);
    if (status == OK)
        status = judge(&check, trial.moments, setup->weights, err);
    trial_close(&trial);
    return status;
}
