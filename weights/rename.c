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
#include "core/base/text.h"
#include "weights/names.h"
#include "weights/weight_file_private.h"

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

/* ---- where a ResNet stands --------------------------------------------------------------------------------------- */

/* How the tensors of a ResNet may be called. Both names have to be there behind the same prefix. */
static const struct style {
    const char *block, *stem;
} styles[] = {
    {"layer1.0.conv1.weight", "conv1.weight"},
    {"encoder.stages.0.layers.0.layer.0.convolution.weight", "embedder.embedder.convolution.weight"},
    {"4.0.conv1.weight", "0.weight"},
};
enum { TORCHVISION, HUGGING_FACE, SEQUENTIAL, STYLES };

enum { MOST_NETWORKS = 16 };
struct networks {
    struct network {
        int style;
        const char *prefix; /* begins a name of the file; `length` bytes of it */
        size_t length;
    } items[MOST_NETWORKS];
    size_t count;
};

static const char *stem_name(char *out, size_t size, const struct network *network)
{
    snprintf(out, size, "%.*s%s", (int)network->length, network->prefix, styles[network->style].stem);
    return out;
}

static void find_networks(struct networks *out, const struct weight_file *file)
{
    out->count = 0;
    for (size_t i = 0; i < file->count && out->count < MOST_NETWORKS; i++)
        for (int style = 0; style < STYLES; style++) {
            const char *name = file->tensors[i].name, *block = styles[style].block;
            size_t length = strlen(name), size = strlen(block);
            char stem[300];
            if (length < size || length - size > 200 || strcmp(name + length - size, block) != 0)
                continue;
            struct network network = {.style = style, .prefix = name, .length = length - size};
            if (network.length > 0 && name[network.length - 1] != '.')
                continue;
            if (weight_file_find(file, stem_name(stem, sizeof stem, &network)))
                out->items[out->count++] = network;
            break;
        }
}

static bool prefix_is(const struct network *network, const char *text)
{
    return strlen(text) == network->length && memcmp(network->prefix, text, network->length) == 0;
}

static bool prefix_ends(const struct network *network, const char *text)
{
    size_t length = strlen(text);
    return network->length >= length && memcmp(network->prefix + network->length - length, text, length) == 0;
}

/* Two encoders of which the second is a moving average of the first, as MoCo's three versions have them; what is used
 * afterwards is the first, as their own scripts for linear classification do. */
static const struct network *known_pair(const struct networks *all)
{
    static const char *const pairs[][2] = {{"encoder_q.", "encoder_k."}, {"base_encoder.", "momentum_encoder."}};
    for (size_t i = 0; all->count == 2 && i < sizeof pairs / sizeof *pairs; i++)
        for (size_t j = 0; j < 2; j++)
            if (prefix_ends(&all->items[j], pairs[i][0]) && prefix_ends(&all->items[1 - j], pairs[i][1]))
                return &all->items[j];
    return NULL;
}

static const char *list_prefixes(char *out, size_t size, const struct networks *all)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < all->count && used + 80 < size; i++) {
        char raw[64], shown[70];
        snprintf(raw, sizeof raw, "%.*s", (int)all->items[i].length, all->items[i].prefix);
        int more = snprintf(out + used, size - used, "%s'%s'", used ? ", " : "", text_escape(shown, sizeof shown, raw));
        used += more > 0 ? (size_t)more : 0;
    }
    return out;
}

static enum status choose_network(const struct network **out, const struct weight_file *file,
                                  const struct networks *all, struct error *err)
{
    char list[400];
    const char *wanted = file->choice.prefix;
    *out = NULL;
    for (size_t i = 0; i < all->count && !*out; i++)
        if (wanted ? prefix_is(&all->items[i], wanted) : all->items[i].length == 0)
            *out = &all->items[i];
    if (wanted && !*out)
        return error_set(err, ERR_DATA, "%.400s: no ResNet under --prefix '%s'; there is %s", file->path, wanted,
                         all->count ? list_prefixes(list, sizeof list, all) : "none under any");
    if (!*out && all->count == 1)
        *out = &all->items[0];
    if (!*out)
        *out = known_pair(all);
    if (!*out && all->count > 1)
        return error_set(err, ERR_DATA, "%.400s: several ResNets: choose one with --prefix: %s", file->path,
                         list_prefixes(list, sizeof list, all));
    return OK;
}

