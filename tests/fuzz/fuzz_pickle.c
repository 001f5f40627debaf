/* The pickle of a .pth file, without the file around it: every storage that it names is given zeros, up to a megabyte
 * in all. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "weights/torch/torch_state.h"

enum { ZEROS = 1 << 20 };

static void read_state(const struct pickle *pickle, struct torch_storages *storages, struct error *err)
{
    size_t used = 0;
    uint8_t *zeros = calloc(ZEROS, 1);
    struct weight_file *file = calloc(1, sizeof *file);
    if (!zeros || !file)
        abort();
    bool fits = true;
    for (size_t i = 0; i < storages->count && fits; i++) {
        fits = storages->items[i].bytes <= ZEROS - used;
        storages->items[i].data = zeros + used;
        used += fits ? storages->items[i].bytes : 0;
    }
    file->path = "fuzz";
    file->map = (struct file_map){.bytes = zeros, .size = used + pickle->size};
    if (fits && torch_state_read(file, pickle, storages, err) == OK && weight_file_rename(file, err) == OK)
        fuzz_walk(file);
    weight_file_left_free(file);
    memory_free(file->key);
    memory_free(file->prefix);
    memory_free(file->by_name);
    memory_free(file->tensors);
    memory_free(file->copies);
    memory_free(file->renamed);
    memory_free(file->text);
    free(file);
    free(zeros);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle pickle;
    struct torch_storages storages = {0};
    struct error err = {0};
    uint8_t *copy = malloc(size ? size : 1); /* of this size, so that reading behind it is seen */
    if (!copy)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    if (pickle_read(&pickle, copy, size, 0, "fuzz", &err) == OK && torch_storages_find(&storages, &pickle) == OK)
        read_state(&pickle, &storages, &err);
    if (err.status != OK && err.status != ERR_DATA)
        abort();
    memory_free(storages.items);
    pickle_free(&pickle);
    free(copy);
    return 0;
}
