/* For winograd_transform.h: F(2x2,3x3) by the points 0, 1, -1 and infinity; operands are bfloat16, or pairs of it. */
#ifndef FREEZETUNE_WINOGRAD_TILE2_H
#define FREEZETUNE_WINOGRAD_TILE2_H

#include "core/ops/vec.h"

enum { TILE = 2, SIDE = TILE + 2 };

/* One dimension of B^T d. */
ALWAYS_INLINE void input_line(vec *v, const vec *d)
{
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[1] - d[3];
}

/* One dimension of A^T m. */
ALWAYS_INLINE void output_line(vec *y, const vec *m)
{
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
}

/* One dimension of A dy. */
ALWAYS_INLINE void gradient_line(vec *d, const vec *dy)
{
    d[0] = dy[0];
    d[1] = dy[0] + dy[1];
    d[2] = dy[0] - dy[1];
    d[3] = -dy[1];
}

/* One dimension of G g. */
ALWAYS_INLINE void weights_line(vec *u, const vec *g)
{
    vec even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
}

/* One dimension of G^T u. */
ALWAYS_INLINE void weight_gradient_line(vec *g, const vec *u)
{
    vec even = 0.5f * (u[1] + u[2]);
    g[0] = u[0] + even;
    g[1] = 0.5f * (u[1] - u[2]);
    g[2] = even + u[3];
}

/* Operand `at` of v and the ones beside it, of one image; or, where there is another, pairs of both. */
ALWAYS_INLINE void put_operands(void *v, size_t at, vec a, const vec *other)
{
    if (!other) {
        bf16_of_vec((uint16_t *)v + at, a);
        return;
    }
    vec_bits pairs = bf16_pairs_of_vecs(a, *other);
    memcpy((uint32_t *)v + at, &pairs, sizeof pairs);
}

#endif
