#include "weights/recognise.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "models/resnet.h"

/* Every ResNet has it; its outputs tell wide_resnet50_2 and resnext50_32x4d from resnet50. */
static const char first_block[] = "layer1.0.conv1.weight";

static bool has_shape(const struct weight_tensor *tensor, unsigned rank, const uint64_t *shape)
{
    return tensor && tensor->rank == rank && memcmp(tensor->shape, shape, rank * sizeof *shape) == 0;
}

/* How many blocks follow one another in layer1..4. */
static size_t count_blocks(const struct weight_file *file, int layer)
{
    for (size_t i = 0;; i++) {
        char name[64];
        snprintf(name, sizeof name, "layer%d.%zu.conv1.weight", layer, i);
        if (!weight_file_find(file, name))
            return i;
    }
}

static bool is_resnet(const struct weight_file *file, const struct resnet_shape *shape, const size_t blocks[4],
                      size_t *classes)
{
    const struct weight_tensor *head = weight_file_find(file, "fc.weight");
    const struct weight_tensor *block = weight_file_find(file, first_block);
    const uint64_t stem[] = {shape->width, 3, 7, 7}, features = shape->width * 8 * (shape->bottleneck ? 4 : 1);
    if (memcmp(blocks, shape->blocks, sizeof shape->blocks) != 0 ||
        (weight_file_find(file, "layer1.0.conv3.weight") != NULL) != shape->bottleneck ||
        !has_shape(weight_file_find(file, "conv1.weight"), 4, stem) || block->rank == 0 ||
        block->shape[0] != shape->width)
        return false;
    if (head && (head->rank != 2 || head->shape[0] == 0 || head->shape[1] != features))
        return false;
    *classes = head ? (size_t)head->shape[0] : 0;
    return true;
}

/* fc1, fc2, ...: each layer's inputs are the outputs of the one before; no other tensors. */
static bool recognise_mlp(struct recognised *out, const struct weight_file *file)
{
    struct recognised found = {.arch = "mlp"};
    while (found.layers < RECOGNISE_LAYERS) {
        char name[32];
        snprintf(name, sizeof name, "fc%zu.weight", found.layers + 1);
        const struct weight_tensor *weight = weight_file_find(file, name);
        snprintf(name, sizeof name, "fc%zu.bias", found.layers + 1);
        if (!weight)
            break;
        if (weight->rank != 2 || weight->shape[0] == 0 || weight->shape[1] == 0 ||
            !has_shape(weight_file_find(file, name), 1, weight->shape) ||
            (found.layers > 0 && weight->shape[1] != found.sizes[found.layers]))
            return false;
        found.sizes[0] = found.layers ? found.sizes[0] : (size_t)weight->shape[1];
        found.sizes[++found.layers] = (size_t)weight->shape[0];
    }
    if (found.layers == 0 || weight_file_count(file) != 2 * found.layers)
        return false;
    found.classes = found.sizes[found.layers];
    *out = found;
    return true;
}

bool weights_recognise(struct recognised *out, const struct weight_file *file)
{
    size_t blocks[4], classes;
    for (int layer = 1; layer <= 4; layer++)
        blocks[layer - 1] = count_blocks(file, layer);
    for (const struct resnet_shape *shape = resnet_shapes; shape->arch; shape++)
        if (is_resnet(file, shape, blocks, &classes)) {
            *out = (struct recognised){.classes = classes};
            snprintf(out->arch, sizeof out->arch, "%s", shape->arch);
            return true;
        }
    return recognise_mlp(out, file);
}

/* The first tensor whose name is `name` behind something else, or NULL. */
static const struct weight_tensor *find_behind(const struct weight_file *file, const char *name)
{
    for (size_t i = 0; i < weight_file_count(file); i++) {
        const struct weight_tensor *tensor = weight_file_at(file, i);
        size_t length = strlen(tensor->name), size = strlen(name);
        if (length > size && strcmp(tensor->name + length - size, name) == 0)
            return tensor;
    }
    return NULL;
}

/* A name of the file, read or left out, that ends so, or NULL. */
static const char *name_ending(const struct weight_file *file, const char *end)
{
    size_t count = weight_file_count(file), size = strlen(end);
    for (size_t i = 0; i < count + weight_file_left_count(file); i++) {
        const char *name = i < count ? weight_file_at(file, i)->name : weight_file_left_at(file, i - count).name;
        size_t length = strlen(name);
        if (length > size && strcmp(name + length - size, end) == 0)
            return name;
    }
    return NULL;
}

