#include "core/data/hevc_header.h"

#include <stdbool.h>

#include "core/base/byte_order.h"

/* The bits of a NAL unit without the 3 of each 00 00 03 (ITU-T H.265, 7.3.1.1). Behind its end all are 0, and
 * `short_of` says so. */
struct bits {
    const uint8_t *at, *end;
    int left, zeros; /* bits of *at that are not read yet; zero bytes before it */
    bool short_of;
};

static void next_byte(struct bits *bits)
{
    bits->zeros = *bits->at == 0 ? bits->zeros + 1 : 0;
    bits->at++;
    bits->left = 8;
    if (bits->zeros >= 2 && bits->at < bits->end && *bits->at == 3) {
        bits->at++;
        bits->zeros = 0;
    }
}

static uint64_t take_bits(struct bits *bits, int count)
{
    uint64_t value = 0;
    for (; count > 0; count--) {
        if (bits->at >= bits->end) {
            bits->short_of = true;
            return 0;
        }
        value = value << 1 | (*bits->at >> --bits->left & 1);
        if (bits->left == 0)
            next_byte(bits);
    }
    return value;
}

static void skip_bits(struct bits *bits, int count)
{
    while (count-- > 0)
        take_bits(bits, 1);
}

/* An Exp-Golomb code, ue(v) (9.2). */
static uint64_t take_code(struct bits *bits)
{
    enum { LONGEST = 32 };
    int zeros = 0;
    while (!bits->short_of && take_bits(bits, 1) == 0)
        if (++zeros > LONGEST)
            bits->short_of = true;
    return bits->short_of ? 0 : (UINT64_C(1) << zeros) - 1 + take_bits(bits, zeros);
}

/* profile_tier_level(1, layers) (7.3.3), where layers is one less than the number of sub-layers. */
static void skip_profile(struct bits *bits, int layers)
{
    enum { PROFILE = 88, LEVEL = 8, MOST_LAYERS = 8 };
    bool profile[MOST_LAYERS], level[MOST_LAYERS];
    skip_bits(bits, PROFILE + LEVEL);
    for (int i = 0; i < layers; i++) {
        profile[i] = take_bits(bits, 1);
        level[i] = take_bits(bits, 1);
    }
    if (layers > 0)
        skip_bits(bits, 2 * (MOST_LAYERS - layers));
    for (int i = 0; i < layers; i++)
        skip_bits(bits, (profile[i] ? PROFILE : 0) + (level[i] ? LEVEL : 0));
}

/* seq_parameter_set_rbsp (7.3.2.2) as far as its size. */
static void add_set(uint64_t *width, uint64_t *height, const uint8_t *unit, size_t size)
{
    enum { HEADER = 16, COLOUR_PLANES = 3 };
    struct bits bits = {.at = unit, .end = unit + size, .left = 8};
    skip_bits(&bits, HEADER + 4);
    int layers = (int)take_bits(&bits, 3);
    skip_bits(&bits, 1);
    skip_profile(&bits, layers);
    take_code(&bits);
    if (take_code(&bits) == COLOUR_PLANES)
        skip_bits(&bits, 1);
    uint64_t wide = take_code(&bits), high = take_code(&bits);
    /* Below 2^33 each: as double a product cannot overflow. */
    if (!bits.short_of && (double)wide * (double)high > (double)*width * (double)*height) {
        *width = wide;
        *height = high;
    }
}

void hevc_header_size(uint64_t *width, uint64_t *height, const uint8_t *record, size_t size)
{
    enum { ARRAYS = 22, SEQUENCE_PARAMETER_SET = 33 };
    if (size <= ARRAYS)
        return;
    const uint8_t *at = record + ARRAYS + 1, *end = record + size;
    for (int arrays = record[ARRAYS]; arrays > 0 && end - at >= 3; arrays--) {
        int type = at[0] & 63;
        uint32_t units = get_big16(at + 1);
        at += 3;
        for (; units > 0 && end - at >= 2; units--) {
            size_t length = get_big16(at);
            at += 2;
            if (length > (size_t)(end - at))
                return;
            if (type == SEQUENCE_PARAMETER_SET)
                add_set(width, height, at, length);
            at += length;
        }
    }
}
