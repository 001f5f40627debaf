#include "cli/report/bench_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/data/augment.h"
#include "core/net/exec.h"
#include "core/ops/loss.h"
#include "core/ops/peak.h"
#include "core/train/optimizer.h"
#include "core/train/stage.h"

static const double peak_seconds = 0.1;
enum { NOISE_HEIGHT = 375, NOISE_WIDTH = 500, PHOTO_REPEATS = 8 };

struct bench {
    const struct bench_options *options;
    struct net *net;
    struct pool *pool;
    struct plan *infer_plan, *train_plan;
    struct exec *infer, *train;
    struct optimizer *optimizer;
    struct profile *profile; /* of the training step */
    void *shared;
    uint8_t *pixels; /* a batch of noise */
    int32_t *labels;
    float *dlogits;
    double optimizer_seconds;

    uint8_t *photo; /* the file's bytes */
    size_t photo_size;
    struct image image; /* noise, or the photo decoded */
    struct preprocess preprocess;
    struct resizer *resizer;
    uint8_t *crop;
};

/* ---- set-up ------------------------------------------------------------------------------------------------------ */
static enum status make_noise(uint8_t **out, size_t count, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, count, 1, "noise", err);
    if (status != OK)
        return status;
    struct rng rng = rng_stream(0, RNG_TEST, 0, 0);
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)memory)[i] = (uint8_t)rng_u32(&rng);
    *out = memory;
    return OK;
}

static enum status prepare_runs(struct bench *b, struct error *err)
{
    const struct bench_options *o = b->options;
    struct plan_options plan = {.batch = o->batch,
                                .height = o->image_size,
                                .width = o->image_size,
                                .conv = o->conv,
                                .precision = o->precision,
                                .threads = o->threads,
                                .keep_prepared = o->forward_only && prepared_pays(o->precision),
                                .freeze = {o->freeze_until, BN_EVAL, BN_BATCH}};
    freeze_apply(b->net, &plan.freeze);
    struct normalise normalise;
    memcpy(normalise.mean, b->preprocess.mean, sizeof normalise.mean);
    memcpy(normalise.std, b->preprocess.std, sizeof normalise.std);
    enum status status = plan_create(&b->infer_plan, b->net, &plan, err);
    size_t shared = status == OK ? plan_shared_bytes(b->infer_plan) : 0;
    if (status == OK && !o->forward_only) {
        plan.train = true;
        status = plan_create(&b->train_plan, b->net, &plan, err);
        if (status == OK && plan_shared_bytes(b->train_plan) > shared)
            shared = plan_shared_bytes(b->train_plan);
        const struct optimizer_options sgd = {.kind = OPTIMIZER_SGD, .momentum = 0.9};
        if (status == OK)
            status = optimizer_create(&b->optimizer, b->net, &sgd, b->pool, err);
    }
    if (status == OK)
        status = memory_alloc(&b->shared, shared, 1, "activations", err);
    if (status == OK)
        status = exec_create(&b->infer, b->infer_plan, &normalise, b->pool, b->shared, err);
    if (status == OK && b->train_plan)
        status = exec_create(&b->train, b->train_plan, &normalise, b->pool, b->shared, err);
    return status;
}

/* What the runs take, planned as bench_run plans them but for the precision. */
static enum status network_bytes(size_t *out, const struct bench *b, enum precision precision, struct error *err)
{
    struct plan_options options = b->infer_plan->options;
    struct plan *plan = NULL;
    if (b->train_plan)
        return stage_bytes_in(out, b->net, &options, options.batch, precision, err);
    options.precision = precision;
    options.keep_prepared = prepared_pays(precision);
    enum status status = plan_create(&plan, b->net, &options, err);
    if (status == OK)
        *out = plan_bytes(plan);
    plan_destroy(plan);
    return status;
}

static enum status prepare_batch(struct bench *b, struct error *err)
{
    const struct bench_options *o = b->options;
    void *memory;
    enum status status = make_noise(&b->pixels, o->batch * o->image_size * o->image_size * 3, err);
    if (status == OK && (status = memory_alloc(&memory, o->batch, sizeof *b->labels, "labels", err)) == OK)
        b->labels = memory;
    if (status == OK &&
        (status = memory_alloc(&memory, o->batch * net_classes(b->net), sizeof(float), "gradients", err)) == OK)
        b->dlogits = memory;
    for (size_t i = 0; status == OK && i < o->batch; i++)
        b->labels[i] = (int32_t)(i % net_classes(b->net));
    return status;
}

