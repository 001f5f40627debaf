/* Optimizers, exactly as PyTorch defines them (pages "SGD", "Adam" and "AdamW" of torch.optim; there the loop over
 * single tensors). g is the gradient, w the parameter, t counts this parameter's own steps from 1, lr is per step.
 *
 *   sgd     d = g + weight_decay * w                 adam    d = g + weight_decay * w
 *           t = 1: v = d                             adamw   w = w * (1 - lr * weight_decay), d = g
 *           else:  v = momentum * v + d              both    m = m + (1 - beta1) * (d - m)
 *           nesterov: d = d + momentum * v                   v = beta2 * v + (1 - beta2) * d^2
 *           else:     d = v                                  w = w - lr / (1 - beta1^t) * m /
 *           w = w - lr * d                                       (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *           momentum 0: d as it is, no state
 *
 * Coefficients are computed in double and rounded to float32 once. Weight decay acts on every trainable parameter, as
 * torch.optim's does. State exists for trainable parameters only.
 *
 * A parameter is updated by itself, as soon as its gradient is complete (exec_backward's sink), so that no buffer of
 * all gradients is needed.
 */
#ifndef FREEZETUNE_OPTIMIZER_H
#define FREEZETUNE_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/net/net.h"

enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW };
extern const char *const optimizer_names[]; /* "sgd", "adam", "adamw", NULL */

struct optimizer_options {
    enum optimizer_kind kind;
    double weight_decay;
    double momentum; /* sgd */
    bool nesterov;   /* sgd; needs a momentum */
    double beta1, beta2, eps;
};

/* PyTorch's betas 0.9 and 0.999 and eps 1e-8, momentum and weight decay 0.
 * (AdamW's default decay in PyTorch is 0.01.) */
struct optimizer_options optimizer_defaults(enum optimizer_kind kind);

struct optimizer;

/* Makes zeroed state for every parameter that is trainable now. ERR_USAGE for options out of range (momentum and betas
 * in [0,1), decay >= 0, eps > 0, nesterov with momentum), ERR_SYSTEM without memory. Borrows net and pool. */
MUST_CHECK enum status optimizer_create(struct optimizer **out, struct net *net,
                                        const struct optimizer_options *options, struct pool *pool, struct error *err);
void optimizer_destroy(struct optimizer *optimizer);

/* Takes in parameters that have become trainable since, with fresh state and their own step count from 0, as
 * torch.optim.Optimizer.add_param_group does. Those taken in before are left alone. ERR_SYSTEM without memory. */
MUST_CHECK enum status optimizer_add_trainable(struct optimizer *optimizer, struct error *err);

/* From now on the rate of this parameter's steps is `rate` times the lr given to optimizer_update, as a parameter group
 * of torch.optim with an lr of its own has it. 1 for every parameter at first, whether it is trainable now or later. */
void optimizer_set_rate(struct optimizer *optimizer, size_t param, double rate);

/* One step of parameter `param` (an index into net->params that the optimizer has, asserted) from its gradient, laid
 * out as the parameter is. CHANGES the parameter and its state. */
void optimizer_update(struct optimizer *optimizer, size_t param, const float *gradient, double lr);

/* The state of one parameter: what a checkpoint holds. Buffers have the shape and layout of the parameter. */
struct optimizer_state {
    size_t param;
    size_t buffers;       /* 0 (sgd without momentum), 1 or 2 */
    const char *names[2]; /* "momentum"; "exp_avg", "exp_avg_sq", as torch.optim calls them */
    float *data[2];       /* may be written */
    int64_t *steps;       /* done on this parameter; may be written */
};

/* States, in the order of the parameters. */
size_t optimizer_state_count(const struct optimizer *optimizer);
struct optimizer_state optimizer_state_get(const struct optimizer *optimizer, size_t index);
/* Of each parameter. */
size_t optimizer_buffers(const struct optimizer *optimizer);

/* Bytes of state that optimizer_create would make for the parameters that are trainable now. */
size_t optimizer_bytes(const struct net *net, const struct optimizer_options *options);

#endif
