#include "weights/torch/torch_states.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

/* A value on the way, and the path to it. */
struct place {
    pickle_id id;
    uint32_t key; /* in text */
    uint8_t depth;
    bool is_dict;
};

struct search {
    struct torch_states *states;
    const struct pickle *pickle;
    struct error *err;
    bool *seen; /* by value: shared ones are walked once, and those that contain themselves too */
    struct place *queue;
    size_t begin, end, room;
};

const char *torch_states_key(const struct torch_states *states, size_t i)
{
    return (const char *)states->text.data + states->items[i].key;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && memcmp(text + length - size, end, size) == 0;
}

/* The first block's first convolution, as torchvision, Hugging Face and nn.Sequential name it. */
static bool names_a_resnet(const struct pickle *pickle, const struct pickle_value *key)
{
    static const char *const names[] = {"layer1.0.conv1.weight", "encoder.stages.0.layers.0.layer.0.convolution.weight",
                                        "4.0.conv1.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (ends_with((const char *)pickle->bytes + key->begin, key->length, names[i]))
            return true;
    return false;
}

/* Notes the dictionary if it holds a tensor by name. */
static void judge(struct search *s, const struct place *place)
{
    const struct pickle *pickle = s->pickle;
    struct torch_states *states = s->states;
    bool tensors = false, resnet = false;
    for (uint32_t i = pickle_get(pickle, place->id)->first; i != PICKLE_NOTHING; i = pickle->links[i].next) {
        const struct pickle_value *key = pickle_get(pickle, pickle->links[i].key);
        if (key->kind != PICKLE_TEXT || pickle_get(pickle, pickle->links[i].value)->kind != PICKLE_CALL)
            continue;
        tensors = true;
        resnet = resnet || names_a_resnet(pickle, key);
    }
    if (tensors && states->count < TORCH_MAX_STATES)
        states->items[states->count++] = (struct torch_state_found){
            .dict = place->id, .key = place->key, .is_dict = place->is_dict, .resnet = resnet};
}

/* The path of an item: the path of its container, a dot, its key or place. */
static uint32_t add_path(struct search *s, uint32_t from, const void *name, size_t length)
{
    struct bytes *text = &s->states->text;
    uint32_t at = (uint32_t)text->length;
    size_t before = strlen((const char *)text->data + from);
    if (before > 0) {
        /* The text may move while it grows: not from itself. */
        for (size_t i = 0; i < before; i++)
            bytes_put_u8(text, text->data[from + i]);
        bytes_put_u8(text, '.');
    }
    bytes_put(text, name, length);
    bytes_put_u8(text, 0);
    return at;
}

static enum status visit(struct search *s, const struct place *from, pickle_id id, const void *name, size_t length,
                         bool is_dict)
{
    const struct pickle_value *value = pickle_get(s->pickle, id);
    enum { LONGEST_KEY = 128, LONGEST_PATHS = 1 << 22 }; /* no checkpoint has such: what lies behind is data */
    bool container = value->kind == PICKLE_DICT || value->kind == PICKLE_LIST || value->kind == PICKLE_TUPLE;
    if (value->kind == PICKLE_OBJECT && s->states->module == PICKLE_NOTHING && from->depth <= 1 &&
        value->state != PICKLE_NOTHING)
        s->states->module = id;
    if (!container || s->seen[id] || from->depth == TORCH_MAX_DEPTH || length > LONGEST_KEY ||
        s->states->text.length > LONGEST_PATHS)
        return OK;
    s->seen[id] = true;
    void *queue = s->queue;
    enum status status =
        memory_grow(&queue, &s->room, s->end + 1, sizeof *s->queue, "the parts of a checkpoint", s->err);
    s->queue = queue;
    if (status != OK)
        return status;
    s->queue[s->end++] = (struct place){.id = id,
                                        .key = add_path(s, from->key, name, length),
                                        .depth = (uint8_t)(from->depth + 1),
                                        .is_dict = from->is_dict && is_dict};
    return s->states->text.status;
}

/* What the items of lists are called: their place. */
static enum status visit_item(struct search *s, const struct place *from, pickle_id id, size_t place)
{
    enum { LISTED = 64 }; /* longer lists are data, not parts of a checkpoint */
    char name[24];
    if (place >= LISTED)
        return OK;
    int length = snprintf(name, sizeof name, "%zu", place);
    return visit(s, from, id, name, (size_t)length, false);
}

static enum status walk(struct search *s, struct place place)
{
    const struct pickle *pickle = s->pickle;
    const struct pickle_value container = *pickle_get(pickle, place.id);
    enum status status = OK;
    size_t count = 0;
    if (container.kind == PICKLE_TUPLE) {
        for (uint32_t i = 0; i < container.length && status == OK; i++)
            status = visit_item(s, &place, pickle->links[container.begin + i].value, i);
        return status;
    }
    if (container.kind == PICKLE_DICT)
        judge(s, &place);
    for (uint32_t i = container.first; i != PICKLE_NOTHING && status == OK; i = pickle->links[i].next) {
        const struct pickle_link *link = &pickle->links[i];
        if (container.kind == PICKLE_LIST) {
            status = visit_item(s, &place, link->value, count++);
            continue;
        }
        const struct pickle_value *key = pickle_get(pickle, link->key);
        if (key->kind == PICKLE_TEXT)
            status = visit(s, &place, link->value, pickle->bytes + key->begin, key->length, true);
    }
    return status;
}

enum status torch_states_find(struct torch_states *out, const struct pickle *pickle, struct error *err)
{
    struct search s = {.states = out, .pickle = pickle, .err = err};
    void *seen;
    *out = (struct torch_states){.text = bytes_start("the parts of a checkpoint", err), .module = PICKLE_NOTHING};
    enum status status = memory_alloc(&seen, pickle->values_count, sizeof *s.seen, "the parts of a checkpoint", err);
    if (status != OK)
        return status;
    s.seen = seen;
    bytes_put_u8(&out->text, 0);
    const struct place above = {.is_dict = true};
    status = out->text.status;
    if (status == OK)
        status = visit(&s, &above, pickle->root, "", 0, true);
    while (status == OK && s.begin < s.end)
        status = walk(&s, s.queue[s.begin++]);
    memory_free(s.queue);
    memory_free(seen);
    return status;
}

/* ---- which of them ----------------------------------------------------------------------------------------------- */

/* Their keys, as far as they fit: "'model', 'model_ema'". */
static const char *list_keys(char *out, size_t size, const struct torch_states *states, bool resnets)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < states->count && used + 64 < size; i++) {
        char key[48];
        if (resnets && !states->items[i].resnet)
            continue;
        int more = snprintf(out + used, size - used, "%s'%s'", used ? ", " : "",
                            text_escape(key, sizeof key, torch_states_key(states, i)));
        used += more > 0 ? (size_t)more : 0;
    }
    return out;
}

