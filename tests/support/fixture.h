/* Tensors of a fixture file as plain float arrays, for tests: a missing file or tensor fails the test that asked.
 * Paths are relative to the root of the tree, where `make check` runs the tests. */
#ifndef FREEZETUNE_FIXTURE_H
#define FREEZETUNE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

struct fixture;

/* The caller owns it (fixture_close, which also frees every array that was got from it). */
struct fixture *fixture_open(const char *path);
void fixture_close(struct fixture *fixture);

/* Whether there is a tensor of that name; the name is made as printf does. */
bool fixture_has(const struct fixture *fixture, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How many tensors the file has. */
size_t fixture_count(const struct fixture *fixture);

/* The dimensions of a tensor, its values, a fresh copy: the copy may be written to and lives until fixture_close.
 * Integers of 1 or 8 bytes become floats. */
struct fixture_tensor {
    size_t shape[8];
    size_t count;
    float *values;
};
struct fixture_tensor fixture_get(struct fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
