#include "core/train/rates.h"

#include <math.h>

static bool has_parameters(const struct net *net, int child)
{
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].child == child && net->params[i].learnable)
            return true;
    return false;
}

double rates_child(const struct child_rates *rates, const struct net *net, int child)
{
    int behind = 0;
    if (!has_parameters(net, child))
        return 0;
    for (int next = child + 1; next <= (int)net->children; next++)
        behind += has_parameters(net, next);
    if (behind == 0)
        return rates->head > 0 ? rates->head : 1;
    return rates->decay > 0 ? pow(rates->decay, behind) : 1;
}

void rates_apply(const struct child_rates *rates, const struct net *net, struct optimizer *optimizer)
{
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].learnable)
            optimizer_set_rate(optimizer, i, rates_child(rates, net, net->params[i].child));
}
