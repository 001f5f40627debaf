/* The last layer: where it stands in a file, and whether it is one that answers. */
#include <stdio.h>
#include <string.h>

#include "weights/names.h"
#include "weights/rename_private.h"

/* pretrainedmodels calls fc so. */
static bool last_linear(char out[WEIGHT_NAME_MAX], const struct renaming *r, const char *name)
{
    if (r->network.style != TORCHVISION || !name_begins(name, "last_linear.") || r->has_fc)
        return false;
    return snprintf(out, WEIGHT_NAME_MAX, "fc.%s", name + strlen("last_linear.")) < WEIGHT_NAME_MAX;
}

/* Hugging Face's last layer stands beside "resnet.". */
static bool hugging_face_head(char out[WEIGHT_NAME_MAX], const struct network *network, const char *name)
{
    size_t length = network->length - (network_prefix_ends(network, "resnet.") ? strlen("resnet.") : 0);
    return network->style == HUGGING_FACE && strncmp(name, network->prefix, length) == 0 &&
           name_begins(name + length, "classifier.") && name_from_hugging_face(out, name + length);
}

/* The length of what stands before "backbone." in the network's prefix; false where it does not end so. */
static bool before_backbone(size_t *length, const struct network *network)
{
    *length = network->length - (network_prefix_ends(network, "backbone.") ? strlen("backbone.") : 0);
    return *length < network->length;
}

/* mmpretrain's ImageClassifier with a LinearClsHead: `head.fc` stands beside `backbone.`. A neck with weights, or a
 * head of more than this layer (StackedLinearClsHead, ArcFace), computes something else between them. */
static bool is_linear_head(const struct weight_file *file, const struct network *network)
{
    size_t length, parts = 0, others = 0;
    if (network->style != TORCHVISION || !before_backbone(&length, network))
        return false;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if (strncmp(name, network->prefix, length) != 0)
            continue;
        bool part = strcmp(name + length, "head.fc.weight") == 0 || strcmp(name + length, "head.fc.bias") == 0;
        parts += part;
        others += !part && (name_begins(name + length, "head.") || name_begins(name + length, "neck."));
    }
    return parts == 2 && others == 0;
}

static bool linear_head(char out[WEIGHT_NAME_MAX], const struct renaming *r, const char *name)
{
    size_t length;
    return r->linear_head && before_backbone(&length, &r->network) && strncmp(name, r->network.prefix, length) == 0 &&
           name_begins(name + length, "head.fc.") &&
           snprintf(out, WEIGHT_NAME_MAX, "%s", name + length + strlen("head.")) < WEIGHT_NAME_MAX;
}

void rename_find_head(struct renaming *r)
{
    char name[300];
    snprintf(name, sizeof name, "%sfc.weight", r->network.prefix);
    r->has_fc = weight_file_find(r->file, name) != NULL;
    r->linear_head = !r->has_fc && is_linear_head(r->file, &r->network);
}

bool rename_head_name(char out[WEIGHT_NAME_MAX], const struct renaming *r, const char *name)
{
    const struct network *network = &r->network;
    bool inside = strncmp(name, network->prefix, network->length) == 0;
    return hugging_face_head(out, network, name) || linear_head(out, r, name) ||
           (inside && last_linear(out, r, name + network->length));
}

/* A part of the last layer: "weight" or "bias" behind "fc." or "fc.N.", or NULL for anything else of it. */
static const char *head_part(size_t *prefix, const char *name)
{
    size_t number = strspn(name + 3, "0123456789");
    *prefix = 3 + number + (number > 0 && name[3 + number] == '.');
    const char *tail = name + *prefix;
    return strcmp(tail, "weight") == 0 || strcmp(tail, "bias") == 0 ? tail : NULL;
}

struct head {
    struct weight_tensor *weight, *bias; /* the last ones that were met */
    size_t parts, plain;                 /* all tensors of it; those called fc.weight and fc.bias */
};

static struct head find_head(const struct weight_file *file)
{
    struct head head = {0};
    for (size_t i = 0; i < file->count; i++) {
        struct weight_tensor *tensor = &file->tensors[i];
        size_t prefix;
        if (!name_begins(tensor->name, "fc."))
            continue;
        const char *part = head_part(&prefix, tensor->name);
        head.parts++;
        head.plain += part && prefix == 3;
        if (part && *part == 'w' && tensor->rank == 2)
            head.weight = tensor;
        if (part && *part == 'b' && tensor->rank == 1)
            head.bias = tensor;
    }
    return head;
}

/* Why fc gives no answers, or NULL: self-supervised encoders project with it, and what stands beside it under an
 * unknown name may stand before it. */
static const char *head_doubt(const struct renaming *r)
{
    static const char *const encoders[] = {"encoder_q.",        "encoder_k.",      "base_encoder.",
                                           "momentum_encoder.", "online_encoder.", "target_encoder."};
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++)
        if (network_prefix_ends(&r->network, encoders[i]))
            return "the projection of a self-supervised encoder, not a classifier";
    return r->beside ? "a layer beside others that may stand before it" : NULL;
}

/* fc is used where it is one linear layer: "fc.weight", or "fc.1.weight" where it stands behind a Dropout. What two
 * layers, a norm between them or a layer without a bias compute is not known here: they are left out. Tensors called
 * fc.weight and fc.bias stay in any case, so that bind.c says what is wrong with them. */
enum status rename_settle_head(struct renaming *r)
{
    struct weight_file *file = r->file;
    const struct head head = find_head(file);
    const char *why = head_doubt(r);
    bool no_bias = head.parts == 1 && head.weight && head.plain == 1;
    size_t kept = 0, weight_prefix = 0, bias_prefix = 0;
    enum status status = OK;
    if (head.parts == head.plain && !no_bias && !why)
        return OK;
    bool one = !why && head.parts == 2 && head.weight && head.bias && head_part(&weight_prefix, head.weight->name) &&
               head_part(&bias_prefix, head.bias->name) && weight_prefix == bias_prefix &&
               memcmp(head.weight->name, head.bias->name, weight_prefix) == 0;
    for (size_t i = 0; i < file->count && status == OK; i++) {
        struct weight_tensor *tensor = &file->tensors[i];
        if (!one && name_begins(tensor->name, "fc.")) {
            status = rename_leave(r, tensor->name,
                                  why       ? why
                                  : no_bias ? "a linear layer without a bias"
                                            : "a part of a last layer of several");
            continue;
        }
        if (one && (tensor == head.weight || tensor == head.bias))
            snprintf((char *)tensor->name, WEIGHT_NAME_MAX, "fc.%s", tensor == head.weight ? "weight" : "bias");
        file->tensors[kept++] = *tensor;
    }
    if (status == OK)
        file->count = kept;
    return status;
}
