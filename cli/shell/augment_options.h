/* --color-jitter and --random-erasing: what standard and trivial augmentation go on with. */
#ifndef FREEZETUNE_AUGMENT_OPTIONS_H
#define FREEZETUNE_AUGMENT_OPTIONS_H

#include "core/base/error.h"
#include "core/data/augment.h"

/* `jitter` is "B,C,S,H", as torchvision's ColorJitter takes them, or NULL for none. ERR_USAGE when it is no four
 * numbers of 0 and more, the last at most 0.5, or when one of the two does not go with `augment`. */
MUST_CHECK enum status augment_options_parse(struct augment_extras *out, enum augment augment, const char *jitter,
                                             double erasing, struct error *err);

#endif
