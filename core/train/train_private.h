/* What train.c, train_loop.c and checkpoint.c share. */
#ifndef FREEZETUNE_TRAIN_PRIVATE_H
#define FREEZETUNE_TRAIN_PRIVATE_H

#include "core/train/stage.h"
#include "core/train/train.h"

struct train {
    struct net *net;
    const struct dataset *dataset;
    struct pool *pool;
    struct train_options options;
    struct train_state state;
    struct stage stage; /* planned from train_create on, prepared from train_prepare on */

    /* From train_prepare on. */
    struct optimizer *optimizer;
    struct loader *loader, *val_loader;
    uint32_t *order;      /* [training photos] */
    float *dlogits;       /* [batch, classes] */
    struct metrics batch; /* of the step at hand */
    struct metrics val;

    double lr; /* of the step at hand */
};

#endif
