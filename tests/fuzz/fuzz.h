/* What every fuzz target has: a file by the name of the reader that it feeds, with the function that libFuzzer calls.
 * Built by `make fuzz` with libFuzzer, and by `make check` with replay.c, which feeds it the saved inputs of
 * tests/fuzz/corpus. */
#ifndef FREEZETUNE_FUZZ_H
#define FREEZETUNE_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "weights/weight_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Opens the bytes as a weight file and, when they are one, reads every byte and every name of it. */
void fuzz_weight_file(const uint8_t *data, size_t size);
/* Reads every byte of every tensor, every name and every note. Ends the program when something cannot be. */
void fuzz_walk(const struct weight_file *file);

/* Makes the folder of a target that feeds files, in memory where that can be; does nothing when out[] holds its path
 * already. `remove_folder` is called at the end of the program. */
void fuzz_folder_make(char out[64], void (*remove_folder)(void));

#endif
