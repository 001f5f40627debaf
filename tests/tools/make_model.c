/* make_model FILE SIZE CLASS...: a small model file for tests of the command line: a ResNet-18 with weights drawn from
 * seed 1, for photos of SIZE pixels and the named classes. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/model/model_file.h"
#include "core/base/memory.h"
#include "core/net/init.h"
#include "models/resnet.h"
#include "weights/bind.h"

static enum status make(const char *path, int size, const struct class_names *classes, struct error *err)
{
    struct preprocess preprocess = preprocess_for_size(size);
    struct weight_metadata metadata[MODEL_METADATA];
    struct net *net = NULL;
    char *text = NULL;
    enum status status = resnet_create(&net, "resnet18", classes->count, err);
    if (status == OK)
        status = model_metadata(metadata, &text, "resnet18", classes, &preprocess, err);
    if (status == OK) {
        net_init(net, 1);
        status = weights_save(path, net, metadata, MODEL_METADATA, err);
    }
    memory_free(text);
    net_destroy(net);
    return status;
}

int main(int argc, char **argv)
{
    struct error err;
    if (argc < 4) {
        fputs("usage: make_model FILE SIZE CLASS...\n", stderr);
        return ERR_USAGE;
    }
    const struct class_names classes = {argv + 3, (size_t)argc - 3};
    enum status status = make(argv[1], atoi(argv[2]), &classes, &err);
    if (status != OK)
        fprintf(stderr, "make_model: %s\n", err.text);
    return (int)status;
}
