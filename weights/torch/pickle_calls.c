/* Names and what is done with them, which is all that could ever be dangerous in a pickle: a name is two texts, and a
 * call is written down, not made. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/torch/pickle_machine.h"

static const struct {
    const char *module, *name;
    enum pickle_name is;
} names[] = {
    {"collections", "OrderedDict", PICKLE_ORDERED_DICT},
    {"collections", "Counter", PICKLE_COUNTER},
    {"collections", "defaultdict", PICKLE_DEFAULT_DICT},
    {"torch._utils", "_rebuild_tensor", PICKLE_REBUILD_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", PICKLE_REBUILD_TENSOR_V2},
    {"torch._utils", "_rebuild_parameter", PICKLE_REBUILD_PARAMETER},
    {"torch._utils", "_rebuild_parameter_with_state", PICKLE_REBUILD_PARAMETER_STATE},
};

const struct pickle_storage pickle_storages[PICKLE_STORAGES] = {
    {"FloatStorage", WEIGHT_F32},  {"HalfStorage", WEIGHT_F16},         {"BFloat16Storage", WEIGHT_BF16},
    {"DoubleStorage", WEIGHT_F64}, {"LongStorage", WEIGHT_I64},         {"IntStorage", WEIGHT_I32},
    {"ShortStorage", WEIGHT_I16},  {"CharStorage", WEIGHT_I8},          {"ByteStorage", WEIGHT_U8},
    {"BoolStorage", WEIGHT_BOOL},  {"ComplexFloatStorage", WEIGHT_C64},
};

static bool is_text(const uint8_t *bytes, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/* What the name means here; most names mean nothing. */
static enum pickle_name meaning(const struct pickle *pickle, const struct pickle_class *class)
{
    const uint8_t *module = pickle->bytes + class->module, *name = pickle->bytes + class->name;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_text(module, class->module_length, names[i].module) && is_text(name, class->name_length, names[i].name))
            return names[i].is;
    for (unsigned i = 0; i < PICKLE_STORAGES; i++)
        if (is_text(module, class->module_length, "torch") &&
            is_text(name, class->name_length, pickle_storages[i].name))
            return PICKLE_STORAGE + i;
    return PICKLE_UNKNOWN;
}

static enum status push_name(struct machine *m, struct pickle_class class)
{
    struct pickle *pickle = m->pickle;
    if (pickle->classes_count == PICKLE_MAX_NAMES)
        return pickle_fail(pickle, m->opcode, "more than %d names", PICKLE_MAX_NAMES);
    void *list = pickle->classes;
    enum status status = memory_grow(&list, &pickle->classes_capacity, pickle->classes_count + 1, sizeof class,
                                     "the names of a pickle", pickle->err);
    pickle->classes = list;
    if (status != OK)
        return status;
    pickle->classes[pickle->classes_count] = class;
    return machine_push_value(m, (struct pickle_value){.kind = PICKLE_GLOBAL,
                                                       .name = (uint8_t)meaning(pickle, &class),
                                                       .class = (uint32_t)pickle->classes_count++,
                                                       .state = PICKLE_NOTHING});
}

static enum status take_name(struct machine *m, struct pickle_class *out)
{
    const uint8_t *module = NULL, *name = NULL, *bytes = m->pickle->bytes;
    size_t module_length = 0, name_length = 0;
    enum status status = machine_line(m, &module, &module_length);
    if (status == OK)
        status = machine_line(m, &name, &name_length);
    if (status == OK)
        *out = (struct pickle_class){(uint32_t)(module - bytes), (uint32_t)module_length, (uint32_t)(name - bytes),
                                     (uint32_t)name_length};
    return status;
}

enum status machine_global(struct machine *m)
{
    struct pickle_class class = {0};
    enum status status = take_name(m, &class);
    return status == OK ? push_name(m, class) : status;
}

enum status machine_stack_global(struct machine *m)
{
    enum status status = machine_need(m, 2);
    if (status != OK)
        return status;
    const struct pickle_value *module = machine_top(m, 1), *name = machine_top(m, 0);
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return pickle_fail(m->pickle, m->opcode, "opcode %s: %s and %s are not a name", m->name,
                           pickle_kind_text(module), pickle_kind_text(name));
    m->stack_count -= 2;
    return push_name(m, (struct pickle_class){module->begin, module->length, name->begin, name->length});
}

