#include "models/resnet.h"

#include <stdio.h>
#include <string.h>

#ifndef RESNET_WIDTH /* tests/narrow has narrow ones */
#define RESNET_WIDTH 64
#endif

const struct resnet_shape resnet_shapes[] = {
    {"resnet18", false, {2, 2, 2, 2}, RESNET_WIDTH},  {"resnet34", false, {3, 4, 6, 3}, RESNET_WIDTH},
    {"resnet50", true, {3, 4, 6, 3}, RESNET_WIDTH},   {"resnet101", true, {3, 4, 23, 3}, RESNET_WIDTH},
    {"resnet152", true, {3, 8, 36, 3}, RESNET_WIDTH}, {.arch = NULL},
};

const char *const resnet_names[] = {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", NULL};
const char *const resnet_children[] = {"conv1",  "bn1",    "relu",    "maxpool", "layer1", "layer2",
                                       "layer3", "layer4", "avgpool", "fc",      NULL};

static const char *join(char out[NET_NAME], const char *block, const char *name)
{
    snprintf(out, NET_NAME, "%s.%s", block, name);
    return out;
}

static int shortcut(struct net *net, int x, const char *block, size_t channels_out, size_t stride)
{
    char name[NET_NAME];
    x = net_conv(net, x, join(name, block, "downsample.0"), channels_out, 1, stride, 0);
    return net_batchnorm(net, x, join(name, block, "downsample.1"));
}

/* 1x1, 3x3 (with the stride), 1x1 to four times the planes. */
static int bottleneck(struct net *net, int x, const char *block, size_t planes, size_t stride, bool downsample)
{
    char name[NET_NAME];
    int identity = x;

    int out = net_conv(net, x, join(name, block, "conv1"), planes, 1, 1, 0);
    out = net_batchnorm(net, out, join(name, block, "bn1"));
    out = net_relu(net, out);

    out = net_conv(net, out, join(name, block, "conv2"), planes, 3, stride, 1);
    out = net_batchnorm(net, out, join(name, block, "bn2"));
    out = net_relu(net, out);

    out = net_conv(net, out, join(name, block, "conv3"), planes * 4, 1, 1, 0);
    out = net_batchnorm(net, out, join(name, block, "bn3"));

    if (downsample)
        identity = shortcut(net, x, block, planes * 4, stride);
    return net_relu(net, net_add(net, out, identity));
}

static int basic_block(struct net *net, int x, const char *block, size_t planes, size_t stride, bool downsample)
{
    char name[NET_NAME];
    int identity = x;

    int out = net_conv(net, x, join(name, block, "conv1"), planes, 3, stride, 1);
    out = net_batchnorm(net, out, join(name, block, "bn1"));
    out = net_relu(net, out);

    out = net_conv(net, out, join(name, block, "conv2"), planes, 3, 1, 1);
    out = net_batchnorm(net, out, join(name, block, "bn2"));

    if (downsample)
        identity = shortcut(net, x, block, planes, stride);
    return net_relu(net, net_add(net, out, identity));
}

static int layer(struct net *net, int x, const struct resnet_shape *shape, int number, size_t *channels)
{
    char name[24], block[NET_NAME];
    size_t planes = shape->width << (number - 1), out = planes * (shape->bottleneck ? 4 : 1);
    snprintf(name, sizeof name, "layer%d", number);
    net_child(net, name);
    for (size_t i = 0; i < shape->blocks[number - 1]; i++) {
        size_t stride = i == 0 && number > 1 ? 2 : 1;
        bool downsample = stride != 1 || *channels != out;
        snprintf(block, sizeof block, "%s.%zu", name, i);
        x = (shape->bottleneck ? bottleneck : basic_block)(net, x, block, planes, stride, downsample);
        *channels = out;
    }
    return x;
}

enum status resnet_create_shape(struct net **out, const struct resnet_shape *shape, size_t classes, struct error *err)
{
    struct net *net;
    enum status status = net_create(&net, shape->arch, err);
    if (status != OK)
        return status;
    size_t channels = shape->width;
    int x = net_input(net, 3);

    net_child(net, "conv1");
    x = net_conv(net, x, "conv1", channels, 7, 2, 3);
    net_child(net, "bn1");
    x = net_batchnorm(net, x, "bn1");
    net_child(net, "relu");
    x = net_relu(net, x);
    net_child(net, "maxpool");
    x = net_maxpool(net, x, 3, 2, 1);
    for (int number = 1; number <= 4; number++)
        x = layer(net, x, shape, number, &channels);
    net_child(net, "avgpool");
    x = net_avgpool(net, x);
    net_child(net, "fc");
    net_linear(net, x, "fc", classes);

    status = net_finish(net, err);
    if (status != OK)
        net_destroy(net);
    else
        *out = net;
    return status;
}

enum status resnet_create(struct net **out, const char *arch, size_t classes, struct error *err)
{
    for (const struct resnet_shape *shape = resnet_shapes; shape->arch; shape++)
        if (strcmp(arch, shape->arch) == 0)
            return resnet_create_shape(out, shape, classes, err);
    return error_set(err, ERR_USAGE, "--arch %s: known are resnet18, resnet34, resnet50, resnet101 and resnet152",
                     arch);
}
