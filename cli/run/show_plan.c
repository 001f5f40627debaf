#include "cli/run/show_plan.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model/preprocess_remark.h"
#include "cli/report/summary.h"
#include "cli/run/duplicates.h"
#include "cli/run/run_memory.h"
#include "cli/run/show_ranks.h"
#include "cli/run/show_recipe.h"
#include "cli/run/train_head.h"
#include "cli/shell/choice_options.h"
#include "cli/shell/group.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/disk.h"
#include "core/base/processors.h"
#include "core/ops/cpu.h"

enum { FEW_LINES = 5 }; /* of each kind of warning */

/* ---- before the first step --------------------------------------------------------------------------------------- */

/* Why a class has no photo that can be used in one of the lists. */
static void warn_of_no_photo(const struct run_setup *t, uint32_t class, bool val)
{
    const struct scan_class *scan = &t->scan.classes[class];
    const char *name = t->dataset.classes.names[class];
    const char *end = val ? "so its accuracy is not known" : "so it cannot be learned";
    const char *what = val ? "validate" : "train";
    const struct photo_list *list = val ? &t->dataset.val : &t->dataset.train;
    uint32_t listed = val ? scan->val : scan->train;
    if (listed == 0) {
        bool split = val && (t->values->val_split > 0 || t->values->folds > 0);
        const char *why = !split                 ? ""
                          : scan->train == 1     ? ": its only photo trains"
                          : t->values->folds > 0 ? " in this fold: it has fewer photos than folds"
                                                 : ": it has too few photos for --val-split";
        warn("class %s has no photo to %s on%s, %s", name, what, why, end);
        return;
    }
    for (size_t i = 0; i < t->scan.bad_count; i++) {
        const struct scan_bad *bad = &t->scan.bad[i];
        if (bad->val != val || list->photos[bad->photo].class != class)
            continue;
        if (listed == 1)
            warn("class %s: its only photo to %s on cannot be read, %s (%s: %s)", name, what, end,
                 photo_name(list, bad->photo), bad->reason);
        else
            warn("class %s: its %u photos to %s on cannot be read, %s (%s: %s)", name, listed, what, end,
                 photo_name(list, bad->photo), bad->reason);
        return;
    }
}

static void warn_of_classes(const struct run_setup *t)
{
    size_t few = 0, unknown = 0;
    for (uint32_t k = 0; k < t->scan.class_count; k++) {
        const struct scan_class *class = &t->scan.classes[k];
        const char *name = t->dataset.classes.names[k];
        uint32_t usable = class->train - class->bad_train;
        bool shown = usable < SCAN_FEW_PHOTOS && few++ < FEW_LINES;
        if (shown && usable == 0)
            warn_of_no_photo(t, k, false);
        else if (shown)
            warn("class %s has %u photo%s to train on; with fewer than %d it is hard to learn", name, usable,
                 usable == 1 ? "" : "s", SCAN_FEW_PHOTOS);
        if (class->val == class->bad_val && unknown++ < FEW_LINES)
            warn_of_no_photo(t, k, true);
    }
    if (few > FEW_LINES)
        warn("%zu more class%s fewer than %d photos", few - FEW_LINES, few - FEW_LINES == 1 ? " has" : "es have",
             SCAN_FEW_PHOTOS);
    if (unknown > FEW_LINES)
        warn("%zu more class%s no photo to validate on", unknown - FEW_LINES,
             unknown - FEW_LINES == 1 ? " has" : "es have");
}

static void warn_of_photos(const struct run_setup *t)
{
    for (size_t i = 0; i < t->scan.bad_count && i < FEW_LINES; i++) {
        const struct scan_bad *bad = &t->scan.bad[i];
        const struct photo_list *list = bad->val ? &t->dataset.val : &t->dataset.train;
        warn("%s/%s: %s; %s", list->root, photo_name(list, bad->photo), bad->reason,
             bad->away ? "each epoch tries it again" : "skipped");
    }
    if (t->scan.bad_count > FEW_LINES)
        warn("%zu more photos cannot be read: all are listed in the run's bad_images.tsv",
             t->scan.bad_count - FEW_LINES);
    duplicates_warn(t);
    if (t->scan.hidden > 0)
        remark("photos: %zu hidden file%s or system folder%s ignored", t->scan.hidden, t->scan.hidden == 1 ? "" : "s",
               t->scan.hidden == 1 ? "" : "s");
    if (t->scan.others > 0)
        remark("photos: %zu file%s ignored (%s%s)", t->scan.others,
               t->scan.others == 1 ? " that is not a photo was" : "s that are not photos were",
               t->scan.others == 1 ? "" : "the first: ",
               t->dataset.train.other ? t->dataset.train.other : t->dataset.val.other);
    if (t->scan.stray > 0)
        warn("%zu photo%s beside the class folders %s not used", t->scan.stray, t->scan.stray == 1 ? "" : "s",
             t->scan.stray == 1 ? "is" : "are");
}

