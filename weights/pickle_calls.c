/* Names and what is done with them, which is all that could ever be dangerous in a pickle: a name is either in the
 * table below or refused, and a call is written down, not made. */
#include <string.h>

#include "core/base/text.h"
#include "weights/pickle_machine.h"

static const struct {
    const char *module, *name;
    enum pickle_name is;
} names[] = {
    {"collections", "OrderedDict", PICKLE_ORDERED_DICT},
    {"collections", "Counter", PICKLE_COUNTER},
    {"torch._utils", "_rebuild_tensor", PICKLE_REBUILD_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", PICKLE_REBUILD_TENSOR_V2},
    {"torch._utils", "_rebuild_parameter", PICKLE_REBUILD_PARAMETER},
};

const struct pickle_storage pickle_storages[PICKLE_STORAGES] = {
    {"FloatStorage", WEIGHT_F32},  {"HalfStorage", WEIGHT_F16}, {"BFloat16Storage", WEIGHT_BF16},
    {"DoubleStorage", WEIGHT_F64}, {"LongStorage", WEIGHT_I64}, {"IntStorage", WEIGHT_I32},
    {"ShortStorage", WEIGHT_I16},  {"CharStorage", WEIGHT_I8},  {"ByteStorage", WEIGHT_U8},
    {"BoolStorage", WEIGHT_BOOL},
};

static bool is_text(const uint8_t *bytes, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/* A name with control bytes made visible, cut where it is long. */
static const char *shown(char out[100], const uint8_t *bytes, size_t length)
{
    char copy[100] = {0};
    memcpy(copy, bytes, length < sizeof copy ? length : sizeof copy - 1);
    return text_escape(out, 100, copy);
}

static enum status push_name(struct machine *m, const uint8_t *module, size_t module_length, const uint8_t *name,
                             size_t name_length)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_text(module, module_length, names[i].module) && is_text(name, name_length, names[i].name))
            return machine_push_value(m, (struct pickle_value){.kind = PICKLE_GLOBAL, .name = (uint8_t)names[i].is});
    for (unsigned i = 0; i < PICKLE_STORAGES; i++)
        if (is_text(module, module_length, "torch") && is_text(name, name_length, pickle_storages[i].name))
            return machine_push_value(
                m, (struct pickle_value){.kind = PICKLE_GLOBAL, .name = (uint8_t)(PICKLE_STORAGE + i)});
    char module_text[100], name_text[100];
    return pickle_fail(m->pickle, m->opcode,
                       "opcode %s asks for %s.%s, which a file of weights does not need: refused, nothing was run. If "
                       "you trust its source, save the state_dict alone",
                       m->name, shown(module_text, module, module_length), shown(name_text, name, name_length));
}

/* A line of text without its newline. */
static enum status take_line(struct machine *m, const uint8_t **out, size_t *length)
{
    const uint8_t *from = m->pickle->bytes + m->at;
    const uint8_t *end = memchr(from, '\n', m->pickle->size - m->at);
    if (!end && m->pickle->size == PICKLE_MAX_BYTES)
        return machine_too_long(m);
    if (!end)
        return pickle_fail(m->pickle, m->opcode, "opcode %s: the pickle ends inside a name", m->name);
    *out = from;
    *length = (size_t)(end - from);
    m->at += *length + 1;
    return OK;
}

enum status machine_global(struct machine *m)
{
    const uint8_t *module = NULL, *name = NULL;
    size_t module_length = 0, name_length = 0;
    enum status status = take_line(m, &module, &module_length);
    if (status == OK)
        status = take_line(m, &name, &name_length);
    return status == OK ? push_name(m, module, module_length, name, name_length) : status;
}

enum status machine_stack_global(struct machine *m)
{
    enum status status = machine_need(m, 2);
    if (status != OK)
        return status;
    const struct pickle_value *module = machine_top(m, 1), *name = machine_top(m, 0);
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return pickle_fail(m->pickle, m->opcode, "opcode %s: %s and %s are no name", m->name, pickle_kind_text(module),
                           pickle_kind_text(name));
    m->stack_count -= 2;
    const uint8_t *bytes = m->pickle->bytes;
    return push_name(m, bytes + module->begin, module->length, bytes + name->begin, name->length);
}

