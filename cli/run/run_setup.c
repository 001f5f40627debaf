#define _GNU_SOURCE
#include "cli/run/run_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/record_events.h"
#include "cli/run/train_head.h"
#include "cli/shell/augment_options.h"
#include "cli/shell/group.h"
#include "cli/shell/paths.h"
#include "cli/shell/preprocess_options.h"
#include "core/base/disk.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/net/init.h"
#include "models/resnet.h"
#include "weights/bind.h"
#include "weights/recognise.h"

/* Replaces *path, owned, by its absolute form. */
static enum status make_absolute(char **path, struct error *err)
{
    char *real = realpath(*path, NULL);
    if (!real)
        return error_set(err, ERR_NOINPUT, "%s: %s", *path, strerror(errno));
    char *copy;
    enum status status = memory_strdup(&copy, real, err);
    free(real);
    if (status != OK)
        return status;
    memory_free(*path);
    *path = copy;
    return OK;
}

/* ---- photos ------------------------------------------------------------------------------------------------------ */

static enum status refuse_bad(const struct run_setup *t, struct error *err)
{
    const struct scan_bad *bad = t->scan.bad_count ? &t->scan.bad[0] : NULL;
    if (!bad)
        return OK;
    const struct photo_list *list = bad->val ? &t->dataset.val : &t->dataset.train;
    return error_set(err, bad->away ? ERR_NOINPUT : ERR_DATA, "%s/%s: %s (--strict)", list->root,
                     photo_name(list, bad->photo), bad->reason);
}

static enum status open_dataset(struct run_setup *t, struct error *err)
{
    const struct train_values *v = t->values;
    if (v->folds == 0 && v->fold > 0)
        return error_set(err, ERR_USAGE, "--fold %lld: needs --folds", v->fold);
    if (v->fold > v->folds)
        return error_set(err, ERR_USAGE, "--fold %lld: must be 1 to %lld (--folds)", v->fold, v->folds);
    if (v->folds > 0 && v->val_split > 0)
        return error_set(err, ERR_USAGE, "--folds and --val-split: choose one of them");
    const struct dataset_source source = {.data = t->paths.data,
                                          .labels = t->paths.labels,
                                          .val_labels = t->paths.val_labels,
                                          .val_split = v->val_split,
                                          .folds = (unsigned)v->folds,
                                          .fold = (unsigned)v->fold,
                                          .seed = (uint64_t)v->seed,
                                          .group_by = (enum group_by)v->group_by,
                                          .limit = (size_t)v->limit};
    return dataset_open_source(&t->dataset, &source, err);
}

/* A class that is not there now would be unlearned. */
static enum status check_classes(const struct run_setup *t, struct error *err)
{
    for (size_t k = 0; k < t->scan.class_count; k++) {
        const struct scan_class *class = &t->scan.classes[k];
        if (class->away_train > 0 && class->bad_train == class->train)
            return error_set(err, ERR_NOINPUT,
                             "%s: none of the %u photos of class %s can be read now: make them available",
                             t->dataset.train.root, class->away_train, t->dataset.classes.names[k]);
    }
    return OK;
}

static enum status open_photos(struct run_setup *t, struct error *err)
{
    const struct train_values *v = t->values;
    enum status status = data_paths_find(&t->paths, v, err);
    if (status == OK)
        status = open_dataset(t, err);
    if (status == OK)
        status = scan_dataset(&t->scan, &t->dataset, &t->options.loader.image, t->pool, err);
    if (status == OK && v->strict)
        status = refuse_bad(t, err);
    if (status != OK)
        return status;
    size_t bad = 0, away = 0, train = t->dataset.train.count;
    for (size_t i = 0; i < t->scan.bad_count; i++) {
        bad += !t->scan.bad[i].val;
        away += !t->scan.bad[i].val && t->scan.bad[i].away;
    }
    t->options.usable = train - bad + away; /* who is away may be back */
    for (size_t i = 0; i < t->scan.duplicate_count; i++)
        *(t->scan.duplicates[i].val ? &t->options.val_repeats : &t->options.repeats) += 1;
    if (bad == train)
        return error_set(err, away > 0 ? ERR_NOINPUT : ERR_DATA,
                         "%s: none of the %zu photos can be read; the first: %s: %s", t->dataset.train.root, train,
                         photo_name(&t->dataset.train, t->scan.bad[0].photo), t->scan.bad[0].reason);
    if (t->options.loader.batch > t->options.usable)
        t->options.loader.batch = t->options.usable;
    return check_classes(t, err);
}

