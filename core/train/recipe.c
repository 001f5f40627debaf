#include "core/train/recipe.h"

#include <math.h>

#include "core/base/memory.h"

enum status recipe_check(const struct recipe_options *options, struct error *err)
{
    const char *wrong = NULL;
    if (!(options->label_smoothing >= 0 && options->label_smoothing <= 1))
        wrong = "--label-smoothing must be 0 to 1";
    else if (!(options->class_weight_power >= 0 && options->class_weight_power <= 1))
        wrong = "--class-weight-power must be 0 to 1";
    else if (!(options->mixup >= 0) || !isfinite(options->mixup))
        wrong = "--mixup must be 0 or more";
    else if (!(options->cutmix >= 0) || !isfinite(options->cutmix))
        wrong = "--cutmix must be 0 or more";
    else if (!(options->clip_norm >= 0) || !isfinite(options->clip_norm))
        wrong = "--clip-norm must be 0 or more";
    else if (!(options->ema >= 0 && options->ema < 1))
        wrong = "--ema must be 0 or more and below 1";
    return wrong ? error_set(err, ERR_USAGE, "%s", wrong) : OK;
}

bool recipe_mixes(const struct recipe_options *options)
{
    return options->mixup > 0 || options->cutmix > 0;
}

size_t recipe_pass(const struct recipe_options *options, size_t batch)
{
    return options->micro_batch > 0 && options->micro_batch < batch ? options->micro_batch : batch;
}

size_t recipe_pieces(const struct recipe_options *options, size_t photos)
{
    size_t most = recipe_pass(options, photos);
    return most > 0 ? (photos + most - 1) / most : 0;
}

/* A shorter batch has fewer pieces, which may be dealt otherwise, so all are looked at. */
size_t recipe_at_once(const struct recipe_options *options, const struct peers *peers, size_t batch)
{
    size_t most = recipe_pass(options, batch);
    for (size_t photos = 1; options->bn_sync && photos <= batch; photos++) {
        size_t pieces = recipe_pieces(options, photos);
        for (size_t r = 0; r < peers->count; r++) {
            size_t first = photos * peers_first(peers, r, pieces) / pieces;
            size_t end = photos * peers_first(peers, r + 1, pieces) / pieces;
            most = end - first > most ? end - first : most;
        }
    }
    return most;
}

size_t recipe_step_photos(const struct recipe_options *options, const struct plan *plan, size_t photos)
{
    while (photos > 0 &&
           plan_batch_too_small(plan, options->bn_sync ? photos : photos / recipe_pieces(options, photos)))
        photos--;
    return photos;
}

/* Several peers have a piece each at least. */
static bool keeps_gradients(const struct recipe_options *options, size_t batch)
{
    return options->clip_norm > 0 || recipe_pieces(options, batch) > 1;
}

enum status recipe_class_weights(float **out, const struct photo_list *photos, size_t classes, double power,
                                 struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, classes, sizeof(float), "the weights of the classes", err);
    if (status != OK)
        return status;
    float *weights = memory;
    void *counted;
    status = memory_alloc(&counted, classes, sizeof(size_t), "the weights of the classes", err);
    if (status != OK) {
        memory_free(weights);
        return status;
    }
    size_t *counts = counted;
    for (size_t i = 0; i < photos->count; i++)
        counts[photos->photos[i].class]++;
    double sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += counts[k] ? pow((double)counts[k], 1 - power) : 0;
    for (size_t k = 0; k < classes; k++)
        weights[k] = counts[k] ? (float)(pow((double)counts[k], -power) * (double)photos->count / sum) : 0;
    memory_free(counts);
    *out = weights;
    return OK;
}

/* Whether the pixels of a pass become numbers here and not in the network's run. */
static bool makes_numbers(const struct recipe_options *options, const struct recipe_run *run)
{
    return recipe_mixes(options) || run->erases;
}

static enum status prepare_mixing(struct recipe *recipe, const struct recipe_run *run,
                                  const struct normalise *normalise, struct error *err)
{
    void *memory;
    size_t photos = recipe_at_once(&recipe->options, run->peers, run->batch);
    enum status status =
        memory_alloc(&memory, photos * run->side * run->side * 3, sizeof(float), "the mixed photos", err);
    if (status != OK)
        return status;
    recipe->mixed = memory;
    status = memory_alloc(&memory, run->batch, sizeof(int32_t), "the mixed labels", err);
    if (status != OK)
        return status;
    recipe->others = memory;
    normalise_table(recipe->table, normalise);
    return OK;
}

enum status recipe_prepare(struct recipe *out, const struct recipe_options *options, const struct recipe_run *run,
                           const struct normalise *normalise, struct error *err)
{
    enum status status = OK;
    *out = (struct recipe){.options = *options};
    if (options->class_weight_power > 0)
        status = recipe_class_weights(&out->class_weights, run->photos, net_classes(run->net),
                                      options->class_weight_power, err);
    if (status == OK && keeps_gradients(options, run->batch))
        status =
            gradients_create(&out->gradients, run->net, run->pool, run->peers, recipe_pieces(options, run->batch), err);
    if (status == OK && options->ema > 0)
        status = ema_create(&out->ema, run->net, run->freeze, options->ema, run->pool, err);
    if (status == OK && makes_numbers(options, run))
        status = prepare_mixing(out, run, normalise, err);
    return status;
}

enum status recipe_add_trainable(struct recipe *recipe, const struct freeze *freeze, struct error *err)
{
    enum status status = recipe->gradients ? gradients_add_trainable(recipe->gradients, err) : OK;
    return status == OK && recipe->ema ? ema_add_moving(recipe->ema, freeze, err) : status;
}

void recipe_free(struct recipe *recipe)
{
    memory_free(recipe->others);
    memory_free(recipe->mixed);
    ema_destroy(recipe->ema);
    gradients_destroy(recipe->gradients);
    memory_free(recipe->class_weights);
    *recipe = (struct recipe){0};
}

/* Of the rank that takes the most: how many vectors a block of pieces needs depends on where it begins. */
static size_t gradients_need(const struct recipe_run *run, size_t pieces)
{
    size_t most = 0;
    struct peers peers = *run->peers;
    for (peers.rank = 0; peers.rank < peers.count; peers.rank++) {
        size_t bytes = gradients_bytes(run->net, &peers, pieces) + gradients_exchange_bytes(run->net, &peers, pieces);
        most = bytes > most ? bytes : most;
    }
    return most;
}

struct recipe_needs recipe_needs(const struct recipe_options *options, const struct recipe_run *run)
{
    size_t photos = recipe_at_once(options, run->peers, run->batch), pieces = recipe_pieces(options, run->batch);
    return (struct recipe_needs){
        .gradients = keeps_gradients(options, run->batch) ? gradients_need(run, pieces) : 0,
        .average = options->ema > 0 ? ema_bytes(run->net, run->freeze) : 0,
        .mixing = makes_numbers(options, run) ? photos * run->side * run->side * 3 * sizeof(float) : 0,
    };
}
