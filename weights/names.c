#include "weights/names.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Pieces that follow one another in a name. '#' is a block's number, the same on both sides; '$' is a digit that is one
 * less in Hugging Face's names: layer1 is stages.0, conv1 is layer.0. */
static const struct {
    const char *theirs, *ours;
} table[] = {
    {"resnet.embedder.embedder.convolution.", "conv1."},
    {"resnet.embedder.embedder.normalization.", "bn1."},
    {"resnet.encoder.stages.$.layers.#.shortcut.convolution.", "layer$.#.downsample.0."},
    {"resnet.encoder.stages.$.layers.#.shortcut.normalization.", "layer$.#.downsample.1."},
    {"resnet.encoder.stages.$.layers.#.layer.$.convolution.", "layer$.#.conv$."},
    {"resnet.encoder.stages.$.layers.#.layer.$.normalization.", "layer$.#.bn$."},
    {"classifier.1.", "fc."},
};

static const char *const tails[] = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"};

/* What stood for the marks of a pattern. */
struct marks {
    int digits[2]; /* counted from 0 */
    int digits_count;
    char block[4];
};

/* "0".."999" without leading zeros. */
static size_t block_length(const char *text)
{
    size_t length = strspn(text, "0123456789");
    return length == 0 || length > 3 || (length > 1 && text[0] == '0') ? 0 : length;
}

/* How much of `name` the pattern covers; 0 when it does not fit. `first` is what the pattern's digits count from. */
static size_t match(struct marks *marks, const char *pattern, const char *name, char first)
{
    const char *at = name;
    *marks = (struct marks){0};
    for (; *pattern; pattern++) {
        size_t length = 1;
        if (*pattern == '$') {
            if (*at < first || *at > first + 3)
                return 0;
            marks->digits[marks->digits_count++] = *at - first;
        } else if (*pattern == '#') {
            length = block_length(at);
            if (length == 0)
                return 0;
            memcpy(marks->block, at, length);
        } else if (*at != *pattern) {
            return 0;
        }
        at += length;
    }
    return (size_t)(at - name);
}

static void fill(char out[WEIGHT_NAME_MAX], const char *pattern, const struct marks *marks, char first,
                 const char *tail)
{
    size_t end = 0;
    int digit = 0;
    for (; *pattern; pattern++)
        if (*pattern == '$')
            out[end++] = (char)(first + marks->digits[digit++]);
        else if (*pattern == '#')
            end += (size_t)snprintf(out + end, sizeof marks->block, "%s", marks->block);
        else
            out[end++] = *pattern;
    snprintf(out + end, WEIGHT_NAME_MAX - end, "%s", tail);
}

static bool is_tail(const char *text)
{
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (strcmp(text, tails[i]) == 0)
            return true;
    return false;
}

bool name_from_hugging_face(char out[WEIGHT_NAME_MAX], const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct marks marks;
        size_t length = match(&marks, table[i].theirs, name, '0');
        if (length > 0 && is_tail(name + length)) {
            fill(out, table[i].ours, &marks, '1', name + length);
            return true;
        }
    }
    return false;
}

bool name_to_hugging_face(char out[WEIGHT_NAME_MAX], const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct marks marks;
        size_t length = match(&marks, table[i].ours, name, '1');
        if (length > 0 && is_tail(name + length)) {
            fill(out, table[i].theirs, &marks, '0', name + length);
            return true;
        }
    }
    return false;
}
