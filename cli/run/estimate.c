#include "cli/run/estimate.h"

#include "cli/shell/group.h"
#include "core/ops/cpu.h"
#include "core/ops/peak.h"
#include "core/train/lr_find.h"

/* The share of the multiply-add peak that ResNet-50 reaches, all that is not a product included. Measured with AVX-512,
 * one thread, batch 16, 224 pixels: 0.84 forward alone, 0.80 a step at freeze 6, 0.67 at freeze 0. In bfloat16 the peak
 * is higher, and what is not a product takes as long: 0.82, 0.76 and 0.67 by AVX512_BF16 (Zen 4), 0.26 and 0.18 by AMX.
 * Elsewhere it is that of float32: 0.83 and 0.79 forward and at freeze 6 (AVX-512), 0.71 and 0.73 (AVX2). */
static double share_of_peak(enum precision precision)
{
    if (precision == PRECISION_F32)
        return 0.77;
    static const double shares[] = {[CPU_BF16_WIDENED] = 0.75, [CPU_BF16_PAIRS] = 0.73, [CPU_BF16_TILES] = 0.2};
    return shares[cpu_bf16()];
}

static const double seconds = 0.1;

double estimate_peak(struct pool *pool, enum precision precision)
{
    return peak_flops(pool, pool_threads(pool), seconds, precision);
}

double estimate_speed(double peak, const struct plan *plan)
{
    double flops = plan->flops_prefix + plan->flops_suffix + plan->flops_backward;
    return share_of_peak(plan->options.precision) * peak * flops / plan->work;
}

/* Features if every photo had its own. */
static size_t features_of_all(const struct run_setup *t)
{
    const struct train_options *o = &t->options;
    return o->usable * photo_views_seen(o->augment, o->views, o->schedule.epochs) + t->dataset.val.count;
}

static struct forecast_stage stage_of(const struct run_setup *t, const struct train_stage *stage, double evaluation)
{
    const struct feature_plan *cache = &stage->cache;
    struct forecast_stage out = {.epoch = stage->epoch,
                                 .epochs = stage->epochs,
                                 .work = {[FORECAST_STEPS] = stage->step_flops, [FORECAST_VALIDATION] = evaluation}};
    if (cache->mode == CACHE_OFF)
        return out;
    out.work[FORECAST_FEATURES] = stage->features_flops - stage->from_flops;
    out.work[FORECAST_STEPS] -= stage->features_flops;
    out.work[FORECAST_VALIDATION] -= stage->features_flops;
    out.saved = stage->features_flops;
    out.views = t->options.views;
    out.missing = cache->bytes > 0 ? 1 - (double)cache->there / (double)cache->bytes : 1;
    out.missing *= (double)cache->entries / (double)features_of_all(t); /* photos of the same bytes count once */
    out.shared = cache->mode == CACHE_DISK;
    return out;
}

void estimate_forecast(struct forecast *out, const struct run_setup *t, const struct train *train, double peak)
{
    *out = (struct forecast){.speed = estimate_speed(peak, train_plan(train)) * (double)group_peers()->count,
                             .train = t->options.usable,
                             .val = t->dataset.val.count,
                             .search = estimate_search(t->values),
                             .stages_count = train_stage_count(train)};
    for (size_t i = 0; i < out->stages_count; i++) {
        struct train_stage stage = train_stage_get(train, i);
        out->stages[i] = stage_of(t, &stage, train_needs(train).evaluation_flops);
    }
}

size_t estimate_search(const struct train_values *values)
{
    return values->lr == LR_FIND ? (size_t)LR_FIND_STEPS * (size_t)values->batch_size : 0;
}
