#include "cli/preprocess_options.h"

void preprocess_override(struct preprocess *preprocess, const struct preprocess_options *options)
{
    if (options->resize)
        preprocess->resize = (int)options->resize;
    if (options->crop)
        preprocess->crop = (int)options->crop;
}
