/* What train.c, train_loop.c and checkpoint.c share. */
#ifndef FREEZETUNE_TRAIN_PRIVATE_H
#define FREEZETUNE_TRAIN_PRIVATE_H

#include "core/net/run.h"
#include "core/train/train.h"

struct train {
    struct net *net;
    const struct dataset *dataset;
    struct pool *pool;
    struct train_options options;
    struct train_state state;
    struct plan *plan, *evaluation_plan;

    /* From train_prepare on. */
    struct optimizer *optimizer;
    struct loader *loader, *val_loader;
    void *shared; /* arena and scratch of both runs, which never work at the same time */
    struct run *run, *evaluation;
    uint32_t *order;      /* [training photos] */
    float *dlogits;       /* [batch, classes] */
    struct metrics batch; /* of the step at hand */
    struct metrics val;

    double lr; /* of the step at hand */
};

#endif
