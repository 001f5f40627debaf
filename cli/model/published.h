/* Weight files that are published, and how one of them becomes a file of this user. */
#ifndef FREEZETUNE_PUBLISHED_H
#define FREEZETUNE_PUBLISHED_H

#include <stdbool.h>

#include "core/base/error.h"

/* A file of torchvision.models.ResNet{18,34,50,101,152}_Weights: a .pth that is converted to safetensors. */
struct published {
    const char *name;   /* here: "resnet50-v2" is IMAGENET1K_V2 */
    const char *file;   /* there */
    const char *sha256; /* 64 digits, or the first eight: those in the file's name, which torch.hub checks */
    unsigned megabytes; /* of 10^6 bytes, as torchvision says (_file_size) */
};

extern const struct published published[]; /* name is NULL at the end */

/* NULL: not known. */
const struct published *published_find(const char *name);

/* "https://...": owned by the caller (memory_free). $FREEZETUNE_MODELS_URL stands in for the server. */
MUST_CHECK enum status published_url(char **out, const struct published *weights, struct error *err);

/* Makes `out` from the file named `file`, whose SHA-256 begins with `sha256`: from the torch hub cache of this user, or
 * from a download of `url` to the cache folder, which is removed then. *stopped, with OK and no file: by a signal.
 * Errors of download, of opening a weight file and of writing. */
MUST_CHECK enum status published_get(bool *stopped, const char *out, const char *url, const char *file,
                                     const char *sha256, struct error *err);

#endif
