/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 *
 * A stream is named by (seed, purpose, epoch, item) and nothing else, so that the order of execution, the number of
 * threads or a resumed run cannot change its numbers. A stream is a value: copy it, keep it on the stack.
 */
#ifndef FREEZETUNE_RNG_H
#define FREEZETUNE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. Append only: the numbers are part of what a seed means. */
enum rng_purpose {
    RNG_INIT = 1,      /* initial weights; item = the parameter's number in the declaration */
    RNG_ORDER = 2,     /* the order of the photos in an epoch */
    RNG_AUGMENT = 3,   /* crop and flip; item = the photo's number in the training list */
    RNG_TOY = 4,       /* the toy's data */
    RNG_TEST = 5,      /* tests only */
    RNG_MIX = 6,       /* mixup and cutmix; item = the step's number in the epoch */
    RNG_BOOTSTRAP = 7, /* intervals of calibration.h; epoch = the resampling's number, item = what is drawn */
    RNG_REPORT = 8     /* which photos a report shows; item = the row of predictions_val.csv */
};

struct rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned used; /* words of block already given */
};

struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint32_t epoch, uint64_t item);

uint32_t rng_u32(struct rng *rng);
/* Uniform in [0, 1), 24 bits; in double, 53 bits. */
float rng_float(struct rng *rng);
double rng_double(struct rng *rng);
/* Uniform in 0..n-1 without bias, n >= 1. */
uint32_t rng_below(struct rng *rng, uint32_t n);
/* Standard normal (Box-Muller, in double). */
double rng_normal(struct rng *rng);
/* Beta(a, b) in [0, 1], a and b above 0: X / (X + Y) of gamma variables X and Y of these shapes. */
double rng_beta(struct rng *rng, double a, double b);
/* Puts order[0..n-1] into a uniformly random order (Fisher-Yates), n < 2^32. */
void rng_shuffle(struct rng *rng, uint32_t *order, size_t n);

/* Ten Philox rounds of `counter` under `key`: for the known-answer test of the paper's code. */
void philox4x32_10(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

#endif
