/* Reads paths of weight files from stdin, one a line, and answers each with a line: "0" and the CRC-32 of what was read
 * (of all tensors by name: the name, the shape as "[2,3]", the data), or else the status and the error. For
 * scripts/parity/safetensors_differential.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/crc32.h"
#include "weights/weight_file.h"

static int by_name(const void *a, const void *b)
{
    const struct weight_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static uint32_t content(const struct weight_file *file)
{
    size_t count = weight_file_count(file);
    const struct weight_tensor **sorted = calloc(count + 1, sizeof *sorted);
    uint32_t crc = 0;
    if (!sorted)
        exit(ERR_SYSTEM);
    for (size_t i = 0; i < count; i++)
        sorted[i] = weight_file_at(file, i);
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++) {
        char shape[WEIGHT_SHAPE_TEXT];
        weight_shape_text(shape, sizeof shape, sorted[i]->rank, sorted[i]->shape);
        crc = crc32_add(crc, sorted[i]->name, strlen(sorted[i]->name));
        crc = crc32_add(crc, shape, strlen(shape));
        if (weight_tensor_fetch(sorted[i], file, NULL) != OK)
            exit(ERR_IO);
        crc = crc32_add(crc, sorted[i]->data, sorted[i]->bytes);
    }
    free(sorted);
    return crc;
}

int main(void)
{
    char path[4096];
    while (fgets(path, sizeof path, stdin)) {
        struct weight_file *file;
        struct error err = {0};
        path[strcspn(path, "\n")] = '\0';
        enum status status = weight_file_open(&file, path, &err);
        if (status == OK) {
            printf("0\t%08x\n", (unsigned)content(file));
            weight_file_close(file);
        } else {
            printf("%d\t%s\n", (int)status, err.text);
        }
        fflush(stdout);
    }
    return 0;
}
