#define _POSIX_C_SOURCE 200809L
#include "core/features/feature_plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/disk.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/features/feature_distinct.h"
#include "core/features/feature_file.h"

const char *const cache_mode_names[] = {"auto", "off", "ram", "disk", NULL};

/* ---- whether ----------------------------------------------------------------------------------------------------- */

/* Why there can be no cache, or NULL. */
static const char *obstacle(const struct cache_ask *ask, size_t cut)
{
    if (ask->views == 0 && photo_views_default(ask->augment) != 1)
        return "every epoch sees different pixels; --views K would cycle through K fixed views of each photo";
    if (ask->views == 0)
        return "with --views 0 no view repeats; --augment none has a single view, --views 1";
    if (ask->mixes)
        return "--mixup, --cutmix and --random-erasing change the input of the network in every step";
    if (ask->freeze->until > 0 && ask->freeze->bn_frozen == BN_BATCH)
        return "with --bn-frozen batch the output of the frozen children depends on the batch";
    if (cut == 0)
        return "no child that processes the photos is frozen";
    return NULL;
}

/* CACHE_OFF and the reason; an error where a cache was asked for by name. */
static enum status turn_off(struct feature_plan *cache, const struct cache_ask *ask, enum status status,
                            const char *why, struct error *err)
{
    const char *mode = cache_mode_names[ask->options->mode];
    if (ask->options->mode == CACHE_AUTO) {
        cache->mode = CACHE_OFF;
        snprintf(cache->why, sizeof cache->why, "%.*s", (int)sizeof cache->why - 1, why);
        return OK;
    }
    return error_set(err, status, "--cache %s: %s", mode, why);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void put_key(uint8_t key[16], struct hash128 hash)
{
    for (int i = 0; i < 8; i++) {
        key[i] = (uint8_t)(hash.high >> (56 - 8 * i));
        key[8 + i] = (uint8_t)(hash.low >> (56 - 8 * i));
    }
}

static enum feature_dtype dtype_of(const struct cache_ask *ask, size_t cut)
{
    if (plan_precision_at(ask->net, cut, ask->ground->precision) == PRECISION_BF16)
        return FEATURE_BF16;
    return ask->options->half ? FEATURE_F16 : FEATURE_F32;
}

static struct feature_store_about about_cut(const struct cache_ask *ask, size_t cut, const struct hash128 *params)
{
    struct feature_store_about about = {.dtype = dtype_of(ask, cut), .image_size = ask->ground->preprocess.crop};
    struct hash128 hash = feature_key(ask->net, cut, params, ask->ground);
    struct {
        struct hash128 hash;
        uint64_t dtype;
    } all = {hash, about.dtype};
    put_key(about.key, hash_bytes(&all, sizeof all, 0));
    snprintf(about.arch, sizeof about.arch, "%s", ask->net->arch);
    snprintf(about.cut, sizeof about.cut, "%s", feature_cut_name(ask->net, cut));
    return about;
}

/* The size of a store's file, 0 when there is none. */
static uint64_t file_bytes(const char *dir, const struct feature_store_about *about)
{
    char name[64], *path;
    struct stat info;
    for (size_t i = 0; i < sizeof about->key; i++)
        snprintf(name + 2 * i, sizeof name - 2 * i, "%02x", about->key[i]);
    snprintf(name + 2 * sizeof about->key, sizeof name - 2 * sizeof about->key, FEATURE_FILE_SUFFIX);
    if (path_join(&path, dir, name, NULL) != OK)
        return 0;
    bool found = lstat(path, &info) == 0 && S_ISREG(info.st_mode);
    memory_free(path);
    return found ? (uint64_t)info.st_size : 0;
}

/* The deepest cut before this one whose features are there. Halves have lost digits that a run without them would have
 * had. */
static void find_shallower(struct feature_plan *cache, const struct cache_ask *ask, size_t cut,
                           const struct hash128 *params)
{
    struct freeze freeze = *ask->freeze;
    if (cache->mode != CACHE_DISK)
        return;
    for (freeze.until--; freeze.until > 0; freeze.until--) {
        size_t from = freeze_cut(ask->net, &freeze);
        if (from == 0 || from >= cut)
            continue;
        struct feature_store_about about = about_cut(ask, from, params);
        if (about.dtype != FEATURE_F16 && file_bytes(ask->options->dir, &about) > 0) {
            cache->from = from;
            cache->from_about = about;
            return;
        }
    }
}

enum status feature_plan_begin(struct feature_plan *out, const struct cache_ask *ask, const struct hash128 *params,
                               struct error *err)
{
    enum cache_mode mode = ask->options->mode;
    size_t cut = freeze_cut(ask->net, ask->freeze);
    *out = (struct feature_plan){.mode = mode == CACHE_AUTO ? CACHE_DISK : mode};
    if (mode == CACHE_OFF)
        return OK;
    const char *why = obstacle(ask, cut);
    if (why)
        return turn_off(out, ask, ERR_USAGE, why, err);
    out->about = about_cut(ask, cut, params);
    find_shallower(out, ask, cut, params);
    return OK;
}

/* ---- how much ---------------------------------------------------------------------------------------------------- */

/* "465 KB", "2.31 GB" (powers of 1000). */
static const char *size_text(char out[24], uint64_t bytes)
{
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;
    for (; unit < 3 && value >= 999.5; unit++)
        value /= 1000;
    snprintf(out, 24, "%.3g %s", value, units[unit]);
    return out;
}

static enum status check_space(struct feature_plan *cache, const struct cache_ask *ask, struct error *err)
{
    const char *dir = ask->options->dir;
    uint64_t there = file_bytes(dir, &cache->about); /* what is there by now is not needed once more */
    uint64_t more = cache->bytes > there ? cache->bytes - there : 0;
    cache->there = cache->bytes - more;
    char why[200], takes[24], left[24];
    struct error reason = {0};
    struct disk disk;
    enum status status = disk_look(&disk, dir, &reason);
    if (status == ERR_SYSTEM)
        return error_set(err, status, "%s", reason.text);
    if (status != OK)
        return turn_off(cache, ask, ERR_CANTCREATE, reason.text, err);
    uint64_t reserve = ask->options->reserve, space = disk.free > reserve ? disk.free - reserve : 0;
    /* A cache by itself leaves as much again to others. */
    bool alone = ask->options->mode == CACHE_AUTO;
    if ((alone ? 2 * more : more) <= space)
        return OK;
    snprintf(why, sizeof why, "it would take %s more%s, and its disk has %s left%s; --cache-dir chooses another",
             size_text(takes, more), alone ? " and leave as much to others" : "", size_text(left, space),
             reserve > 0 ? " beside the files of the run" : "");
    return turn_off(cache, ask, ERR_CANTCREATE, why, err);
}

/* Views that all photos of the same bytes share are kept once. */
static size_t entries_of(const struct cache_ask *ask)
{
    size_t entries = ask->val - ask->val_repeats;
    for (size_t view = photo_views_seen(ask->augment, ask->views, ask->epochs); view-- > 0;)
        entries += feature_view_shared(photo_view_of(ask->augment, ask->views, view)) ? ask->train - ask->train_repeats
                                                                                      : ask->train;
    return entries;
}

enum status feature_plan_size(struct feature_plan *cache, const struct cache_ask *ask, const struct plan *plan,
                              struct error *err)
{
    char why[160], takes[24], limit[24];
    if (cache->mode == CACHE_OFF)
        return OK;
    cache->about.values = plan->cut.values;
    assert(feature_precision(&cache->about) == plan->cut.precision);
    cache->from_about.values = plan->from.values;
    cache->entries = entries_of(ask);
    cache->bytes = feature_store_bytes(&cache->about, cache->entries);
    if (cache->bytes + ask->kept > ask->options->limit) {
        snprintf(why, sizeof why, "it would take %s%s, and --cache-limit allows %s",
                 size_text(takes, cache->bytes + ask->kept),
                 ask->kept ? " together with the caches of earlier stages" : "", size_text(limit, ask->options->limit));
        return turn_off(cache, ask, ERR_USAGE, why, err);
    }
    return cache->mode == CACHE_DISK ? check_space(cache, ask, err) : OK;
}
