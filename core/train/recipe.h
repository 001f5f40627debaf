/* Recipes: what changes the loss and the update beside the optimizer. Each is off unless asked for, and what is off
 * takes no memory and changes no byte.
 *
 *   label_smoothing, class_weight_power   the loss, see loss.h: torch.nn.CrossEntropyLoss(weight, label_smoothing)
 *   mixup, cutmix                         the photos and labels of a batch, see mix.h
 *   clip_norm                             the gradients, see gradients.h: torch.nn.utils.clip_grad_norm_
 *   micro_batch                           how a batch is worked on, see below
 *   ema                                   the model that is evaluated and saved as the best, see ema.h
 *
 * The loss of a step, and train_loss of an epoch, are what is minimised: smoothed, weighted, against mixed labels. The
 * validation loss is the plain cross-entropy whatever the recipe, so that runs can be compared. The training accuracy
 * of a mixed batch counts against the label with the larger share.
 *
 * The weight of a class with n photos in the training list is proportional to (1/n)^power, and such that the mean over
 * all photos is 1: weight[k] = n[k]^-power * sum(n) / sum over j of n[j]^(1 - power). Power 1 makes each class count
 * the same in an epoch, 0.5 goes half the way. With mixed labels PyTorch's mean is over the photos, not over their
 * weights.
 *
 * micro_batch = M: a batch of N photos is worked on in ceil(N / M) pieces, as even as can be, and memory is planned for
 * M. Each piece's loss is divided by the divisor of the whole batch and the gradients are summed, in the order of
 * sum_tree.h, so that the step is that of the whole batch to float rounding. But a BatchNorm with batch statistics sees
 * a piece at a time, and its running statistics move with every piece: PyTorch's do the same when gradients are
 * accumulated. With --bn-trained eval nothing depends on the pieces.
 *
 * bn_sync: BatchNorm sees all pieces, of all processes (bn_sync.h), as torch.nn.SyncBatchNorm lets it, and moves its
 * running statistics once a step: the step is that of the whole batch to float rounding. A process works on its pieces
 * together, so memory is planned for all of them.
 */
#ifndef FREEZETUNE_RECIPE_H
#define FREEZETUNE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/folder.h"
#include "core/net/freeze.h"
#include "core/net/net.h"
#include "core/net/exec.h"
#include "core/train/ema.h"
#include "core/train/gradients.h"

struct recipe_options {
    double label_smoothing;    /* 0..1 */
    double class_weight_power; /* 0..1; 0: all classes weigh the same */
    double mixup, cutmix;      /* alpha; 0: none */
    double clip_norm;          /* the largest norm; 0: any */
    size_t micro_batch;        /* the most photos of a piece; 0: the batch is one piece */
    double ema;                /* decay, 0 or more and below 1; 0: no average */
    bool bn_sync;              /* BatchNorm's statistics are those of the whole batch */
};

/* ERR_USAGE, naming the option, for what is out of range. */
MUST_CHECK enum status recipe_check(const struct recipe_options *options, struct error *err);

/* Whether pixels of different photos are mixed, so that nothing that is known of a photo alone can be used. */
bool recipe_mixes(const struct recipe_options *options);

/* The most photos of one pass, out of batches of `batch`. */
size_t recipe_pass(const struct recipe_options *options, size_t batch);
/* How many pieces a batch of `photos` is cut into: piece i is photos * i / pieces and up to where the next begins. */
size_t recipe_pieces(const struct recipe_options *options, size_t photos);

/* The most photos that any of the processes works on at a time, in training or evaluation: of a pass, or with bn_sync
 * of its pieces of any batch. All plan for as many. */
size_t recipe_at_once(const struct recipe_options *options, const struct peers *peers, size_t batch);

/* How many photos of a batch of `photos` BatchNorm can use by this plan of a training pass: all of them, or fewer where
 * a piece would be too small, or the batch with bn_sync. */
size_t recipe_step_photos(const struct recipe_options *options, const struct plan *plan, size_t photos);

/* weight[classes] as above, owned by the caller (memory_free); a class without photos has 0. ERR_SYSTEM. */
MUST_CHECK enum status recipe_class_weights(float **out, const struct photo_list *photos, size_t classes, double power,
                                            struct error *err);

/* What the options need; NULL where they do not. Owns it all (recipe_free). */
struct recipe {
    struct recipe_options options;
    float *class_weights; /* [classes] */
    struct gradients *gradients;
    struct ema *ema;
    float *mixed;         /* [recipe_at_once,side,side,3]: when photos are mixed or have holes */
    int32_t *others;      /* [batch] labels of the neighbours */
    float table[3 * 256]; /* normalise_table, for mixing */
};

/* What a recipe is made for. */
struct recipe_run {
    struct net *net; /* with its trainable flags */
    const struct freeze *freeze;
    const struct photo_list *photos;
    size_t batch, side; /* photos of a batch, and the side of their square */
    const struct peers *peers;
    bool erases; /* photos come with holes: batches are made into numbers here, as for mixing */
    struct pool *pool;
};

/* Overwrites *out. ERR_SYSTEM without memory; free it all the same. Borrows net,
 * pool and peers. */
MUST_CHECK enum status recipe_prepare(struct recipe *out, const struct recipe_options *options,
                                      const struct recipe_run *run, const struct normalise *normalise,
                                      struct error *err);
/* Takes in what trains or moves from now on (after freeze_apply). ERR_SYSTEM without memory. */
MUST_CHECK enum status recipe_add_trainable(struct recipe *recipe, const struct freeze *freeze, struct error *err);
void recipe_free(struct recipe *recipe);

/* Bytes that recipe_prepare would take, in the process that takes the most. */
struct recipe_needs {
    size_t gradients, average, mixing;
};
struct recipe_needs recipe_needs(const struct recipe_options *options, const struct recipe_run *run);

#endif
