/* Loops over the values of parameters: the optimizer's.
 *
 * lanes.simd.c is compiled once per instruction set; lanes() gives the table of the one in use. The sets differ in how
 * they round (fused multiply-add) but each gives the same bytes for the same input.
 */
#ifndef FREEZETUNE_LANES_H
#define FREEZETUNE_LANES_H

#include <stdbool.h>
#include <stddef.h>

/* The coefficients of one Adam step, each rounded once from double: 1 - 0.999f is not 0.001f. */
struct adam_step {
    float rate;         /* lr / (1 - beta1^t) */
    float rest1;        /* 1 - beta1 */
    float beta2, rest2; /* rest2 = 1 - beta2 */
    float eps;
    float decay;            /* joins the gradient (Adam), or 0 */
    float shrink;           /* multiplies w before anything else (AdamW), or 1 */
    float correction2_root; /* sqrt(1 - beta2^t) */
};

struct lanes {
    /* Optimizer steps over `count` values, in place on w and on the state. core/train/optimizer.h has the formulas.
     * sgd: `momentum` NULL is none; `first`: it starts as the gradient. */
    void (*sgd)(float *w, float *momentum, const float *dw, size_t count, float lr, float mu, float decay,
                bool nesterov, bool first);
    void (*adam)(float *w, float *m, float *v, const float *dw, size_t count, const struct adam_step *step);
};

const struct lanes *lanes(void);

#endif