static enum status prepare_photo(struct bench *b, struct error *err)
{
    const struct bench_options *o = b->options;
    const struct image_options image = {0};
    void *memory;
    enum status status = resizer_create(&b->resizer, err);
    if (status == OK && (status = memory_alloc(&memory, o->image_size * o->image_size, 3, "a photo", err)) == OK)
        b->crop = memory;
    if (status == OK && o->photo) {
        status = file_read(&b->photo, &b->photo_size, o->photo, IMAGE_MAX_BYTES, err);
        return status == OK ? image_decode(&b->image, b->photo, b->photo_size, &image, err) : status;
    }
    b->image.height = NOISE_HEIGHT;
    b->image.width = NOISE_WIDTH;
    return status == OK ? make_noise(&b->image.pixels, (size_t)NOISE_HEIGHT * NOISE_WIDTH * 3, err) : status;
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */
static void update(void *context, size_t param, const float *gradient)
{
    struct bench *b = context;
    double start = clock_seconds();
    optimizer_update(b->optimizer, param, gradient, 1e-4);
    b->optimizer_seconds += clock_seconds() - start;
}

static double forward_seconds(struct bench *b)
{
    double start = clock_seconds();
    exec_forward_pixels(b->infer, b->pixels, b->options->batch);
    return clock_seconds() - start;
}

/* The parts of a step come from the profile's sums before and after it. */
static void step_seconds(struct bench *b, double parts[BENCH_PARTS])
{
    const struct profile before = *b->profile;
    size_t batch = b->options->batch, classes = net_classes(b->net);
    double start = clock_seconds();
    b->optimizer_seconds = 0;
    const float *logits = exec_forward_pixels(b->train, b->pixels, batch);
    cross_entropy(b->dlogits, logits, b->labels, batch, classes);
    exec_backward(b->train, b->dlogits, update, b);
    parts[BENCH_STEP] = clock_seconds() - start;
    parts[BENCH_PREFIX] = b->profile->prefix - before.prefix;
    parts[BENCH_SUFFIX] = b->profile->suffix - before.suffix;
    parts[BENCH_BACKWARD] = b->profile->backward - before.backward - b->optimizer_seconds;
    parts[BENCH_OPTIMIZER] = b->optimizer_seconds;
}

static enum status photo_seconds(struct bench *b, double parts[BENCH_PARTS], struct error *err)
{
    const struct image_options options = {0};
    const struct augment_extras extras = {0};
    enum status status = OK;
    double start = clock_seconds();
    for (int i = 0; i < PHOTO_REPEATS && b->photo && status == OK; i++) {
        struct image image;
        status = image_decode(&image, b->photo, b->photo_size, &options, err);
        if (status == OK)
            image_free(&image);
    }
    parts[BENCH_DECODE] = (clock_seconds() - start) / PHOTO_REPEATS;
    start = clock_seconds();
    for (int i = 0; i < PHOTO_REPEATS && status == OK; i++)
        status = preprocess_photo(b->crop, &b->preprocess, &b->image, b->resizer, err);
    parts[BENCH_RESIZE] = (clock_seconds() - start) / PHOTO_REPEATS;
    start = clock_seconds();
    for (uint32_t i = 0; i < PHOTO_REPEATS && status == OK; i++) {
        struct augment_draws draws = augment_draw(AUGMENT_STANDARD, &extras, b->preprocess.crop, b->image.height,
                                                  b->image.width, rng_stream(0, RNG_AUGMENT, 0, i));
        status = augment_apply(b->crop, &draws, &b->preprocess, &b->image, b->resizer, NULL, err);
    }
    parts[BENCH_AUGMENT] = (clock_seconds() - start) / PHOTO_REPEATS;
    return status;
}

static enum status one_round(struct bench *b, double parts[BENCH_PARTS], struct error *err)
{
    const enum precision precision = b->options->precision;
    memset(parts, 0, BENCH_PARTS * sizeof *parts);
    parts[BENCH_PEAK_ONE] = peak_flops(b->pool, 1, peak_seconds, precision) / 1e9;
    parts[BENCH_PEAK_ALL] = peak_flops(b->pool, b->options->threads, peak_seconds, precision) / 1e9;
    parts[BENCH_FORWARD] = forward_seconds(b);
    if (b->train)
        step_seconds(b, parts);
    for (int part = BENCH_FORWARD; part <= BENCH_OPTIMIZER; part++)
        parts[part] *= 1e3 / (double)b->options->batch;
    enum status status = photo_seconds(b, parts, err);
    for (int part = BENCH_DECODE; part <= BENCH_AUGMENT; part++)
        parts[part] *= 1e3;
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */
static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static enum status measure(struct bench *b, struct bench_result *out, struct error *err)
{
    size_t repeat = b->options->repeat;
    double parts[BENCH_PARTS];
    void *memory;
    enum status status = one_round(b, parts, err); /* warm-up: touches all memory */
    if (status == OK)
        profile_reset(b->profile);
    for (int part = 0; part < BENCH_PARTS && status == OK; part++)
        if ((status = memory_alloc(&memory, repeat, sizeof(double), "measurements", err)) == OK)
            out->values[part] = memory;
    for (size_t i = 0; i < repeat && status == OK; i++) {
        status = one_round(b, parts, err);
        for (int part = 0; part < BENCH_PARTS; part++)
            out->values[part][i] = parts[part];
    }
    for (int part = 0; part < BENCH_PARTS && status == OK; part++)
        qsort(out->values[part], repeat, sizeof(double), ascending);
    return status;
}

/* Bytes. From /proc, because getrusage counts what the parent had before it became this program;
 * 0 where there is none. */
static size_t peak_rss(void)
{
    char line[128];
    unsigned long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && !kilobytes && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lu kB", &kilobytes) != 1)
            kilobytes = 0;
    if (status)
        fclose(status);
    return (size_t)kilobytes * 1024;
}

static void bench_close(struct bench *b)
{
    exec_destroy(b->train);
    exec_destroy(b->infer);
    optimizer_destroy(b->optimizer);
    profile_destroy(b->profile);
    plan_destroy(b->train_plan);
    plan_destroy(b->infer_plan);
    memory_free(b->shared);
    memory_free(b->pixels);
    memory_free(b->labels);
    memory_free(b->dlogits);
    memory_free(b->photo);
    memory_free(b->crop);
    image_free(&b->image);
    resizer_destroy(b->resizer);
}

enum status bench_run(struct bench_result *out, struct net *net, const struct bench_options *options, struct pool *pool,
                      struct profile_sums *sums, struct error *err)
{
    struct bench b = {
        .options = options, .net = net, .pool = pool, .preprocess = preprocess_for_size((int)options->image_size)};
    *out = (struct bench_result){0};
    enum status status = prepare_runs(&b, err);
    if (status == OK)
        status = prepare_batch(&b, err);
    if (status == OK)
        status = prepare_photo(&b, err);
    struct plan *plan = b.train_plan ? b.train_plan : b.infer_plan;
    if (status == OK)
        status = profile_create(&b.profile, plan, err);
    if (status == OK) {
        exec_set_profile(b.train ? b.train : b.infer, b.profile);
        status = measure(&b, out, err);
    }
    if (status == OK) {
        out->forward_flops = b.infer_plan->flops_prefix + b.infer_plan->flops_suffix;
        out->step_flops = plan->flops_prefix + plan->flops_suffix + plan->flops_backward;
        out->peak_rss = peak_rss();
    }
    if (status == OK)
        status = network_bytes(&out->network, &b, options->precision, err);
    if (status == OK && options->conv != CONV_IM2COL)
        status = network_bytes(&out->network_bf16, &b, PRECISION_BF16, err);
    if (status == OK && sums && (status = profile_sums_reserve(sums, plan, NULL, err)) == OK)
        profile_sums_add(sums, b.profile, "forward");
    bench_close(&b);
    if (status != OK)
        bench_result_free(out);
    return status;
}

void bench_result_free(struct bench_result *result)
{
    for (int part = 0; part < BENCH_PARTS; part++) {
        memory_free(result->values[part]);
        result->values[part] = NULL;
    }
}

double bench_median(const struct bench_result *result, enum bench_part part, size_t repeat)
{
    const double *v = result->values[part];
    return repeat % 2 ? v[repeat / 2] : (v[repeat / 2 - 1] + v[repeat / 2]) / 2;
}
