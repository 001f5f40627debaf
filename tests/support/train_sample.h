/* A run over photos that need not exist: what reads and writes its state never reads them. */
#ifndef FREEZETUNE_TRAIN_SAMPLE_H
#define FREEZETUNE_TRAIN_SAMPLE_H

#include "core/train/train_private.h"

enum { TRAIN_SAMPLE_TRAIN = 10, TRAIN_SAMPLE_VAL = 4, TRAIN_SAMPLE_EPOCHS = 5 };

struct train_sample {
    struct net *net;
    struct pool *pool;
    struct dataset dataset;
    struct train *train;
    char train_names[64], val_names[64], *class_names[2];
    struct photo train_photos[TRAIN_SAMPLE_TRAIN], val_photos[TRAIN_SAMPLE_VAL];
};

/* A ResNet in small, prepared, of two classes; from the third of five epochs on layer2 is trained too. The names of the
 * training photos begin with `letter`. It must stay where it is. Close with train_sample_close, also after an error. */
MUST_CHECK enum status train_sample_open(struct train_sample *out, enum optimizer_kind kind, double momentum,
                                         char letter, struct error *err);
void train_sample_close(struct train_sample *sample);

#endif
