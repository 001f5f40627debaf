/* Weight files made byte by byte, in the folder of own_folder.h. */
#ifndef FREEZETUNE_WEIGHT_SAMPLE_H
#define FREEZETUNE_WEIGHT_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "weights/weight_file.h"

/* "folder/name"; valid until the eighth call from now. */
const char *sample_path(const char *name);
/* How many entries the folder holds. */
size_t sample_folder_entries(void);

/* The file's bytes become exactly these. */
void sample_write(const char *path, const void *bytes, size_t size);
/* At most `size` bytes are read; returns how many the file has. */
size_t sample_read(void *bytes, size_t size, const char *path);

/* A safetensors file: length, header, then `data` bytes counting 0, 1, 2, ... Returns its size; at most `size`. */
size_t sample_build(uint8_t *out, size_t size, const char *header, size_t header_size, size_t data);

/* The file of that name in the folder, open; the test ends when it is none. */
struct weight_file *sample_open(const char *name);

/* True when both files hold the same tensors (name, type, shape, bytes; same order) and the same metadata. */
int sample_same(const struct weight_file *a, const struct weight_file *b);

#endif
