/* Published weight files that want another preprocessing than torchvision's usual one and do not say so themselves.
 *
 * A file is recognised by its SHA-256. So that not every file is summed, its name must hold the first eight digits of
 * the sum between '-' and '.', as the files of torch.hub do: resnet50-11ad3fa6.pth. Under another name it is a file
 * like any other (--resize says what it wants).
 */
#ifndef FREEZETUNE_KNOWN_WEIGHTS_H
#define FREEZETUNE_KNOWN_WEIGHTS_H

#include "core/base/error.h"
#include "core/data/preprocess.h"

struct known_weights {
    const char *sha256;
    int resize; /* the short side; all else is torchvision's usual */
};

extern const struct known_weights known_weights[]; /* sha256 is NULL at the end */

/* Changes *preprocess when the file is one of the table's, else leaves it. ERR_NOINPUT, ERR_DATA when a file with such
 * a name cannot be read. */
MUST_CHECK enum status known_weights_preprocess(struct preprocess *preprocess, const char *path,
                                                const struct known_weights *table, struct error *err);

#endif