void show_inputs(const struct run_setup *t)
{
    size_t classes = t->dataset.classes.count;
    char path[PATH_SHOWN];
    remark("photos: %s: %zu to train on, %zu to validate, %zu classes (%s%s%s)",
           path_shown(path, data_paths_name(&t->paths), stderr), t->dataset.train.count, t->dataset.val.count, classes,
           t->dataset.classes.names[0], classes > 2 ? ", ..., " : ", ", t->dataset.classes.names[classes - 1]);
    if (t->dataset.train.note)
        remark("photos: %s", t->dataset.train.note);
    if (t->values->limit)
        remark("photos: at most %lld of each class train (--limit); all that validate are there", t->values->limit);
    warn_of_classes(t);
    warn_of_photos(t);
    if (!t->weights)
        remark("weights: random (%s, seed %lld)", t->net->arch, t->values->seed);
    else
        remark("weights: %s (%s)", path_shown(path, t->weights, stderr), t->net->arch);
    if (t->file)
        remark_left(t->file);
    if (t->weights)
        preprocess_remark(t->photos_said, t->photos_oblong, &t->options.loader.preprocess,
                          path_shown(path, t->weights, stderr));
    train_head_remark(t);
}

static void print_cache(const struct run_setup *t, const struct train_stage *stage)
{
    const struct feature_plan *cache = &stage->cache;
    char all[NUMBER_TEXT], each[NUMBER_TEXT], entries[NUMBER_TEXT];
    struct lines lines;
    if (cache->mode == CACHE_OFF && cache->why[0])
        say(stdout, "cache   off: %s", cache->why);
    if (cache->mode == CACHE_OFF)
        return;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "cache   up to %s %s: the output of children 1-%d, %s times %s", number_bytes(all, cache->bytes),
            cache->mode == CACHE_DISK ? "on disk" : "in memory", stage->until, number_count(entries, cache->entries),
            number_bytes(each, feature_store_bytes(&cache->about, 1) - feature_store_bytes(&cache->about, 0)));
    if (cache->mode == CACHE_DISK) {
        fputs(", in ", out);
        text_padded(out, t->cache, 0, false);
    }
    putc('\n', out);
    lines_end(&lines);
}

/* A line for each stage; one reason is enough for all of them. */
static void print_caches(const struct run_setup *t)
{
    struct train_stage before = {0};
    bool as_they_are = false;
    for (size_t i = 0; i < train_stage_count(t->train); i++) {
        struct train_stage stage = train_stage_get(t->train, i);
        bool told = i > 0 && stage.cache.mode == CACHE_OFF && strcmp(stage.cache.why, before.cache.why) == 0;
        if (!told)
            print_cache(t, &stage);
        as_they_are |= stage.cache.mode != CACHE_OFF && stage.cache.about.dtype == FEATURE_BF16;
        before = stage;
    }
    if (as_they_are && t->options.cache.half)
        say(stdout, "        as bf16, in half the room already: --cache-dtype f16 only rounds features in float32");
}

/* Memory of the same run with --precision bf16, its cache aside; 0 where there is no such run. */
static size_t memory_in_bf16(const struct run_setup *t, const struct train_needs *needs)
{
    struct memory_summary memory = run_memory_of(t, needs);
    memory.plan = needs->network_bf16;
    return needs->network_bf16 ? memory_summary_total(&memory) : 0;
}

static void json_stages(struct json *json, const struct run_setup *t)
{
    json_open(json, "stages", '[');
    for (size_t i = 0; i < train_stage_count(t->train); i++) {
        struct train_stage stage = train_stage_get(t->train, i);
        json_open(json, NULL, '{');
        json_int(json, "epoch", (int64_t)stage.epoch + 1);
        json_int(json, "epochs", (int64_t)stage.epochs);
        json_int(json, "freeze_until", stage.until);
        json_double(json, "flop_per_photo", stage.step_flops);
        json_close(json);
    }
    json_close(json);
}

