#include "weights/torch/pickle_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum status pickle_fail(const struct pickle *pickle, size_t at, const char *format, ...)
{
    char what[480];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_set(pickle->err, ERR_DATA, "%.400s: byte %zu: %s", pickle->path, pickle->base + at, what);
}

const char *pickle_kind_text(const struct pickle_value *value)
{
    static const char *const texts[] = {
        [PICKLE_NONE] = "None",
        [PICKLE_BOOL] = "a truth value",
        [PICKLE_INT] = "a whole number",
        [PICKLE_FLOAT] = "a number",
        [PICKLE_TEXT] = "a text",
        [PICKLE_BYTES] = "bytes",
        [PICKLE_SET] = "a set",
        [PICKLE_TUPLE] = "a tuple",
        [PICKLE_LIST] = "a list",
        [PICKLE_DICT] = "a dictionary",
        [PICKLE_GLOBAL] = "a type",
        [PICKLE_CALL] = "a tensor",
        [PICKLE_PERSISTENT] = "a storage",
        [PICKLE_OBJECT] = "an object",
    };
    return texts[value->kind];
}

/* A part of a name with control bytes made visible, cut where it is long. */
static const char *shown(char out[100], const struct pickle *pickle, uint32_t begin, uint32_t length)
{
    char copy[100] = {0};
    memcpy(copy, pickle->bytes + begin, length < sizeof copy ? length : sizeof copy - 1);
    return text_escape(out, 100, copy);
}

char *pickle_describe(char out[PICKLE_DESCRIPTION], const struct pickle *pickle, const struct pickle_value *value)
{
    char module[100], name[100];
    if (value->kind != PICKLE_GLOBAL && value->kind != PICKLE_OBJECT) {
        snprintf(out, PICKLE_DESCRIPTION, "%s", pickle_kind_text(value));
        return out;
    }
    const struct pickle_class *class = &pickle->classes[value->class];
    if (class->name_length == 0 && class->module_length == 0) {
        snprintf(out, PICKLE_DESCRIPTION, "%s of an extension",
                 value->kind == PICKLE_GLOBAL ? "the name" : "an object");
        return out;
    }
    snprintf(out, PICKLE_DESCRIPTION, "%s %s.%s", value->kind == PICKLE_GLOBAL ? "the name" : "an object of",
             shown(module, pickle, class->module, class->module_length),
             shown(name, pickle, class->name, class->name_length));
    return out;
}