/* A number for a name, agreed on by programs in copyreg. Its name here is the opcode's bytes, which are not shown. */
enum status machine_extension(struct machine *m, unsigned size)
{
    const uint8_t *bytes;
    enum status status = machine_take(m, &bytes, size);
    return status == OK ? push_name(m, (struct pickle_class){.module = (uint32_t)m->opcode}) : status;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* An opaque value: the result of calling that name, or something got from it. */
static enum status push_object(struct machine *m, const struct pickle_value *callee)
{
    return machine_push_value(
        m, (struct pickle_value){.kind = PICKLE_OBJECT, .class = callee->class, .state = PICKLE_NOTHING});
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

/* What is called is a name, or an object that a name gave (a method, a partial function). */
static enum status check_callee(const struct machine *m, const struct pickle_value *callee,
                                const struct pickle_value *arguments)
{
    if (callee->kind != PICKLE_GLOBAL && callee->kind != PICKLE_OBJECT)
        return pickle_fail(m->pickle, m->opcode, "opcode %s would call %s: refused", m->name, pickle_kind_text(callee));
    if (arguments->kind != PICKLE_TUPLE)
        return pickle_fail(m->pickle, m->opcode, "opcode %s has %s for arguments: refused", m->name,
                           pickle_kind_text(arguments));
    return OK;
}

enum status machine_reduce(struct machine *m)
{
    enum status status = machine_need(m, 2);
    if (status != OK)
        return status;
    const struct pickle_value callee = *machine_top(m, 1), arguments = *machine_top(m, 0);
    status = check_callee(m, &callee, &arguments);
    if (status != OK)
        return status;
    pickle_id tuple = m->stack[m->stack_count - 1];
    m->stack_count -= 2;
    switch (callee.kind == PICKLE_GLOBAL ? callee.name : PICKLE_UNKNOWN) {
    case PICKLE_ORDERED_DICT:
        return make_dict(m, &arguments);
    case PICKLE_COUNTER:
        return make_counter(m, &arguments);
    case PICKLE_DEFAULT_DICT:
        return machine_push_container(m, PICKLE_DICT); /* its items follow, its factory is not needed */
    case PICKLE_REBUILD_TENSOR:
    case PICKLE_REBUILD_TENSOR_V2:
    case PICKLE_REBUILD_PARAMETER:
    case PICKLE_REBUILD_PARAMETER_STATE:
        return machine_push_value(m, (struct pickle_value){.kind = PICKLE_CALL, .name = callee.name, .tuple = tuple});
    default:
        return push_object(m, &callee);
    }
}

/* class.__new__(class, *arguments): for the dictionaries an empty one, for all else an object. */
static enum status new_object(struct machine *m, size_t arguments)
{
    enum status status = machine_need(m, arguments + 1);
    if (status != OK)
        return status;
    const struct pickle_value class = *machine_top(m, arguments);
    status = check_callee(m, &class, machine_top(m, arguments - 1));
    if (status != OK)
        return status;
    m->stack_count -= arguments + 1;
    if (class.kind == PICKLE_GLOBAL &&
        (class.name == PICKLE_ORDERED_DICT || class.name == PICKLE_COUNTER || class.name == PICKLE_DEFAULT_DICT))
        return machine_push_container(m, PICKLE_DICT);
    return push_object(m, &class);
}

enum status machine_new_object(struct machine *m)
{
    return new_object(m, 1);
}

enum status machine_new_object_ex(struct machine *m)
{
    return new_object(m, 2);
}

/* Objects of Python 2's classes: the class and its arguments lie above a mark (OBJ), or the class's name follows
 * (INST). */
enum status machine_obj(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    if (status == OK && count == 0)
        status = machine_need(m, SIZE_MAX);
    if (status != OK)
        return status;
    const struct pickle_value class = *machine_top(m, count - 1);
    if (class.kind != PICKLE_GLOBAL)
        return pickle_fail(m->pickle, m->opcode, "opcode %s would call %s: refused", m->name, pickle_kind_text(&class));
    m->stack_count -= count;
    return push_object(m, &class);
}

enum status machine_inst(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    if (status != OK)
        return status;
    m->stack_count -= count;
    status = machine_global(m);
    if (status != OK)
        return status;
    const struct pickle_value class = *machine_top(m, 0);
    m->stack_count--;
    return push_object(m, &class);
}

/* A state_dict carries versions of its modules as an attribute (_metadata), one that we wrote our metadata as another.
 * Nothing is done with them here but to remember where they are. An object's state is remembered with it. */
enum status machine_build(struct machine *m)
{
    enum status status = machine_need(m, 2);
    if (status != OK)
        return status;
    struct pickle_value *object = machine_top(m, 1);
    if (object->kind != PICKLE_DICT && object->kind != PICKLE_OBJECT)
        return pickle_fail(m->pickle, m->opcode, "opcode %s would set attributes of %s: refused", m->name,
                           pickle_kind_text(object));
    pickle_id state = m->stack[--m->stack_count];
    if (object->kind == PICKLE_OBJECT) {
        object->state = state;
    } else if (pickle_get(m->pickle, state)->kind == PICKLE_DICT) {
        m->pickle->attributes = state;
        m->pickle->attributed = m->stack[m->stack_count - 1];
    }
    return OK;
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