static size_t find_key(const struct torch_states *states, const char *key)
{
    for (size_t i = 0; i < states->count; i++)
        if (strcmp(torch_states_key(states, i), key) == 0)
            return i;
    return SIZE_MAX;
}

/* A checkpoint with an average of the weights beside them. timm's own layout has the average under state_dict_ema,
 * which timm loads; elsewhere the weights themselves come first. SIZE_MAX: nobody's layout. `resnets`: only these
 * count. */
static size_t known_layout(const struct torch_states *states, bool resnets)
{
    static const char *const first[] = {"", "state_dict", "model_state_dict", "model", "model_ema"};
    size_t raw = find_key(states, "state_dict"), average = find_key(states, "state_dict_ema");
    if (raw != SIZE_MAX && average != SIZE_MAX && (!resnets || states->items[average].resnet))
        return average;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        size_t found = find_key(states, first[i]);
        if (found != SIZE_MAX && (!resnets || states->items[found].resnet))
            return found;
    }
    return SIZE_MAX;
}

enum status torch_states_check(const struct pickle *pickle)
{
    char what[PICKLE_DESCRIPTION];
    const struct pickle_value *root = pickle_get(pickle, pickle->root);
    if (root->kind != PICKLE_OBJECT && root->kind != PICKLE_GLOBAL)
        return OK;
    return pickle_fail(pickle, root->at,
                       "the file holds %s, not a state dict: nothing was run; save its weights alone, with "
                       "torch.save(model.state_dict(), ...)",
                       pickle_describe(what, pickle, root));
}

static enum status refuse_none(const struct torch_states *states, const struct pickle *pickle)
{
    char what[PICKLE_DESCRIPTION];
    const struct pickle_value *root = pickle_get(pickle, pickle->root);
    if (states->module != PICKLE_NOTHING) {
        const struct pickle_value *module = pickle_get(pickle, states->module);
        return pickle_fail(pickle, module->at,
                           "no state dict, but %s: nothing was run; save its weights alone, with "
                           "torch.save(model.state_dict(), ...)",
                           pickle_describe(what, pickle, module));
    }
    if (root->kind == PICKLE_DICT && root->first == PICKLE_NOTHING)
        return pickle_fail(pickle, root->at, "the state dict is empty");
    return pickle_fail(pickle, root->at, "the file holds %s, and no dictionary of tensors by name in it",
                       pickle_kind_text(root));
}

/* The key occurs once, as Python's dictionary would have it: a file with two would be read by one of them here and by
 * the other there. */
static enum status check_twice(const struct torch_states *states, const struct pickle *pickle)
{
    char key[200];
    for (size_t i = 1; i < states->count; i++)
        if (find_key(states, torch_states_key(states, i)) != i)
            return pickle_fail(pickle, pickle_get(pickle, states->items[i].dict)->at, "the key '%s' occurs twice",
                               text_escape(key, sizeof key, torch_states_key(states, i)));
    return OK;
}

enum status torch_states_choose(size_t *chosen, const struct torch_states *states, const struct pickle *pickle,
                                const char *key)
{
    char keys[400];
    const struct pickle_value *root = pickle_get(pickle, pickle->root);
    if (states->count == 0)
        return refuse_none(states, pickle);
    enum status status = check_twice(states, pickle);
    if (status != OK)
        return status;
    if (key) {
        *chosen = find_key(states, key);
        return *chosen != SIZE_MAX ? OK
                                   : pickle_fail(pickle, root->at, "no state dict under --key '%s'; there are %s", key,
                                                 list_keys(keys, sizeof keys, states, false));
    }
    size_t resnets = 0, last = 0;
    for (size_t i = 0; i < states->count; i++) {
        resnets += states->items[i].resnet;
        last = states->items[i].resnet ? i : last;
    }
    *chosen = resnets == 1 ? last : states->count == 1 ? 0 : known_layout(states, resnets > 0);
    return *chosen != SIZE_MAX ? OK
                               : pickle_fail(pickle, root->at, "several networks: choose one with --key: %s",
                                             list_keys(keys, sizeof keys, states, resnets > 0));
}
