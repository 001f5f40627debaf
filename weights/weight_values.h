/* A tensor in a file: its type, its shape, and its values as numbers of the program. */
#ifndef FREEZETUNE_WEIGHT_VALUES_H
#define FREEZETUNE_WEIGHT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct weight_file;

#define WEIGHT_MAX_RANK 8

/* The types of the safetensors format, in the order of its reference implementation. */
enum weight_dtype {
    WEIGHT_BOOL,
    WEIGHT_F4,
    WEIGHT_F6_E2M3,
    WEIGHT_F6_E3M2,
    WEIGHT_U8,
    WEIGHT_I8,
    WEIGHT_F8_E5M2,
    WEIGHT_F8_E4M3,
    WEIGHT_F8_E8M0,
    WEIGHT_F8_E4M3FNUZ,
    WEIGHT_F8_E5M2FNUZ,
    WEIGHT_I16,
    WEIGHT_U16,
    WEIGHT_F16,
    WEIGHT_BF16,
    WEIGHT_I32,
    WEIGHT_U32,
    WEIGHT_F32,
    WEIGHT_C64,
    WEIGHT_F64,
    WEIGHT_I64,
    WEIGHT_U64,
    WEIGHT_DTYPES
};

struct weight_tensor {
    const char *name; /* UTF-8, NUL-terminated, unique in its file */
    enum weight_dtype dtype;
    unsigned rank;                   /* 0: a single value */
    uint64_t shape[WEIGHT_MAX_RANK]; /* last dimension fastest; unused places are 0 */
    const void *data;                /* little-endian, NOT aligned: copy values out of it, after weight_tensor_fetch */
    size_t bytes;
};

/* dst[0..count-1] = the values as float32, count = weight_tensor_values(tensor): F32 bit by bit, F16 and BF16 exactly,
 * F64 rounded to nearest (beyond float32's range: infinite). OVERWRITES dst. ERR_DATA for any other type. */
MUST_CHECK enum status weight_tensor_read_f32(float *dst, const struct weight_tensor *tensor,
                                              const struct weight_file *file, struct error *err);
/* *dst = the one value of an integer tensor of rank 0 (or [1]). ERR_DATA for anything else or when it does not fit. */
MUST_CHECK enum status weight_tensor_read_i64(int64_t *dst, const struct weight_tensor *tensor,
                                              const struct weight_file *file, struct error *err);

/* The product of the shape: how many values the tensor holds. */
size_t weight_tensor_values(const struct weight_tensor *tensor);
bool weight_tensor_same_shape(const struct weight_tensor *a, const struct weight_tensor *b);

/* "[64,3,7,7]", "[]" for rank 0; at most `size` bytes with the terminator. Returns out. */
#define WEIGHT_SHAPE_TEXT 192
char *weight_shape_text(char *out, size_t size, unsigned rank, const uint64_t *shape);

/* "F32"; and back: false when the text is no type. Bits of one value (4, 6, 8, 16, 32, 64). */
const char *weight_dtype_name(enum weight_dtype dtype);
bool weight_dtype_parse(enum weight_dtype *out, const char *name);
unsigned weight_dtype_bits(enum weight_dtype dtype);
/* F32, F16, BF16 or F64: what weight_tensor_read_f32 reads. */
bool weight_dtype_is_float(enum weight_dtype dtype);

/* *values = product of the shape, *bytes = values * size of the type. False, with both untouched, when that overflows
 * or does not fill whole bytes. */
bool weight_size(size_t *values, size_t *bytes, enum weight_dtype dtype, unsigned rank, const uint64_t *shape);

#endif
