#include "weights/torch/strided.h"

#include <string.h>

#include "weights/weight_file.h"

bool strided_is_plain(unsigned rank, const uint64_t *shape, const uint64_t *strides)
{
    uint64_t expected = 1;
    bool plain = true;
    for (unsigned i = rank; i-- > 0;) {
        if (shape[i] == 0)
            return true;
        plain = plain && (shape[i] == 1 || strides[i] == expected);
        expected *= shape[i]; /* may wrap only where a stride cannot fit any storage: the caller has checked the size */
    }
    return plain;
}

bool strided_last(uint64_t *last, unsigned rank, const uint64_t *shape, const uint64_t *strides)
{
    uint64_t sum = 0, step;
    for (unsigned i = 0; i < rank; i++)
        if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) || __builtin_add_overflow(sum, step, &sum))
            return false;
    *last = sum;
    return true;
}

/* A constant size lets the compiler copy by one load and one store. */
static void copy_run(uint8_t *dst, const uint8_t *src, size_t size, size_t count, size_t step)
{
    switch (size) {
    case 2:
        for (size_t i = 0; i < count; i++)
            memcpy(dst + 2 * i, src + i * step, 2);
        break;
    case 4:
        for (size_t i = 0; i < count; i++)
            memcpy(dst + 4 * i, src + i * step, 4);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            memcpy(dst + size * i, src + i * step, size);
    }
}

void strided_copy(void *dst, const void *src, size_t size, unsigned rank, const uint64_t *shape,
                  const uint64_t *strides)
{
    uint64_t at[WEIGHT_MAX_RANK] = {0};
    uint8_t *to = dst;
    const uint8_t *from = src;
    size_t run = rank ? (size_t)shape[rank - 1] : 1, step = rank ? (size_t)strides[rank - 1] * size : 0;
    for (unsigned i = 0; i < rank; i++)
        if (shape[i] == 0)
            return;
    for (;;) {
        copy_run(to, from, size, run, step);
        to += run * size;
        unsigned i = rank ? rank - 1 : 0; /* the next place of the outer dimensions, as an odometer counts */
        while (i > 0) {
            i--;
            from += (size_t)strides[i] * size;
            if (++at[i] < shape[i])
                break;
            from -= (size_t)strides[i] * size * (size_t)shape[i];
            at[i] = 0;
            if (i == 0)
                return;
        }
        if (rank < 2)
            return;
    }
}