/* "threads 1 of 64 processors: the control group's quota is 1 (/sys/fs/cgroup/cpu.max)": where something limits them */
static void print_threads(const struct run_setup *t)
{
    struct processors processors;
    struct lines lines;
    if (t->values->engine.threads)
        return;
    processors_look(&processors);
    if (processors.by == PROCESSORS_ALL)
        return;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "threads %zu of %zu processors: ", pool_threads(t->pool), processors.online);
    text_padded(out, processors.why, 0, false);
    putc('\n', out);
    lines_end(&lines);
}

/* Of the stage that takes the longest, with its features there. */
static double longest_epoch(const struct forecast *forecast)
{
    const struct pace pace = {0};
    double longest = 0;
    for (size_t i = 0; i < forecast->stages_count; i++)
        longest = fmax(longest, forecast_epoch(forecast, &pace, i));
    return longest;
}

static void json_plan(const struct run_setup *t, const struct train_needs *needs, const struct plan_time *time)
{
    struct memory_summary memory = run_memory_of(t, needs);
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "arch", t->net->arch);
    json_int(&json, "freeze_until", t->freeze_until);
    json_stages(&json, t);
    recipe_json(&json, t);
    json_open(&json, "children", '[');
    for (int child = 1; child <= (int)t->net->children; child++) {
        struct child_summary summary = child_summarise(t->net, &t->options.freeze, child);
        json_open(&json, NULL, '{');
        json_int(&json, "child", child);
        json_text(&json, "name", summary.name);
        json_int(&json, "parameters", (int64_t)summary.parameters);
        json_bool(&json, "frozen", summary.frozen);
        json_double(&json, "lr", t->options.schedule.lr * rates_child(&t->options.rates, t->net, child));
        json_text(&json, "batchnorm", !summary.batchnorms ? NULL : summary.bn_mode == BN_EVAL ? "eval" : "batch");
        json_close(&json);
    }
    json_close(&json);
    json_int(&json, "memory", (int64_t)memory_summary_total(&memory));
    json_int(&json, "threads", (int64_t)pool_threads(t->pool));
    if (group_peers()->count > 1)
        show_ranks_json(&json, t);
    json_text(&json, "precision", precision_names[t->options.precision]);
    if (needs->network_bf16)
        json_int(&json, "memory_bf16", (int64_t)memory_in_bf16(t, needs));
    else
        json_text(&json, "memory_bf16", NULL);
    json_int(&json, "disk", (int64_t)run_disk_most(&t->disk, time->runs));
    json_int(&json, "disk_when_over", (int64_t)run_disk_over(&t->disk, time->runs));
    json_double(&json, "flop_per_photo", needs->step_flops);
    json_int(&json, "steps_per_epoch", (int64_t)needs->steps_per_epoch);
    json_double(&json, "seconds_per_epoch", longest_epoch(time->forecast));
    json_double(&json, "seconds_to_find_lr", forecast_search(time->forecast, &(struct pace){0}));
    json_double(&json, "seconds", time->all);
    json_close(&json);
    json_end(&json);
}

/* "maps    float32; --precision bf16 would take 412 MB of memory": where either precision has a choice to offer. */
static void print_precision(const struct run_setup *t, const struct train_needs *needs)
{
    char memory[NUMBER_TEXT];
    if (t->options.precision == PRECISION_BF16)
        say(stdout, "maps    bfloat16, %s",
            cpu_multiplies_bf16() ? "multiplied by this processor's own instruction"
                                  : "which this processor multiplies as float32, no faster");
    else if (cpu_multiplies_bf16() && needs->network_bf16)
        say(stdout, "maps    float32; --precision bf16 would take %s of memory, and this processor has its instruction",
            number_bytes(memory, memory_in_bf16(t, needs)));
}

/* "stages  epochs 1-2: children 1-9 frozen", where there is more than one. */
static void print_stages(const struct run_setup *t)
{
    char work[NUMBER_TEXT];
    size_t count = train_stage_count(t->train);
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    for (size_t i = 0; count > 1 && i < count; i++) {
        struct train_stage stage = train_stage_get(t->train, i);
        fprintf(out, "%s%s %zu", i == 0 ? "stages  " : "        ", stage.epochs == 1 ? "epoch" : "epochs",
                stage.epoch + 1);
        if (stage.epochs > 1)
            fprintf(out, "-%zu", stage.epoch + stage.epochs);
        if (stage.until == 0)
            fputs(": nothing frozen", out);
        else
            fprintf(out, ": %s%.0d frozen", stage.until == 1 ? "child 1" : "children 1-",
                    stage.until == 1 ? 0 : stage.until);
        fprintf(out, ", %s a photo\n", number_flop(work, stage.step_flops));
    }
    lines_end(&lines);
}

