#include "cli/model/preprocess_remark.h"

#include <string.h>

#include "cli/shell/remark.h"

void preprocess_remark(bool said, bool oblong, const struct preprocess *used, const char *path)
{
    const struct preprocess usual = preprocess_imagenet();
    bool imagenet =
        memcmp(used->mean, usual.mean, sizeof usual.mean) == 0 && memcmp(used->std, usual.std, sizeof usual.std) == 0;
    if (!said)
        remark("photos: %s does not say how to prepare them; assumed: resize %d, crop %d, %s, %s mean and deviation",
               path, used->resize, used->crop, interpolation_names[used->interpolation],
               imagenet ? "ImageNet's" : "its own");
    else if (oblong)
        remark("photos: the processor beside %s keeps them oblong; here the short side becomes %d pixels, then the "
               "middle %d are cropped",
               path, used->resize, used->crop);
}
