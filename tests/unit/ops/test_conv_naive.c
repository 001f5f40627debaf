/* The references that the kernels are compared with, compared with finite differences. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/conv_cases.h"
#include "tests/support/guarded.h"
#include "tests/support/naive.h"

/* A convolution in double, and its gradients for dy. */
struct reference {
    struct conv_shape shape;
    size_t images, x_count, y_count, w_count;
    double *x, *w, *dy, *dx, *dw;
};

static double *doubles(struct rng *rng, size_t count, double scale, double shift)
{
    float *values = random_floats(rng, count, scale, shift);
    double *out = as_doubles(values, count);
    free(values);
    return out;
}

static struct reference reference_of(const struct conv_case *one, struct rng *rng)
{
    struct reference r = {.shape = conv_case_shape(one, PRECISION_F32), .images = one->images};
    const struct conv_shape *s = &r.shape;
    r.x_count = r.images * s->h * s->w * s->c;
    r.y_count = r.images * s->p * s->q * s->k;
    r.w_count = s->k * s->r * s->s * s->c;
    r.x = doubles(rng, r.x_count, 1, 0.3);
    r.w = doubles(rng, r.w_count, 0.2, 0);
    r.dy = doubles(rng, r.y_count, 1, 0.1);
    r.dx = calloc(r.x_count, sizeof *r.dx);
    r.dw = calloc(r.w_count, sizeof *r.dw);
    naive_conv_backward_data(r.dx, r.dy, r.w, s, r.images);
    naive_conv_backward_weight(r.dw, r.dy, r.x, s, r.images);
    return r;
}

static void reference_free(struct reference *r)
{
    double *all[] = {r->x, r->w, r->dy, r->dx, r->dw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* d/dvalue of sum(dy * forward) by central differences; y is scratch. */
static double difference(double *value, const struct reference *r, double *y)
{
    double kept = *value, step = 1e-4, sum[2] = {0, 0};
    for (size_t side = 0; side < 2; side++) {
        *value = side ? kept + step : kept - step;
        naive_conv_forward(y, r->x, r->w, &r->shape, r->images);
        for (size_t i = 0; i < r->y_count; i++)
            sum[side] += r->dy[i] * y[i];
    }
    *value = kept;
    return (sum[1] - sum[0]) / (2 * step);
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    static const size_t few[] = {3, 6, 9, 10, 17, 18, 23};
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        struct reference r = reference_of(&conv_cases[few[i]], &rng);
        double *y = calloc(r.y_count, sizeof *y);
        for (size_t probe = 0; probe < 20; probe++) {
            size_t at = rng_below(&rng, (uint32_t)r.x_count), tap = rng_below(&rng, (uint32_t)r.w_count);
            /* The function is linear in each: what remains is rounding, 3e-10 measured. */
            assert_true(fabs(difference(&r.x[at], &r, y) - r.dx[at]) <= 3e-9);
            assert_true(fabs(difference(&r.w[tap], &r, y) - r.dw[tap]) <= 3e-9);
        }
        free(y);
        reference_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_match_finite_differences)};
    return cmocka_run_group_tests_name("conv_naive", tests, NULL, NULL);
}
