/* Every convolution kernel against the definition, in both precisions, with all that may surround the product. */
#include "tests/support/test.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/blas.h"
#include "core/ops/conv.h"
#include "core/ops/map_lanes.h"
#include "tests/support/conv_trial.h"
#include "tests/support/emulator.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Results of one run with one number of threads. */
struct results {
    void *y, *da; /* maps */
    float *dw;
    double *sums, *tail_sums;
};

static void results_free(struct results *r)
{
    guarded_map_free(r->y);
    guarded_map_free(r->da);
    guarded_free(r->dw);
    free(r->sums);
    free(r->tail_sums);
}

struct options {
    bool sums, residual, y_affine, y_shift, y_relu; /* epilogue */
    bool over_residual;                             /* y lies there, where the kernel allows it */
    bool add, mask, tail_sums;                      /* of the data gradient */
    bool every_case;                                /* also those that an emulator takes long for */
};

/* Stands in front of BLAS and counts. */
static __typeof__(blas_sgemm) real_sgemm;
static atomic_size_t products;

static void counting_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, blasint m, blasint n,
                           blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta,
                           float *c, blasint ldc)
{
    products++;
    real_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/* A kernel that says wrongly that BLAS is not needed would meet one that was never loaded. */
static void assert_blas_as_said(const struct conv_kernel *kernel, const struct conv_shape *shape, bool backward)
{
    bool said = kernel->blas && kernel->blas(shape, backward);
    if (said != (products > 0))
        fail_msg("%s, %zu channels, stride %zu: %s: %zu products by BLAS", kernel->name, shape->c, shape->stride,
                 backward ? "backward" : "forward", (size_t)products);
    products = 0;
}

static void run(struct results *r, struct trial *t, const struct options *o, size_t threads)
{
    const struct conv_kernel *kernel = t->kernel;
    const struct conv_shape *s = &t->shape;
    struct pool *pool;
    assert_int_equal(pool_create(&pool, threads, NULL), OK);
    size_t tiles = kernel->tiles(s, t->images), tail_tiles = kernel->tail_tiles(s, t->images);
    *r = (struct results){.y = guarded_map(t->y_count, s->precision),
                          .da = guarded_map(t->x_count, s->precision),
                          .dw = guarded_alloc(t->w_count),
                          .sums = malloc(tiles * 2 * s->k * sizeof(double)),
                          .tail_sums = malloc(tail_tiles * 2 * s->c * sizeof(double))};
    memset(r->sums, 0xff, tiles * 2 * s->k * sizeof(double));
    memset(r->tail_sums, 0xff, tail_tiles * 2 * s->c * sizeof(double));

    struct conv_task task = t->task;
    float *prepared = guarded_alloc(kernel->prepared_size(s));
    if (kernel->prepared_size(s) && !(kernel->prepare_optional && threads == 3)) {
        kernel->prepare(prepared, t->w, s, pool);
        task.prepared = prepared;
    }
    task.y = r->y;
    task.epilogue = (struct epilogue){.scale = o->y_affine ? t->y_scale : NULL,
                                      .shift = o->y_affine || o->y_shift ? t->y_shift : NULL,
                                      .residual = o->residual ? t->maps.residual : NULL,
                                      .relu = o->y_relu,
                                      .sums = o->sums ? r->sums : NULL};
    if (o->over_residual && kernel->over_residual) {
        memcpy(r->y, t->maps.residual, t->y_count * precision_size(s->precision));
        task.epilogue.residual = r->y;
    }
    float *scratch = guarded_alloc(threads * kernel->scratch(s));
    products = 0;
    conv_forward(&task, pool, scratch);
    assert_blas_as_said(kernel, s, false);
    assert_true(guarded_intact(scratch) && guarded_intact(prepared) && guarded_map_intact(r->y));
    guarded_free(scratch);

    struct tail tail = {.precision = s->precision,
                        .z = o->mask || o->tail_sums ? t->maps.z : NULL,
                        .scale = t->z_scale,
                        .shift = t->z_shift,
                        .mean = o->tail_sums ? t->mean : NULL,
                        .relu = o->mask,
                        .sums = r->tail_sums};
    if (o->add)
        memcpy(r->da, t->maps.before, t->x_count * precision_size(s->precision));
    scratch = guarded_alloc(kernel->backward_scratch(s, t->images, threads));
    kernel->backward_data(r->da, o->add, &task, t->maps.dy, &tail, pool, scratch);
    assert_true(guarded_intact(scratch) && guarded_map_intact(r->da));
    guarded_free(scratch);
    scratch = guarded_alloc(kernel->backward_scratch(s, t->images, threads));
    kernel->backward_weight(r->dw, &task, t->maps.dy, pool, scratch);
    assert_blas_as_said(kernel, s, true);
    assert_true(guarded_intact(scratch) && guarded_intact(r->dw));
    guarded_free(scratch);
    guarded_free(prepared);
    pool_destroy(pool);
}

/* Double sums [tiles][2][channels] added over the tiles, against moments made by the caller. */
static double sums_error(const double *sums, size_t tiles, size_t channels, const double *want)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < 2 * channels; i++) {
        double got = 0;
        for (size_t tile = 0; tile < tiles; tile++)
            got += sums[tile * 2 * channels + i];
        off += (got - want[i]) * (got - want[i]);
        norm += want[i] * want[i];
    }
    return norm > 0 && isfinite(off) ? sqrt(off / norm) : INFINITY;
}

