/* The opcodes, and what each does. */
#include "weights/pickle_read.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/pickle_machine.h"

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

/* A little-endian two's complement number of `size` bytes, 8 at most. */
static enum status push_int(struct machine *m, unsigned size, bool is_signed)
{
    uint64_t bits;
    enum status status = machine_number(m, &bits, size);
    if (status != OK)
        return status;
    if (is_signed && size > 0 && size < 8 && bits >> (8 * size - 1))
        bits |= ~0ull << (8 * size);
    struct pickle_value value = {.kind = PICKLE_INT};
    memcpy(&value.integer, &bits, sizeof bits);
    return machine_push_value(m, value);
}

static enum status run_int1(struct machine *m)
{
    return push_int(m, 1, false);
}

static enum status run_int2(struct machine *m)
{
    return push_int(m, 2, false);
}

static enum status run_int4(struct machine *m)
{
    return push_int(m, 4, true);
}

/* Numbers beyond 64 bits occur in one place, the magic number of the legacy format, and are refused everywhere else by
 * those who want a number. */
static enum status run_long1(struct machine *m)
{
    uint64_t size;
    const uint8_t *bytes;
    enum status status = machine_number(m, &size, 1);
    if (status == OK && size <= 8)
        return push_int(m, (unsigned)size, true);
    if (status == OK)
        status = machine_take(m, &bytes, size);
    return status == OK ? machine_push_value(m, (struct pickle_value){.kind = PICKLE_FLOAT}) : status;
}

static enum status run_float(struct machine *m)
{
    const uint8_t *bytes;
    enum status status = machine_take(m, &bytes, 8);
    return status == OK ? machine_push_value(m, (struct pickle_value){.kind = PICKLE_FLOAT}) : status;
}

static enum status push_text(struct machine *m, unsigned length_size)
{
    uint64_t length;
    const uint8_t *bytes = NULL;
    enum status status = machine_number(m, &length, length_size);
    if (status == OK)
        status = machine_take(m, &bytes, length);
    if (status != OK)
        return status;
    if (!text_is_utf8(bytes, (size_t)length))
        return pickle_fail(m->pickle, m->opcode, "a text that is not UTF-8");
    return machine_push_value(m, (struct pickle_value){.kind = PICKLE_TEXT,
                                                       .begin = (uint32_t)(bytes - m->pickle->bytes),
                                                       .length = (uint32_t)length});
}

static enum status run_text1(struct machine *m)
{
    return push_text(m, 1);
}

static enum status run_text4(struct machine *m)
{
    return push_text(m, 4);
}

static enum status run_mark(struct machine *m)
{
    if (m->marks_count == PICKLE_MAX_MARKS)
        return pickle_fail(m->pickle, m->opcode, "more than %d marks on the stack", PICKLE_MAX_MARKS);
    m->marks[m->marks_count++] = m->stack_count;
    return OK;
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

/* All opcodes of protocols 0 to 5, as Python's pickletools names them; those without a function are refused. */
static const struct {
    const char *name;
    enum status (*run)(struct machine *m);
} opcodes[256] = {
    ['('] = {"MARK", run_mark},
    [')'] = {"EMPTY_TUPLE", run_empty_tuple},
    ['.'] = {"STOP", run_stop},
    ['0'] = {"POP", NULL},
    ['1'] = {"POP_MARK", NULL},
    ['2'] = {"DUP", NULL},
    ['B'] = {"BINBYTES", NULL},
    ['C'] = {"SHORT_BINBYTES", NULL},
    ['F'] = {"FLOAT", NULL},
    ['G'] = {"BINFLOAT", run_float},
    ['I'] = {"INT", NULL},
    ['J'] = {"BININT", run_int4},
    ['K'] = {"BININT1", run_int1},
    ['L'] = {"LONG", NULL},
    ['M'] = {"BININT2", run_int2},
    ['N'] = {"NONE", run_none},
    ['P'] = {"PERSID", NULL},
    ['Q'] = {"BINPERSID", machine_persistent},
    ['R'] = {"REDUCE", machine_reduce},
    ['S'] = {"STRING", NULL},
    ['T'] = {"BINSTRING", run_text4},
    ['U'] = {"SHORT_BINSTRING", run_text1},
    ['V'] = {"UNICODE", NULL},
    ['X'] = {"BINUNICODE", run_text4},
    [']'] = {"EMPTY_LIST", run_empty_list},
    ['a'] = {"APPEND", run_append},
    ['b'] = {"BUILD", machine_build},
    ['c'] = {"GLOBAL", machine_global},
    ['d'] = {"DICT", NULL},
    ['e'] = {"APPENDS", run_appends},
    ['g'] = {"GET", NULL},
    ['h'] = {"BINGET", run_get1},
    ['i'] = {"INST", NULL},
    ['j'] = {"LONG_BINGET", run_get4},
    ['l'] = {"LIST", NULL},
    ['o'] = {"OBJ", NULL},
    ['p'] = {"PUT", NULL},
    ['q'] = {"BINPUT", run_put1},
    ['r'] = {"LONG_BINPUT", run_put4},
    ['s'] = {"SETITEM", run_setitem},
    ['t'] = {"TUPLE", run_tuple},
    ['u'] = {"SETITEMS", run_setitems},
    ['}'] = {"EMPTY_DICT", run_empty_dict},
    [0x80] = {"PROTO", run_proto},
    [0x81] = {"NEWOBJ", NULL},
    [0x82] = {"EXT1", NULL},
    [0x83] = {"EXT2", NULL},
    [0x84] = {"EXT4", NULL},
    [0x85] = {"TUPLE1", run_tuple1},
    [0x86] = {"TUPLE2", run_tuple2},
    [0x87] = {"TUPLE3", run_tuple3},
    [0x88] = {"NEWTRUE", run_true},
    [0x89] = {"NEWFALSE", run_false},
    [0x8a] = {"LONG1", run_long1},
    [0x8b] = {"LONG4", NULL},
    [0x8c] = {"SHORT_BINUNICODE", run_text1},
    [0x8d] = {"BINUNICODE8", NULL},
    [0x8e] = {"BINBYTES8", NULL},
    [0x8f] = {"EMPTY_SET", NULL},
    [0x90] = {"ADDITEMS", NULL},
    [0x91] = {"FROZENSET", NULL},
    [0x92] = {"NEWOBJ_EX", NULL},
    [0x93] = {"STACK_GLOBAL", machine_stack_global},
    [0x94] = {"MEMOIZE", run_memoize},
    [0x95] = {"FRAME", run_frame},
    [0x96] = {"BYTEARRAY8", NULL},
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
        return pickle_fail(pickle, m->opcode, "byte 0x%02x is no opcode of a pickle", byte);
    if (!opcodes[byte].run)
        return pickle_fail(pickle, m->opcode,
                           "opcode %s, which a file of weights does not need: refused, nothing was run", m->name);
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
        out->size = PICKLE_MAX_BYTES; /* whoever comes to this end says so: machine_too_long */
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
    *pickle = (struct pickle){0};
}
