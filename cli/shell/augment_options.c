#include "cli/shell/augment_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Four plain decimal numbers with commas between them. */
static bool read_four(double out[JITTER_KINDS], const char *text)
{
    for (int i = 0; i < JITTER_KINDS; i++) {
        char *end;
        if (!strchr("0123456789.", text[0]) || text[0] == '\0')
            return false;
        out[i] = strtod(text, &end);
        if (end == text || *end != (i + 1 < JITTER_KINDS ? ',' : '\0') || !isfinite(out[i]))
            return false;
        text = end + 1;
    }
    return true;
}

enum status augment_options_parse(struct augment_extras *out, enum augment augment, const char *jitter, double erasing,
                                  struct error *err)
{
    struct augment_extras extras = {.erasing = erasing};
    double *amount = extras.jitter.amount;
    if (jitter && !read_four(amount, jitter))
        return error_set(err, ERR_USAGE, "--color-jitter %s: must be four numbers such as 0.4,0.4,0.4,0.1", jitter);
    if (amount[JITTER_HUE] > 0.5)
        return error_set(err, ERR_USAGE, "--color-jitter %s: the last number, of the hue, is at most 0.5", jitter);
    for (int i = 0; i < JITTER_HUE; i++)
        if (amount[i] > 255)
            return error_set(err, ERR_USAGE, "--color-jitter %s: a number is above 255, which leaves no colour",
                             jitter);
    if ((jitter || erasing > 0) && !augment_crops(augment))
        return error_set(err, ERR_USAGE, "--%s needs --augment standard or trivial, not %s",
                         jitter ? "color-jitter" : "random-erasing", augment_names[augment]);
    *out = extras;
    return OK;
}
