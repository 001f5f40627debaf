/* Which side of 0 the inputs of ReLU fell, for scripts/parity/gates.py.
 *
 * A gradient is a continuous function of its inputs only as long as no ReLU changes sides. Where an input lies within
 * rounding of 0, two float32 programs choose differently and both are right; the gradients then differ by what flows
 * through that place. So a comparison with PyTorch hands our choices to PyTorch and looks at those that it would not
 * have made.
 */
#ifndef FREEZETUNE_GATES_H
#define FREEZETUNE_GATES_H

#include "core/net/exec.h"

/* Writes the choices of the run's last forward to a safetensors file, after the forward and before exec_backward:
 *
 *   reluI [N,C,P,Q] U8   1 where the I-th ReLU of the network, counted from 0 as PyTorch's forward() calls them, let
 *                        its input through
 *   poolI [N,C,P,Q] U8   of the I-th max pooling: the place r*S+s that won its window
 *
 * Only those that a gradient flows through: a frozen prefix has none. ERR_PROMISE when the program's steps do not have
 * all of the network's ReLUs. */
MUST_CHECK enum status gates_write(const char *path, const struct exec *exec, struct error *err);

#endif
