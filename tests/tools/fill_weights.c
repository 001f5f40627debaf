/* fill_weights IN OUT TEXT VALUE: writes a safetensors file of float32 again, with VALUE for every number of the
 * tensors whose names end in TEXT: "bn1.weight" 3e38 is a model of finite numbers that overflows when it is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/safetensors/safetensors.h"
#include "weights/weight_file.h"

enum { MOST = 1024 };

static int ends_in(const char *name, const char *text)
{
    size_t length = strlen(name), wanted = strlen(text);
    return length >= wanted && strcmp(name + length - wanted, text) == 0;
}

/* Owned by the caller; NULL without memory. */
static float *fill(struct weight_tensor *tensor, float value)
{
    float *data = malloc(tensor->bytes + 1);
    if (!data)
        return NULL;
    for (size_t i = 0; i < tensor->bytes / sizeof value; i++)
        data[i] = value;
    tensor->data = data;
    return data;
}

int main(int argc, char **argv)
{
    static struct weight_tensor tensors[MOST];
    static struct weight_metadata metadata[MOST];
    static float *values[MOST];
    struct weight_file *file;
    struct error err;
    if (argc != 5) {
        fputs("usage: fill_weights IN OUT TEXT VALUE\n", stderr);
        return ERR_USAGE;
    }
    enum status status = weight_file_open(&file, argv[1], &err);
    if (status != OK) {
        fprintf(stderr, "fill_weights: %s\n", err.text);
        return (int)status;
    }
    size_t count = weight_file_count(file), texts = weight_file_metadata_count(file), filled = 0;
    if (count > MOST || texts > MOST)
        return ERR_USAGE;
    for (size_t i = 0; i < count; i++) {
        tensors[i] = *weight_file_at(file, i);
        if (weight_tensor_fetch(&tensors[i], file, &err) != OK)
            return ERR_IO;
        if (ends_in(tensors[i].name, argv[3]))
            filled += (values[i] = fill(&tensors[i], strtof(argv[4], NULL))) != NULL;
    }
    for (size_t i = 0; i < texts; i++)
        metadata[i] = weight_file_metadata_at(file, i);
    status = filled ? safetensors_write(argv[2], tensors, count, metadata, texts, &err) : ERR_USAGE;
    if (status != OK)
        fprintf(stderr, "fill_weights: %s\n", filled ? err.text : "no such tensor");
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    weight_file_close(file);
    return (int)status;
}
