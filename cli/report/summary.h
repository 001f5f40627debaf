/* The summary before the first step: which children are frozen and which are trained, how much memory
 * it takes and how much work it is. `inspect --arch` and `train` print the same. */
#ifndef FREEZETUNE_SUMMARY_H
#define FREEZETUNE_SUMMARY_H

#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/net/freeze.h"
#include "core/net/net.h"
#include "core/net/plan.h"
#include "core/train/unfreeze.h"

/* One child of a network. */
struct child_summary {
    const char *name;  /* borrowed from the network */
    size_t parameters; /* learnable values */
    size_t batchnorms; /* layers */
    bool frozen;
    enum bn_mode bn_mode; /* of its BatchNorm layers, if there are any */
};

struct child_summary child_summarise(const struct net *net, const struct freeze *freeze, int child);

/* Learnable values that are not frozen. */
size_t trained_values(const struct net *net, const struct freeze *freeze);

/*   child  name      parameters  state    BatchNorm
 *       1  conv1          9,408  frozen
 *       2  bn1              128  frozen   eval
 *   ...
 *   25,557,032 parameters: 1,444,928 frozen (children 1-6), 24,112,104 trained
 * `freeze` is that of the first epoch; with `unfreezing` (or NULL) a child may be "trained from epoch 3", and the last
 * line is about the end. ERR_SYSTEM without memory. */
MUST_CHECK enum status summary_children(FILE *out, const struct net *net, const struct freeze *freeze,
                                        const struct unfreezing *unfreezing, struct error *err);

/* The epoch from which a child is trained, from 0; SIZE_MAX for one that stays frozen. `unfreezing` may be NULL. */
size_t trained_from(const struct freeze *freeze, const struct unfreezing *unfreezing, int child);

/* Bytes by what they are for; 0 leaves a line out. */
struct memory_summary {
    size_t weights;   /* parameters */
    size_t plan;      /* plan_bytes */
    size_t optimizer; /* momentum and the like */
    size_t gradients; /* of all parameters at once, where a recipe keeps them */
    size_t average;   /* of the weights */
    size_t photos;    /* the loader, and photos while they are decoded */
    size_t metrics;   /* counts of classes and predictions */
    size_t cache;     /* features that are kept in memory */
    size_t program;   /* summary_program */
};
/* Bytes that a training run takes besides what the plan, the optimizer and the loader ask for: libraries, the buffers
 * of OpenBLAS and the heaps and stacks of the threads. Measured, see the source. */
size_t summary_program(size_t threads, size_t loader_threads);
size_t memory_summary_total(const struct memory_summary *memory);

/*   memory  653 MB: weights 102 MB, network 430 MB, optimizer 96 MB, photos 25 MB
 *   work    16.9 GFLOP a photo: frozen part 5.00 GFLOP, forward 3.18 GFLOP, backward 8.72 GFLOP */
void summary_cost(FILE *out, const struct plan *plan, const struct memory_summary *memory);

#endif
