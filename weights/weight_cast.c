#include "weights/weight_cast.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/text.h"

enum { BLOCK = 1024 };

/* IEEE 754: 1 sign, exponent, fraction. */
struct layout {
    unsigned exponent, fraction;
};

static struct layout layout_of(enum weight_dtype dtype)
{
    switch (dtype) {
    case WEIGHT_F16:
        return (struct layout){5, 10};
    case WEIGHT_BF16:
        return (struct layout){8, 7};
    case WEIGHT_F32:
        return (struct layout){8, 23};
    default:
        return (struct layout){11, 52};
    }
}

/* A finite double's magnitude as a number of the layout's steps, which is the bit pattern without the sign: exponents
 * follow one another, so a fraction that rounds up to the next power of two carries into the exponent by itself. */
static uint64_t round_finite(uint64_t magnitude, struct layout to)
{
    const int bias = (1 << (to.exponent - 1)) - 1, least = 1 - bias, exponent = (int)(magnitude >> 52) - 1023;
    const uint64_t mantissa = (magnitude & ((1ull << 52) - 1)) | 1ull << 52;
    const int scale = exponent < least ? least : exponent;
    const int shift = 52 - (int)to.fraction + (scale - exponent);
    if (shift > 53 || exponent == -1023)
        return 0; /* below half of the smallest step */
    if (shift == 0)
        return magnitude;
    uint64_t kept = mantissa >> shift, rest = mantissa & ((1ull << shift) - 1), half = 1ull << (shift - 1);
    kept += rest > half || (rest == half && (kept & 1));
    return exponent < least ? kept : ((uint64_t)(exponent + bias - 1) << to.fraction) + kept;
}

/* The bits of the value in the layout. False when a finite value became infinite. */
static bool round_value(uint64_t *out, double value, struct layout to)
{
    uint64_t bits, sign, infinite = ((1ull << to.exponent) - 1) << to.fraction;
    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 63 << (to.exponent + to.fraction);
    bits &= ~(1ull << 63);
    if (bits >= 0x7FFull << 52) {
        bool nan = bits > 0x7FFull << 52;
        uint64_t payload = (bits & ((1ull << 52) - 1)) >> (52 - to.fraction);
        *out = sign | infinite | (nan ? payload | 1ull << (to.fraction - 1) : 0);
        return true;
    }
    bits = round_finite(bits, to);
    *out = sign | bits;
    return bits < infinite;
}

static enum status read_block(double *out, const struct weight_tensor *tensor, size_t first, size_t count,
                              const struct weight_file *file, struct error *err)
{
    size_t size = weight_dtype_bits(tensor->dtype) / 8;
    struct weight_tensor part = *tensor;
    float floats[BLOCK];
    part.rank = 1;
    part.shape[0] = count;
    part.data = (const uint8_t *)tensor->data + first * size;
    part.bytes = count * size;
    if (tensor->dtype == WEIGHT_F64) {
        memcpy(out, part.data, part.bytes);
        return OK;
    }
    enum status status = weight_tensor_read_f32(floats, &part, file, err);
    for (size_t i = 0; i < count && status == OK; i++)
        out[i] = (double)floats[i];
    return status;
}

enum status weight_cast(void *dst, enum weight_dtype dtype, const struct weight_tensor *tensor, size_t first,
                        size_t count, const struct weight_file *file, struct error *err)
{
    const size_t size = weight_dtype_bits(dtype) / 8;
    const struct layout to = layout_of(dtype);
    uint8_t *out = dst;
    assert(weight_dtype_is_float(dtype) || dtype == tensor->dtype);
    if (dtype == tensor->dtype) {
        memcpy(dst, (const uint8_t *)tensor->data + first * size, count * size);
        return OK;
    }
    for (size_t done = 0; done < count; done += BLOCK) {
        double values[BLOCK];
        size_t block = count - done < BLOCK ? count - done : BLOCK;
        enum status status = read_block(values, tensor, first + done, block, file, err);
        if (status != OK)
            return status;
        for (size_t i = 0; i < block; i++, out += size) {
            uint64_t bits;
            char name[200];
            if (!round_value(&bits, values[i], to))
                return error_set(err, ERR_DATA, "%.400s: tensor '%s': %g at value %zu is too large for %s",
                                 weight_file_path(file), text_escape(name, sizeof name, tensor->name), values[i],
                                 first + done + i, weight_dtype_name(dtype));
            memcpy(out, &bits, size);
        }
    }
    return OK;
}
