/* hf_names IN OUT: the tensors of a ResNet's weight file under Hugging Face's names, without metadata, for tests of the
 * command line. */
#include <stdio.h>
#include <stdlib.h>

#include "weights/names.h"
#include "weights/safetensors/safetensors.h"

static enum status write_renamed(const struct weight_file *file, const char *path, struct error *err)
{
    size_t count = weight_file_count(file);
    struct weight_tensor *tensors = calloc(count + 1, sizeof *tensors);
    char(*names)[WEIGHT_NAME_MAX] = calloc(count + 1, sizeof *names);
    enum status status = tensors && names ? OK : error_memory(err, "the names", count * sizeof *names);
    for (size_t i = 0; i < count && status == OK; i++) {
        tensors[i] = *weight_file_at(file, i);
        status = weight_tensor_fetch(&tensors[i], file, err);
        if (status == OK && !name_to_hugging_face(names[i], tensors[i].name))
            status = error_set(err, ERR_DATA, "%s: no name of a ResNet's tensor", tensors[i].name);
        tensors[i].name = names[i];
    }
    if (status == OK)
        status = safetensors_write(path, tensors, count, NULL, 0, err);
    free(tensors);
    free(names);
    return status;
}

int main(int argc, char **argv)
{
    struct weight_file *file = NULL;
    struct error err;
    if (argc != 3) {
        fputs("usage: hf_names IN OUT\n", stderr);
        return ERR_USAGE;
    }
    enum status status = weight_file_open(&file, argv[1], &err);
    if (status == OK)
        status = write_renamed(file, argv[2], &err);
    weight_file_close(file);
    if (status != OK)
        fprintf(stderr, "hf_names: %s\n", err.text);
    return (int)status;
}