bool pickle_text_is(const struct pickle *pickle, const struct pickle_value *value, const char *text)
{
    return value->kind == PICKLE_TEXT && value->length == strlen(text) &&
           memcmp(pickle->bytes + value->begin, text, value->length) == 0;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

enum status machine_too_long(const struct machine *m)
{
    return pickle_fail(m->pickle, m->opcode, "the pickle is longer than %d bytes", PICKLE_MAX_BYTES);
}

enum status machine_take(struct machine *m, const uint8_t **out, uint64_t length)
{
    size_t rest = m->pickle->size - m->at;
    if (length > rest && m->pickle->size == PICKLE_MAX_BYTES)
        return machine_too_long(m);
    if (length > rest)
        return pickle_fail(m->pickle, m->opcode, "opcode %s needs %llu bytes, %zu are left", m->name,
                           (unsigned long long)length, rest);
    *out = m->pickle->bytes + m->at;
    m->at += (size_t)length;
    return OK;
}

/* An unsigned little-endian number of 1 to 8 bytes. */
enum status machine_number(struct machine *m, uint64_t *out, unsigned size)
{
    const uint8_t *bytes = NULL;
    enum status status = machine_take(m, &bytes, size);
    if (status != OK)
        return status;
    *out = get_little(bytes, size);
    return OK;
}

enum status machine_line(struct machine *m, const uint8_t **out, size_t *length)
{
    const uint8_t *from = m->pickle->bytes + m->at;
    const uint8_t *end = memchr(from, '\n', m->pickle->size - m->at);
    if (!end && m->pickle->size == PICKLE_MAX_BYTES)
        return machine_too_long(m);
    if (!end)
        return pickle_fail(m->pickle, m->opcode, "truncated: the pickle ends inside the line of opcode %s", m->name);
    *out = from;
    *length = (size_t)(end - from);
    m->at += *length + 1;
    return OK;
}

/* ---- the stack and values ---------------------------------------------------------------------------------------- */

enum status machine_push(struct machine *m, pickle_id id)
{
    if (m->stack_count == PICKLE_MAX_VALUES)
        return pickle_fail(m->pickle, m->opcode, "more than %d values on the stack", PICKLE_MAX_VALUES);
    void *stack = m->stack;
    enum status status =
        memory_grow(&stack, &m->stack_capacity, m->stack_count + 1, sizeof *m->stack, "a stack", m->pickle->err);
    m->stack = stack;
    if (status == OK)
        m->stack[m->stack_count++] = id;
    return status;
}

/* A new value on the stack. */
enum status machine_push_value(struct machine *m, struct pickle_value value)
{
    struct pickle *pickle = m->pickle;
    if (pickle->values_count == PICKLE_MAX_VALUES)
        return pickle_fail(pickle, m->opcode, "more than %d values", PICKLE_MAX_VALUES);
    void *values = pickle->values;
    enum status status = memory_grow(&values, &pickle->values_capacity, pickle->values_count + 1, sizeof value,
                                     "the values of a pickle", pickle->err);
    pickle->values = values;
    if (status != OK)
        return status;
    value.at = (uint32_t)m->opcode;
    pickle->values[pickle->values_count] = value;
    return machine_push(m, (pickle_id)pickle->values_count++);
}

static enum status add_link(struct machine *m, struct pickle_link link)
{
    struct pickle *pickle = m->pickle;
    if (pickle->links_count == PICKLE_MAX_VALUES)
        return pickle_fail(pickle, m->opcode, "more than %d items", PICKLE_MAX_VALUES);
    void *links = pickle->links;
    enum status status = memory_grow(&links, &pickle->links_capacity, pickle->links_count + 1, sizeof link,
                                     "the items of a pickle", pickle->err);
    pickle->links = links;
    if (status == OK)
        pickle->links[pickle->links_count++] = link;
    return status;
}

/* How many values lie above the last mark, or on the whole stack. */
static size_t above_mark(const struct machine *m)
{
    return m->stack_count - (m->marks_count ? m->marks[m->marks_count - 1] : 0);
}

enum status machine_need(const struct machine *m, size_t count)
{
    if (above_mark(m) >= count)
        return OK;
    return pickle_fail(m->pickle, m->opcode, "opcode %s finds nothing to work on", m->name);
}

struct pickle_value *machine_top(const struct machine *m, size_t depth)
{
    return &m->pickle->values[m->stack[m->stack_count - 1 - depth]];
}

/* *count = how many values lie above the last mark, which goes away. */
enum status machine_pop_mark(struct machine *m, size_t *count)
{
    if (m->marks_count == 0)
        return machine_need(m, SIZE_MAX);
    *count = above_mark(m);
    m->marks_count--;
    return OK;
}

/* The topmost `count` values become a tuple. */
enum status machine_tuple(struct machine *m, size_t count)
{
    enum status status = machine_need(m, count);
    struct pickle_value value = {
        .kind = PICKLE_TUPLE, .begin = (uint32_t)m->pickle->links_count, .length = (uint32_t)count};
    for (size_t i = 0; i < count && status == OK; i++)
        status = add_link(m, (struct pickle_link){.value = m->stack[m->stack_count - count + i]});
    if (status != OK)
        return status;
    m->stack_count -= count;
    return machine_push_value(m, value);
}

enum status machine_push_container(struct machine *m, enum pickle_kind kind)
{
    return machine_push_value(
        m, (struct pickle_value){.kind = (uint8_t)kind, .first = PICKLE_NOTHING, .last = PICKLE_NOTHING});
}

enum status machine_append(struct machine *m, pickle_id container, struct pickle_link link)
{
    size_t i = m->pickle->links_count;
    link.next = PICKLE_NOTHING;
    enum status status = add_link(m, link);
    if (status != OK)
        return status;
    struct pickle_value *value = &m->pickle->values[container];
    if (value->first == PICKLE_NOTHING)
        value->first = (uint32_t)i;
    else
        m->pickle->links[value->last].next = (uint32_t)i;
    value->last = (uint32_t)i;
    return OK;
}

/* The topmost `count` values go into the container below them: one by one into a list, by pairs into a dictionary. */
enum status machine_add(struct machine *m, size_t count, enum pickle_kind kind)
{
    enum status status = machine_need(m, count + 1);
    if (status == OK && machine_top(m, count)->kind == PICKLE_OBJECT) {
        struct pickle_value *object = machine_top(m, count);
        object->kind = (uint8_t)kind;
        object->first = object->last = PICKLE_NOTHING;
    }
    if (status == OK && (machine_top(m, count)->kind != kind || (kind == PICKLE_DICT && count % 2 != 0)))
        status = pickle_fail(m->pickle, m->opcode, "opcode %s adds %zu values to %s", m->name, count,
                             pickle_kind_text(machine_top(m, count)));
    if (status != OK)
        return status;
    const pickle_id *items = &m->stack[m->stack_count - count];
    for (size_t i = 0; i < count && status == OK; i += kind == PICKLE_DICT ? 2 : 1) {
        struct pickle_link link = {.key = items[i], .value = items[kind == PICKLE_DICT ? i + 1 : i]};
        status = machine_append(m, items[-1], link);
    }
    m->stack_count -= count;
    return status;
}
