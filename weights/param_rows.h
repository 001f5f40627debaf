/* Parameters cut into rows, one for each output channel or feature, so that a file's tensor and a parameter that lies
 * differently in memory meet in a few kilobytes. For bind.c, bind_save.c and frozen.c only. */
#ifndef FREEZETUNE_PARAM_ROWS_H
#define FREEZETUNE_PARAM_ROWS_H

#include <stddef.h>

#include "core/net/net.h"
#include "weights/weight_file.h"

struct param_rows {
    size_t count, floats; /* rows, and floats in each; count * floats = param->count */
    struct param row;     /* one of them, for param_buffer_to_torch and param_buffer_from_torch */
};

struct param_rows param_rows_of(const struct param *param);

/* Floats of the longest row of the net. */
size_t param_rows_longest(const struct net *net);

/* dst[rows->floats] = row i of a tensor of a float type that has the parameter's shape, in PyTorch's layout. */
MUST_CHECK enum status param_rows_read(float *dst, const struct param_rows *rows, size_t i,
                                       const struct weight_tensor *tensor, const struct weight_file *file,
                                       struct error *err);

/* The parameter as a tensor of a file, without data. */
struct weight_tensor param_describe(const struct param *param);

#endif
