#include "cli/model/known_weights.h"

#include <stdio.h>
#include <string.h>

#include "core/base/file_map.h"
#include "core/base/sha256.h"

/* torchvision.models.ResNet{18,34,50,101,152}_Weights, and the files of IMAGENET1K_V1 as releases before 0.11 named
 * them. The sums of most are published as their first eight digits alone. */
const struct known_weights known_weights[] = {
    {"f37072fd", 256},                                                         /* ResNet18 IMAGENET1K_V1 */
    {"b627a593", 256},                                                         /* ResNet34 IMAGENET1K_V1 */
    {"0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", 256}, /* ResNet50 IMAGENET1K_V1 */
    {"11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca", 232}, /* ResNet50 IMAGENET1K_V2 */
    {"63fe2227", 256},                                                         /* ResNet101 IMAGENET1K_V1 */
    {"cd907fc2", 232},                                                         /* ResNet101 IMAGENET1K_V2 */
    {"394f9c45", 256},                                                         /* ResNet152 IMAGENET1K_V1 */
    {"f82ba261", 232},                                                         /* ResNet152 IMAGENET1K_V2 */
    {"5c106cde", 256},                                                         /* ResNet18, older */
    {"333f7ec4", 256},                                                         /* ResNet34, older */
    {"19c8e357", 256},                                                         /* ResNet50, older */
    {"5d3b4d8f", 256},                                                         /* ResNet101, older */
    {"b121ed2d", 256},                                                         /* ResNet152, older */
    {.sha256 = NULL},
};

static bool is_named(const char *path, const char *sha256)
{
    const char *slash = strrchr(path, '/');
    char mark[16];
    snprintf(mark, sizeof mark, "-%.8s.", sha256);
    return strstr(slash ? slash : path, mark) != NULL;
}

enum status known_weights_preprocess(struct preprocess *preprocess, bool *known, const char *path,
                                     const struct known_weights *table, struct error *err)
{
    *known = false;
    for (; table->sha256; table++) {
        struct file_map map;
        char hex[65];
        if (!is_named(path, table->sha256))
            continue;
        enum status status = file_map_open(&map, path, err);
        if (status != OK)
            return status;
        status = sha256_file(hex, &map, err);
        file_map_close(&map);
        if (status != OK)
            return status;
        if (strncmp(hex, table->sha256, strlen(table->sha256)) == 0) {
            preprocess->resize = table->resize;
            *known = true;
        }
    }
    return OK;
}
