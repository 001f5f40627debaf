#include "cli/model/timm_args.h"

#include <ctype.h>
#include <string.h>

#include "models/resnet.h"

/* ---- architecture ------------------------------------------------------------------------------------------------ */

/* What stood before and behind the name before timm had tags: tv_resnet50, gluon_resnet50_v1b. */
static const struct {
    const char *before, *behind;
} older[] = {{"", ""}, {"tv_", ""}, {"ssl_", ""}, {"swsl_", ""}, {"gluon_", "_v1b"}};

static bool is_written(const char *text, size_t length, const char *before, const char *name, const char *behind)
{
    size_t first = strlen(before), middle = strlen(name), last = strlen(behind);
    return length == first + middle + last && memcmp(text, before, first) == 0 &&
           memcmp(text + first, name, middle) == 0 && memcmp(text + first + middle, behind, last) == 0;
}

bool timm_args_knows(const char *architecture)
{
    const char *slash = strrchr(architecture, '/'); /* hf_hub:timm/resnet50.a1_in1k */
    const char *name = slash ? slash + 1 : architecture;
    size_t length = strcspn(name, ".");
    for (const struct resnet_shape *shape = resnet_shapes; shape->arch; shape++)
        for (size_t i = 0; i < sizeof older / sizeof *older; i++)
            if (is_written(name, length, older[i].before, shape->arch, older[i].behind))
                return true;
    return false;
}

/* ---- model_args -------------------------------------------------------------------------------------------------- */

/* Defaults of timm.models.resnet.ResNet, and arguments that change nothing about a network in use: dropout and how its
 * weights were drawn. */
enum kind { ANYTHING, NUMBER, TEXT, NORM, FLAG, NOTHING, POOL };
static const struct argument {
    const char *key;
    enum kind kind;
    double number;    /* FLAG: 0 or 1 */
    const char *text; /* TEXT */
} arguments[] = {
    {"num_classes", ANYTHING, 0, NULL},
    {"layers", ANYTHING, 0, NULL},   /* the tensors say it */
    {"channels", ANYTHING, 0, NULL}, /* likewise */
    {"drop_rate", ANYTHING, 0, NULL},
    {"drop_path_rate", ANYTHING, 0, NULL},
    {"drop_block_rate", ANYTHING, 0, NULL},
    {"zero_init_last", ANYTHING, 0, NULL},
    {"pretrained", ANYTHING, 0, NULL},
    {"in_chans", NUMBER, 3, NULL},
    {"output_stride", NUMBER, 32, NULL},
    {"cardinality", NUMBER, 1, NULL},
    {"base_width", NUMBER, 64, NULL},
    {"stem_width", NUMBER, 64, NULL},
    {"block_reduce_first", NUMBER, 1, NULL},
    {"down_kernel_size", NUMBER, 1, NULL},
    {"stem_type", TEXT, 0, ""},
    {"act_layer", TEXT, 0, "relu"},
    {"norm_layer", NORM, 0, NULL},
    {"replace_stem_pool", FLAG, 0, NULL},
    {"avg_down", FLAG, 0, NULL},
    {"features_only", FLAG, 0, NULL},
    {"aa_layer", NOTHING, 0, NULL},
    {"attn_layer", NOTHING, 0, NULL},
    {"block_args", NOTHING, 0, NULL},
    {"global_pool", POOL, 0, NULL},
};

/* timm looks for the name in lower case, without underscores. */
static bool is_batchnorm(const cJSON *item)
{
    char name[24];
    size_t length = 0;
    if (!cJSON_IsString(item))
        return false;
    for (const char *from = item->valuestring; *from && length < sizeof name - 1; from++)
        if (*from != '_')
            name[length++] = (char)tolower((unsigned char)*from);
    name[length] = '\0';
    return strcmp(name, "batchnorm") == 0 || strcmp(name, "batchnorm2d") == 0 || strcmp(name, "syncbatchnorm") == 0;
}

/* false, "", [] or {}, or an object of nothing but such. */
static bool is_nothing(const cJSON *item)
{
    const cJSON *entry;
    if (cJSON_IsNull(item) || cJSON_IsFalse(item) || (cJSON_IsString(item) && item->valuestring[0] == '\0'))
        return true;
    if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
        return false;
    cJSON_ArrayForEach(entry, item) if (!cJSON_IsNull(entry)) return false;
    return true;
}

static bool is_usual(const struct argument *argument, const cJSON *item, bool is_body)
{
    switch (argument->kind) {
    case ANYTHING:
        return true;
    case NUMBER:
        return cJSON_IsNumber(item) && item->valuedouble == argument->number;
    case TEXT:
        return cJSON_IsString(item) && strcmp(item->valuestring, argument->text) == 0;
    case NORM:
        return is_batchnorm(item);
    case FLAG:
        return cJSON_IsBool(item) && cJSON_IsTrue(item) == (argument->number != 0);
    case NOTHING:
        return is_nothing(item);
    case POOL:
        return timm_args_pools(item, is_body);
    }
    return false;
}

const cJSON *timm_args_other(const cJSON *args, bool is_body)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, args)
    {
        const struct argument *known = NULL;
        for (size_t i = 0; i < sizeof arguments / sizeof *arguments && !known; i++)
            if (strcmp(arguments[i].key, item->string) == 0)
                known = &arguments[i];
        /* timm takes null for the default, whatever the key */
        if (!cJSON_IsNull(item) && (!known || !is_usual(known, item, is_body)))
            return item;
    }
    return NULL;
}

bool timm_args_pools(const cJSON *global_pool, bool is_body)
{
    if (!global_pool || cJSON_IsNull(global_pool))
        return true;
    if (!cJSON_IsString(global_pool))
        return false;
    return strcmp(global_pool->valuestring, "avg") == 0 || (is_body && global_pool->valuestring[0] == '\0');
}
