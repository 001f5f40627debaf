#include "core/data/hevc_header.h"

#include <stdbool.h>

#include "core/base/byte_order.h"
#include "core/data/bit_cursor.h"

/* An Exp-Golomb code, ue(v) (9.2). */
static uint64_t take_code(struct bit_cursor *bits)
{
    enum { LONGEST = 32 };
    int zeros = 0;
    while (!bits->short_of && bit_cursor_take(bits, 1) == 0)
        if (++zeros > LONGEST)
            bits->short_of = true;
    return bits->short_of ? 0 : (UINT64_C(1) << zeros) - 1 + bit_cursor_take(bits, zeros);
}

/* profile_tier_level(1, layers) (7.3.3), where layers is one less than the number of sub-layers. */
static void skip_profile(struct bit_cursor *bits, int layers)
{
    enum { PROFILE = 88, LEVEL = 8, MOST_LAYERS = 8 };
    bool profile[MOST_LAYERS], level[MOST_LAYERS];
    bit_cursor_take(bits, PROFILE + LEVEL);
    for (int i = 0; i < layers; i++) {
        profile[i] = bit_cursor_take(bits, 1);
        level[i] = bit_cursor_take(bits, 1);
    }
    if (layers > 0)
        bit_cursor_take(bits, 2 * (MOST_LAYERS - layers));
    for (int i = 0; i < layers; i++)
        bit_cursor_take(bits, (profile[i] ? PROFILE : 0) + (level[i] ? LEVEL : 0));
}

/* seq_parameter_set_rbsp (7.3.2.2) as far as its size. */
static void add_set(uint64_t *width, uint64_t *height, const uint8_t *unit, size_t size)
{
    enum { HEADER = 16, COLOUR_PLANES = 3 };
    struct bit_cursor bits = {.at = unit, .end = unit + size, .escaped = true};
    bit_cursor_take(&bits, HEADER + 4);
    int layers = (int)bit_cursor_take(&bits, 3);
    bit_cursor_take(&bits, 1);
    skip_profile(&bits, layers);
    take_code(&bits);
    if (take_code(&bits) == COLOUR_PLANES)
        bit_cursor_take(&bits, 1);
    uint64_t wide = take_code(&bits), high = take_code(&bits);
    /* Below 2^33 each: as double a product cannot overflow. */
    if (!bits.short_of && (double)wide * (double)high > (double)*width * (double)*height) {
        *width = wide;
        *height = high;
    }
}

/* A NAL unit (7.3.1): one of a higher layer is no business of a decoder of pictures,
 * and its set is written otherwise. */
static void add_unit(uint64_t *width, uint64_t *height, const uint8_t *unit, size_t size)
{
    enum { SEQUENCE_PARAMETER_SET = 33 };
    struct bit_cursor bits = {.at = unit, .end = unit + size};
    bit_cursor_take(&bits, 1);
    uint64_t type = bit_cursor_take(&bits, 6), layer = bit_cursor_take(&bits, 6);
    if (type == SEQUENCE_PARAMETER_SET && layer == 0)
        add_set(width, height, unit, size);
}

void hevc_header_size(uint64_t *width, uint64_t *height, const uint8_t *record, size_t size)
{
    enum { ARRAYS = 22 };
    if (size <= ARRAYS)
        return;
    const uint8_t *at = record + ARRAYS + 1, *end = record + size;
    for (int arrays = record[ARRAYS]; arrays > 0 && end - at >= 3; arrays--) {
        uint32_t units = get_big16(at + 1);
        at += 3;
        for (; units > 0 && end - at >= 2; units--) {
            size_t length = get_big16(at);
            at += 2;
            if (length > (size_t)(end - at))
                return;
            add_unit(width, height, at, length);
            at += length;
        }
    }
}

void hevc_stream_size(uint64_t *width, uint64_t *height, const uint8_t *data, size_t size)
{
    enum { PREFIX = 4 };
    while (size >= PREFIX) {
        size_t length = get_big32(data);
        data += PREFIX;
        size -= PREFIX;
        if (length > size)
            return;
        add_unit(width, height, data, length);
        data += length;
        size -= length;
    }
}