/* ---- network ----------------------------------------------------------------------------------------------------- */

/* The file's content, so that config.json says what the run began with and --resume notices another. */
static enum status hash_weights(struct run_setup *t, const char *wanted, struct error *err)
{
    struct hash128 hash;
    enum status status = weight_file_hash(&hash, t->file, err);
    if (status != OK)
        return status;
    hash_hex(t->weights_hash, hash);
    if (wanted && strcmp(wanted, t->weights_hash) != 0)
        return error_set(err, ERR_DATA,
                         "%s: is not the file that the run started with (its hash is %s, config.json says %s)",
                         t->weights, t->weights_hash, wanted[0] ? wanted : "random weights");
    return OK;
}

static enum status random_net(struct net **out, const struct run_setup *t, struct error *err)
{
    const char *arch = t->values->arch ? t->values->arch : "resnet50";
    enum status status = resnet_create(out, arch, t->dataset.classes.count, err);
    if (status == OK)
        net_init(*out, (uint64_t)t->values->seed);
    return status;
}

/* Photos go on as the weights know them: their mean, deviation and share of the photo in the crop, at --image-size. */
static enum status take_preprocess(struct run_setup *t, const struct preprocess *known, struct error *err)
{
    struct preprocess *preprocess = &t->options.loader.preprocess;
    *preprocess = preprocess_scaled(known, (int)t->values->image_size);
    if (t->values->resize)
        preprocess->resize = (int)t->values->resize;
    interpolation_override(preprocess, t->values->interpolation);
    fit_override(preprocess, t->values->fit);
    return preprocess_check(preprocess, t->weights, err);
}

/* What the file says of itself. */
static enum status use_info(struct run_setup *t, struct error *err)
{
    struct model_info info;
    enum status status = model_info_read(&info, t->file, t->file_classes, err);
    if (status != OK)
        return status;
    status = train_head_settle(t, &info, err);
    t->photos_said = info.says_preprocess || t->values->resize || t->values->interpolation > 0 || t->values->fit > 0;
    t->photos_oblong = info.oblong;
    if (status == OK)
        status = take_preprocess(t, &info.preprocess, err);
    model_info_free(&info);
    return status;
}

static enum status net_from_file(struct run_setup *t, struct error *err)
{
    const struct weights_rules rules = {
        .new_head = true, .seed = (uint64_t)t->values->seed, .ignore = CHECKPOINT_PREFIX};
    const char *arch = t->values->arch;
    struct recognised found;
    struct weights_loaded loaded;
    if (!weights_recognise(&found, t->file) || strncmp(found.arch, "resnet", 6) != 0)
        return weights_refuse_unknown(t->file, err);
    if (arch && strcmp(arch, found.arch) != 0)
        return error_set(err, ERR_USAGE, "--arch %s: %s holds the weights of a %s", arch, t->weights, found.arch);
    enum status status = resnet_create(&t->net, found.arch, t->dataset.classes.count, err);
    if (status == OK)
        status = weights_load(t->net, t->file, &rules, &loaded, err);
    if (status != OK)
        return status;
    t->head_drawn = loaded.head_drawn;
    t->file_classes = loaded.file_classes;
    status = weights_remember(&t->loaded, t->net, t->file, err);
    return status == OK ? use_info(t, err) : status;
}

static enum status open_net(struct run_setup *t, const char *weights_hash, struct error *err)
{
    const char *given = t->values->weights;
    if (given && strcmp(given, "random") == 0) {
        if (weights_hash && weights_hash[0])
            return error_set(err, ERR_DATA, "--weights random: the run started with a file");
        if (t->values->choice.key || t->values->choice.prefix)
            return error_set(err, ERR_USAGE, "--key and --prefix choose within a weight file, not --weights random");
        return random_net(&t->net, t, err);
    }
    enum status status = path_weights(&t->weights, given, err);
    if (status == OK)
        status = make_absolute(&t->weights, err);
    if (status == OK)
        status = weight_file_open_choice(&t->file, t->weights, &t->values->choice, err);
    if (status == OK)
        status = hash_weights(t, weights_hash, err);
    return status == OK ? net_from_file(t, err) : status;
}

/* --freeze-until, --head-first and --unfreeze-at. */
static enum status read_freeze_points(int *freeze_until, struct train_options *out, const struct run_setup *t,
                                      const char *text, struct error *err)
{
    const struct train_values *v = t->values;
    struct unfreezing_options options = {.head_first = (size_t)v->head_first,
                                         .unfreeze_at = v->unfreeze_at.texts,
                                         .count = v->unfreeze_at.count,
                                         .epochs = (size_t)v->epochs};
    enum status status = freeze_parse(freeze_until, t->net, text, err);
    if (status != OK)
        return status;
    options.freeze_until = *freeze_until;
    return unfreezing_parse(&out->freeze.until, &out->unfreezing, t->net, &options, err);
}

