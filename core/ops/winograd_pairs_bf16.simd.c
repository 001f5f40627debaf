/* The transformations of F(2x2,3x3) between maps of bfloat16 and operands that are multiplied as bfloat16. */
#define STORED_BF16
#include "core/ops/winograd_tile2.h"
#include "core/ops/winograd_transform.h"

static void input(void *v, struct winograd_steps steps, const struct conv_input *in, struct winograd_map map,
                  struct winograd_row row)
{
    input_images(v, steps, in, NULL, map, row);
}

static void input_pairs(void *v, struct winograd_steps steps, const struct conv_input *in, const void *other,
                        struct winograd_map map, struct winograd_row row)
{
    struct conv_input second = *in;
    second.x = other;
    input_images(v, steps, in, &second, map, row);
}

static void gradient_pairs(void *d, struct winograd_steps steps, const void *dy, const void *other,
                           struct winograd_map map, struct winograd_row row)
{
    gradient_images(d, steps, dy, other, true, map, row);
}

extern const struct winograd_pairs_lanes SIMD_NAME(winograd_pairs_lanes);
const struct winograd_pairs_lanes SIMD_NAME(winograd_pairs_lanes) = {
    .input = input,
    .input_pairs = input_pairs,
    .gradient_pairs = gradient_pairs,
    .output = output,
    .weights = weights,
    .weight_gradient = weight_gradient,
};
