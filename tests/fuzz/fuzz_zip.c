/* Whole weight files; the seeds are .pth files in the zip format and in the legacy one. (Built for fuzzing, the reader
 * does not look at CRC-32, which chance would never find: weights/torch/zip_check.c.) */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_weight_file(data, size);
    return 0;
}
