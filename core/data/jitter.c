#include "core/data/jitter.h"

#include "core/data/color.h"

bool jitter_wanted(const struct jitter_options *options)
{
    bool wanted = false;
    for (int kind = 0; kind < JITTER_KINDS; kind++)
        wanted = wanted || options->amount[kind] > 0;
    return wanted;
}

struct jitter jitter_draw(const struct jitter_options *options, struct rng *rng)
{
    struct jitter jitter = {.order = {0, 1, 2, 3}};
    rng_shuffle(rng, jitter.order, JITTER_KINDS);
    for (int kind = 0; kind < JITTER_KINDS; kind++) {
        double amount = options->amount[kind], middle = kind == JITTER_HUE ? 0 : 1, low = middle - amount;
        if (kind != JITTER_HUE && low < 0)
            low = 0;
        float from = (float)low, to = (float)(middle + amount);
        jitter.used[kind] = amount > 0;
        jitter.value[kind] = rng_float(rng) * (to - from) + from;
    }
    return jitter;
}

void jitter_apply(uint8_t *pixels, size_t count, const struct jitter *jitter)
{
    for (int i = 0; i < JITTER_KINDS; i++) {
        uint32_t kind = jitter->order[i];
        float value = jitter->value[kind];
        if (!jitter->used[kind])
            continue;
        if (kind == JITTER_BRIGHTNESS)
            color_brightness(pixels, count, value);
        else if (kind == JITTER_CONTRAST)
            color_contrast(pixels, count, value);
        else if (kind == JITTER_SATURATION)
            color_saturation(pixels, count, value);
        else
            color_hue(pixels, count, (double)value);
    }
}