/* ---- a name behind the prefix ------------------------------------------------------------------------------------ */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

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
        if (begins(name, parts[i]))
            return true;
    return false;
}

/* ---- all of a network -------------------------------------------------------------------------------------------- */

struct renaming {
    struct weight_file *file;
    struct network network;
    const struct networks *all;
    char *names; /* [count][WEIGHT_NAME_MAX] */
    size_t kept;
    bool has_fc; /* by torchvision's name */
    bool beside; /* there is a tensor beside fc that may stand before it */
    struct error *err;
};

/* A name of the other styles that stands in the body without a name of torchvision's. */
static bool is_strange(int style, const char *name)
{
    if (style == HUGGING_FACE)
        return begins(name, "encoder.") || begins(name, "embedder.");
    return style == SEQUENTIAL && name[0] >= '0' && name[0] <= '9';
}

/* pretrainedmodels calls fc so. */
static bool last_linear(char out[WEIGHT_NAME_MAX], const struct renaming *r, const char *name)
{
    if (r->network.style != TORCHVISION || !begins(name, "last_linear.") || r->has_fc)
        return false;
    return snprintf(out, WEIGHT_NAME_MAX, "fc.%s", name + strlen("last_linear.")) < WEIGHT_NAME_MAX;
}

/* Names beside fc of what stands behind it or apart from it: heads for training alone, decoders of maps. */
static bool is_apart(const char *name)
{
    static const char *const parts[] = {"aux",     "queue",  "proj",   "predict", "prototype", "decoder",
                                        "teacher", "moment", "center", "fpn",     "rpn",       "roi_heads"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (begins(name, parts[i]))
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

/* Hugging Face's last layer stands beside "resnet.". */
static bool hugging_face_head(char out[WEIGHT_NAME_MAX], const struct network *network, const char *name)
{
    size_t length = network->length - (prefix_ends(network, "resnet.") ? strlen("resnet.") : 0);
    return network->style == HUGGING_FACE && strncmp(name, network->prefix, length) == 0 &&
           begins(name + length, "classifier.") && name_from_hugging_face(out, name + length);
}

static enum status leave(const struct renaming *r, const char *name, const char *what)
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
                (is_body(name) || begins(name, "fc."));
    part = part || hugging_face_head(name, network, tensor->name);
    part = part || (inside && last_linear(name, r, tensor->name + network->length));
    if (part && weight_left_is_record(name))
        return leave(r, tensor->name, "a counter, no part of the network");
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
        return leave(r, tensor->name, "a tensor that is no part of the network");
    struct weight_tensor taken = *tensor;
    taken.name = name;
    r->file->tensors[r->kept++] = taken;
    return OK;
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
        if (!begins(tensor->name, "fc."))
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
        if (prefix_ends(&r->network, encoders[i]))
            return "the projection of a self-supervised encoder, not a classifier";
    return r->beside ? "a layer beside others that may stand before it" : NULL;
}

/* fc is used where it is one linear layer: "fc.weight", or "fc.1.weight" where it stands behind a Dropout. What two
 * layers, a norm between them or a layer without a bias compute is not known here: they are left out. Tensors called
 * fc.weight and fc.bias stay in any case, so that bind.c says what is wrong with them. */
static enum status settle_head(struct renaming *r)
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
        if (!one && begins(tensor->name, "fc.")) {
            status = leave(r, tensor->name,
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
    char head[300];
    snprintf(head, sizeof head, "%sfc.weight", r.network.prefix);
    r.has_fc = weight_file_find(file, head) != NULL; /* while the file can still be searched */
    for (size_t i = 0; i < file->count && status == OK; i++)
        status = take_tensor(&r, &file->tensors[i]);
    if (status != OK)
        return status;
    file->count = r.kept;
    file->hugging_face = network->style == HUGGING_FACE;
    status = settle_head(&r);
    return status == OK ? sort_renamed(file, err) : status;
}

enum status weight_file_rename(struct weight_file *file, struct error *err)
{
    struct networks all;
    const struct network *chosen;
    find_networks(&all, file);
    enum status status = choose_network(&chosen, file, &all, err);
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
