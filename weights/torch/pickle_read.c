/* The opcodes, and what each does. */
#include "weights/torch/pickle_read.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/torch/pickle_machine.h"

enum { VALUE_NONE, VALUE_FALSE, VALUE_TRUE, VALUE_EMPTY_TUPLE, VALUES_SHARED };

/* ---- opcodes ----------------------------------------------------------------------------------------------------- */

static enum status run_proto(struct machine *m)
{
    uint64_t version;
    enum status status = machine_number(m, &version, 1);
    if (status == OK && (m->opcode != 0 || version < 2 || version > 5))
        status = pickle_fail(m->pickle, m->opcode, "a pickle of protocol %u, where 2 to 5 at the beginning are read",
                             (unsigned)version);
    return status;
}

static enum status run_frame(struct machine *m)
{
    uint64_t length;
    enum status status = machine_number(m, &length, 8);
    size_t rest = m->pickle->size - m->at;
    if (status == OK && length > rest)
        status =
            pickle_fail(m->pickle, m->opcode, "a frame of %llu bytes, %zu are left", (unsigned long long)length, rest);
    return status;
}

static enum status run_stop(struct machine *m)
{
    if (m->stack_count != 1 || m->marks_count != 0)
        return pickle_fail(m->pickle, m->opcode, "the pickle ends with %zu values where one belongs", m->stack_count);
    m->pickle->root = m->stack[0];
    m->stopped = true;
    return OK;
}

static enum status run_none(struct machine *m)
{
    return machine_push(m, VALUE_NONE);
}

static enum status run_false(struct machine *m)
{
    return machine_push(m, VALUE_FALSE);
}

static enum status run_true(struct machine *m)
{
    return machine_push(m, VALUE_TRUE);
}

static enum status run_empty_tuple(struct machine *m)
{
    return machine_push(m, VALUE_EMPTY_TUPLE);
}

static enum status run_empty_list(struct machine *m)
{
    return machine_push_container(m, PICKLE_LIST);
}

static enum status run_empty_dict(struct machine *m)
{
    return machine_push_container(m, PICKLE_DICT);
}

static enum status run_empty_set(struct machine *m)
{
    return machine_push_value(m, (struct pickle_value){.kind = PICKLE_SET});
}

static enum status run_mark(struct machine *m)
{
    if (m->marks_count == PICKLE_MAX_MARKS)
        return pickle_fail(m->pickle, m->opcode, "more than %d marks on the stack", PICKLE_MAX_MARKS);
    m->marks[m->marks_count++] = m->stack_count;
    return OK;
}

/* A pickler writes these two for a tuple that contains itself. */
static enum status run_pop(struct machine *m)
{
    if (m->marks_count && m->marks[m->marks_count - 1] == m->stack_count) {
        m->marks_count--; /* Python takes the mark itself away */
        return OK;
    }
    enum status status = machine_need(m, 1);
    m->stack_count -= status == OK;
    return status;
}

static enum status run_pop_mark(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    m->stack_count -= status == OK ? count : 0;
    return status;
}

static enum status run_dup(struct machine *m)
{
    enum status status = machine_need(m, 1);
    return status == OK ? machine_push(m, m->stack[m->stack_count - 1]) : status;
}

static enum status run_tuple(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    return status == OK ? machine_tuple(m, count) : status;
}

static enum status run_tuple1(struct machine *m)
{
    return machine_tuple(m, 1);
}

static enum status run_tuple2(struct machine *m)
{
    return machine_tuple(m, 2);
}

static enum status run_tuple3(struct machine *m)
{
    return machine_tuple(m, 3);
}

static enum status run_append(struct machine *m)
{
    return machine_add(m, 1, PICKLE_LIST);
}

static enum status run_setitem(struct machine *m)
{
    return machine_add(m, 2, PICKLE_DICT);
}

static enum status run_appends(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    return status == OK ? machine_add(m, count, PICKLE_LIST) : status;
}

static enum status run_setitems(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    return status == OK ? machine_add(m, count, PICKLE_DICT) : status;
}

/* Items of a set are not kept, those of an object that takes items as a set does neither. */
static enum status run_add_items(struct machine *m)
{
    size_t count = 0;
    enum status status = machine_pop_mark(m, &count);
    if (status == OK)
        status = machine_need(m, count + 1);
    if (status == OK && machine_top(m, count)->kind != PICKLE_SET && machine_top(m, count)->kind != PICKLE_OBJECT)
        status = pickle_fail(m->pickle, m->opcode, "opcode %s adds %zu values to %s", m->name, count,
                             pickle_kind_text(machine_top(m, count)));
    m->stack_count -= status == OK ? count : 0;
    return status;
}

