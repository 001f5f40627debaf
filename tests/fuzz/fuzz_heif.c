/* HEIC and AVIF. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/photo_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return photo_target(data, size, image_avif.recognises(data, size) ? &image_avif : &image_heic);
}
