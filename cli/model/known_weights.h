/* The weight files that torchvision publishes for its ResNets, and how to prepare photos for each: the files do not
 * say so themselves.
 *
 * A file is recognised by its SHA-256: by all of it, or by the eight digits that torch.hub checks, where no more is
 * published. So that not every file is summed, its name must hold these digits between '-' and '.', as the files of
 * torch.hub do: resnet50-11ad3fa6.pth. Under another name it is a file like any other (--resize says what it wants).
 */
#ifndef FREEZETUNE_KNOWN_WEIGHTS_H
#define FREEZETUNE_KNOWN_WEIGHTS_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/data/preprocess.h"

struct known_weights {
    const char *sha256; /* 64 digits, or the first eight */
    int resize;         /* the short side; all else is torchvision's usual */
};

extern const struct known_weights known_weights[]; /* sha256 is NULL at the end */

/* *known: the file is one of the table's; *preprocess is then changed to what it wants, else left. ERR_NOINPUT,
 * ERR_DATA when a file with such a name cannot be read. */
MUST_CHECK enum status known_weights_preprocess(struct preprocess *preprocess, bool *known, const char *path,
                                                const struct known_weights *table, struct error *err);

#endif
