#include "models/mlp.h"

#include <stdio.h>

enum status mlp_create(struct net **out, const size_t *sizes, size_t layers, struct error *err)
{
    struct net *net;
    enum status status = net_create(&net, "mlp", err);
    if (status != OK)
        return status;
    int x = net_input(net, sizes[0]);
    for (size_t i = 1; i <= layers; i++) {
        char name[NET_NAME / 2];
        snprintf(name, sizeof name, "fc%zu", i);
        net_child(net, name);
        x = net_linear(net, x, name, sizes[i]);
        if (i < layers)
            x = net_relu(net, x);
    }
    status = net_finish(net, err);
    if (status != OK)
        net_destroy(net);
    else
        *out = net;
    return status;
}
