/* Names that mean the same as torchvision's: whatever stands before a ResNet's names is taken off, Hugging Face's names
 * and the numbers of an nn.Sequential are translated, and what is no part of the network is left out by name.
 *
 *   module.encoder_q.conv1.weight          -> conv1.weight
 *   module.encoder_q.fc.0.weight           -> left out, where fc has more than one linear layer
 *   module.queue                           -> left out
 *   resnet.embedder.embedder.convolution.weight -> conv1.weight
 *   0.4.0.conv1.weight                     -> layer1.0.conv1.weight
 *
 * A tensor within the stem or a layer that no ResNet of ours has stays in the list, where bind.c refuses it: it says
 * that this is another network.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "weights/names.h"
#include "weights/rename_private.h"

/* ---- files without a ResNet: wrappers ---------------------------------------------------------------------------- */

/* DataParallel and ExponentialMovingAverage, torch.compile, Lightning. */
static const char *const wrappers[] = {"module.", "_orig_mod.", "model."};

/* Takes the prefix off when all names have it and something is left of each. */
static bool strip(struct weight_file *file, const char *prefix)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < file->count; i++)
        if (strncmp(file->tensors[i].name, prefix, length) != 0 || file->tensors[i].name[length] == '\0')
            return false;
    for (size_t i = 0; i < file->count; i++)
        file->tensors[i].name += length;
    return file->count > 0;
}

/* Again and again: what is written from the result is read as the same. */
static void strip_wrappers(struct weight_file *file)
{
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers;)
        i = strip(file, wrappers[i]) ? 0 : i + 1;
}

static bool all_hugging_face(const struct weight_file *file)
{
    char name[WEIGHT_NAME_MAX];
    for (size_t i = 0; i < file->count; i++)
        if (!name_from_hugging_face(name, file->tensors[i].name))
            return false;
    return file->count > 0;
}

static enum status sort_renamed(struct weight_file *file, struct error *err)
{
    const struct weight_tensor *twice[2];
    enum status status = weight_file_sort(file, twice, err);
    if (status == OK && twice[0])
        status =
            error_set(err, ERR_DATA, "%.400s: two tensors are both '%s' by their names", file->path, twice[0]->name);
    return status;
}

/* A part of a Hugging Face model. */
static enum status translate_all(struct weight_file *file, struct error *err)
{
    void *names;
    enum status status = memory_alloc(&names, file->count, WEIGHT_NAME_MAX, "the names of tensors", err);
    if (status != OK)
        return status;
    file->renamed = names;
    for (size_t i = 0; i < file->count; i++) {
        char *name = file->renamed + i * WEIGHT_NAME_MAX;
        if (name_from_hugging_face(name, file->tensors[i].name))
            file->tensors[i].name = name;
    }
    file->hugging_face = true;
    return sort_renamed(file, err);
}

/* ---- a name behind the prefix ------------------------------------------------------------------------------------ */

/* nn.Sequential(*model.children()): the children by their number, of which some have no tensors. */
static bool from_sequential(char out[WEIGHT_NAME_MAX], const char *name)
{
    static const struct {
        const char *number, *child;
    } children[] = {{"0.", "conv1."},  {"1.", "bn1."},    {"4.", "layer1."}, {"5.", "layer2."},
                    {"6.", "layer3."}, {"7.", "layer4."}, {"9.", "fc."},     {"10.", "fc."}};
    for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
        size_t length = strlen(children[i].number);
        if (strncmp(name, children[i].number, length) != 0)
            continue;
        int made = snprintf(out, WEIGHT_NAME_MAX, "%s%s", children[i].child, name + length);
        return made > 0 && made < WEIGHT_NAME_MAX;
    }
    return false;
}

/* The name in torchvision's style of a tensor of the network's prefix; false when it is no part of a ResNet by the
 * style's names. */
static bool translate(char out[WEIGHT_NAME_MAX], int style, const char *name)
{
    char whole[300];
    switch (style) {
    case HUGGING_FACE:
        snprintf(whole, sizeof whole, "resnet.%s", name);
        return strlen(name) < sizeof whole - 8 && name_from_hugging_face(out, whole);
    case SEQUENTIAL:
        return from_sequential(out, name);
    default:
        snprintf(out, WEIGHT_NAME_MAX, "%s", name);
        return strlen(name) < WEIGHT_NAME_MAX;
    }
}

