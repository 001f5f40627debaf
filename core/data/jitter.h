/* ColorJitter as torchvision defines it: brightness, contrast, saturation and hue are changed in a random order, each
 * by a uniform draw.
 *
 *   brightness, contrast, saturation   a factor out of [max(0, 1 - X), 1 + X]
 *   hue                                a turn out of [-X, X], X up to 0.5
 */
#ifndef FREEZETUNE_JITTER_H
#define FREEZETUNE_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/rng.h"

enum { JITTER_BRIGHTNESS, JITTER_CONTRAST, JITTER_SATURATION, JITTER_HUE, JITTER_KINDS };

/* X of each; 0 leaves it alone. */
struct jitter_options {
    double amount[JITTER_KINDS];
};

struct jitter {
    uint32_t order[JITTER_KINDS];
    bool used[JITTER_KINDS];
    float value[JITTER_KINDS]; /* factors, and the turn */
};

bool jitter_wanted(const struct jitter_options *options);

/* The order (rng_shuffle), then four values, also of those left alone. */
struct jitter jitter_draw(const struct jitter_options *options, struct rng *rng);

/* pixels[count,3] in place. */
void jitter_apply(uint8_t *pixels, size_t count, const struct jitter *jitter);

#endif
