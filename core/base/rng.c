#include "core/base/rng.h"

#include <math.h>

void philox4x32_10(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint32_t epoch, uint64_t item)
{
    /* The counter's words: the block within the stream, the item, and (purpose, epoch). An item number has 40 bits
     * here, a purpose 8 and an epoch 16 + 8: far beyond what any run uses, and they cannot meet. */
    struct rng rng = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .used = 4};
    rng.counter[1] = (uint32_t)item;
    rng.counter[2] = (uint32_t)(item >> 32) << 24 | (epoch & 0xFFFFFFu);
    rng.counter[3] = (uint32_t)purpose << 24 | (epoch >> 24);
    return rng;
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->used == 4) {
        philox4x32_10(rng->block, rng->counter, rng->key);
        rng->counter[0]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

float rng_float(struct rng *rng)
{
    return (float)(rng_u32(rng) >> 8) * 0x1p-24f;
}

double rng_double(struct rng *rng)
{
    uint64_t high = rng_u32(rng) >> 5, low = rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
    /* Words below 2^32 mod n are thrown away, so that every remainder is equally likely. */
    uint32_t reject = (uint32_t)(-n) % n, word;
    do
        word = rng_u32(rng);
    while (word < reject);
    return word % n;
}

double rng_normal(struct rng *rng)
{
    double radius = sqrt(-2.0 * log(1.0 - rng_double(rng)));
    return radius * cos(6.283185307179586 * rng_double(rng));
}

/* The logarithm of a gamma variable (Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS
 * 26, 2000). One of a shape below 1 is one of shape + 1 times U^(1/shape), which may be too small for a double, but not
 * its logarithm. */
static double log_of_gamma(struct rng *rng, double shape)
{
    double factor = 0;
    if (shape < 1) {
        factor = log(1.0 - rng_double(rng)) / shape;
        shape += 1;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = rng_normal(rng), u = 1.0 - rng_double(rng), root = 1 + c * x;
        double v = root * root * root;
        if (root > 0 && log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return log(d * v) + factor;
    }
}

double rng_beta(struct rng *rng, double a, double b)
{
    double x = log_of_gamma(rng, a), y = log_of_gamma(rng, b);
    return 1 / (1 + exp(y - x));
}

void rng_shuffle(struct rng *rng, uint32_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        uint32_t j = rng_below(rng, (uint32_t)i), kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}
