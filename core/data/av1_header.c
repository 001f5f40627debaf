#include "core/data/av1_header.h"

#include <stdbool.h>

#include "core/data/bit_cursor.h"

/* An unsigned number of variable length, uvlc() (4.10.3). */
static void skip_uvlc(struct bit_cursor *bits)
{
    int zeros = 0;
    while (!bits->short_of && zeros < 32 && bit_cursor_take(bits, 1) == 0)
        zeros++;
    bit_cursor_take(bits, zeros < 32 ? zeros : 0);
}

/* timing_info() and decoder_model_info(); returns buffer_delay_length_minus_1, -1 without a model. */
static int skip_timing(struct bit_cursor *bits)
{
    bit_cursor_take(bits, 32);
    bit_cursor_take(bits, 32);
    if (bit_cursor_take(bits, 1))
        skip_uvlc(bits);
    if (!bit_cursor_take(bits, 1))
        return -1;
    int length = (int)bit_cursor_take(bits, 5);
    bit_cursor_take(bits, 32);
    bit_cursor_take(bits, 10);
    return length;
}

/* operating_parameters_info() and the like of each operating point. */
static void skip_points(struct bit_cursor *bits)
{
    int delay = bit_cursor_take(bits, 1) ? skip_timing(bits) : -1;
    bool display = bit_cursor_take(bits, 1);
    for (uint64_t points = bit_cursor_take(bits, 5) + 1; points > 0 && !bits->short_of; points--) {
        bit_cursor_take(bits, 12);
        if (bit_cursor_take(bits, 5) > 7)
            bit_cursor_take(bits, 1);
        if (delay >= 0 && bit_cursor_take(bits, 1)) {
            bit_cursor_take(bits, delay + 1);
            bit_cursor_take(bits, delay + 1);
            bit_cursor_take(bits, 1);
        }
        if (display && bit_cursor_take(bits, 1))
            bit_cursor_take(bits, 4);
    }
}

/* sequence_header_obu() (5.5.1) as far as its size. */
static void add_sequence(uint64_t *width, uint64_t *height, const uint8_t *bytes, size_t size)
{
    struct bit_cursor bits = {.at = bytes, .end = bytes + size};
    bit_cursor_take(&bits, 4);
    if (bit_cursor_take(&bits, 1)) /* reduced_still_picture_header */
        bit_cursor_take(&bits, 5);
    else
        skip_points(&bits);
    int width_bits = (int)bit_cursor_take(&bits, 4) + 1, height_bits = (int)bit_cursor_take(&bits, 4) + 1;
    uint64_t wide = bit_cursor_take(&bits, width_bits) + 1, high = bit_cursor_take(&bits, height_bits) + 1;
    if (!bits.short_of && wide * high > *width * *height) { /* 65,536 at most, each */
        *width = wide;
        *height = high;
    }
}

/* leb128() (4.10.5): returns how many bytes it has, 0 when it does not end within 8 bytes or the data. */
static size_t read_size(uint64_t *out, const uint8_t *bytes, size_t size)
{
    *out = 0;
    for (size_t i = 0; i < 8 && i < size; i++) {
        *out |= (uint64_t)(bytes[i] & 127) << 7 * i;
        if (!(bytes[i] & 128))
            return i + 1;
    }
    return 0;
}

void av1_header_size(uint64_t *width, uint64_t *height, const uint8_t *data, size_t size)
{
    enum { SEQUENCE_HEADER = 1 };
    while (size > 0) {
        size_t head = data[0] & 4 ? 2 : 1, length = 0;
        if (head > size)
            return;
        uint64_t body = size - head;
        if (data[0] & 2) {
            length = read_size(&body, data + head, size - head);
            if (length == 0 || body > size - head - length)
                return;
        }
        if ((data[0] >> 3 & 15) == SEQUENCE_HEADER)
            add_sequence(width, height, data + head + length, (size_t)body);
        data += head + length + body;
        size -= head + length + (size_t)body;
    }
}