/* Of float32 and bfloat16, of fast and exact kernels and of pairs; and what the rounding of bfloat16 itself changed, of
 * a map of so many values that it is no chance. */
static double worst[PRECISIONS][2], worst_pairs, worst_rounding;
enum { MANY = 1000 };

static void within(const char *what, double error, const struct trial *t)
{
    const struct conv_shape *s = &t->shape;
    double *most = t->kernel->pairs && t->numbers != WHOLE ? &worst_pairs : &worst[s->precision][t->kernel->exact];
    *most = fmax(*most, error);
    if (!(error <= t->tolerance))
        fail_msg("%s: %s, %s: %zux%zux%zu to %zu, %zux%zu stride %zu pad %zu, %zu images: error %.3g, allowed %.3g",
                 t->kernel->name, precision_names[s->precision], what, s->h, s->w, s->c, s->k, s->r, s->s, s->stride,
                 s->pad, t->images, error, t->tolerance);
}

static void map_within(const char *what, const void *map, const double *want, size_t count, const struct trial *t)
{
    enum precision precision = t->shape.precision;
    float *values = values_of(map, count, precision);
    within(what, map_error(map, want, count, precision), t);
    if (precision == PRECISION_BF16 && count >= MANY)
        worst_rounding = fmax(worst_rounding, naive_error(values, want, count));
    free(values);
}

static void check_forward(const struct results *r, const struct trial *t, const struct options *o)
{
    size_t k = t->shape.k;
    double *want = malloc(t->y_count * sizeof *want), *sums = calloc(2 * k, sizeof *sums);
    float *y = values_of(r->y, t->y_count, t->shape.precision);
    for (size_t i = 0; i < t->y_count; i++) {
        double v = t->want_y[i], moment = t->shape.precision == PRECISION_F32 ? v : (double)y[i]; /* once rounded */
        sums[i % k] += moment;
        sums[k + i % k] += moment * moment;
        v = v * (o->y_affine ? (double)t->y_scale[i % k] : 1) +
            (o->y_affine || o->y_shift ? (double)t->y_shift[i % k] : 0) + (o->residual ? (double)t->residual[i] : 0);
        want[i] = o->y_relu && v < 0 ? 0 : v;
    }
    map_within("forward", r->y, want, t->y_count, t);
    if (o->sums)
        within("sums of y", sums_error(r->sums, t->kernel->tiles(&t->shape, t->images), k, sums), t);
    free(y);
    free(want);
    free(sums);
}

static void check_backward(const struct results *r, const struct trial *t, const struct options *o)
{
    size_t c = t->shape.c;
    double *want = malloc(t->x_count * sizeof *want), *sums = calloc(2 * c, sizeof *sums);
    float *da = values_of(r->da, t->x_count, t->shape.precision);
    for (size_t i = 0; i < t->x_count; i++) {
        double z = (double)t->z[i], v = t->want_da[i] + (o->add ? (double)t->before[i] : 0);
        if (o->mask && !(z * (double)t->z_scale[i % c] + (double)t->z_shift[i % c] > 0))
            v = 0;
        want[i] = v;
        v = t->shape.precision == PRECISION_F32 ? v : (double)da[i];
        sums[i % c] += v;
        sums[c + i % c] += v * (z - (double)t->mean[i % c]);
    }
    double norm = 0;
    for (size_t i = 0; i < t->x_count; i++)
        norm += want[i] * want[i];
    if (norm > 0) { /* the mask may leave nothing of one pixel */
        map_within("data gradient", r->da, want, t->x_count, t);
        if (o->tail_sums)
            within("sums of da", sums_error(r->tail_sums, t->kernel->tail_tiles(&t->shape, t->images), c, sums), t);
    }
    within("weight gradient", naive_error(r->dw, t->want_dw, t->w_count), t);
    free(da);
    free(want);
    free(sums);
}

static void same_bytes(const struct results *a, const struct results *b, const struct trial *t, const struct options *o)
{
    const struct conv_shape *s = &t->shape;
    assert_memory_equal(a->y, b->y, t->y_count * precision_size(s->precision));
    assert_memory_equal(a->da, b->da, t->x_count * precision_size(s->precision));
    assert_memory_equal(a->dw, b->dw, t->w_count * sizeof(float));
    if (o->sums)
        assert_memory_equal(a->sums, b->sums, t->kernel->tiles(s, t->images) * 2 * s->k * sizeof(double));
    if (o->tail_sums)
        assert_memory_equal(a->tail_sums, b->tail_sums,
                            t->kernel->tail_tiles(s, t->images) * 2 * s->c * sizeof(double));
}

