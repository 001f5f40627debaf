/* For *_bf16.simd.c files compiled for AMX: its eight tiles as products use them, and the instructions on them. A
 * compiler that does not know what memory these read must be told "memory". */
#ifndef FREEZETUNE_TILES_H
#define FREEZETUNE_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TILE = 16,       /* rows of a tile; floats, or pairs of bfloat16, of a row */
    TILE_VALUES = 32 /* of a row of bfloat16 */
};

/* Tiles 0 and 1 are the upper ones of a result, 2 and 3 those below; 4 and 5 the upper and lower of the left operand; 6
 * and 7 those of the right one. Rows in memory are `step` bytes apart. TILE_ADD(c, a, b): c += a b. */
#define TILE_ZERO(tile) __asm__ volatile("tilezero %%tmm" #tile ::)
#define TILE_LOAD(tile, from, step)                                                                                    \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(from), "r"((long)(step)) : "memory")
#define TILE_STORE(to, step, tile)                                                                                     \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(to), "r"((long)(step)) : "memory")
#define TILE_ADD(c, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

/* Rows of the upper and the lower tiles (0: none), and values that are summed by one TILE_ADD. */
struct tile_shape {
    size_t top, bottom, values;
};

/* What the tiles of this thread are, whichever file has told the processor. */
extern _Thread_local struct tile_shape tiles_now;

/* As the processor reads it. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Of the tiles of this thread from now on; what they held is lost. Nothing is done where they have the shape already:
 * loading it takes as long as some products. */
static inline void tiles_shape(struct tile_shape shape)
{
    struct tile_shape *now = &tiles_now;
    if (now->top == shape.top && now->bottom == shape.bottom && now->values == shape.values)
        return;
    const size_t rows[] = {shape.top, shape.top,    shape.bottom,     shape.bottom,
                           shape.top, shape.bottom, shape.values / 2, shape.values / 2};
    struct tile_config config = {.palette = 1};
    for (size_t i = 0; i < 8; i++) {
        bool left = i == 4 || i == 5;
        config.rows[i] = (uint8_t)rows[i];
        if (rows[i] > 0)
            config.row_bytes[i] = (uint16_t)(left ? shape.values * sizeof(uint16_t) : TILE * sizeof(float));
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(config));
    *now = shape;
}

#endif
