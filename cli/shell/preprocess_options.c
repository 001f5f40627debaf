#include "cli/shell/preprocess_options.h"

/* Behind "auto" as enum interpolation and enum fit count. */
const char *const interpolation_choices[] = {"auto", "bilinear", "bicubic", "lanczos",
                                             "box",  "hamming",  "nearest", NULL};
const char *const fit_choices[] = {"auto", "short", "squash", NULL};

void interpolation_override(struct preprocess *preprocess, int choice)
{
    if (choice > 0)
        preprocess->interpolation = (enum interpolation)(choice - 1);
}

void fit_override(struct preprocess *preprocess, int choice)
{
    if (choice > 0)
        preprocess->fit = (enum fit)(choice - 1);
}

void preprocess_override(struct preprocess *preprocess, const struct preprocess_options *options)
{
    if (options->resize)
        preprocess->resize = (int)options->resize;
    if (options->crop)
        preprocess->crop = (int)options->crop;
    interpolation_override(preprocess, options->interpolation);
    fit_override(preprocess, options->fit);
}

bool preprocess_given(const struct preprocess_options *options)
{
    return options->resize || options->crop || options->interpolation > 0 || options->fit > 0;
}
