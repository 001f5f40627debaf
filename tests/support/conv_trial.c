#include "tests/support/conv_trial.h"

#include <math.h>
#include <stdlib.h>

#include "core/ops/map_lanes.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"
#include "tests/support/test.h"

/* Relative error (norms). Measured here: at most 4.1e-7 for the exact kernels, 1.3e-6 for Winograd. In bfloat16, 1.5e-7
 * and 6.8e-7: products of such numbers are floats, and what one rounding of a map may change is no error (map_error);
 * that alone is up to 1.8e-3. */
static const double exact_tolerance = 8e-7, fast_tolerance = 5e-6;
/* Kernels that round to bfloat16 what they have transformed: at most 4.4e-3. */
static const double pairs_tolerance = 8e-3;

static float *floats(struct rng *rng, size_t count, double scale, double shift)
{
    return random_floats(rng, count, scale, shift);
}

/* Multiples of `unit`, at most eight of them, in place. */
static void make_whole(float *values, size_t count, float unit)
{
    for (size_t i = 0; i < count; i++)
        values[i] = unit * fminf(fmaxf(roundf(3 * values[i]), -8), 8);
}

/* Values of a map, rounded, and the map. */
static float *stored(void **map, struct rng *rng, size_t count, double scale, double shift, const struct trial *t)
{
    enum precision precision = t->shape.precision;
    float *values = floats(rng, count, scale, shift);
    if (t->numbers == WHOLE)
        make_whole(values, count, 1);
    round_values(values, count, precision);
    *map = map_of(values, count, precision);
    return values;
}

/* What is multiplied must be bfloat16 itself for the kernels that multiply such values: the conv_input's result is
 * rounded, here as affine() does it, so that none lies on the other side of a tie. */
static double *rounded_input(const struct trial *t)
{
    const struct conv_input *in = &t->task.in;
    enum precision precision = t->shape.precision;
    void *map = guarded_map(t->x_count, precision);
    map_lanes(precision)->affine(map, in->x, t->pixels, t->shape.c, in->scale, in->shift, NULL, NULL, NULL, in->relu);
    float *values = values_of(map, t->x_count, precision);
    double *doubles = as_doubles(values, t->x_count);
    assert_true(guarded_map_intact(map));
    guarded_map_free(map);
    free(values);
    return doubles;
}

static void references(struct trial *t)
{
    t->a = as_doubles(t->x, t->x_count);
    for (size_t i = 0; t->task.in.scale && i < t->x_count; i++)
        t->a[i] = t->a[i] * (double)t->scale[i % t->shape.c] + (double)t->shift[i % t->shape.c];
    for (size_t i = 0; t->task.in.relu && i < t->x_count; i++)
        t->a[i] = t->a[i] > 0 ? t->a[i] : 0;
    if (t->shape.precision != PRECISION_F32 && t->numbers == ROUNDED) {
        free(t->a);
        t->a = rounded_input(t);
    }
    t->w_wide = as_doubles(t->w, t->w_count);
    t->dy_wide = as_doubles(t->dy, t->y_count);
    t->want_y = calloc(t->y_count, sizeof(double));
    t->want_da = calloc(t->x_count, sizeof(double));
    t->want_dw = calloc(t->w_count, sizeof(double));
    naive_conv_forward(t->want_y, t->a, t->w_wide, &t->shape, t->images);
    naive_conv_backward_data(t->want_da, t->dy_wide, t->w_wide, &t->shape, t->images);
    naive_conv_backward_weight(t->want_dw, t->dy_wide, t->a, &t->shape, t->images);
}

void trial_init(struct trial *t, const struct conv_case *one, uint64_t seed, enum precision precision,
                enum numbers numbers, bool affine, bool relu)
{
    struct rng rng = rng_stream(11, RNG_TEST, 0, seed);
    *t = (struct trial){.numbers = numbers, .images = one->images, .shape = conv_case_shape(one, precision)};
    const struct conv_shape *s = &t->shape;
    t->pixels = t->images * s->h * s->w;
    t->rows = t->images * s->p * s->q;
    t->x_count = t->pixels * s->c;
    t->y_count = t->rows * s->k;
    t->w_count = s->k * s->r * s->s * s->c;
    t->x = stored(&t->maps.x, &rng, t->x_count, 1, 0.3, t);
    t->w = floats(&rng, t->w_count, 0.2, 0);
    if (numbers == ROUNDED) /* they are rounded where they are packed; Winograd's products are float32 */
        round_values(t->w, t->w_count, precision);
    t->dy = stored(&t->maps.dy, &rng, t->y_count, 1, 0.1, t);
    t->scale = floats(&rng, s->c, 0.3, 1);
    t->shift = floats(&rng, s->c, 0.5, 0.2);
    if (numbers == WHOLE) { /* Winograd's weights are quarters */
        make_whole(t->w, t->w_count, 4);
        for (size_t i = 0; i < s->c; i++)
            t->scale[i] = t->scale[i] > 1 ? 2 : 1;
        make_whole(t->shift, s->c, 1);
    }
    t->y_scale = floats(&rng, s->k, 0.3, 1);
    t->y_shift = floats(&rng, s->k, 0.5, 0.2);
    t->residual = stored(&t->maps.residual, &rng, t->y_count, 1, 0, t);
    t->z = stored(&t->maps.z, &rng, t->x_count, 1, 0.2, t);
    t->z_scale = floats(&rng, s->c, 0.3, 1);
    t->z_shift = floats(&rng, s->c, 0.5, 0);
    t->mean = floats(&rng, s->c, 0.5, 0);
    t->before = stored(&t->maps.before, &rng, t->x_count, 1, 0, t);
    t->task = (struct conv_task){.shape = *s, .images = t->images, .in = {.x = t->maps.x, .relu = relu}, .w = t->w};
    if (affine) {
        t->task.in.scale = t->scale;
        t->task.in.shift = t->shift;
    }
    references(t);
}

void trial_use(struct trial *t, const struct conv_kernel *kernel)
{
    t->kernel = t->task.kernel = kernel;
    t->tolerance = kernel->exact || t->numbers == WHOLE ? exact_tolerance
                   : kernel->pairs                      ? pairs_tolerance
                                                        : fast_tolerance;
}

void trial_end(struct trial *t)
{
    float *all[] = {t->x,        t->w, t->dy,      t->scale,   t->shift, t->y_scale, t->y_shift,
                    t->residual, t->z, t->z_scale, t->z_shift, t->mean,  t->before};
    void *maps[] = {t->maps.x, t->maps.dy, t->maps.residual, t->maps.z, t->maps.before};
    double *wide[] = {t->a, t->w_wide, t->dy_wide, t->want_y, t->want_da, t->want_dw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        free(maps[i]);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        free(wide[i]);
}