static enum status run_frozen_set(struct machine *m)
{
    enum status status = run_pop_mark(m);
    return status == OK ? run_empty_set(m) : status;
}

static enum status run_ext1(struct machine *m)
{
    return machine_extension(m, 1);
}

static enum status run_ext2(struct machine *m)
{
    return machine_extension(m, 2);
}

static enum status run_ext4(struct machine *m)
{
    return machine_extension(m, 4);
}

/* ---- the memo ---------------------------------------------------------------------------------------------------- */

/* Picklers number what they remember from 0 (Python 2: from 1) without gaps, so a bigger number is no place to make. */
static enum status remember(struct machine *m, uint64_t place)
{
    enum status status = machine_need(m, 1);
    if (status == OK && place > m->memo_count + 1)
        status = pickle_fail(m->pickle, m->opcode, "opcode %s remembers a value as number %llu after %zu others",
                             m->name, (unsigned long long)place, m->memo_count);
    if (status == OK && place >= PICKLE_MAX_VALUES)
        status = pickle_fail(m->pickle, m->opcode, "more than %d values in the memo", PICKLE_MAX_VALUES);
    if (status != OK)
        return status;
    void *memo = m->memo;
    status = memory_grow(&memo, &m->memo_capacity, (size_t)place + 1, sizeof *m->memo, "a memo", m->pickle->err);
    m->memo = memo;
    if (status != OK)
        return status;
    while (m->memo_count <= place)
        m->memo[m->memo_count++] = PICKLE_NOTHING;
    m->memo[place] = m->stack[m->stack_count - 1];
    return OK;
}

static enum status recall(struct machine *m, unsigned size)
{
    uint64_t place;
    enum status status = machine_number(m, &place, size);
    if (status != OK)
        return status;
    if (place >= m->memo_count || m->memo[place] == PICKLE_NOTHING)
        return pickle_fail(m->pickle, m->opcode, "opcode %s asks for value %llu, which was not remembered", m->name,
                           (unsigned long long)place);
    return machine_push(m, m->memo[place]);
}

static enum status run_put1(struct machine *m)
{
    uint64_t place;
    enum status status = machine_number(m, &place, 1);
    return status == OK ? remember(m, place) : status;
}

static enum status run_put4(struct machine *m)
{
    uint64_t place;
    enum status status = machine_number(m, &place, 4);
    return status == OK ? remember(m, place) : status;
}

static enum status run_memoize(struct machine *m)
{
    return remember(m, m->memo_count);
}

static enum status run_get1(struct machine *m)
{
    return recall(m, 1);
}

