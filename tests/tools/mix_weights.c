/* mix_weights OUT ITEM...: writes one safetensors file from others, for tests of files in which more than a network
 * stands, or something else. An item adds tensors:
 *   PREFIX=FILE   those of FILE, PREFIX before their names; PREFIX=FILE:TEXT leaves out names that begin with TEXT
 *   PREFIX~FILE   the same with every float value multiplied by 1.5: another network of the same shapes
 *   NAME[N,...]   one of that name and shape, of zeros (float32)
 * FILE is a safetensors file of float32 as make_model writes them. --f64 as the first item: all float32 are written as
 * float64, moved by less than float32's rounding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/safetensors/safetensors.h"
#include "weights/weight_file.h"

enum { MOST = 4096, FILES = 8, NAME = 160 };

static struct weight_tensor tensors[MOST];
static char names[MOST][NAME];
static size_t count;
static struct weight_file *files[FILES];
static size_t files_count;
static int wide;

static void *need(void *memory)
{
    if (!memory)
        exit(ERR_SYSTEM);
    return memory;
}

static void widen(struct weight_tensor *tensor)
{
    size_t values = tensor->bytes / 4;
    double *data = need(malloc(values * sizeof *data + 1));
    for (size_t i = 0; i < values; i++) {
        float value;
        memcpy(&value, (const char *)tensor->data + i * 4, 4);
        data[i] = (double)value * (1 + 1e-12);
    }
    tensor->data = data;
    tensor->bytes = values * sizeof *data;
    tensor->dtype = WEIGHT_F64;
}

static void scale(struct weight_tensor *tensor)
{
    float *data = need(malloc(tensor->bytes + 1));
    memcpy(data, tensor->data, tensor->bytes);
    for (size_t i = 0; i < tensor->bytes / 4; i++)
        data[i] *= 1.5F;
    tensor->data = data;
}

static void add(const struct weight_tensor *tensor, const char *prefix, int other)
{
    if (count == MOST)
        exit(ERR_USAGE);
    snprintf(names[count], NAME, "%s%s", prefix, tensor->name);
    tensors[count] = *tensor;
    tensors[count].name = names[count];
    if (other && tensor->dtype == WEIGHT_F32)
        scale(&tensors[count]);
    if (wide && tensor->dtype == WEIGHT_F32)
        widen(&tensors[count]);
    count++;
}

static void add_file(char *item, char *mark)
{
    char *file = mark + 1, *without = strchr(file, ':');
    int other = *mark == '~';
    struct error err;
    *mark = '\0';
    if (without)
        *without++ = '\0';
    if (files_count == FILES || weight_file_open(&files[files_count], file, &err) != OK)
        exit(ERR_NOINPUT);
    for (size_t i = 0; i < weight_file_count(files[files_count]); i++) {
        const struct weight_tensor *tensor = weight_file_at(files[files_count], i);
        if (weight_tensor_fetch(tensor, files[files_count], &err) != OK)
            exit(ERR_IO);
        if (!without || strncmp(tensor->name, without, strlen(without)) != 0)
            add(tensor, item, other);
    }
    files_count++;
}

static void add_zeros(char *item, char *bracket)
{
    struct weight_tensor tensor = {.name = item, .dtype = WEIGHT_F32};
    size_t values = 1;
    *bracket = '\0';
    for (char *at = bracket + 1; *at && *at != ']'; at += *at == ',') {
        tensor.shape[tensor.rank] = strtoull(at, &at, 10);
        values *= (size_t)tensor.shape[tensor.rank++];
    }
    tensor.bytes = values * 4;
    tensor.data = need(calloc(values + 1, 4));
    add(&tensor, "", 0);
}

int main(int argc, char **argv)
{
    struct error err = {.text = ""};
    for (int i = 2; i < argc; i++) {
        char *mark = strpbrk(argv[i], "=~["), *item = argv[i];
        if (strcmp(item, "--f64") == 0)
            wide = 1;
        else if (!mark)
            return ERR_USAGE;
        else if (*mark == '[')
            add_zeros(item, mark);
        else
            add_file(item, mark);
    }
    enum status status = safetensors_write(argv[1], tensors, count, NULL, 0, &err);
    if (status != OK)
        fprintf(stderr, "mix_weights: %s\n", err.text);
    return (int)status; /* the system takes the memory back */
}
