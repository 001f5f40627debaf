/* Heap memory with checked sizes. Everything here is 64-byte aligned, so that vector loads never split a cache line. */
#ifndef FREEZETUNE_MEMORY_H
#define FREEZETUNE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

#define MEMORY_ALIGN ((size_t)64)

/* *out = a * b; false, with *out untouched, when that does not fit. */
bool size_mul(size_t *out, size_t a, size_t b);
bool size_add(size_t *out, size_t a, size_t b);

/* Zeroed memory for count items of `size` bytes, owned by the caller (memory_free). `what` names it in the error.
 * A count of 0 gives a valid pointer. */
MUST_CHECK enum status memory_alloc(void **out, size_t count, size_t size, const char *what, struct error *err);

/* Grows *ptr (NULL at first, later only from here) to hold at least `need` items; *capacity counts items. The new part
 * is not zeroed. On failure *ptr and *capacity are as before. */
MUST_CHECK enum status memory_grow(void **ptr, size_t *capacity, size_t need, size_t size, const char *what,
                                   struct error *err);

/* No block may be larger than this from now on: what a control group allows, where the system would end the program for
 * using the memory instead of refusing it. 0, as at first: no ceiling. For before other threads start. */
void memory_ceiling_set(size_t bytes);

void memory_free(void *ptr);

/* A copy of the string, owned by the caller (memory_free). */
MUST_CHECK enum status memory_strdup(char **out, const char *text, struct error *err);

#endif
