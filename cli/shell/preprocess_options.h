/* --resize, --crop, --resize-mode and --interpolation: what a model says of its photos, set by hand. */
#ifndef FREEZETUNE_PREPROCESS_OPTIONS_H
#define FREEZETUNE_PREPROCESS_OPTIONS_H

#include "cli/shell/options.h"
#include "core/data/preprocess.h"

/* A member of the command's struct of values, named `preprocess`. */
struct preprocess_options {
    long long resize, crop; /* 0: as the model says */
    int interpolation, fit; /* in interpolation_choices, fit_choices */
};

extern const char *const interpolation_choices[]; /* "auto" (as the model says), then interpolation_names */
extern const char *const fit_choices[];           /* "auto", then fit_names */

/* A row for train too, whose sizes are other options. */
#define PREPROCESS_ROW_INTERPOLATION(type, field)                                                                      \
    OPTION_ROW("Photos", OPTION_CHOICE, "interpolation", type, field, .choices = interpolation_choices,                \
               .initial = "auto",                                                                                      \
               .help = "resize with this filter, as Pillow does; auto: as the model says, else bilinear")

#define PREPROCESS_ROW_FIT(type, field)                                                                                \
    OPTION_ROW("Photos", OPTION_CHOICE, "resize-mode", type, field, .choices = fit_choices, .initial = "auto",         \
               .help = "short: resize the short side and keep the aspect ratio; squash: resize both sides; auto: as "  \
                       "the model says, else short")

/* Four rows. */
#define PREPROCESS_ROWS(type)                                                                                          \
    OPTION_ROW("Photos", OPTION_INT, "resize", type, preprocess.resize, .placeholder = "N",                            \
               .shown = "as the model says", .low = 1, .high = PREPROCESS_MAX_SIDE,                                    \
               .help = "resize the short side of a photo to N before the crop; torchvision's V2 weights need 232"),    \
        OPTION_ROW("Photos", OPTION_INT, "crop", type, preprocess.crop, .placeholder = "N",                            \
                   .shown = "as the model says", .low = 1, .high = PREPROCESS_MAX_SIDE,                                \
                   .help = "crop photos to squares of N pixels a side, the input of the network"),                     \
        PREPROCESS_ROW_FIT(type, preprocess.fit), PREPROCESS_ROW_INTERPOLATION(type, preprocess.interpolation)

/* Changes what was given on the command line. */
void preprocess_override(struct preprocess *preprocess, const struct preprocess_options *options);
/* The same of two choices. */
void interpolation_override(struct preprocess *preprocess, int choice);
void fit_override(struct preprocess *preprocess, int choice);
/* Whether any of them was given. */
bool preprocess_given(const struct preprocess_options *options);

#endif
