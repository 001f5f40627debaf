/* The transformations of F(4x4,3x3). Compiled once per precision and instruction set. */
#include "core/ops/winograd_tile4.h"
#include "core/ops/winograd_transform.h"

static void input(void *v, struct winograd_steps steps, const struct conv_input *in, struct winograd_map map,
                  struct winograd_row row)
{
    input_images(v, steps, in, NULL, map, row);
}

static void gradient(float *d, struct winograd_steps steps, const void *dy, struct winograd_map map,
                     struct winograd_row row)
{
    gradient_images(d, steps, dy, NULL, false, map, row);
}

extern const struct winograd_lanes MAP_NAME(winograd_lanes);
const struct winograd_lanes MAP_NAME(winograd_lanes) = {
    .input = input,
    .gradient = gradient,
    .output = output,
    .weights = weights,
    .weight_gradient = weight_gradient,
};