/* Where they are not the same for all children: "rates   conv1 1.6e-05, ..., fc 0.001". */
static void print_rates(const struct run_setup *t)
{
    const struct child_rates *rates = &t->options.rates;
    const char *between = "rates   ";
    struct lines lines;
    if (rates->decay == 1 && rates->head == 1)
        return;
    FILE *out = lines_start(&lines, stdout);
    for (int child = 1; child <= (int)t->net->children; child++) {
        double rate = rates_child(rates, t->net, child) * t->options.schedule.lr;
        if (rate > 0 && trained_from(&t->options.freeze, &t->options.unfreezing, child) < SIZE_MAX) {
            fprintf(out, "%s%s %.3g", between, t->net->child_names[child], rate);
            between = ", ";
        }
    }
    putc('\n', out);
    lines_end(&lines);
}

/* "disk    456 MB while it runs, 98.2 MB when it is over; 31.2 GB are free in runs/1" */
static void print_disk(const struct run_setup *t, size_t runs)
{
    char most[NUMBER_TEXT], over[NUMBER_TEXT], left[NUMBER_TEXT];
    struct disk disk;
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "disk    up to %s while it runs, %s when it is over",
            number_bytes(most, run_disk_most(&t->disk, runs)), number_bytes(over, run_disk_over(&t->disk, runs)));
    if (disk_look(&disk, run_setup_folder(t), NULL) == OK) {
        fprintf(out, "; %s are free in ", number_bytes(left, disk.free));
        text_padded(out, run_setup_folder(t), 0, false);
    }
    putc('\n', out);
    lines_end(&lines);
}

static void print_time(const struct plan_time *time, const struct run_setup *t)
{
    const struct forecast *forecast = time->forecast;
    const struct pace pace = {0};
    char epoch[NUMBER_TEXT], rough[NUMBER_TEXT], all[NUMBER_TEXT];
    double shortest = forecast_epoch(forecast, &pace, 0), longest = shortest;
    bool kept = false;
    for (size_t i = 0; i < forecast->stages_count; i++) {
        shortest = fmin(shortest, forecast_epoch(forecast, &pace, i));
        longest = fmax(longest, forecast_epoch(forecast, &pace, i));
        kept |= forecast->stages[i].saved > 0;
    }
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "time    %s", number_about(epoch, shortest));
    if (strcmp(number_about(epoch, shortest), number_about(all, longest)) != 0)
        fprintf(out, " to %s", number_rough(rough, longest));
    fprintf(out, " an epoch of %zu steps%s, ", train_needs(t->train).steps_per_epoch,
            kept ? " once the features are cached" : "");
    if (forecast->search > 0)
        fprintf(out, "up to %s to find the rate, ", number_rough(rough, forecast_search(forecast, &pace)));
    if (time->runs > 1)
        fprintf(out, "%s a run, ", number_about(rough, forecast_all(forecast, &pace)));
    fprintf(out, "%s in all%s\n", number_about(all, time->all), t->options.patience > 0 ? " at most" : "");
    lines_end(&lines);
}

enum status show_plan(const struct run_setup *t, const struct plan_time *time, struct error *err)
{
    struct train_needs needs = train_needs(t->train);
    struct memory_summary memory = run_memory_of(t, &needs);
    if (t->values->json) {
        if (t->values->dry_run)
            json_plan(t, &needs, time);
        return OK;
    }
    enum status status = summary_children(stdout, t->net, &t->options.freeze, &t->options.unfreezing, err);
    if (status != OK)
        return status;
    print_stages(t);
    show_recipe(stdout, t);
    print_rates(t);
    summary_cost(stdout, train_plan(t->train), &memory);
    print_threads(t);
    show_ranks(t, time->forecast);
    print_precision(t, &needs);
    print_caches(t);
    print_disk(t, time->runs);
    if (time->all > 0)
        print_time(time, t);
    fflush(stdout);
    return OK;
}
