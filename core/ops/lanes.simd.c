#include "core/ops/lanes.h"

#include <math.h>

#include "core/ops/simd.h"

static void sgd(float *w, float *momentum, const float *dw, size_t count, float lr, float mu, float decay,
                bool nesterov, bool first)
{
    if (!momentum) {
        INDEPENDENT
        for (size_t i = 0; i < count; i++)
            w[i] -= lr * (dw[i] + decay * w[i]);
        return;
    }
    float kept = first ? 0.0f : mu;
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float d = dw[i] + decay * w[i];
        float v = kept * momentum[i] + d;
        momentum[i] = v;
        w[i] -= lr * (nesterov ? d + mu * v : v);
    }
}

static void adam(float *w, float *m, float *v, const float *dw, size_t count, const struct adam_step *step)
{
    struct adam_step s = *step; /* a copy, so that no store to w can change it */
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float x = w[i] * s.shrink;
        float d = dw[i] + s.decay * x;
        float first = m[i] + s.rest1 * (d - m[i]);
        float second = v[i] * s.beta2 + s.rest2 * (d * d);
        m[i] = first;
        v[i] = second;
        w[i] = x - s.rate * first / (sqrtf(second) / s.correction2_root + s.eps);
    }
}

extern const struct lanes SIMD_NAME(lanes);
const struct lanes SIMD_NAME(lanes) = {.sgd = sgd, .adam = adam};
