/* How fast each convolution kernel is on ResNet-50's shapes, and how exact.
 *
 *   conv_bench [--threads T] [--images N] [--repeat R] [--shape TEXT] [--kernel TEXT] [--part f|d|w]
 *              [--precision f32|bf16] [--error]
 *
 * Prints, for each shape, part (forward, data gradient, weight gradient) and kernel, the median and the least ms per
 * image and GFLOP/s counted as direct convolution. Kernels and parts are interleaved: the machine may be busy.
 * --error compares two images with the definition in double instead.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/ops/blas.h"
#include "core/ops/conv.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"

static const struct {
    const char *name;
    size_t h, c, k, kernel, stride, pad;
} shapes[] = {
    {"conv1", 224, 3, 64, 7, 2, 3},       {"l1.conv1", 56, 256, 64, 1, 1, 0},   {"l1.conv2", 56, 64, 64, 3, 1, 1},
    {"l1.conv3", 56, 64, 256, 1, 1, 0},   {"l2.conv1", 28, 512, 128, 1, 1, 0},  {"l2.conv2", 28, 128, 128, 3, 1, 1},
    {"l2.conv2s", 56, 128, 128, 3, 2, 1}, {"l2.conv3", 28, 128, 512, 1, 1, 0},  {"l2.down", 56, 256, 512, 1, 2, 0},
    {"l3.conv1", 14, 1024, 256, 1, 1, 0}, {"l3.conv2", 14, 256, 256, 3, 1, 1},  {"l3.conv2s", 28, 256, 256, 3, 2, 1},
    {"l3.conv3", 14, 256, 1024, 1, 1, 0}, {"l3.down", 28, 512, 1024, 1, 2, 0},  {"l4.conv1", 7, 2048, 512, 1, 1, 0},
    {"l4.conv2", 7, 512, 512, 3, 1, 1},   {"l4.conv2s", 14, 512, 512, 3, 2, 1}, {"l4.conv3", 7, 512, 2048, 1, 1, 0},
    {"l4.down", 14, 1024, 2048, 1, 2, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes, MOST_REPEATS = 101, MOST_KERNELS = 8, PARTS = 3 };
static const char *const part_names[PARTS] = {"forward", "data", "weight"};

struct options {
    size_t threads, images, repeat;
    const char *shape, *kernel, *part;
    enum precision precision;
    bool error;
};

struct bench {
    struct conv_shape shape;
    struct pool *pool;
    size_t images, x_count, y_count, w_count;
    float *x, *w, *dy, *dw, *prepared[MOST_KERNELS], *scratch;
    void *x_map, *dy_map, *y, *da; /* x and dy as they are stored */
};

