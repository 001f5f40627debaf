/* Two weight files, tensor by tensor: what differs, and by how much. */
#ifndef FREEZETUNE_TENSOR_DIFF_H
#define FREEZETUNE_TENSOR_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "weights/weight_file.h"

enum tensor_verdict {
    TENSOR_SAME,   /* the same type, shape and bytes */
    TENSOR_VALUES, /* type and shape are the same, bytes are not */
    TENSOR_TYPE,   /* the same shape; values may be equal all the same */
    TENSOR_SHAPE,
    TENSOR_ONLY_A,
    TENSOR_ONLY_B
};

/* What was measured, in double, over one tensor or many. Measured are tensors of equal shape whose types are equal or
 * both float (F16, BF16, F32, F64). */
struct difference {
    size_t values;   /* compared */
    size_t changed;  /* of these, different in their bits; of two types, as double */
    double largest;  /* max |a - b|; NaN as soon as one of the differences is NaN */
    double square;   /* sum of (a - b)^2 */
    double square_a; /* sum of a^2; the same infinity or NaN on both sides is left out of all three */
};

struct tensor_diff {
    const char *name;                  /* borrowed from the file */
    const struct weight_tensor *a, *b; /* NULL where there is none */
    enum tensor_verdict verdict;
    struct difference difference;
};

struct file_diff {
    struct tensor_diff *tensors; /* in the order of tensor_name_compare */
    size_t count;
};

/* Compares all tensors. Integers and booleans are measured as numbers only where they are single values. ERR_SYSTEM
 * without memory. Freed by file_diff_free; borrows from both files. */
MUST_CHECK enum status file_diff_make(struct file_diff *out, const struct weight_file *a, const struct weight_file *b,
                                      struct error *err);
void file_diff_free(struct file_diff *diff);

/* *sum += one, the parts as their kind wants it. */
void difference_add(struct difference *sum, const struct difference *one);

/* ||a - b|| / ||a||, 0 when both are equal, infinite when a is all zero. */
double difference_relative(const struct difference *difference);

/* "identical", "changed", "other type", "other shape", "only in A", "only in B". */
const char *tensor_verdict_name(enum tensor_verdict verdict);

#endif
