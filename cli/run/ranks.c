#include "cli/run/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "cli/run/record_files.h"
#include "cli/shell/group.h"
#include "cli/shell/remark.h"
#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/train/checkpoint.h"

void ranks_complete(struct train_values *values, const struct arguments *args)
{
    long long ranks = (long long)group_peers()->count;
    if (ranks == 1)
        return;
    if (!arguments_given(args, "micro-batch") && !values->resume) /* a run keeps its pieces */
        values->micro_batch = (values->batch_size + ranks - 1) / ranks;
    if (!arguments_given(args, "cache"))
        values->cache = CACHE_OFF;
}

enum status ranks_check(const struct train_values *values, struct error *err)
{
    if (group_peers()->count == 1)
        return OK;
    const struct {
        bool used;
        const char *option, *instead;
    } rows[] = {
        {values->folds && !values->fold, "--folds", "start each fold by itself with --fold I"},
        {values->lr == LR_FIND, "--lr find", "find the rate in one process, then name it"},
        {values->profile, "--profile", "look at one process"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].used)
            return error_set(err, ERR_USAGE, "%s cannot be combined with several processes: %s", rows[i].option,
                             rows[i].instead);
    return OK;
}

enum status ranks_settle(enum status status, struct error *err)
{
    return peers_settle(group_peers(), status, err);
}

/* What must be the same everywhere, each with its name for the user. The options are those that config.json records,
 * without the paths, which may differ from machine to machine. */
enum { VERSION, MACHINE, OPTIONS, PHOTOS, CLASSES, WEIGHTS, KINDS };
static const char *const kinds[KINDS] = {"version of freezetune", "kind of processor", "options",
                                         "list of photos",        "list of classes",   "weight file"};

struct identity {
    char of[KINDS][40];
    char libc[40];
};

static enum status hash_options(char hex[33], const struct run_setup *setup, struct error *err)
{
    char *text;
    enum status status = options_text(&text, setup, err);
    if (status != OK)
        return status;
    hash_hex(hex, hash_bytes(text, strlen(text), 0));
    memory_free(text);
    return OK;
}

static void hash_classes(char hex[33], const struct class_names *classes)
{
    struct hash128 hash = {0};
    for (size_t i = 0; i < classes->count; i++)
        hash = hash_bytes(classes->names[i], strlen(classes->names[i]), hash.low + i);
    hash_hex(hex, hash);
}

static enum status identify(struct identity *out, const struct run_setup *setup, struct error *err)
{
    *out = (struct identity){0};
    snprintf(out->of[VERSION], sizeof *out->of, "%s", FREEZETUNE_VERSION);
#if defined(__x86_64__)
    snprintf(out->of[MACHINE], sizeof *out->of, "x86-64");
#elif defined(__aarch64__)
    snprintf(out->of[MACHINE], sizeof *out->of, "aarch64");
#endif
    checkpoint_photos(out->of[PHOTOS], &setup->dataset);
    hash_classes(out->of[CLASSES], &setup->dataset.classes);
    snprintf(out->of[WEIGHTS], sizeof *out->of, "%s", setup->weights_hash);
#ifdef __GLIBC__
    snprintf(out->libc, sizeof out->libc, "glibc %s", gnu_get_libc_version());
#endif
    return hash_options(out->of[OPTIONS], setup, err);
}

/* Another C library rounds log and exp in its own way: the ranks still agree, since each computes its own pieces, but
 * another number of ranks may not give the same bytes. */
static enum status compare(const struct peers *peers, const struct identity *own, struct error *err)
{
    size_t rank;
    for (size_t kind = 0; kind < KINDS; kind++) {
        enum status status = peers_compare(&rank, peers, own->of[kind], sizeof *own->of, err);
        if (status != OK)
            return status;
        if (rank > 0)
            return error_set(err, ERR_USAGE, "rank %zu has another %s than rank 0: all must have the same", rank,
                             kinds[kind]);
    }
    enum status status = peers_compare(&rank, peers, own->libc, sizeof own->libc, err);
    if (status == OK && rank > 0)
        warn("rank %zu has another version of the C library than rank 0 (%s): with another number of processes the "
             "result may have other bytes",
             rank, own->libc);
    return status;
}

enum status ranks_begin(const struct run_setup *setup, enum status status, struct error *err)
{
    const struct peers *peers = group_peers();
    struct identity own;
    status = ranks_settle(status, err);
    if (status != OK || peers->count == 1)
        return status;
    status = ranks_settle(identify(&own, setup, err), err);
    return status == OK ? compare(peers, &own, err) : status;
}
