#include "cli/known_weights.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/sha256.h"

const struct known_weights known_weights[] = {
    {"11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca", 232}, /* ResNet50_Weights.IMAGENET1K_V2 */
    {.sha256 = NULL},
};

static bool is_named(const char *path, const char *sha256)
{
    const char *slash = strrchr(path, '/');
    char mark[16];
    snprintf(mark, sizeof mark, "-%.8s.", sha256);
    return strstr(slash ? slash : path, mark) != NULL;
}

enum status known_weights_preprocess(struct preprocess *preprocess, const char *path, const struct known_weights *table,
                                     struct error *err)
{
    for (; table->sha256; table++) {
        struct file_map map;
        char hex[65];
        if (!is_named(path, table->sha256))
            continue;
        enum status status = file_map_open(&map, path, err);
        if (status != OK)
            return status;
        sha256_hex(hex, map.bytes, map.size);
        file_map_close(&map);
        if (strcmp(hex, table->sha256) == 0)
            preprocess->resize = table->resize;
    }
    return OK;
}
