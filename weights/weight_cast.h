/* Values of a tensor, block by block: as double, or as another float type, rounded once, to nearest, ties to even. */
#ifndef FREEZETUNE_WEIGHT_CAST_H
#define FREEZETUNE_WEIGHT_CAST_H

#include <stddef.h>

#include "core/base/error.h"
#include "weights/weight_file.h"

enum { WEIGHT_BLOCK = 1024 };

/* dst[0..count-1] = values first..first+count-1 of the tensor as double, exactly; count <= WEIGHT_BLOCK. OVERWRITES
 * dst. ERR_DATA when the type is not F32, F16, BF16 or F64. */
MUST_CHECK enum status weight_read_f64(double *dst, const struct weight_tensor *tensor, size_t first, size_t count,
                                       const struct weight_file *file, struct error *err);

/* dst[0..count-1] = values first..first+count-1 of the tensor as F32, F16, BF16 or F64. OVERWRITES dst, which need not
 * be aligned. A type that is already right is copied bit by bit; the tensor must be of one of those four otherwise
 * (ERR_DATA). Infinities stay and a NaN stays a NaN. ERR_DATA for a finite value that would become infinite, and names
 * its place; dst is then unspecified. */
MUST_CHECK enum status weight_cast(void *dst, enum weight_dtype dtype, const struct weight_tensor *tensor, size_t first,
                                   size_t count, const struct weight_file *file, struct error *err);

#endif
