#include "core/train/exchange_time.h"

#include <math.h>

static double values_of(const struct net *net, size_t from, size_t end)
{
    double values = 0;
    for (size_t i = from; i < end; i++)
        values += net->params[i].trainable ? (double)net->params[i].count : 0;
    return values;
}

/* The weights of a BatchNorm follow those of the convolution before it, and are complete before them. */
double exchange_seconds_left(const struct plan *plan, double backward, double moving)
{
    const struct program *program = plan->program;
    const struct net *net = plan->net;
    double all = values_of(net, 0, net->params_count), passed = 0, exchanged = 0;
    size_t end = net->params_count; /* from here on all are in the queue */
    if (all == 0)
        return 0;
    for (size_t i = program->steps_count; i-- > program->backward_from;) {
        int param = net->ops[program->steps[i].op].param;
        if (plan->flops_backward > 0)
            passed += backward * plan_backward_flops(plan, i) / plan->flops_backward;
        if (param < 0 || (size_t)param >= end)
            continue;
        exchanged = fmax(exchanged, passed) + moving * values_of(net, (size_t)param, end) / all;
        end = (size_t)param;
    }
    exchanged += moving * values_of(net, 0, end) / all;
    return fmax(exchanged - backward, 0);
}
