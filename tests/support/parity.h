/* Our side of a comparison with PyTorch: trains a network over given batches and keeps what
 * scripts/parity/pytorch_side.py keeps, under the same names and in PyTorch's layout:
 *
 *   logits [N,K], loss [1]     of the first batch, before any step
 *   grad/NAME                  of every trained parameter, same moment
 *   stat/NAME                  running statistics after the first batch
 *   losses [steps]             of each batch, before its step            } with an optimizer
 *   after/NAME                 trained parameters and running statistics } after the last step
 *
 * Training goes through core/train's stages and rates, as the train command does. What "epoch" is there is a step here.
 *
 * Used by tests/tools/parity_dump.c (live, real weights) and tests/unit/train/test_parity.c (committed fixtures).
 */
#ifndef FREEZETUNE_PARITY_H
#define FREEZETUNE_PARITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/freeze.h"
#include "core/ops/conv.h"
#include "core/net/net.h"
#include "core/train/optimizer.h"
#include "core/train/rates.h"
#include "core/train/unfreeze.h"
#include "weights/weight_file.h"

struct parity_batches {
    size_t steps, images, height, width;
    const uint8_t *pixels; /* [steps,images,height,width,3] */
    const int32_t *labels; /* [steps,images] */
};

struct parity_options {
    struct freeze freeze;
    bool optimize; /* false: the first batch alone, no step */
    struct optimizer_options optimizer;
    double lr;
    struct child_rates rates;
    struct unfreezing unfreezing; /* by step */
    size_t steps;                 /* the batches come again and again; 0: as many as there are batches */
    enum conv_engine conv;
    enum precision precision;
    size_t threads;
    size_t
        pieces; /* a batch goes through in so many, with BatchNorm's statistics of all of them (--bn-sync); 0: whole */
    const char
        *gates; /* NULL, or where to write the choices of ReLU before each backward: step S to GATES.S (gates.h) */
};

struct parity_row {
    char name[NET_NAME + 8];
    size_t rank, shape[4], count;
    float *values;
};

struct parity_result {
    struct parity_row *rows;
    size_t count, capacity;
};

/* A ResNet of bottlenecks whose blocks, width and classes are those of the file, with the file's values. */
MUST_CHECK enum status parity_net_create(struct net **out, const struct weight_file *file, struct error *err);

/* Trains `net` in place. *result starts as {0} and is the caller's (parity_result_free), also after an error. */
MUST_CHECK enum status parity_run(struct parity_result *result, struct net *net, const struct parity_batches *batches,
                                  const struct parity_options *options, struct error *err);
void parity_result_free(struct parity_result *result);

#endif
