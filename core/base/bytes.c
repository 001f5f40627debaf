#include "core/base/bytes.h"

#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"

struct bytes bytes_start(const char *what, struct error *err)
{
    return (struct bytes){.what = what, .err = err};
}

void bytes_free(struct bytes *bytes)
{
    memory_free(bytes->data);
    *bytes = (struct bytes){.what = bytes->what, .err = bytes->err};
}

void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
    void *grown = bytes->data;
    size_t need;
    if (bytes->status != OK || size == 0)
        return;
    if (!size_add(&need, bytes->length, size)) {
        bytes->status = error_memory(bytes->err, bytes->what, size);
        return;
    }
    bytes->status = memory_grow(&grown, &bytes->capacity, need, 1, bytes->what, bytes->err);
    bytes->data = grown;
    if (bytes->status != OK)
        return;
    memcpy(bytes->data + bytes->length, data, size);
    bytes->length = need;
}

void bytes_put_text(struct bytes *bytes, const char *text)
{
    bytes_put(bytes, text, strlen(text));
}

void bytes_put_u8(struct bytes *bytes, unsigned value)
{
    bytes_put_little(bytes, value, 1);
}

void bytes_put_little(struct bytes *bytes, uint64_t value, unsigned size)
{
    uint8_t out[8];
    put_little(out, value, size);
    bytes_put(bytes, out, size);
}
