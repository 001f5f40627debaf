/* Buffers for tests of numeric code: an output begins as NaN, so that what is never written is seen, and lies between
 * guards, so that what is written outside is seen. */
#ifndef FREEZETUNE_GUARDED_H
#define FREEZETUNE_GUARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/rng.h"

/* `count` floats, all NaN, between guards. Ends the test when there is no memory. */
float *guarded_alloc(size_t count);
bool guarded_intact(const float *data);
/* NULL is fine. */
void guarded_free(float *data);

/* Inputs, of exactly the size asked for, so that AddressSanitizer sees a read outside: standard normal times scale plus
 * shift, rounded to float; the same values in double for the references. Both are freed with free(). */
float *random_floats(struct rng *rng, size_t count, double scale, double shift);
double *as_doubles(const float *values, size_t count);

#endif
