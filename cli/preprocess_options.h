/* --resize and --crop: what a model says of its photos, set by hand. */
#ifndef FREEZETUNE_PREPROCESS_OPTIONS_H
#define FREEZETUNE_PREPROCESS_OPTIONS_H

#include "cli/options.h"
#include "core/data/preprocess.h"

/* A member of the command's struct of values, named `preprocess`. */
struct preprocess_options {
    long long resize, crop; /* 0: as the model says */
};

/* Two rows. */
#define PREPROCESS_ROWS(type)                                                                                          \
    OPTION_ROW_NUMBER("Photos", "resize", "N", OPTION_INT, type, preprocess.resize, NULL, "as the model says", 1,      \
                      IMAGE_MAX_SIDE, "short side of a photo before the crop; torchvision's V2 weights want 232"),     \
        OPTION_ROW_NUMBER("Photos", "crop", "N", OPTION_INT, type, preprocess.crop, NULL, "as the model says", 1,      \
                          IMAGE_MAX_SIDE, "side of the square that the network sees")

/* Changes what was given on the command line. */
void preprocess_override(struct preprocess *preprocess, const struct preprocess_options *options);

#endif
