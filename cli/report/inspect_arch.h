/* The half of `inspect` that looks at a network before there is a file: its children, its memory and its work. */
#ifndef FREEZETUNE_INSPECT_ARCH_H
#define FREEZETUNE_INSPECT_ARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/net/freeze.h"
#include "core/ops/conv.h"
#include "core/ops/precision.h"

struct inspect_arch {
    const char *arch;
    const char *freeze_until; /* as it was written: a number or a child's name */
    enum bn_mode bn_frozen, bn_trained;
    size_t classes, batch, image_size, threads;
    enum conv_engine conv;
    enum precision precision;
    bool json;
};

/* Prints the children and what training with SGD and momentum would take, to stdout. */
MUST_CHECK enum status inspect_arch(const struct inspect_arch *what, struct error *err);

#endif
