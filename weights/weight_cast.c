#include "weights/weight_cast.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/base/half.h"
#include "core/base/text.h"

static struct float_layout layout_of(enum weight_dtype dtype)
{
    switch (dtype) {
    case WEIGHT_F16:
        return LAYOUT_HALF;
    case WEIGHT_BF16:
        return LAYOUT_BFLOAT;
    case WEIGHT_F32:
        return LAYOUT_FLOAT;
    default:
        return LAYOUT_DOUBLE;
    }
}

enum status weight_read_f64(double *dst, const struct weight_tensor *tensor, size_t first, size_t count,
                            const struct weight_file *file, struct error *err)
{
    size_t size = weight_dtype_bits(tensor->dtype) / 8;
    struct weight_tensor part = *tensor;
    float floats[WEIGHT_BLOCK];
    assert(count <= WEIGHT_BLOCK);
    part.rank = 1;
    part.shape[0] = count;
    part.data = (const uint8_t *)tensor->data + first * size;
    part.bytes = count * size;
    enum status status = weight_tensor_fetch(&part, file, err);
    if (status == OK && tensor->dtype == WEIGHT_F64)
        memcpy(dst, part.data, part.bytes);
    if (status != OK || tensor->dtype == WEIGHT_F64)
        return status;
    status = weight_tensor_read_f32(floats, &part, file, err);
    for (size_t i = 0; i < count && status == OK; i++)
        dst[i] = (double)floats[i];
    return status;
}

enum status weight_cast(void *dst, enum weight_dtype dtype, const struct weight_tensor *tensor, size_t first,
                        size_t count, const struct weight_file *file, struct error *err)
{
    const size_t size = weight_dtype_bits(dtype) / 8;
    const struct float_layout to = layout_of(dtype);
    uint8_t *out = dst;
    assert(weight_dtype_is_float(dtype) || dtype == tensor->dtype);
    if (dtype == tensor->dtype) {
        struct weight_tensor part = weight_tensor_part(tensor, first * size, count * size);
        enum status status = weight_tensor_fetch(&part, file, err);
        if (status == OK)
            memcpy(dst, part.data, part.bytes);
        return status;
    }
    for (size_t done = 0; done < count; done += WEIGHT_BLOCK) {
        double values[WEIGHT_BLOCK];
        size_t block = count - done < WEIGHT_BLOCK ? count - done : WEIGHT_BLOCK;
        enum status status = weight_read_f64(values, tensor, first + done, block, file, err);
        if (status != OK)
            return status;
        for (size_t i = 0; i < block; i++, out += size) {
            uint64_t bits;
            char name[200];
            if (!float_round(&bits, values[i], to))
                return error_set(err, ERR_DATA, "%.400s: tensor '%s': %g at value %zu is too large for %s",
                                 weight_file_path(file), text_escape(name, sizeof name, tensor->name), values[i],
                                 first + done + i, weight_dtype_name(dtype));
            memcpy(out, &bits, size);
        }
    }
    return OK;
}
