/* What "freeze until" and "frozen" mean. They are defined only here; all other code asks here.
 *
 *   ct = 0
 *   for child in model.children():
 *       ct += 1
 *       if ct <= N: every param.requires_grad = False
 *
 * Children 1..N are frozen, the rest is trained. A frozen child's BatchNorm uses and moves its statistics as
 * `bn_frozen` says: BN_EVAL keeps them still, BN_BATCH is the recipe to the letter (the model stays in train mode). A
 * trained child's BatchNorm does as `bn_trained` says; with BN_EVAL its weight and bias still train.
 */
#ifndef FREEZETUNE_FREEZE_H
#define FREEZETUNE_FREEZE_H

#include "core/net/net.h"

enum bn_mode { BN_EVAL, BN_BATCH };

struct freeze {
    int until; /* 0..children-1 */
    enum bn_mode bn_frozen, bn_trained;
};

/* Reads a number or a child's name. ERR_USAGE when it is neither, out of range, or leaves nothing to train. */
MUST_CHECK enum status freeze_parse(int *until, const struct net *net, const char *text, struct error *err);
/* The same for another option than --freeze-until: an error begins with `given`, "--unfreeze-at 3:layer9". */
MUST_CHECK enum status freeze_parse_given(int *until, const struct net *net, const char *text, const char *given,
                                          struct error *err);

/* Do two freeze points freeze the same parameters and running statistics? Then both are one training: 8 and 9 of a
 * ResNet, whose child 9 (avgpool) has none. */
bool freeze_same(const struct net *net, int until, int other);

bool freeze_covers(const struct freeze *freeze, int child);
enum bn_mode freeze_bn_mode(const struct freeze *freeze, int child);
/* After freeze_apply: whether a step changes it, as it trains or is a statistic that BatchNorm moves. */
bool freeze_moves(const struct freeze *freeze, const struct param *param);

/* Sets `trainable` on every parameter. */
void freeze_apply(struct net *net, const struct freeze *freeze);

/* Freezes or unfreezes one child by itself (`for p in net.fc2.parameters(): p.requires_grad = ...`). */
void freeze_child(struct net *net, int child, bool frozen);

/* The first operator that is not a constant function of the pixels: everything before it is frozen, in eval mode, and
 * can be folded. Moved past operators without parameters, and back to where a single value crosses. */
size_t freeze_cut(const struct net *net, const struct freeze *freeze);

#endif
