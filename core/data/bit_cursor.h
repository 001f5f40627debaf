/* Reads the headers of video streams bit by bit, from hostile bytes. Inside core/data only. */
#ifndef FREEZETUNE_BIT_CURSOR_H
#define FREEZETUNE_BIT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bits of bytes [at, end), the highest of each byte first; `short_of` is set when more was asked for than there is,
 * and everything read then is 0. `escaped`: the 3 of each 00 00 03 is left out (HEVC: ITU-T H.265, 7.3.1.1). */
struct bit_cursor {
    const uint8_t *at, *end;
    bool escaped, short_of;
    int used, zeros; /* bits of *at that were read; zero bytes before it */
};

/* The next `count` bits as a number; of more than 64 the last ones. */
uint64_t bit_cursor_take(struct bit_cursor *bits, int count);

#endif