const char *run_setup_folder(const struct run_setup *setup)
{
    const struct train_values *values = setup->values;
    return values->resume ? values->resume : values->out ? values->out : "runs";
}

/* What the run writes, and what of it the cache has to leave room for. */
static void plan_disk(struct run_disk *disk, struct train_options *options, const struct run_setup *t)
{
    struct disk run, cache;
    *disk = run_disk_of(t->net, &t->dataset, options);
    disk->keep_last = t->values->keep_last;
    if (t->values->tensorboard)
        disk->rest += record_events_bytes(t->net, options->schedule.epochs);
    if (t->cache && disk_look(&run, run_setup_folder(t), NULL) == OK && disk_look(&cache, t->cache, NULL) == OK &&
        run.device == cache.device)
        options->cache.reserve = run_disk_most(disk, 1);
}

enum status run_setup_plan(struct train **out, struct run_disk *disk, const struct run_setup *setup,
                           const char *freeze_until, struct error *err)
{
    struct train_options options = setup->options;
    int until;
    enum status status = read_freeze_points(&until, &options, setup, freeze_until, err);
    if (status != OK)
        return status;
    plan_disk(disk, &options, setup);
    return train_create(out, setup->net, &setup->dataset, &options, setup->pool, err);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

static enum status find_cache(struct run_setup *t, struct error *err)
{
    struct cache_options *cache = &t->options.cache;
    if (cache->mode != CACHE_AUTO && cache->mode != CACHE_DISK)
        return OK;
    enum status status = path_cache(&t->cache, t->values->cache_dir, err);
    if (status == ERR_USAGE && cache->mode == CACHE_AUTO) {
        cache->mode = CACHE_OFF; /* auto: without a home folder, run without a cache */
        return OK;
    }
    cache->dir = t->cache;
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

enum status run_setup_open(struct run_setup *out, const struct train_values *values, const char *weights_hash,
                           struct error *err)
{
    struct preprocess preprocess = preprocess_for_size((int)values->image_size);
    if (values->resize)
        preprocess.resize = (int)values->resize;
    interpolation_override(&preprocess, values->interpolation);
    fit_override(&preprocess, values->fit);
    *out = (struct run_setup){.values = values};
    out->options = train_options_from(values, &preprocess);
    out->options.peers = group_peers();
    enum status status = train_head_check(values, err);
    if (status == OK)
        status = augment_options_parse(&out->options.loader.extras, out->options.augment, values->color_jitter,
                                       values->random_erasing, err);
    if (status == OK)
        status = engine_start(&out->pool, &values->engine, err);
    if (status == OK)
        status = open_photos(out, err);
    if (status == OK)
        status = open_net(out, weights_hash, err);
    if (status == OK && out->options.rates.head == 0)
        out->options.rates.head = out->head_drawn ? 10 : 1; /* docs/decisions/defaults.md */
    if (status == OK)
        status = find_cache(out, err);
    if (status == OK)
        status = read_freeze_points(&out->freeze_until, &out->options, out, values->freeze_until, err);
    if (status == OK)
        plan_disk(&out->disk, &out->options, out);
    if (status == OK)
        status = train_create(&out->train, out->net, &out->dataset, &out->options, out->pool, err);
    return status;
}

void run_setup_close(struct run_setup *setup)
{
    train_destroy(setup->train);
    net_destroy(setup->net);
    weight_file_close(setup->file);
    memory_free(setup->loaded);
    memory_free(setup->weights);
    memory_free(setup->changed);
    memory_free(setup->classes);
    scan_report_free(&setup->scan);
    dataset_close(&setup->dataset);
    memory_free(setup->cache);
    data_paths_free(&setup->paths);
    pool_destroy(setup->pool);
    *setup = (struct run_setup){0};
}

enum status run_setup_prepare(struct run_setup *setup, struct error *err)
{
    enum status status = train_prepare(setup->train, err);
    for (size_t i = 0; i < setup->scan.bad_count && status == OK; i++) {
        const struct scan_bad *bad = &setup->scan.bad[i];
        if (!bad->away)
            status = train_mark_bad(setup->train, bad->val, bad->photo, bad->reason, err);
    }
    return status;
}
