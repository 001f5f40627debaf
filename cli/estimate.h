/* How long a training step will take, before the first one. */
#ifndef FREEZETUNE_ESTIMATE_H
#define FREEZETUNE_ESTIMATE_H

#include "core/base/threads.h"

/* Floating-point operations per second that this machine does on a network like ResNet-50 with these threads, measured
 * on products of the same kind for about a tenth of a second. An estimate for people: good to a factor of 1.5. */
double estimate_speed(struct pool *pool);

#endif
