/* For winograd_transform.h: F(4x4,3x3) by the points of winograd.h; operands are floats. */
#ifndef FREEZETUNE_WINOGRAD_TILE4_H
#define FREEZETUNE_WINOGRAD_TILE4_H

#include "core/ops/vec.h"

enum { TILE = 4, SIDE = TILE + 2 };

/* The points a and b and what B and G make of them: see winograd.h. */
#define POINT_A 0.67457462
#define POINT_B (1 / POINT_A)
#define POINT_C (1 / (2 * (POINT_B * POINT_B - POINT_A * POINT_A)))
static const float A1 = (float)POINT_A, A2 = (float)(POINT_A * POINT_A), A3 = (float)(POINT_A * POINT_A * POINT_A);
static const float B1 = (float)POINT_B, B2 = (float)(POINT_B * POINT_B), B3 = (float)(POINT_B * POINT_B * POINT_B);
static const float S = (float)(POINT_A * POINT_A + POINT_B * POINT_B);
static const float G0 = (float)(POINT_B * POINT_C), G1 = (float)POINT_C, G2 = (float)(POINT_A * POINT_C);

/* One dimension of B^T d. */
ALWAYS_INLINE void input_line(vec *v, const vec *d)
{
    vec even = B3 * d[2] - B1 * d[4], odd = B2 * d[1] - d[3];
    v[0] = d[0] - S * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    even = A1 * d[4] - A3 * d[2];
    odd = d[3] - A2 * d[1];
    v[3] = even + odd;
    v[4] = even - odd;
    v[5] = d[1] - S * d[3] + d[5];
}

/* One dimension of A^T m. */
ALWAYS_INLINE void output_line(vec *y, const vec *m)
{
    vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = A1 * odd_a + B1 * odd_b;
    y[2] = A2 * even_a + B2 * even_b;
    y[3] = A3 * odd_a + B3 * odd_b + m[5];
}

/* One dimension of A dy. */
ALWAYS_INLINE void gradient_line(vec *d, const vec *dy)
{
    vec even = dy[0] + A2 * dy[2], odd = A1 * dy[1] + A3 * dy[3];
    d[0] = dy[0];
    d[1] = even + odd;
    d[2] = even - odd;
    even = dy[0] + B2 * dy[2];
    odd = B1 * dy[1] + B3 * dy[3];
    d[3] = even + odd;
    d[4] = even - odd;
    d[5] = dy[3];
}

/* One dimension of G g. */
ALWAYS_INLINE void weights_line(vec *u, const vec *g)
{
    vec even = G0 * g[0] + G2 * g[2], odd = G1 * g[1];
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    even = G2 * g[0] + G0 * g[2];
    u[3] = even + odd;
    u[4] = even - odd;
    u[5] = g[2];
}

/* One dimension of G^T u. */
ALWAYS_INLINE void weight_gradient_line(vec *g, const vec *u)
{
    vec even_a = u[1] + u[2], even_b = u[3] + u[4];
    g[0] = u[0] + G0 * even_a + G2 * even_b;
    g[1] = G1 * ((u[1] - u[2]) + (u[3] - u[4]));
    g[2] = G2 * even_a + G0 * even_b + u[5];
}

/* Operand `at` of v and the ones beside it, of one image. */
ALWAYS_INLINE void put_operands(void *v, size_t at, vec a, const vec *other)
{
    (void)other;
    store((float *)v + at, a, WIDTH);
}

#endif