static enum status run_get4(struct machine *m)
{
    return recall(m, 4);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* All opcodes of protocols 0 to 5, as Python's pickletools names them. Those without a function are refused: picklers
 * write them in protocols 0 and 1 only, or for buffers that lie outside the file. */
static const struct {
    const char *name;
    enum status (*run)(struct machine *m);
} opcodes[256] = {
    ['('] = {"MARK", run_mark},
    [')'] = {"EMPTY_TUPLE", run_empty_tuple},
    ['.'] = {"STOP", run_stop},
    ['0'] = {"POP", run_pop},
    ['1'] = {"POP_MARK", run_pop_mark},
    ['2'] = {"DUP", run_dup},
    ['B'] = {"BINBYTES", machine_bytes4},
    ['C'] = {"SHORT_BINBYTES", machine_bytes1},
    ['F'] = {"FLOAT", NULL},
    ['G'] = {"BINFLOAT", machine_float},
    ['I'] = {"INT", machine_int_line},
    ['J'] = {"BININT", machine_int4},
    ['K'] = {"BININT1", machine_int1},
    ['L'] = {"LONG", NULL},
    ['M'] = {"BININT2", machine_int2},
    ['N'] = {"NONE", run_none},
    ['P'] = {"PERSID", NULL},
    ['Q'] = {"BINPERSID", machine_persistent},
    ['R'] = {"REDUCE", machine_reduce},
    ['S'] = {"STRING", NULL},
    ['T'] = {"BINSTRING", machine_text4},
    ['U'] = {"SHORT_BINSTRING", machine_text1},
    ['V'] = {"UNICODE", NULL},
    ['X'] = {"BINUNICODE", machine_text4},
    [']'] = {"EMPTY_LIST", run_empty_list},
    ['a'] = {"APPEND", run_append},
    ['b'] = {"BUILD", machine_build},
    ['c'] = {"GLOBAL", machine_global},
    ['d'] = {"DICT", NULL},
    ['e'] = {"APPENDS", run_appends},
    ['g'] = {"GET", NULL},
    ['h'] = {"BINGET", run_get1},
    ['i'] = {"INST", machine_inst},
    ['j'] = {"LONG_BINGET", run_get4},
    ['l'] = {"LIST", NULL},
    ['o'] = {"OBJ", machine_obj},
    ['p'] = {"PUT", NULL},
    ['q'] = {"BINPUT", run_put1},
    ['r'] = {"LONG_BINPUT", run_put4},
    ['s'] = {"SETITEM", run_setitem},
    ['t'] = {"TUPLE", run_tuple},
    ['u'] = {"SETITEMS", run_setitems},
    ['}'] = {"EMPTY_DICT", run_empty_dict},
    [0x80] = {"PROTO", run_proto},
    [0x81] = {"NEWOBJ", machine_new_object},
    [0x82] = {"EXT1", run_ext1},
    [0x83] = {"EXT2", run_ext2},
    [0x84] = {"EXT4", run_ext4},
    [0x85] = {"TUPLE1", run_tuple1},
    [0x86] = {"TUPLE2", run_tuple2},
    [0x87] = {"TUPLE3", run_tuple3},
    [0x88] = {"NEWTRUE", run_true},
    [0x89] = {"NEWFALSE", run_false},
    [0x8a] = {"LONG1", machine_long1},
    [0x8b] = {"LONG4", machine_long4},
    [0x8c] = {"SHORT_BINUNICODE", machine_text1},
    [0x8d] = {"BINUNICODE8", machine_text8},
    [0x8e] = {"BINBYTES8", machine_bytes8},
    [0x8f] = {"EMPTY_SET", run_empty_set},
    [0x90] = {"ADDITEMS", run_add_items},
    [0x91] = {"FROZENSET", run_frozen_set},
    [0x92] = {"NEWOBJ_EX", machine_new_object_ex},
    [0x93] = {"STACK_GLOBAL", machine_stack_global},
    [0x94] = {"MEMOIZE", run_memoize},
    [0x95] = {"FRAME", run_frame},
    [0x96] = {"BYTEARRAY8", machine_bytes8},
    [0x97] = {"NEXT_BUFFER", NULL},
    [0x98] = {"READONLY_BUFFER", NULL},
};

static enum status step(struct machine *m)
{
    struct pickle *pickle = m->pickle;
    m->opcode = m->at;
    if (m->at == PICKLE_MAX_BYTES)
        return machine_too_long(m);
    if (m->at == pickle->size)
        return pickle_fail(pickle, m->at, "the pickle ends without its STOP");
    uint8_t byte = pickle->bytes[m->at++];
    m->name = opcodes[byte].name;
    if (m->opcode == 0 && byte != 0x80)
        return pickle_fail(pickle, 0, "expected a pickle of protocol 2 to 5, found byte 0x%02x", byte);
    if (!m->name)
        return pickle_fail(pickle, m->opcode, "byte 0x%02x is not an opcode of a pickle", byte);
    if (!opcodes[byte].run)
        return pickle_fail(pickle, m->opcode,
                           "opcode %s, which no pickle of protocol 2 to 5 in a file has: refused, nothing was run",
                           m->name);
    return opcodes[byte].run(m);
}

/* The values that occur in every other line, made once: None, False, True and (). */
static enum status make_shared(struct pickle *pickle)
{
    static const struct pickle_value shared[VALUES_SHARED] = {
        [VALUE_NONE] = {.kind = PICKLE_NONE},
        [VALUE_FALSE] = {.kind = PICKLE_BOOL, .integer = 0},
        [VALUE_TRUE] = {.kind = PICKLE_BOOL, .integer = 1},
        [VALUE_EMPTY_TUPLE] = {.kind = PICKLE_TUPLE},
    };
    void *values = NULL;
    enum status status = memory_grow(&values, &pickle->values_capacity, VALUES_SHARED, sizeof *shared,
                                     "the values of a pickle", pickle->err);
    pickle->values = values;
    if (status == OK) {
        memcpy(values, shared, sizeof shared);
        pickle->values_count = VALUES_SHARED;
    }
    return status;
}

enum status pickle_read(struct pickle *out, const uint8_t *bytes, size_t size, size_t base, const char *path,
                        struct error *err)
{
    *out = (struct pickle){.bytes = bytes, .size = size, .base = base, .path = path, .err = err};
    out->attributed = out->attributes = PICKLE_NOTHING;
    if (out->size > PICKLE_MAX_BYTES)
        out->size = PICKLE_MAX_BYTES; /* reading to this end says so: machine_too_long */
    struct machine m = {.pickle = out};
    enum status status = make_shared(out);
    while (status == OK && !m.stopped)
        status = step(&m);
    out->used = m.at;
    memory_free(m.stack);
    memory_free(m.memo);
    return status;
}

void pickle_free(struct pickle *pickle)
{
    memory_free(pickle->values);
    memory_free(pickle->links);
    memory_free(pickle->classes);
    *pickle = (struct pickle){0};
}
