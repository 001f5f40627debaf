#include "tests/support/test.h"

#include "tests/support/fixture.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "weights/weight_file.h"

struct fixture {
    struct weight_file *file;
    void **owned;
    size_t owned_count, owned_capacity;
};

struct fixture *fixture_open(const char *path)
{
    struct error err = {0};
    void *memory;
    if (memory_alloc(&memory, 1, sizeof(struct fixture), "a fixture", &err) != OK)
        fail_msg("%s", err.text);
    struct fixture *fixture = memory;
    if (weight_file_open(&fixture->file, path, &err) != OK)
        fail_msg("%s", err.text);
    return fixture;
}

void fixture_close(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->owned_count; i++)
        memory_free(fixture->owned[i]);
    memory_free(fixture->owned);
    weight_file_close(fixture->file);
    memory_free(fixture);
}

size_t fixture_count(const struct fixture *fixture)
{
    return weight_file_count(fixture->file);
}

static const struct weight_tensor *find(const struct fixture *fixture, char name[256], const char *format, va_list list)
{
    vsnprintf(name, 256, format, list);
    return weight_file_find(fixture->file, name);
}

bool fixture_has(const struct fixture *fixture, const char *format, ...)
{
    char name[256];
    va_list list;
    va_start(list, format);
    const struct weight_tensor *tensor = find(fixture, name, format, list);
    va_end(list);
    return tensor != NULL;
}

static void read_values(float *values, size_t count, const struct weight_tensor *tensor, const struct fixture *fixture)
{
    struct error err = {0};
    const uint8_t *bytes = tensor->data;
    if (weight_tensor_fetch(tensor, fixture->file, &err) != OK)
        fail_msg("%s", err.text);
    if (tensor->dtype == WEIGHT_U8) {
        for (size_t i = 0; i < count; i++)
            values[i] = (float)bytes[i];
    } else if (tensor->dtype == WEIGHT_I64) {
        for (size_t i = 0; i < count; i++) {
            int64_t value;
            memcpy(&value, bytes + i * sizeof value, sizeof value);
            values[i] = (float)value;
        }
    } else if (weight_tensor_read_f32(values, tensor, fixture->file, &err) != OK) {
        fail_msg("%s", err.text);
    }
}

struct fixture_tensor fixture_get(struct fixture *fixture, const char *format, ...)
{
    char name[256];
    va_list list;
    va_start(list, format);
    const struct weight_tensor *tensor = find(fixture, name, format, list);
    va_end(list);
    if (!tensor)
        fail_msg("%s: has no tensor %s", weight_file_path(fixture->file), name);

    struct error err = {0};
    struct fixture_tensor out = {.count = weight_tensor_values(tensor)};
    void *owned = fixture->owned, *values;
    for (unsigned i = 0; i < tensor->rank; i++)
        out.shape[i] = (size_t)tensor->shape[i];
    if (memory_grow(&owned, &fixture->owned_capacity, fixture->owned_count + 1, sizeof(void *), "fixtures", &err) != OK)
        fail_msg("%s", err.text);
    fixture->owned = owned;
    if (memory_alloc(&values, out.count, sizeof(float), "a tensor", &err) != OK)
        fail_msg("%s", err.text);
    fixture->owned[fixture->owned_count++] = values;
    out.values = values;
    read_values(values, out.count, tensor, fixture);
    return out;
}
