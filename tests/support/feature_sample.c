#include "tests/support/feature_sample.h"

#include <string.h>

#include "core/base/half.h"
#include "core/base/rng.h"

struct feature_store_about feature_sample_about(size_t floats, enum feature_dtype dtype)
{
    struct feature_store_about about = {
        .values = floats, .dtype = dtype, .arch = "resnet50", .cut = "layer2", .image_size = 224};
    for (size_t i = 0; i < sizeof about.key; i++)
        about.key[i] = (uint8_t)(0x11 * i);
    about.key[0] = (uint8_t)dtype;
    return about;
}

struct feature_id feature_sample_id(uint32_t number)
{
    struct rng rng = rng_stream(1, RNG_TEST, 1, number);
    uint64_t photo = (uint64_t)rng_u32(&rng) << 32 | rng_u32(&rng);
    return (struct feature_id){.photo = {photo, number}, .view = number % 3, .view_seed = number % 3 ? 7 : 0};
}

/* Numbers in a row (Knuth's linear congruence), and quick: tests of kill -9 want to be caught writing, not here. */
static float next_value(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) * 0x1p-20f - 8;
}

void feature_sample(float *out, size_t floats, uint32_t number)
{
    uint32_t state = number * 2654435761u;
    for (size_t i = 0; i < floats; i++)
        out[i] = next_value(&state);
}

/* The next value, put where value `at` of an entry is. */
static void put_next(void *entry, size_t at, const struct feature_store_about *about, uint32_t *state)
{
    uint32_t bits;
    float value = next_value(state);
    memcpy(&bits, &value, sizeof bits);
    const uint16_t upper = (uint16_t)(bits >> 16);
    if (about->dtype == FEATURE_BF16)
        memcpy((char *)entry + at * sizeof upper, &upper, sizeof upper);
    else
        memcpy((char *)entry + at * sizeof value, &value, sizeof value);
}

void feature_sample_entry(void *out, const struct feature_store_about *about, uint32_t number)
{
    uint32_t state = number * 2654435761u;
    for (size_t i = 0; i < about->values; i++)
        put_next(out, i, about, &state);
}

bool feature_sample_right(const void *found, const struct feature_store_about *about, uint32_t number)
{
    uint32_t state = number * 2654435761u;
    const size_t size = about->dtype == FEATURE_BF16 ? sizeof(uint16_t) : sizeof(float);
    for (size_t i = 0; i < about->values; i++) {
        float value;
        put_next(&value, 0, about, &state);
        if (about->dtype == FEATURE_F16)
            value = half_to_float(half_from_float(value));
        if (memcmp(&value, (const char *)found + i * size, size) != 0)
            return false;
    }
    return true;
}
