#include "cli/preprocess_options.h"

/* Behind "auto" as enum interpolation counts. */
const char *const interpolation_choices[] = {"auto", "bilinear", "bicubic", NULL};

void interpolation_override(struct preprocess *preprocess, int choice)
{
    if (choice > 0)
        preprocess->interpolation = (enum interpolation)(choice - 1);
}

void preprocess_override(struct preprocess *preprocess, const struct preprocess_options *options)
{
    if (options->resize)
        preprocess->resize = (int)options->resize;
    if (options->crop)
        preprocess->crop = (int)options->crop;
    interpolation_override(preprocess, options->interpolation);
}

bool preprocess_given(const struct preprocess_options *options)
{
    return options->resize || options->crop || options->interpolation > 0;
}
