/* What tests against committed values of PyTorch share: a fixture file whose tensors are called KIND.NUMBER/NAME, and a
 * pool of two threads. */
#ifndef FREEZETUNE_PARITY_VALUES_H
#define FREEZETUNE_PARITY_VALUES_H

#include <stddef.h>

#include "core/base/threads.h"
#include "tests/support/fixture.h"

/* For cmocka's set-up and teardown: 0, or -1 with the reason on stderr. */
int parity_values_open(struct fixture **fixture, struct pool **pool, const char *path);
int parity_values_close(struct fixture *fixture, struct pool *pool);

/* Fails the test unless found[count] lies within `tolerance` of the tensor (compare.h). */
void parity_values_expect(struct fixture *fixture, const char *kind, int number, const char *name, const float *found,
                          size_t count, double tolerance);

/* Zeros, owned by the caller (memory_free). */
void *parity_values_zeros(size_t count, size_t size);

#endif
