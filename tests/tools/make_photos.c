/* make_photos DIR CLASSES TRAIN VAL SIDE SEED: a data set for tests, as DIR/train/class0/00.png, DIR/val/class0/01.bmp.
 *
 * Each class is noise around a colour of its own, so that a network learns it in a few steps. VAL 0 writes
 * DIR/class0/... without train/ and val/. Every other photo is a BMP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/base/rng.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>
#pragma GCC diagnostic pop

enum { SIDE_MOST = 512 };

static uint8_t pixels[SIDE_MOST * SIDE_MOST * 3];

static void paint(struct rng *rng, int class, int side)
{
    static const int colours[][3] = {{200, 60, 60}, {60, 190, 80}, {70, 80, 210}, {190, 180, 50}, {150, 60, 190}};
    const int *colour = colours[class % 5];
    for (int i = 0; i < side * side * 3; i++) {
        int value = colour[i % 3] + (int)rng_below(rng, 81) - 40;
        pixels[i] = (uint8_t)value;
    }
}

static int write_list(const char *folder, int classes, int count, int side, uint64_t seed)
{
    struct error err;
    char path[4096];
    for (int class = 0; class < classes; class ++) {
        snprintf(path, sizeof path, "%s/class%d", folder, class);
        if (folder_create(path, &err) != OK) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        for (int i = 0; i < count; i++) {
            struct rng rng = rng_stream(seed, RNG_TEST, (uint32_t) class, (uint64_t)i);
            int done;
            paint(&rng, class, side);
            snprintf(path, sizeof path, "%s/class%d/%02d.%s", folder, class, i, i % 2 ? "bmp" : "png");
            if (i % 2)
                done = stbi_write_bmp(path, side, side, 3, pixels);
            else
                done = stbi_write_png(path, side, side, 3, pixels, side * 3);
            if (!done) {
                perror(path);
                return 1;
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    char folder[2048];
    if (argc != 7) {
        fputs("make_photos DIR CLASSES TRAIN VAL SIDE SEED\n", stderr);
        return 64;
    }
    int classes = atoi(argv[2]), train = atoi(argv[3]), val = atoi(argv[4]), side = atoi(argv[5]);
    uint64_t seed = strtoull(argv[6], NULL, 10);
    if (classes < 1 || train < 1 || val < 0 || side < 1 || side > SIDE_MOST)
        return 64;
    if (val == 0)
        return write_list(argv[1], classes, train, side, seed);
    snprintf(folder, sizeof folder, "%s/train", argv[1]);
    if (write_list(folder, classes, train, side, seed) != 0)
        return 1;
    snprintf(folder, sizeof folder, "%s/val", argv[1]);
    return write_list(folder, classes, val, side, seed + 1);
}
