#define _GNU_SOURCE
#include "core/features/feature_key.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/content_hash.h"
#include "core/net/freeze.h"
#include "core/ops/blas.h"
#include "core/ops/cpu.h"

#define TEXT2(number) #number
#define TEXT(number) TEXT2(number)
#if defined(__clang__)
const char feature_compiler[] = "clang " TEXT(__clang_major__);
#else
const char feature_compiler[] = "gcc " TEXT(__GNUC__);
#endif

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static struct hash128 hash_param(float *values, const struct param *param)
{
    param_to_torch(values, param);
    struct hash128 hash = hash_bytes(values, param->count * sizeof *values, 0);
    struct {
        struct hash128 values;
        uint64_t shape[4];
        char name[NET_NAME];
    } all = {.values = hash};
    for (size_t i = 0; i < param->rank; i++)
        all.shape[i] = param->shape[i];
    snprintf(all.name, sizeof all.name, "%s", param->name);
    return hash_bytes(&all, sizeof all, 0);
}

enum status param_hashes(struct hash128 **out, const struct net *net, struct error *err)
{
    void *hashes = NULL, *values = NULL;
    size_t most = 1;
    for (size_t i = 0; i < net->params_count; i++)
        most = net->params[i].count > most ? net->params[i].count : most;
    enum status status = memory_alloc(&hashes, net->params_count, sizeof **out, "hashes of the weights", err);
    if (status == OK)
        status = memory_alloc(&values, most, sizeof(float), "hashes of the weights", err);
    if (status != OK) {
        memory_free(hashes);
        return status;
    }
    *out = hashes;
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].count > 0) /* a count of batches moves nothing */
            (*out)[i] = hash_param(values, &net->params[i]);
    memory_free(values);
    return OK;
}

/* How many parameters the operators before the cut have: they come first. */
static size_t params_before(const struct net *net, size_t cut)
{
    size_t count = 0;
    for (size_t i = 0; i < cut; i++) {
        const struct op *op = &net->ops[i];
        size_t behind = op->kind == OP_BATCHNORM ? (size_t)op->param + 5 : (size_t)op->param + 1;
        if (op->param >= 0 && behind > count)
            count = behind;
        if (op->bias >= 0 && (size_t)op->bias + 1 > count)
            count = (size_t)op->bias + 1;
    }
    return count;
}

/* ---- the key ----------------------------------------------------------------------------------------------------- */

/* Products of pairs and of tiles add in another order than multiply-adds do; only bfloat16 has them. */
static const char *instructions(enum precision precision)
{
    return precision == PRECISION_BF16 && cpu_multiplies_bf16() ? cpu_bf16_name(cpu_bf16())
                                                                : cpu_set_name(cpu_set_get());
}

struct hash128 feature_key(const struct net *net, size_t cut, const struct hash128 *params,
                           const struct feature_ground *ground)
{
    const char *blas = "no BLAS";
    /* Where it cannot be loaded no step will be made either: exec_create says so. */
    bool plain = cpu_set_get() == CPU_PLAIN && ground->precision == PRECISION_F32;
    if ((ground->conv == CONV_IM2COL || plain) && blas_open(0, NULL) == OK)
        blas = blas_library();
    size_t count = params_before(net, cut);
    struct hash128 pixels = hash_bytes(&ground->preprocess, sizeof ground->preprocess, 0);
    struct hash128 weights = hash_bytes(params, count * sizeof *params, 0);
    char pixels_hex[33], weights_hex[33], text[1024];
    hash_hex(pixels_hex, pixels);
    hash_hex(weights_hex, weights);
    int length = snprintf(
        text, sizeof text,
        "format %d, version %s, %s, cut %zu, weights %s, preprocess %s, exif %s, jpeg %s%s, png %s, conv %s, %s, "
        "%s by %s with %s",
        FEATURE_FORMAT, FREEZETUNE_VERSION, net->arch, cut, weights_hex, pixels_hex,
        ground->image.ignore_exif ? "ignore" : "apply", image_jpeg_library(), ground->fast ? " fast" : "",
        image_png_library(), conv_engine_names[ground->conv], precision_names[ground->precision],
        instructions(ground->precision), feature_compiler, blas);
    return hash_bytes(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1, 0);
}

const char *feature_cut_name(const struct net *net, size_t cut)
{
    return net->child_names[net->ops[cut - 1].child];
}

/* ---- photos ------------------------------------------------------------------------------------------------------ */

struct hash128 photo_hash(const struct photo_list *list, size_t photo)
{
    char path[PATH_MAX];
    struct hash128 hash;
    bool read = photo_path(path, sizeof path, list, photo) && content_hash(&hash, NULL, path);
    return read ? hash : (struct hash128){0, 0};
}

bool photo_hash_known(struct hash128 hash)
{
    return hash.high != 0 || hash.low != 0;
}

struct hash_work {
    struct hash128 *out;
    const struct photo_list *list;
};

static void hash_one(void *context, size_t photo, size_t thread)
{
    (void)thread;
    struct hash_work *work = context;
    work->out[photo] = photo_hash(work->list, photo);
}

enum status photo_hashes(struct hash128 **out, const struct photo_list *list, struct pool *pool, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, list->count, sizeof **out, "hashes of the photos", err);
    if (status != OK)
        return status;
    struct hash_work work = {memory, list};
    pool_for(pool, list->count, hash_one, &work);
    *out = memory;
    return OK;
}

uint64_t feature_draw(uint64_t seed, const struct augment_extras *extras)
{
    return hash_bytes(extras, sizeof *extras, seed).low;
}

struct feature_id feature_id_of(struct hash128 content, struct photo_view view, uint64_t draw, uint32_t photo)
{
    struct feature_id id = {.photo = {content.high, content.low}, .view = view.number};
    if (view.augment == AUGMENT_MIRROR) {
        id.view_seed = 1; /* nothing is drawn */
    } else if (view.augment != AUGMENT_NONE) {
        const uint64_t from[] = {draw, view.augment, photo};
        id.view_seed = (uint32_t)hash_bytes(from, sizeof from, 0).low;
    }
    return id;
}
