#include "weights/weight_values.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/half.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/weight_file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "values in files are little-endian and are copied as they are");

static const struct {
    const char *name;
    unsigned bits;
} types[WEIGHT_DTYPES] = {
    [WEIGHT_BOOL] = {"BOOL", 8},
    [WEIGHT_F4] = {"F4", 4},
    [WEIGHT_F6_E2M3] = {"F6_E2M3", 6},
    [WEIGHT_F6_E3M2] = {"F6_E3M2", 6},
    [WEIGHT_U8] = {"U8", 8},
    [WEIGHT_I8] = {"I8", 8},
    [WEIGHT_F8_E5M2] = {"F8_E5M2", 8},
    [WEIGHT_F8_E4M3] = {"F8_E4M3", 8},
    [WEIGHT_F8_E8M0] = {"F8_E8M0", 8},
    [WEIGHT_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [WEIGHT_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [WEIGHT_I16] = {"I16", 16},
    [WEIGHT_U16] = {"U16", 16},
    [WEIGHT_F16] = {"F16", 16},
    [WEIGHT_BF16] = {"BF16", 16},
    [WEIGHT_I32] = {"I32", 32},
    [WEIGHT_U32] = {"U32", 32},
    [WEIGHT_F32] = {"F32", 32},
    [WEIGHT_C64] = {"C64", 64},
    [WEIGHT_F64] = {"F64", 64},
    [WEIGHT_I64] = {"I64", 64},
    [WEIGHT_U64] = {"U64", 64},
};

const char *weight_dtype_name(enum weight_dtype dtype)
{
    return types[dtype].name;
}

bool weight_dtype_parse(enum weight_dtype *out, const char *name)
{
    for (int i = 0; i < WEIGHT_DTYPES; i++)
        if (strcmp(types[i].name, name) == 0) {
            *out = (enum weight_dtype)i;
            return true;
        }
    return false;
}

unsigned weight_dtype_bits(enum weight_dtype dtype)
{
    return types[dtype].bits;
}

bool weight_dtype_is_float(enum weight_dtype dtype)
{
    return dtype == WEIGHT_F32 || dtype == WEIGHT_F16 || dtype == WEIGHT_BF16 || dtype == WEIGHT_F64;
}

bool weight_size(size_t *values, size_t *bytes, enum weight_dtype dtype, unsigned rank, const uint64_t *shape)
{
    uint64_t count = 1, bits;
    for (unsigned i = 0; i < rank; i++)
        if (__builtin_mul_overflow(count, shape[i], &count))
            return false;
    if (__builtin_mul_overflow(count, (uint64_t)types[dtype].bits, &bits) || bits % 8 != 0 || bits / 8 > SIZE_MAX / 2)
        return false;
    *values = (size_t)count;
    *bytes = (size_t)(bits / 8);
    return true;
}

size_t weight_tensor_values(const struct weight_tensor *tensor)
{
    return tensor->bytes * 8 / types[tensor->dtype].bits;
}

bool weight_tensor_same_shape(const struct weight_tensor *a, const struct weight_tensor *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) == 0;
}

char *weight_shape_text(char *out, size_t size, unsigned rank, const uint64_t *shape)
{
    assert(size > 2);
    size_t end = (size_t)snprintf(out, size, "[");
    for (unsigned i = 0; i < rank && end < size; i++)
        end += (size_t)snprintf(out + end, size - end, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
    if (end < size)
        snprintf(out + end, size - end, "]");
    return out;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Halfway to the number after the largest float32: from there on rounding to nearest gives infinity. */
#define FLOAT_OVERFLOW 0x1.ffffffp127

static float float_of_double(double value)
{
    return fabs(value) >= FLOAT_OVERFLOW ? (float)copysign((double)INFINITY, value) : (float)value;
}

static enum status refuse(const struct weight_tensor *tensor, const struct weight_file *file, const char *wanted,
                          struct error *err)
{
    char shape[WEIGHT_SHAPE_TEXT], name[200];
    weight_shape_text(shape, sizeof shape, tensor->rank, tensor->shape);
    return error_set(err, ERR_DATA, "%.400s: tensor '%s' is %s %s, expected %s", weight_file_path(file),
                     text_escape(name, sizeof name, tensor->name), weight_dtype_name(tensor->dtype), shape, wanted);
}

enum status weight_tensor_read_f32(float *dst, const struct weight_tensor *tensor, const struct weight_file *file,
                                   struct error *err)
{
    size_t values = weight_tensor_values(tensor);
    const uint8_t *from = tensor->data;
    enum status status = weight_tensor_fetch(tensor, file, err);
    if (status != OK)
        return status;
    switch (tensor->dtype) {
    case WEIGHT_F32:
        memcpy(dst, from, tensor->bytes);
        return OK;
    case WEIGHT_F16:
    case WEIGHT_BF16:
        for (size_t i = 0; i < values; i++) {
            uint16_t bits;
            memcpy(&bits, from + 2 * i, sizeof bits);
            dst[i] = tensor->dtype == WEIGHT_F16 ? half_to_float(bits) : float_of_bits((uint32_t)bits << 16);
        }
        return OK;
    case WEIGHT_F64:
        for (size_t i = 0; i < values; i++) {
            double value;
            memcpy(&value, from + 8 * i, sizeof value);
            dst[i] = float_of_double(value);
        }
        return OK;
    default:
        return refuse(tensor, file, "F32, F16, BF16 or F64", err);
    }
}

enum status weight_tensor_read_i64(int64_t *dst, const struct weight_tensor *tensor, const struct weight_file *file,
                                   struct error *err)
{
    uint64_t bits = 0;
    unsigned size = types[tensor->dtype].bits / 8;
    bool is_signed = tensor->dtype == WEIGHT_I8 || tensor->dtype == WEIGHT_I16 || tensor->dtype == WEIGHT_I32 ||
                     tensor->dtype == WEIGHT_I64;
    bool is_unsigned = tensor->dtype == WEIGHT_U8 || tensor->dtype == WEIGHT_U16 || tensor->dtype == WEIGHT_U32 ||
                       tensor->dtype == WEIGHT_U64;
    if (tensor->rank > 1 || tensor->bytes != size || !(is_signed || is_unsigned))
        return refuse(tensor, file, "one whole number", err);
    enum status status = weight_tensor_fetch(tensor, file, err);
    if (status != OK)
        return status;
    memcpy(&bits, tensor->data, size);
    if (is_signed && size < 8 && bits >> (8 * size - 1))
        bits |= ~0ull << (8 * size);
    if (is_unsigned && bits > INT64_MAX)
        return refuse(tensor, file, "a whole number below 2^63", err);
    memcpy(dst, &bits, sizeof *dst);
    return OK;
}