/* OrderedDict() of Python 3, OrderedDict([[key, value], ...]) of Python 2. */
static enum status make_dict(struct machine *m, const struct pickle_value *arguments)
{
    struct pickle *pickle = m->pickle;
    pickle_id list = arguments->length ? pickle->links[arguments->begin].value : 0;
    if (arguments->length > 1 || (arguments->length == 1 && pickle->values[list].kind != PICKLE_LIST))
        return pickle_fail(pickle, m->opcode, "an OrderedDict is made of something else than a list of pairs");
    bool filled = arguments->length == 1;
    enum status status = machine_push_container(m, PICKLE_DICT);
    pickle_id dict = m->stack[m->stack_count - 1];
    uint32_t next = status == OK && filled ? pickle->values[list].first : PICKLE_NOTHING;
    while (status == OK && next != PICKLE_NOTHING) {
        const struct pickle_value *pair = pickle_get(pickle, pickle->links[next].value);
        struct pickle_link link = {0};
        if (pair->kind == PICKLE_TUPLE && pair->length == 2) {
            link.key = pickle->links[pair->begin].value;
            link.value = pickle->links[pair->begin + 1].value;
        } else if (pair->kind == PICKLE_LIST && pair->first != PICKLE_NOTHING &&
                   pickle->links[pair->first].next != PICKLE_NOTHING && pickle->links[pair->first].next == pair->last) {
            link.key = pickle->links[pair->first].value;
            link.value = pickle->links[pair->last].value;
        } else {
            return pickle_fail(pickle, m->opcode, "an OrderedDict is made of %s, expected pairs",
                               pickle_kind_text(pair));
        }
        next = pickle->links[next].next;
        status = machine_append(m, dict, link);
    }
    return status;
}

/* Counter({value: how often, ...}): the dictionary that it is made of. */
static enum status make_counter(struct machine *m, const struct pickle_value *arguments)
{
    pickle_id dict = arguments->length ? m->pickle->links[arguments->begin].value : 0;
    if (arguments->length != 1 || pickle_get(m->pickle, dict)->kind != PICKLE_DICT)
        return pickle_fail(m->pickle, m->opcode, "a Counter is made of something else than a dictionary");
    return machine_push(m, dict);
}

enum status machine_reduce(struct machine *m)
{
    enum status status = machine_need(m, 2);
    if (status != OK)
        return status;
    const struct pickle_value callee = *machine_top(m, 1), arguments = *machine_top(m, 0);
    if (callee.kind != PICKLE_GLOBAL || callee.name >= PICKLE_STORAGE || arguments.kind != PICKLE_TUPLE)
        return pickle_fail(m->pickle, m->opcode, "opcode %s would call %s: refused", m->name,
                           callee.kind == PICKLE_GLOBAL && callee.name >= PICKLE_STORAGE ? "a storage type"
                                                                                         : pickle_kind_text(&callee));
    pickle_id tuple = m->stack[m->stack_count - 1];
    m->stack_count -= 2;
    if (callee.name == PICKLE_ORDERED_DICT)
        return make_dict(m, &arguments);
    if (callee.name == PICKLE_COUNTER)
        return make_counter(m, &arguments);
    return machine_push_value(m, (struct pickle_value){.kind = PICKLE_CALL, .name = callee.name, .tuple = tuple});
}

/* A state_dict carries versions of its modules as an attribute (_metadata), one that we wrote our metadata as another.
 * Nothing is done with them here but to remember where they are; attributes of anything else are refused. */
enum status machine_build(struct machine *m)
{
    enum status status = machine_need(m, 2);
    if (status == OK && (machine_top(m, 0)->kind != PICKLE_DICT || machine_top(m, 1)->kind != PICKLE_DICT))
        status = pickle_fail(m->pickle, m->opcode, "opcode %s would set attributes of %s: refused", m->name,
                             pickle_kind_text(machine_top(m, 1)));
    if (status == OK) {
        m->pickle->attributes = m->stack[--m->stack_count];
        m->pickle->attributed = m->stack[m->stack_count - 1];
    }
    return status;
}

enum status machine_persistent(struct machine *m)
{
    enum status status = machine_need(m, 1);
    if (status == OK && machine_top(m, 0)->kind != PICKLE_TUPLE)
        status = pickle_fail(m->pickle, m->opcode, "opcode %s names a storage by %s", m->name,
                             pickle_kind_text(machine_top(m, 0)));
    if (status != OK)
        return status;
    pickle_id tuple = m->stack[--m->stack_count];
    return machine_push_value(m, (struct pickle_value){.kind = PICKLE_PERSISTENT, .tuple = tuple});
}
