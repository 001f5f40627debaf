#include "core/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool size_mul(size_t *out, size_t a, size_t b)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

bool size_add(size_t *out, size_t a, size_t b)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static size_t ceiling;

void memory_ceiling_set(size_t bytes)
{
    ceiling = bytes;
}

static enum status refuse(struct error *err, const char *what, size_t bytes)
{
    if (ceiling == 0 || bytes <= ceiling || bytes == SIZE_MAX)
        return error_memory(err, what, bytes);
    return error_set(err, ERR_SYSTEM,
                     "not enough memory for %s: %.3g MB are needed, and the control group's limit leaves %.3g MB", what,
                     (double)bytes / 1e6, (double)ceiling / 1e6);
}

/* Rounded up to MEMORY_ALIGN. */
static size_t size_aligned(size_t bytes)
{
    return (bytes + MEMORY_ALIGN - 1) & ~(MEMORY_ALIGN - 1);
}

static void *aligned_new(size_t count, size_t size, size_t *bytes)
{
    if (!size_mul(bytes, count, size) || *bytes > SIZE_MAX / 2) {
        *bytes = SIZE_MAX;
        return NULL;
    }
    if (ceiling > 0 && *bytes > ceiling)
        return NULL;
    return aligned_alloc(MEMORY_ALIGN, size_aligned(*bytes ? *bytes : 1));
}

enum status memory_alloc(void **out, size_t count, size_t size, const char *what, struct error *err)
{
    size_t bytes;
    void *ptr = aligned_new(count, size, &bytes);
    if (!ptr)
        return refuse(err, what, bytes);
    memset(ptr, 0, bytes);
    *out = ptr;
    return OK;
}

enum status memory_grow(void **ptr, size_t *capacity, size_t need, size_t size, const char *what, struct error *err)
{
    if (need <= *capacity)
        return OK;
    size_t count = *capacity > need / 2 ? *capacity * 2 : need;
    if (count < 16)
        count = 16;
    size_t bytes;
    void *bigger = aligned_new(count, size, &bytes);
    if (!bigger)
        return refuse(err, what, bytes);
    if (*capacity)
        memcpy(bigger, *ptr, *capacity * size);
    free(*ptr);
    *ptr = bigger;
    *capacity = count;
    return OK;
}

void memory_free(void *ptr)
{
    free(ptr);
}

enum status memory_strdup(char **out, const char *text, struct error *err)
{
    void *copy;
    size_t size = strlen(text) + 1;
    enum status status = memory_alloc(&copy, size, 1, "a name", err);
    if (status != OK)
        return status;
    memcpy(copy, text, size);
    *out = copy;
    return OK;
}
