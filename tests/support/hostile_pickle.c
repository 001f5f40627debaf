#include "tests/support/hostile_pickle.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/hostile.h"
#include "tests/support/test.h"

const struct tensor_sample tensor_plain = {"FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}};

void pickle_good_values(struct bytes *out, struct rng *rng, const char *prefix, bool legacy)
{
    uint32_t count = rng_below(rng, 4);
    for (uint32_t i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.%u", prefix, i);
        pickle_text(out, name);
        pickle_tensor(out, &tensor_plain, legacy);
    }
}

void pth_file(struct bytes *out, const struct bytes *pickle, size_t values, bool legacy)
{
    struct zip_places places;
    if (legacy)
        pth_legacy(out, pickle, values);
    else
        pth_zip(out, &places, pickle, values, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
}

void hostile_pickle_refused(const struct bytes *pickle, bool legacy, const char *wanted)
{
    struct bytes file = {0};
    pth_file(&file, pickle, 6, legacy);
    hostile_assert_refused(file.data, file.length, wanted);
    bytes_free(&file);
}

bool hostile_pickle_read(const struct bytes *pickle, bool legacy)
{
    struct bytes file = {0};
    pth_file(&file, pickle, 6, legacy);
    bool read = hostile_refused_or_rewritten(file.data, file.length);
    bytes_free(&file);
    return read;
}
