#include "cli/report/tensor_diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model/children.h"
#include "core/base/memory.h"
#include "weights/weight_cast.h"

static int by_name(const void *a, const void *b)
{
    return tensor_name_compare(((const struct tensor_diff *)a)->name, ((const struct tensor_diff *)b)->name);
}

static enum status fetch_both(const struct tensor_diff *tensor, const struct weight_file *a,
                              const struct weight_file *b, struct error *err)
{
    enum status status = weight_tensor_fetch(tensor->a, a, err);
    return status == OK ? weight_tensor_fetch(tensor->b, b, err) : status;
}

static enum status find_verdict(struct tensor_diff *tensor, const struct weight_file *a, const struct weight_file *b,
                                struct error *err)
{
    enum status status = OK;
    if (!tensor->b)
        tensor->verdict = TENSOR_ONLY_A;
    else if (!tensor->a)
        tensor->verdict = TENSOR_ONLY_B;
    else if (!weight_tensor_same_shape(tensor->a, tensor->b))
        tensor->verdict = TENSOR_SHAPE;
    else if (tensor->a->dtype != tensor->b->dtype)
        tensor->verdict = TENSOR_TYPE;
    else if ((status = fetch_both(tensor, a, b, err)) == OK)
        tensor->verdict = memcmp(tensor->a->data, tensor->b->data, tensor->a->bytes) == 0 ? TENSOR_SAME : TENSOR_VALUES;
    return status;
}

/* Values whose bytes differ, of tensors of one type. */
static size_t count_changed(const struct weight_tensor *a, const struct weight_tensor *b, size_t values)
{
    const unsigned char *x = a->data, *y = b->data;
    size_t changed = 0, size = weight_dtype_bits(a->dtype) / 8;
    if (size == 0)
        return values; /* packed below a byte: not told apart */
    for (size_t i = 0; i < values; i++)
        changed += memcmp(x + i * size, y + i * size, size) != 0;
    return changed;
}

static void measure_block(struct difference *out, const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* The same infinity or NaN on both sides is no distance, and would drown the norms. */
        if (!isfinite(a[i]) && memcmp(&a[i], &b[i], sizeof a[i]) == 0)
            continue;
        double d = a[i] - b[i];
        if (!(fabs(d) <= out->largest) && !isnan(out->largest))
            out->largest = fabs(d);
        out->square += d * d;
        out->square_a += a[i] * a[i];
    }
}

/* Two tensors of float types, block by block. Of two types, the changed values are counted here too. */
static enum status measure_floats(struct tensor_diff *tensor, const struct weight_file *a, const struct weight_file *b,
                                  struct error *err)
{
    struct difference *d = &tensor->difference;
    double x[WEIGHT_BLOCK], y[WEIGHT_BLOCK];
    for (size_t first = 0; first < d->values; first += WEIGHT_BLOCK) {
        size_t count = d->values - first < WEIGHT_BLOCK ? d->values - first : WEIGHT_BLOCK;
        enum status status = weight_read_f64(x, tensor->a, first, count, a, err);
        if (status == OK)
            status = weight_read_f64(y, tensor->b, first, count, b, err);
        if (status != OK)
            return status;
        measure_block(d, x, y, count);
        for (size_t i = 0; i < count && tensor->verdict == TENSOR_TYPE; i++)
            d->changed += memcmp(&x[i], &y[i], sizeof x[i]) != 0;
    }
    return OK;
}

static enum status measure(struct tensor_diff *tensor, const struct weight_file *a, const struct weight_file *b,
                           struct error *err)
{
    struct difference *d = &tensor->difference;
    int64_t whole_a, whole_b;
    enum status status = find_verdict(tensor, a, b, err);
    if (status != OK || tensor->verdict > TENSOR_TYPE)
        return status;
    bool floats = weight_dtype_is_float(tensor->a->dtype) && weight_dtype_is_float(tensor->b->dtype);
    if (tensor->verdict == TENSOR_TYPE && !floats)
        return OK;
    d->values = weight_tensor_values(tensor->a);
    if (tensor->verdict == TENSOR_VALUES)
        d->changed = count_changed(tensor->a, tensor->b, d->values);
    if (floats) {
        status = measure_floats(tensor, a, b, err);
    } else if (tensor->verdict == TENSOR_VALUES) {
        bool single = d->values == 1 && weight_tensor_read_i64(&whole_a, tensor->a, a, NULL) == OK &&
                      weight_tensor_read_i64(&whole_b, tensor->b, b, NULL) == OK;
        d->largest = single ? fabs((double)whole_a - (double)whole_b) : 0;
    }
    weight_tensor_drop(tensor->a, a);
    weight_tensor_drop(tensor->b, b);
    return status;
}

/* Every name once. */
static void pair(struct file_diff *diff, const struct weight_file *a, const struct weight_file *b)
{
    for (size_t i = 0; i < weight_file_count(a); i++) {
        const struct weight_tensor *tensor = weight_file_at(a, i);
        diff->tensors[diff->count++] =
            (struct tensor_diff){.name = tensor->name, .a = tensor, .b = weight_file_find(b, tensor->name)};
    }
    for (size_t i = 0; i < weight_file_count(b); i++) {
        const struct weight_tensor *tensor = weight_file_at(b, i);
        if (!weight_file_find(a, tensor->name))
            diff->tensors[diff->count++] = (struct tensor_diff){.name = tensor->name, .b = tensor};
    }
    if (diff->count)
        qsort(diff->tensors, diff->count, sizeof *diff->tensors, by_name);
}

enum status file_diff_make(struct file_diff *out, const struct weight_file *a, const struct weight_file *b,
                           struct error *err)
{
    struct file_diff diff = {0};
    void *tensors = NULL;
    enum status status = memory_alloc(&tensors, weight_file_count(a) + weight_file_count(b), sizeof *diff.tensors,
                                      "the list of tensors", err);
    if (status != OK)
        return status;
    diff.tensors = tensors;
    pair(&diff, a, b);
    for (size_t i = 0; i < diff.count && status == OK; i++)
        status = measure(&diff.tensors[i], a, b, err);
    if (status == OK)
        status = weight_file_check(a, err);
    if (status == OK)
        status = weight_file_check(b, err);
    if (status == OK)
        *out = diff;
    else
        file_diff_free(&diff);
    return status;
}

void file_diff_free(struct file_diff *diff)
{
    memory_free(diff->tensors);
    *diff = (struct file_diff){0};
}

void difference_add(struct difference *sum, const struct difference *one)
{
    sum->values += one->values;
    sum->changed += one->changed;
    if (!(one->largest <= sum->largest) && !isnan(sum->largest))
        sum->largest = one->largest;
    sum->square += one->square;
    sum->square_a += one->square_a;
}

double difference_relative(const struct difference *difference)
{
    if (difference->square == 0)
        return 0;
    return sqrt(difference->square) / sqrt(difference->square_a);
}

const char *tensor_verdict_name(enum tensor_verdict verdict)
{
    static const char *const names[] = {"identical", "changed", "other type", "other shape", "only in A", "only in B"};
    return names[verdict];
}
