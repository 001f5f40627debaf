/* Tensors whose values do not lie in the order of their shape: found, and copied into that order. */
#ifndef FREEZETUNE_STRIDED_H
#define FREEZETUNE_STRIDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether strides (in values) are those of a tensor without gaps, last dimension fastest. Strides of dimensions of one
 * value mean nothing; a tensor without values is always so. */
bool strided_is_plain(unsigned rank, const uint64_t *shape, const uint64_t *strides);

/* *last = sum((shape[i] - 1) * strides[i]), the place of the last value. False when it overflows. The tensor must hold
 * values. */
bool strided_last(uint64_t *last, unsigned rank, const uint64_t *shape, const uint64_t *strides);

/* dst = the values of `size` bytes at src, in the order of the shape. OVERWRITES dst. src[0..strided_last] is read. */
void strided_copy(void *dst, const void *src, size_t size, unsigned rank, const uint64_t *shape,
                  const uint64_t *strides);

#endif
