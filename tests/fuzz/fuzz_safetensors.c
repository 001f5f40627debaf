/* Whole weight files, told apart by their content; the seeds are safetensors. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_weight_file(data, size);
    return 0;
}
