/* A run of bytes that grows at its end. The first failure stays: nothing is added after it, and who wrote the bytes
 * asks once, at the end (bytes->status). */
#ifndef FREEZETUNE_BYTES_H
#define FREEZETUNE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct bytes {
    uint8_t *data; /* NULL while empty */
    size_t length, capacity;
    const char *what;  /* what the bytes are, for the error of an allocation */
    struct error *err; /* filled at the first failure */
    enum status status;
};

/* `what` is borrowed. Free with bytes_free. */
struct bytes bytes_start(const char *what, struct error *err);
void bytes_free(struct bytes *bytes);

void bytes_put(struct bytes *bytes, const void *data, size_t size);
void bytes_put_text(struct bytes *bytes, const char *text); /* without its terminator */
void bytes_put_u8(struct bytes *bytes, unsigned value);
/* The low `size` (1..8) bytes of the value, the lowest first. */
void bytes_put_little(struct bytes *bytes, uint64_t value, unsigned size);

#endif
