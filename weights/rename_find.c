/* Where the ResNets of a file stand: the prefixes under which both a stem and a first block are found. */
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "weights/rename_private.h"

/* How the tensors of a ResNet may be called. Both names have to be there behind the same prefix. */
static const struct style {
    const char *block, *stem;
} styles[] = {
    {"layer1.0.conv1.weight", "conv1.weight"},
    {"encoder.stages.0.layers.0.layer.0.convolution.weight", "embedder.embedder.convolution.weight"},
    {"4.0.conv1.weight", "0.weight"},
};
static const char *stem_name(char *out, size_t size, const struct network *network)
{
    snprintf(out, size, "%.*s%s", (int)network->length, network->prefix, styles[network->style].stem);
    return out;
}

void networks_find(struct networks *out, const struct weight_file *file)
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

bool network_prefix_ends(const struct network *network, const char *text)
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
            if (network_prefix_ends(&all->items[j], pairs[i][0]) &&
                network_prefix_ends(&all->items[1 - j], pairs[i][1]))
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

enum status networks_choose(const struct network **out, const struct weight_file *file, const struct networks *all,
                            struct error *err)
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
