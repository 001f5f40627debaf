#include "tests/support/guarded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 16 };
static const unsigned char guard_byte = 0xa5;

/* [floats for the size][guard][data][guard], so that data is 64-byte aligned. */
struct head {
    size_t count;
};

static void *must_alloc(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!memory) {
        fprintf(stderr, "no memory for a test (%zu bytes)\n", bytes);
        abort();
    }
    return memory;
}

float *guarded_alloc(size_t count)
{
    float *memory = must_alloc((count + 3 * GUARD) * sizeof(float));
    memcpy(memory, &(struct head){count}, sizeof(struct head));
    memset(memory + GUARD, guard_byte, GUARD * sizeof(float));
    for (size_t i = 0; i < count; i++)
        memory[2 * GUARD + i] = NAN;
    memset(memory + 2 * GUARD + count, guard_byte, GUARD * sizeof(float));
    return memory + 2 * GUARD;
}

bool guarded_intact(const float *data)
{
    struct head head;
    memcpy(&head, data - 2 * GUARD, sizeof head);
    const unsigned char *before = (const unsigned char *)(data - GUARD),
                        *after = (const unsigned char *)(data + head.count);
    for (size_t i = 0; i < GUARD * sizeof(float); i++)
        if (before[i] != guard_byte || after[i] != guard_byte)
            return false;
    return true;
}

void guarded_free(float *data)
{
    if (data)
        free(data - 2 * GUARD);
}

float *random_floats(struct rng *rng, size_t count, double scale, double shift)
{
    float *values = malloc(count ? count * sizeof *values : 1);
    if (!values)
        abort();
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(rng_normal(rng) * scale + shift);
    return values;
}

double *as_doubles(const float *values, size_t count)
{
    double *doubles = malloc(count ? count * sizeof *doubles : 1);
    if (!doubles)
        abort();
    for (size_t i = 0; i < count; i++)
        doubles[i] = (double)values[i];
    return doubles;
}
