#define _POSIX_C_SOURCE 200809L
#include "cli/model/published.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/model/convert.h"
#include "cli/model/model_file.h"
#include "cli/shell/download.h"
#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/checkpoint.h"
#include "weights/recognise.h"

const struct published published[] = {
    {"resnet18", "resnet18-f37072fd.pth", "f37072fd", 47},
    {"resnet34", "resnet34-b627a593.pth", "b627a593", 87},
    {"resnet50", "resnet50-0676ba61.pth", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", 103},
    {"resnet50-v2", "resnet50-11ad3fa6.pth", "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca", 103},
    {"resnet101", "resnet101-63fe2227.pth", "63fe2227", 179},
    {"resnet101-v2", "resnet101-cd907fc2.pth", "cd907fc2", 179},
    {"resnet152", "resnet152-394f9c45.pth", "394f9c45", 242},
    {"resnet152-v2", "resnet152-f82ba261.pth", "f82ba261", 242},
    {.name = NULL},
};

const struct published *published_find(const char *name)
{
    for (const struct published *at = published; at->name; at++)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

enum status published_url(char **out, const struct published *weights, struct error *err)
{
    const char *server = getenv("FREEZETUNE_MODELS_URL");
    return path_join(out, server && server[0] ? server : "https://download.pytorch.org/models", weights->file, err);
}

/* ---- conversion -------------------------------------------------------------------------------------------------- */

/* As `freezetune convert FROM OUT`. The name of torchvision's files says how photos are prepared (known_weights.h). */
static enum status convert_file(const char *from, const char *out, struct error *err)
{
    struct convert_rules rules = {.format = CONVERT_SAFETENSORS};
    struct weight_file *file = NULL;
    struct recognised found;
    struct model_info info = {0};
    struct convert_texts texts = {0};
    struct convert_result result;
    char *folder = NULL;
    const char *name;
    enum status status = weight_file_open(&file, from, err);
    bool resnet = status == OK && weights_recognise(&found, file) && strncmp(found.arch, "resnet", 6) == 0;
    if (resnet) {
        rules.ignore = CHECKPOINT_PREFIX;
        status = model_info_read(&info, file, found.classes, err);
    }
    if (status == OK)
        status = convert_texts_make(&texts, file, resnet ? found.arch : NULL, &info, err);
    if (status == OK)
        status = path_split(&folder, &name, out, err);
    if (status == OK)
        status = folder_create(folder, err);
    if (status == OK)
        status = convert_tensors(&result, out, file, &rules, &texts, err);
    memory_free(folder);
    convert_texts_free(&texts);
    model_info_free(&info);
    weight_file_close(file);
    return status;
}

/* ---- where it comes from ----------------------------------------------------------------------------------------- */

/* Says what would do as well, where nothing came. */
static enum status explain(enum status status, const char *file, const char *hub, const char *out, struct error *err)
{
    if (status == ERR_CANTCREATE || !err)
        return status;
    struct error reason = *err;
    return error_set(
        err, status,
        "%.400s; the same without a download: copy %s to %.200s, or a .safetensors file with torchvision's "
        "tensor names to %.200s",
        reason.text, file, hub, out);
}

static enum status from_download(bool *stopped, const char *out, const char *url, const char *file, const char *hub,
                                 const char *sha256, struct error *err)
{
    char *cache = NULL, *kept = NULL;
    enum status status = path_cache(&cache, NULL, err);
    if (status == OK)
        status = path_join(&kept, cache, file, err);
    if (status == OK) {
        bool right;
        status = download_verify(&right, kept, sha256, err); /* left by a call that could not convert it */
        if (status == OK && !right)
            status = download(stopped, url, kept, sha256, err);
        if (status != OK)
            status = explain(status, file, hub, out, err);
    }
    if (status == OK && !*stopped)
        status = convert_file(kept, out, err);
    if (status == OK && !*stopped)
        unlink(kept);
    memory_free(kept);
    memory_free(cache);
    return status;
}

enum status published_get(bool *stopped, const char *out, const char *url, const char *file, const char *sha256,
                          struct error *err)
{
    char *hub = NULL;
    bool right = false;
    *stopped = false;
    enum status status = path_torch_hub(&hub, file, err);
    if (status == OK && download_verify(&right, hub, sha256, NULL) != OK)
        right = false; /* a copy that cannot be read is none */
    if (status == OK && right) {
        remark("using %s", hub);
        status = convert_file(hub, out, err);
    } else if (status == OK) {
        status = from_download(stopped, out, url, file, hub, sha256, err);
    }
    memory_free(hub);
    return status;
}
