#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/crc32.h"

static void require(int truth)
{
    if (!truth)
        abort();
}

void fuzz_walk(const struct weight_file *file)
{
    static volatile uint32_t kept; /* so that nothing is left out as useless */
    for (size_t i = 0; i < weight_file_count(file); i++) {
        const struct weight_tensor *tensor = weight_file_at(file, i);
        size_t values, bytes;
        require(weight_file_find(file, tensor->name) == tensor);
        require(tensor->rank <= WEIGHT_MAX_RANK);
        require(weight_size(&values, &bytes, tensor->dtype, tensor->rank, tensor->shape));
        require(bytes == tensor->bytes && values == weight_tensor_values(tensor));
        kept = crc32_add(kept, tensor->name, strlen(tensor->name));
        require(weight_tensor_fetch(tensor, file, NULL) == OK);
        kept = crc32_add(kept, tensor->data, tensor->bytes);
    }
    for (size_t i = 0; i < weight_file_metadata_count(file); i++) {
        struct weight_metadata entry = weight_file_metadata_at(file, i);
        require(strcmp(weight_file_metadata_find(file, entry.key), entry.value) == 0);
    }
}

void fuzz_folder_make(char out[64], void (*remove_folder)(void))
{
    if (out[0])
        return;
    snprintf(out, 64, "%s/freezetune-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(out) != NULL);
    atexit(remove_folder);
}

void fuzz_weight_file(const uint8_t *data, size_t size)
{
    static int memory = -1;
    char path[40];
    struct weight_file *file;
    struct error err = {0};
    if (memory < 0)
        memory = memfd_create("fuzz", MFD_CLOEXEC);
    require(memory >= 0 && ftruncate(memory, 0) == 0 && pwrite(memory, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    if (weight_file_open(&file, path, &err) != OK) {
        /* Of a truncated file the end is the place. */
        require(err.status == ERR_DATA && (strstr(err.text, "byte ") || strstr(err.text, ": truncated: ")));
        require(!strpbrk(err.text, "\r\n"));
        return;
    }
    fuzz_walk(file);
    weight_file_close(file);
}
