#include "core/data/box.h"

#include <math.h>

/* torchvision draws float32 numbers: u * (to - from) + from, and takes the aspect from the exponential of one. */
static double draw_between(float u, float from, float to)
{
    return (double)(u * (to - from) + from);
}

/* A uniform draw in [0, 1) to 0..n-1. */
static int draw_below(float u, int n)
{
    int value = (int)((double)u * n);
    return value < n ? value : n - 1;
}

/* Puts a height x width box somewhere. */
static struct box place(int height, int width, int all_height, int all_width, const float draws[BOX_DRAWS])
{
    return (struct box){.top = draw_below(draws[2 * BOX_TRIES], all_height - height + 1),
                        .left = draw_below(draws[2 * BOX_TRIES + 1], all_width - width + 1),
                        .height = height,
                        .width = width};
}

static struct box largest_allowed(int height, int width)
{
    double low = BOX_LEAST_ASPECT, high = 1 / BOX_LEAST_ASPECT, ratio = (double)width / height;
    struct box box = {.height = height, .width = width};
    if (ratio < low)
        box.height = (int)nearbyint(width / low);
    else if (ratio > high)
        box.width = (int)nearbyint(height * high);
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

struct box box_crop(int height, int width, const float draws[BOX_DRAWS])
{
    const float low = logf((float)BOX_LEAST_ASPECT), high = logf((float)(1 / BOX_LEAST_ASPECT));
    double area = (double)height * width;
    for (int try = 0; try < BOX_TRIES; try++) {
        double target = area * draw_between(draws[2 * try], (float)BOX_LEAST_AREA, 1.0f);
        double aspect = (float)exp(draw_between(draws[2 * try + 1], low, high));
        double w = nearbyint(sqrt(target * aspect)), h = nearbyint(sqrt(target / aspect));
        if (w > 0 && w <= width && h > 0 && h <= height)
            return place((int)h, (int)w, height, width, draws);
    }
    return largest_allowed(height, width);
}

struct box box_erase(int side, const float draws[BOX_DRAWS])
{
    const float low = logf(0.3f), high = logf(3.3f);
    double area = (double)side * side;
    for (int try = 0; try < BOX_TRIES; try++) {
        double target = area * draw_between(draws[2 * try], 0.02f, 0.33f);
        double aspect = (float)exp(draw_between(draws[2 * try + 1], low, high));
        double h = nearbyint(sqrt(target * aspect)), w = nearbyint(sqrt(target / aspect));
        if (h < side && w < side)
            return h > 0 && w > 0 ? place((int)h, (int)w, side, side, draws) : (struct box){0};
    }
    return (struct box){0};
}
