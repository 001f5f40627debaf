#include "core/base/protobuf.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_LENGTH = 2, WIRE_FOUR = 5 };

static void proto_varint(struct bytes *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        bytes_put_u8(out, (unsigned)(value & 0x7F) | 0x80);
    bytes_put_u8(out, (unsigned)value);
}

static void put_tag(struct bytes *out, unsigned number, enum wire wire)
{
    proto_varint(out, (uint64_t)number << 3 | wire);
}

void proto_integer(struct bytes *out, unsigned number, uint64_t value)
{
    put_tag(out, number, WIRE_VARINT);
    proto_varint(out, value);
}

void proto_float(struct bytes *out, unsigned number, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(out, number, WIRE_FOUR);
    bytes_put_little(out, bits, sizeof bits);
}

void proto_double(struct bytes *out, unsigned number, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(out, number, WIRE_EIGHT);
    bytes_put_little(out, bits, sizeof bits);
}

void proto_head(struct bytes *out, unsigned number, uint64_t size)
{
    put_tag(out, number, WIRE_LENGTH);
    proto_varint(out, size);
}

void proto_text(struct bytes *out, unsigned number, const char *text)
{
    proto_head(out, number, strlen(text));
    bytes_put_text(out, text);
}

void proto_message(struct bytes *out, unsigned number, struct bytes *message)
{
    if (out->status == OK)
        out->status = message->status;
    proto_head(out, number, message->length);
    bytes_put(out, message->data, message->length);
    bytes_free(message);
}
