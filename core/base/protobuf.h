/* Protocol Buffers' wire format, writing only (protobuf.dev, "Encoding"): a message is a run of fields, a field is its
 * number with its wire type and then its value. A field that is itself a message is built in a buffer of its own. */
#ifndef FREEZETUNE_PROTOBUF_H
#define FREEZETUNE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

/* Field `number` of `out`. */
void proto_integer(struct bytes *out, unsigned number, uint64_t value);
void proto_float(struct bytes *out, unsigned number, float value);
void proto_double(struct bytes *out, unsigned number, double value);
void proto_text(struct bytes *out, unsigned number, const char *text);
/* The head of a field of `size` bytes, which follow. */
void proto_head(struct bytes *out, unsigned number, uint64_t size);
/* A message; frees it, and takes its failure over. */
void proto_message(struct bytes *out, unsigned number, struct bytes *message);

#endif