enum status weights_refuse_special(const struct weight_file *file, struct error *err)
{
    static const struct {
        const char *first, *second, *text;
    } kinds[] = {
        {".weight_orig", ".weight_mask",
         "the network is pruned: call torch.nn.utils.prune.remove on each pruned module and save it again"},
        {".weight_orig", ".weight_u",
         "the network has spectral norm: call torch.nn.utils.remove_spectral_norm and save it again"},
        {".weight_g", ".weight_v",
         "the network has weight norm: call torch.nn.utils.remove_weight_norm and save it again"},
        {".scale", ".zero_point", "the network is quantized, which is not read: save the float network it was made of"},
        {"._packed_params", "._packed_params",
         "the network is quantized, which is not read: save the float network it was made of"},
        {".activation_post_process.scale", ".fake_quant_enabled",
         "the network is prepared for quantization, which is not read: save the float network it was made of"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *found = name_ending(file, kinds[i].first);
        char name[200];
        if (found && name_ending(file, kinds[i].second))
            return error_set(err, ERR_DATA, "%.400s: tensor '%s': %s", weight_file_path(file),
                             text_escape(name, sizeof name, found), kinds[i].text);
    }
    return OK;
}

/* What is wrong with the stem, where that can be said. */
static enum status refuse_stem(const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *stem = weight_file_find(file, "conv1.weight");
    const char *path = weight_file_path(file), *deep = "conv1.0.weight";
    if (!stem && weight_file_find(file, deep))
        return error_set(err, ERR_DATA,
                         "%.400s: tensor '%s': a deep stem, as resnet50d has; only ResNets with one 7x7 convolution "
                         "as their stem are known here",
                         path, deep);
    if (!stem || stem->rank != 4)
        return OK;
    if (stem->shape[1] != 3)
        return error_set(err, ERR_DATA,
                         "%.400s: tensor 'conv1.weight' takes %llu channel%s; photos have 3 (RGB), and only networks "
                         "for them are known here",
                         path, (unsigned long long)stem->shape[1], stem->shape[1] == 1 ? "" : "s");
    if (stem->shape[2] != 7 || stem->shape[3] != 7)
        return error_set(err, ERR_DATA,
                         "%.400s: tensor 'conv1.weight' is %llux%llu%s; only ResNets with a 7x7 stem are known here",
                         path, (unsigned long long)stem->shape[2], (unsigned long long)stem->shape[3],
                         stem->shape[2] == 3 ? ", a stem for small images such as CIFAR's" : "");
    return OK;
}

enum status weights_refuse_unknown(const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *behind = find_behind(file, first_block);
    const char *path = weight_file_path(file);
    char name[200];
    enum status status = weights_refuse_special(file, err);
    if (status == OK)
        status = refuse_stem(file, err);
    if (status != OK)
        return status;
    if (!weight_file_find(file, first_block) && behind)
        return error_set(err, ERR_DATA,
                         "%.400s: not a ResNet's weights by their names: '%s' should be '%s'; save them again without "
                         "what stands before it",
                         path, text_escape(name, sizeof name, behind->name), first_block);
    if (!weight_file_find(file, first_block) || !weight_file_find(file, "conv1.weight"))
        return error_set(err, ERR_DATA, "%.400s: not a ResNet's weights; `freezetune inspect` lists what it holds",
                         path);
    return error_set(err, ERR_DATA,
                     "%.400s: the weights of another ResNet than resnet18, resnet34, resnet50, resnet101 and resnet152",
                     path);
}

enum status weights_refuse_body(const struct weight_file *file, struct error *err)
{
    for (size_t i = 0; i < weight_file_left_count(file); i++) {
        struct weight_left left = weight_file_left_at(file, i);
        char name[200];
        if (strncmp(left.name, "fc", 2) == 0)
            return error_set(err, ERR_DATA,
                             "%.400s: its last layer cannot be used: '%s' is %s; train adds a new one for your classes",
                             weight_file_path(file), text_escape(name, sizeof name, left.name), left.what);
    }
    return error_set(err, ERR_DATA,
                     "%.400s: a backbone without a last layer, which cannot classify; train adds one for your classes",
                     weight_file_path(file));
}