/* With one thread the processor time, which other programs disturb less. */
static double seconds(bool one_thread)
{
    struct timespec now;
    clock_gettime(one_thread ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void bench_init(struct bench *b, size_t index, const struct options *o, struct pool *pool)
{
    struct rng rng = rng_stream(3, RNG_TEST, 0, index);
    *b = (struct bench){.pool = pool, .images = o->images};
    if (!conv_shape_init(&b->shape, shapes[index].h, shapes[index].h, shapes[index].c, shapes[index].k,
                         shapes[index].kernel, shapes[index].stride, shapes[index].pad))
        abort();
    b->shape.precision = o->precision;
    const struct conv_shape *s = &b->shape;
    b->x_count = b->images * s->h * s->w * s->c;
    b->y_count = b->images * s->p * s->q * s->k;
    b->w_count = s->k * s->r * s->s * s->c;
    b->x = random_floats(&rng, b->x_count, 1, 0.5);
    b->w = random_floats(&rng, b->w_count, 0.05, 0);
    b->dy = random_floats(&rng, b->y_count, 1, 0);
    round_values(b->x, b->x_count, o->precision);
    round_values(b->dy, b->y_count, o->precision);
    b->x_map = map_of(b->x, b->x_count, o->precision);
    b->dy_map = map_of(b->dy, b->y_count, o->precision);
    b->y = guarded_map(b->y_count, o->precision);
    b->da = guarded_map(b->x_count, o->precision);
    b->dw = guarded_alloc(b->w_count);
    size_t scratch = 0;
    for (size_t i = 0; conv_kernels[i]; i++) {
        const struct conv_kernel *kernel = conv_kernels[i];
        if (!kernel->fits(s))
            continue;
        scratch = larger(scratch, o->threads * kernel->scratch(s));
        scratch = larger(scratch, kernel->backward_scratch(s, b->images, o->threads));
        if (kernel->prepared_size(s)) {
            b->prepared[i] = guarded_alloc(kernel->prepared_size(s));
            kernel->prepare(b->prepared[i], b->w, s, pool);
        }
    }
    b->scratch = guarded_alloc(scratch);
}

static void bench_end(struct bench *b)
{
    free(b->x);
    free(b->w);
    free(b->dy);
    free(b->x_map);
    free(b->dy_map);
    guarded_map_free(b->y);
    guarded_map_free(b->da);
    guarded_free(b->dw);
    guarded_free(b->scratch);
    for (size_t i = 0; i < MOST_KERNELS; i++)
        guarded_free(b->prepared[i]);
}

static void run(struct bench *b, size_t kernel, size_t part)
{
    struct conv_task task = {.kernel = conv_kernels[kernel],
                             .shape = b->shape,
                             .images = b->images,
                             .in = {.x = b->x_map},
                             .w = b->w,
                             .prepared = b->prepared[kernel],
                             .y = b->y};
    if (part == 0)
        conv_forward(&task, b->pool, b->scratch);
    else if (part == 1)
        task.kernel->backward_data(b->da, false, &task, b->dy_map, NULL, b->pool, b->scratch);
    else
        task.kernel->backward_weight(b->dw, &task, b->dy_map, b->pool, b->scratch);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool wanted(const struct bench *b, const struct options *o, size_t kernel, size_t part)
{
    return conv_kernels[kernel]->fits(&b->shape) &&
           (!o->kernel || strcmp(conv_kernels[kernel]->name, o->kernel) == 0) &&
           (!o->part || o->part[0] == part_names[part][0]);
}

static void measure(struct bench *b, const char *name, const struct options *o)
{
    static double times[MOST_KERNELS][PARTS][MOST_REPEATS];
    for (size_t i = 0; i <= o->repeat; i++) /* the first round warms up */
        for (size_t kernel = 0; conv_kernels[kernel]; kernel++)
            for (size_t part = 0; part < PARTS; part++) {
                if (!wanted(b, o, kernel, part))
                    continue;
                double start = seconds(o->threads == 1);
                run(b, kernel, part);
                if (i)
                    times[kernel][part][i - 1] = (seconds(o->threads == 1) - start) / (double)b->images;
            }
    double gflop = 2e-9 * (double)(b->y_count / b->images) * (double)(b->shape.r * b->shape.s * b->shape.c);
    for (size_t part = 0; part < PARTS; part++)
        for (size_t kernel = 0; conv_kernels[kernel]; kernel++) {
            if (!wanted(b, o, kernel, part))
                continue;
            double *t = times[kernel][part];
            qsort(t, o->repeat, sizeof *t, compare_doubles);
            printf("%-10s %-8s %-14s %8.3f ms  %7.1f GFLOP/s   least %8.3f ms  %7.1f GFLOP/s\n", name, part_names[part],
                   conv_kernels[kernel]->name, 1e3 * t[o->repeat / 2], gflop / t[o->repeat / 2], 1e3 * t[0],
                   gflop / t[0]);
        }
}

static void compare(struct bench *b, const char *name, const struct options *o)
{
    double *x = as_doubles(b->x, b->x_count), *w = as_doubles(b->w, b->w_count), *dy = as_doubles(b->dy, b->y_count);
    size_t counts[PARTS] = {b->y_count, b->x_count, b->w_count};
    for (size_t part = 0; part < PARTS; part++) {
        if (o->part && o->part[0] != part_names[part][0])
            continue;
        double *want = calloc(counts[part], sizeof *want);
        if (!want)
            abort();
        if (part == 0)
            naive_conv_forward(want, x, w, &b->shape, b->images);
        else if (part == 1)
            naive_conv_backward_data(want, dy, w, &b->shape, b->images);
        else
            naive_conv_backward_weight(want, dy, x, &b->shape, b->images);
        for (size_t kernel = 0; conv_kernels[kernel]; kernel++)
            if (wanted(b, o, kernel, part)) {
                run(b, kernel, part);
                void *maps[PARTS] = {b->y, b->da, NULL};
                float *got = maps[part] ? values_of(maps[part], counts[part], o->precision) : b->dw;
                printf("%-10s %-8s %-14s error %.3g\n", name, part_names[part], conv_kernels[kernel]->name,
                       naive_error(got, want, counts[part]));
                if (maps[part])
                    free(got);
            }
        free(want);
    }
    free(x);
    free(w);
    free(dy);
}

static int usage(void)
{
    fprintf(stderr, "usage: conv_bench [--threads T] [--images N] [--repeat R] [--shape TEXT] [--kernel TEXT] "
                    "[--part f|d|w] [--precision f32|bf16] [--error]\n");
    return 64;
}

static bool parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.threads = 1, .images = 16, .repeat = 9};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--error") == 0) {
            o->error = true;
            continue;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!value)
            return false;
        if (strcmp(argv[i], "--threads") == 0)
            o->threads = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--images") == 0)
            o->images = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--repeat") == 0)
            o->repeat = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--shape") == 0)
            o->shape = value;
        else if (strcmp(argv[i], "--kernel") == 0)
            o->kernel = value;
        else if (strcmp(argv[i], "--precision") == 0)
            o->precision = strcmp(value, precision_names[PRECISION_BF16]) == 0 ? PRECISION_BF16 : PRECISION_F32;
        else if (strcmp(argv[i], "--part") == 0)
            o->part = value;
        else
            return false;
        i++;
    }
    return o->threads && o->images && o->repeat && o->repeat < MOST_REPEATS;
}

int main(int argc, char **argv)
{
    struct options o;
    struct error err;
    struct pool *pool;
    if (!parse(&o, argc, argv))
        return usage();
    if (blas_open(o.threads, &err) != OK || pool_create(&pool, o.threads, &err) != OK) {
        fprintf(stderr, "conv_bench: %s\n", err.text);
        return (int)err.status;
    }
    for (size_t i = 0; i < SHAPES; i++) {
        struct bench b;
        if (o.shape && !strstr(shapes[i].name, o.shape))
            continue;
        bench_init(&b, i, &o, pool);
        if (o.error)
            compare(&b, shapes[i].name, &o);
        else
            measure(&b, shapes[i].name, &o);
        fflush(stdout);
        bench_end(&b);
    }
    pool_destroy(pool);
    return 0;
}