static void check_kernel(struct trial *t, const struct options *o)
{
    struct results first, other;
    run(&first, t, o, 1);
    check_forward(&first, t, o);
    check_backward(&first, t, o);
    for (size_t threads = 2; threads <= 3; threads++) {
        run(&other, t, o, threads);
        same_bytes(&first, &other, t, o);
        results_free(&other);
    }
    results_free(&first);
}

/* In float32 no operand is rounded, whatever the kernel. */
static bool takes(const struct conv_kernel *kernel, enum precision precision, enum numbers numbers)
{
    if (precision == PRECISION_F32)
        return numbers == RANDOM;
    return numbers == WHOLE ? kernel->pairs : kernel->exact == (numbers == ROUNDED);
}

/* All kernels that fit and take these numbers. The references, which take most of the time, are made once for them. */
static size_t check_case(const struct conv_case *one, enum precision precision, enum numbers numbers, bool affine,
                         bool relu, const struct options *o)
{
    struct trial t;
    struct conv_shape shape = conv_case_shape(one, precision);
    size_t done = 0;
    for (const struct conv_kernel *const *kernel = conv_kernels; *kernel; kernel++) {
        if (!(*kernel)->fits(&shape) || !takes(*kernel, precision, numbers))
            continue;
        if (done++ == 0)
            trial_init(&t, one, (uint64_t)(one - conv_cases), precision, numbers, affine, relu);
        trial_use(&t, *kernel);
        check_kernel(&t, o);
    }
    if (done > 0)
        trial_end(&t);
    return done;
}

/* Under an emulator the seven largest shapes, nine tenths of the work, are for the product alone: what surrounds it is
 * tested with the others, which every kernel fits as well. */
static bool left_out(const struct conv_case *one, const struct options *o)
{
    struct conv_shape s = conv_case_shape(one, PRECISION_F32);
    enum { MULTIPLY_ADDS = 500000 };
    return emulator() && !o->every_case && one->images * s.p * s.q * s.k * s.r * s.s * s.c > MULTIPLY_ADDS;
}

static size_t count_cases(const struct options *o)
{
    size_t count = 0;
    for (size_t i = 0; i < CONV_CASES; i++)
        count += !left_out(&conv_cases[i], o);
    return count;
}

static size_t check_precision(enum precision precision, bool affine, bool relu, const struct options *o)
{
    size_t done = 0;
    for (size_t i = 0; i < CONV_CASES; i++) {
        if (left_out(&conv_cases[i], o))
            continue;
        for (int numbers = 0; numbers < NUMBERS; numbers++)
            done += check_case(&conv_cases[i], precision, (enum numbers)numbers, affine, relu, o);
    }
    return done;
}

static void check_all(bool affine, bool relu, const struct options *o)
{
    /* In float32 im2col takes all, pointwise, packed or direct, and winograd some of the cases; without BLAS, packed or
     * direct and winograd are left. */
    size_t cases = count_cases(o);
    assert_true(check_precision(PRECISION_F32, affine, relu, o) > 2 * cases + cases * 15 / CONV_CASES);
    assert_true(check_precision(PRECISION_BF16, affine, relu, o) > cases + cases * 10 / CONV_CASES);
}

static void plain_convolutions_match_the_definition(void **state)
{
    (void)state;
    check_all(false, false, &(struct options){.every_case = true});
}

static void the_view_is_applied_at_the_load(void **state)
{
    (void)state;
    check_all(true, true, &(struct options){.y_shift = true});
    check_all(true, false, &(struct options){.y_relu = true});
    check_all(false, true, &(struct options){.residual = true, .add = true});
}

static void epilogues_and_tails_match(void **state)
{
    (void)state;
    check_all(false, false, &(struct options){.y_affine = true, .y_relu = true, .mask = true});
    check_all(true, true, &(struct options){.sums = true, .mask = true, .tail_sums = true});
    check_all(true, true,
              &(struct options){.y_affine = true, .residual = true, .y_relu = true, .tail_sums = true, .add = false});
}

static void the_output_may_lie_over_the_residual(void **state)
{
    (void)state;
    check_all(false, false,
              &(struct options){.y_affine = true, .residual = true, .y_relu = true, .over_residual = true});
    check_all(true, true, &(struct options){.residual = true, .over_residual = true});
}

static int setup(void **state)
{
    (void)state;
    if (blas_open(3, NULL) != OK)
        return -1;
    real_sgemm = blas_sgemm;
    blas_sgemm = counting_sgemm;
    return 0;
}

static int report(void **state)
{
    (void)state;
    for (int i = 0; i < PRECISIONS; i++)
        printf("# worst relative error, %s: exact kernels %.2g, fast kernels %.2g\n", precision_names[i], worst[i][1],
               worst[i][0]);
    printf("# what is rounded after its transformation: at most %.2g\n", worst_pairs);
    printf("# the rounding of bfloat16: at most %.2g\n", worst_rounding);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_convolutions_match_the_definition),
        cmocka_unit_test(the_view_is_applied_at_the_load),
        cmocka_unit_test(epilogues_and_tails_match),
        cmocka_unit_test(the_output_may_lie_over_the_residual),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("conv", tests, setup, report);
}