/* Parts of the body, and what would make it another one. A last layer is judged with its neighbours: settle_head. */
static bool is_body(const char *name)
{
    static const char *const parts[] = {
        "conv",  "bn",  "layer", "stem", "downsample", "norm", "attnpool", "maxpool", "global_pool", "avgpool", "relu",
        "prelu", "act", "pool",  "gem",  "blur",       "se.",  "ca.",      "sa.",     "cbam",        "eca",     "gn",
        "ln",    "in1", "att",   "gate", "stn",        "drop", "spatial",  "channel", "input",       "pre",     "pos"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (name_begins(name, parts[i]))
            return true;
    return false;
}

/* ---- all of a network -------------------------------------------------------------------------------------------- */

/* A name of the other styles that stands in the body without a name of torchvision's. */
static bool is_strange(int style, const char *name)
{
    if (style == HUGGING_FACE)
        return name_begins(name, "encoder.") || name_begins(name, "embedder.");
    return style == SEQUENTIAL && name[0] >= '0' && name[0] <= '9';
}

/* Names beside fc of what stands behind it or apart from it: heads for training alone, decoders of maps. */
static bool is_apart(const char *name)
{
    static const char *const parts[] = {"aux",     "queue",  "proj",   "predict", "prototype", "decoder",
                                        "teacher", "moment", "center", "fpn",     "rpn",       "roi_heads"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (name_begins(name, parts[i]))
            return true;
    return weight_left_is_record(name);
}

/* A tensor within another network of the file. */
static bool is_others(const struct renaming *r, const char *name)
{
    bool inside = strncmp(name, r->network.prefix, r->network.length) == 0;
    for (size_t i = 0; i < r->all->count; i++) {
        const struct network *other = &r->all->items[i];
        if (other->length > (inside ? r->network.length : 0) && strncmp(name, other->prefix, other->length) == 0)
            return true;
    }
    return false;
}

enum status rename_leave(const struct renaming *r, const char *name, const char *what)
{
    const struct weight_left left = {
        .name = name, .what = what, .kind = weight_left_is_record(name) ? WEIGHT_LEFT_RECORD : WEIGHT_LEFT_PART};
    return weight_file_leave(r->file, &left, r->err);
}

static enum status take_tensor(struct renaming *r, const struct weight_tensor *tensor)
{
    char *name = r->names + r->kept * WEIGHT_NAME_MAX;
    const struct network *network = &r->network;
    bool inside = strncmp(tensor->name, network->prefix, network->length) == 0;
    bool part = inside && translate(name, network->style, tensor->name + network->length) &&
                (is_body(name) || name_begins(name, "fc."));
    part = part || rename_head_name(name, r, tensor->name);
    if (part && weight_left_is_record(name))
        return rename_leave(r, tensor->name, "a counter, not part of the network");
    if (!part && inside && is_strange(network->style, tensor->name + network->length)) {
        snprintf(name, WEIGHT_NAME_MAX, "%s", tensor->name);
        part = true;
    }
    if (!part && inside && network->style == TORCHVISION && !is_others(r, tensor->name) &&
        !is_apart(tensor->name + network->length))
        r->beside = true;
    if (!part && is_others(r, tensor->name)) {
        const struct weight_left left = {.name = tensor->name, .what = "a tensor of another network"};
        return weight_file_leave(r->file, &left, r->err); /* which note_others names */
    }
    if (!part)
        return rename_leave(r, tensor->name, "a tensor that is not part of the network");
    struct weight_tensor taken = *tensor;
    taken.name = name;
    r->file->tensors[r->kept++] = taken;
    return OK;
}

static enum status note_others(struct weight_file *file, const struct networks *all, const struct network *chosen,
                               struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < all->count && status == OK; i++) {
        char prefix[256];
        snprintf(prefix, sizeof prefix, "%.*s", (int)all->items[i].length, all->items[i].prefix);
        if (&all->items[i] != chosen)
            status = weight_file_leave(
                file, &(struct weight_left){.name = prefix, .what = "another network", .kind = WEIGHT_LEFT_NETWORK},
                err);
    }
    return status;
}

static enum status rename_network(struct weight_file *file, const struct networks *all, const struct network *network,
                                  struct error *err)
{
    struct renaming r = {.file = file, .network = *network, .all = all, .err = err};
    void *names;
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%.*s", (int)network->length, network->prefix);
    enum status status = OK;
    if (prefix[0])
        status = memory_strdup(&file->prefix, prefix, err);
    if (status == OK)
        status = memory_alloc(&names, file->count, WEIGHT_NAME_MAX, "the names of tensors", err);
    if (status != OK)
        return status;
    r.names = file->renamed = names;
    r.network.prefix = file->prefix ? file->prefix : ""; /* names move while they are taken */
    rename_find_head(&r);                                /* while the file can still be searched */
    for (size_t i = 0; i < file->count && status == OK; i++)
        status = take_tensor(&r, &file->tensors[i]);
    if (status != OK)
        return status;
    file->count = r.kept;
    file->hugging_face = network->style == HUGGING_FACE;
    status = rename_settle_head(&r);
    return status == OK ? sort_renamed(file, err) : status;
}

enum status weight_file_rename(struct weight_file *file, struct error *err)
{
    struct networks all;
    const struct network *chosen;
    networks_find(&all, file);
    enum status status = networks_choose(&chosen, file, &all, err);
    if (status == OK && chosen && chosen->length == 0 && chosen->style == TORCHVISION &&
        weight_file_metadata_find(file, "freezetune.arch"))
        return OK; /* a file of our own: what an optimizer needs stands beside the network */
    if (status == OK && !chosen) {
        strip_wrappers(file);
        return all_hugging_face(file) ? translate_all(file, err) : OK;
    }
    if (status == OK)
        status = note_others(file, &all, chosen, err);
    return status == OK ? rename_network(file, &all, chosen, err) : status;
}
