#include "core/data/bit_cursor.h"

static void next_byte(struct bit_cursor *bits)
{
    bits->zeros = *bits->at == 0 ? bits->zeros + 1 : 0;
    bits->at++;
    bits->used = 0;
    if (bits->escaped && bits->zeros >= 2 && bits->at < bits->end && *bits->at == 3) {
        bits->at++;
        bits->zeros = 0;
    }
}

uint64_t bit_cursor_take(struct bit_cursor *bits, int count)
{
    uint64_t value = 0;
    for (; count > 0; count--) {
        if (bits->at >= bits->end) {
            bits->short_of = true;
            return 0;
        }
        value = value << 1 | (*bits->at >> (7 - bits->used) & 1);
        if (++bits->used == 8)
            next_byte(bits);
    }
    return value;
}
