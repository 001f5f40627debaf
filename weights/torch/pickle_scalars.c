/* Opcodes that push a value without parts: numbers, texts, bytes. */
#include <string.h>

#include "core/base/text.h"
#include "weights/torch/pickle_machine.h"

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

enum status machine_int1(struct machine *m)
{
    return push_int(m, 1, false);
}

enum status machine_int2(struct machine *m)
{
    return push_int(m, 2, false);
}

enum status machine_int4(struct machine *m)
{
    return push_int(m, 4, true);
}

/* "00" and "01" are truth values; Python 2's cPickle writes whole numbers beyond 32 bits so, in every protocol. */
enum status machine_int_line(struct machine *m)
{
    const uint8_t *line = NULL;
    size_t length = 0;
    char text[32];
    long long integer;
    enum status status = machine_line(m, &line, &length);
    if (status != OK)
        return status;
    if (length == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return machine_push_value(m, (struct pickle_value){.kind = PICKLE_BOOL, .integer = line[1] == '1'});
    memcpy(text, line, length < sizeof text ? length : 0);
    text[length < sizeof text ? length : 0] = '\0';
    if (strlen(text) != length || !text_to_long(&integer, text))
        return pickle_fail(m->pickle, m->opcode, "opcode %s holds no whole number of 64 bits", m->name);
    return machine_push_value(m, (struct pickle_value){.kind = PICKLE_INT, .integer = integer});
}

/* Numbers beyond 64 bits occur in the magic number of the legacy format, and in random states. Readers that want a
 * whole number refuse them. */
static enum status push_long(struct machine *m, unsigned length_size)
{
    uint64_t size;
    const uint8_t *bytes;
    enum status status = machine_number(m, &size, length_size);
    if (status == OK && size <= 8)
        return push_int(m, (unsigned)size, true);
    if (status == OK)
        status = machine_take(m, &bytes, size);
    return status == OK ? machine_push_value(m, (struct pickle_value){.kind = PICKLE_FLOAT}) : status;
}

enum status machine_long1(struct machine *m)
{
    return push_long(m, 1);
}

enum status machine_long4(struct machine *m)
{
    return push_long(m, 4);
}

enum status machine_float(struct machine *m)
{
    const uint8_t *bytes;
    enum status status = machine_take(m, &bytes, 8);
    return status == OK ? machine_push_value(m, (struct pickle_value){.kind = PICKLE_FLOAT}) : status;
}

/* What is no UTF-8 (Python 2's str, a lone surrogate), or has a NUL, is no name of anything and counts as bytes. */
static enum status push_bytes(struct machine *m, unsigned length_size, bool text)
{
    uint64_t length;
    const uint8_t *bytes = NULL;
    enum status status = machine_number(m, &length, length_size);
    if (status == OK)
        status = machine_take(m, &bytes, length);
    if (status != OK)
        return status;
    bool is_text = text && text_is_utf8(bytes, (size_t)length);
    return machine_push_value(m, (struct pickle_value){.kind = is_text ? PICKLE_TEXT : PICKLE_BYTES,
                                                       .begin = (uint32_t)(bytes - m->pickle->bytes),
                                                       .length = (uint32_t)length});
}

enum status machine_text1(struct machine *m)
{
    return push_bytes(m, 1, true);
}

enum status machine_text4(struct machine *m)
{
    return push_bytes(m, 4, true);
}

enum status machine_text8(struct machine *m)
{
    return push_bytes(m, 8, true);
}

enum status machine_bytes1(struct machine *m)
{
    return push_bytes(m, 1, false);
}

enum status machine_bytes4(struct machine *m)
{
    return push_bytes(m, 4, false);
}

enum status machine_bytes8(struct machine *m)
{
    return push_bytes(m, 8, false);
}
