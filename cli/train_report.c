#include "cli/train_report.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/estimate.h"
#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/recipe_report.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/wrap.h"

enum { FEW_LINES = 5 }; /* of each kind of warning */

/* ---- before the first step --------------------------------------------------------------------------------------- */

static void warn_of_classes(const struct training *t)
{
    size_t few = 0, unknown = 0;
    for (size_t k = 0; k < t->scan.class_count; k++) {
        const struct scan_class *class = &t->scan.classes[k];
        const char *name = t->dataset.classes.names[k];
        uint32_t usable = class->train - class->bad_train;
        bool shown = usable < SCAN_FEW_PHOTOS && few++ < FEW_LINES;
        if (shown && usable == 0)
            warn("class %s has no photo to train on that can be read, so it cannot be learned", name);
        else if (shown)
            warn("class %s has %u photo%s to train on; with fewer than %d it is hard to learn", name, usable,
                 usable == 1 ? "" : "s", SCAN_FEW_PHOTOS);
        if (class->val == class->bad_val && unknown++ < FEW_LINES)
            warn("class %s has no photo to validate on, so its accuracy is not known", name);
    }
    if (few > FEW_LINES)
        warn("%zu more class%s fewer than %d photos", few - FEW_LINES, few - FEW_LINES == 1 ? " has" : "es have",
             SCAN_FEW_PHOTOS);
    if (unknown > FEW_LINES)
        warn("%zu more class%s no photo to validate on", unknown - FEW_LINES,
             unknown - FEW_LINES == 1 ? " has" : "es have");
}

static void warn_of_photos(const struct training *t)
{
    for (size_t i = 0; i < t->scan.bad_count && i < FEW_LINES; i++) {
        const struct scan_bad *bad = &t->scan.bad[i];
        const struct photo_list *list = bad->val ? &t->dataset.val : &t->dataset.train;
        warn("%s/%s: %s; passed over", list->root, photo_name(list, bad->photo), bad->reason);
    }
    if (t->scan.bad_count > FEW_LINES)
        warn("%zu more photos cannot be read: all are listed in the run's bad_images.tsv",
             t->scan.bad_count - FEW_LINES);
    if (t->scan.duplicate_count > 0) {
        const struct scan_duplicate *first = &t->scan.duplicates[0];
        warn("%zu photo%s of val %s also in train, byte for byte, which makes the accuracy look better than it is; the "
             "first: %s is %s",
             t->scan.duplicate_count, t->scan.duplicate_count == 1 ? "" : "s",
             t->scan.duplicate_count == 1 ? "is" : "are", photo_name(&t->dataset.val, first->val),
             photo_name(&t->dataset.train, first->train));
    }
    if (t->scan.hidden > 0)
        remark("photos: %zu hidden file%s or folder%s ignored", t->scan.hidden, t->scan.hidden == 1 ? "" : "s",
               t->scan.hidden == 1 ? "" : "s");
    if (t->scan.stray > 0)
        warn("%zu file%s beside the class folders %s not used", t->scan.stray, t->scan.stray == 1 ? "" : "s",
             t->scan.stray == 1 ? "is" : "are");
}

void report_inputs(const struct training *t)
{
    size_t classes = t->dataset.classes.count;
    char path[PATH_SHOWN];
    remark("photos: %s: %zu to train on, %zu to validate, %zu classes (%s%s%s)", path_shown(path, t->data, stderr),
           t->dataset.train.count, t->dataset.val.count, classes, t->dataset.classes.names[0],
           classes > 2 ? ", ..., " : ", ", t->dataset.classes.names[classes - 1]);
    warn_of_classes(t);
    warn_of_photos(t);
    if (!t->weights)
        remark("weights: random (%s, seed %lld)", t->net->arch, t->values->seed);
    else
        remark("weights: %s (%s)", path_shown(path, t->weights, stderr), t->net->arch);
    if (t->head_drawn)
        remark("head: %s begins anew for %zu classes (the file's has %zu outputs)",
               t->net->child_names[t->net->children], classes, t->file_classes);
}

/* Of an epoch of a stage, with all features there that are kept; 0 where the speed is not known. */
static double seconds_of_epoch(const struct training *t, const struct train_stage *stage, double speed)
{
    double train = stage->step_flops, evaluation = train_needs(t->train).evaluation_flops;
    if (stage->cache.mode != CACHE_OFF) {
        train -= stage->features_flops;
        evaluation -= stage->features_flops;
    }
    double work = train * (double)t->options.usable + evaluation * (double)(t->dataset.val.count);
    return speed > 0 ? work / speed : 0;
}

/* How long it will take; zeros where that is not known. */
struct duration {
    double shortest, longest, all; /* an epoch, an epoch, the run */
    bool cached;                   /* some epochs work on features */
};

static struct duration duration_of(const struct training *t)
{
    double speed = estimate_speed(t->pool, train_plan(t->train));
    struct duration duration = {0};
    for (size_t i = 0; i < train_stage_count(t->train); i++) {
        struct train_stage stage = train_stage_get(t->train, i);
        double seconds = seconds_of_epoch(t, &stage, speed);
        if (i == 0 || seconds < duration.shortest)
            duration.shortest = seconds;
        if (seconds > duration.longest)
            duration.longest = seconds;
        duration.all += seconds * (double)stage.epochs;
        duration.cached |= stage.cache.mode != CACHE_OFF;
        if (stage.cache.mode != CACHE_OFF && speed > 0)
            duration.all += stage.features_flops * (double)stage.cache.entries / speed;
    }
    return duration;
}

static void print_cache(const struct training *t, const struct train_stage *stage)
{
    const struct cache_plan *cache = &stage->cache;
    char all[NUMBER_TEXT], each[NUMBER_TEXT], entries[NUMBER_TEXT];
    struct lines lines;
    if (cache->mode == CACHE_OFF && cache->why[0])
        say(stdout, "cache   off: %s", cache->why);
    if (cache->mode == CACHE_OFF)
        return;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "cache   up to %s %s: what children 1-%d give, %s times %s", number_bytes(all, cache->bytes),
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
static void print_caches(const struct training *t)
{
    struct train_stage before = {0};
    for (size_t i = 0; i < train_stage_count(t->train); i++) {
        struct train_stage stage = train_stage_get(t->train, i);
        bool told = i > 0 && stage.cache.mode == CACHE_OFF && strcmp(stage.cache.why, before.cache.why) == 0;
        if (!told)
            print_cache(t, &stage);
        before = stage;
    }
}

static struct memory_summary memory_of(const struct training *t, const struct train_needs *needs)
{
    size_t loaders = t->options.loader.threads;
    return (struct memory_summary){.weights = needs->weights,
                                   .plan = needs->network,
                                   .optimizer = needs->optimizer,
                                   .gradients = needs->gradients,
                                   .average = needs->average,
                                   .photos = needs->photos + needs->mixing + loaders * t->scan.photo_memory,
                                   .cache = needs->cache,
                                   .program = estimate_program(pool_threads(t->pool), loaders)};
}

static void json_stages(struct json *json, const struct training *t)
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

size_t report_memory(const struct training *t)
{
    struct train_needs needs = train_needs(t->train);
    struct memory_summary memory = memory_of(t, &needs);
    return memory_summary_total(&memory);
}

static void json_plan(const struct training *t, const struct train_needs *needs, double seconds)
{
    struct memory_summary memory = memory_of(t, needs);
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
    json_double(&json, "flop_per_photo", needs->step_flops);
    json_int(&json, "steps_per_epoch", (int64_t)needs->steps_per_epoch);
    json_double(&json, "seconds_per_epoch", seconds);
    json_close(&json);
    json_end(&json);
}

/* "stages  epochs 1-2: children 1-9 frozen", where there is more than one. */
static void print_stages(const struct training *t)
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
static void print_rates(const struct training *t)
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

static void print_time(const struct duration *duration, const struct training *t)
{
    char shortest[NUMBER_TEXT], longest[NUMBER_TEXT], all[NUMBER_TEXT];
    number_seconds(shortest, duration->shortest);
    number_seconds(longest, duration->longest);
    number_seconds(all, duration->all);
    size_t steps = train_needs(t->train).steps_per_epoch;
    const char *once = duration->cached ? " once the features are there" : "";
    if (strcmp(shortest, longest) == 0)
        say(stdout, "time    about %s an epoch of %zu steps%s, %s in all", longest, steps, once, all);
    else
        say(stdout, "time    about %s to %s an epoch of %zu steps%s, %s in all", shortest, longest, steps, once, all);
}

enum status report_plan(const struct training *t, struct error *err)
{
    struct train_needs needs = train_needs(t->train);
    struct duration duration = duration_of(t);
    struct memory_summary memory = memory_of(t, &needs);
    if (t->values->json) {
        if (t->values->dry_run)
            json_plan(t, &needs, duration.longest);
        return OK;
    }
    enum status status = summary_children(stdout, t->net, &t->options.freeze, &t->options.unfreezing, err);
    if (status != OK)
        return status;
    print_stages(t);
    recipe_report(stdout, t);
    print_rates(t);
    summary_cost(stdout, train_plan(t->train), &memory);
    print_caches(t);
    if (duration.all > 0)
        print_time(&duration, t);
    fflush(stdout);
    return OK;
}

/* ---- on the way -------------------------------------------------------------------------------------------------- */

static void start_line(struct train_progress *p, size_t epoch, const char *what, size_t all)
{
    snprintf(p->label, sizeof p->label, "epoch %zu/%lld  %s", epoch + 1, p->training->values->epochs, what);
    progress_start(&p->line, p->label, "photos", all);
}

void report_step(struct train_progress *p, const struct step_result *step)
{
    char note[64];
    if (p->running != RUNNING_STEPS) {
        start_line(p, step->epoch, "train", p->training->options.usable);
        p->running = RUNNING_STEPS;
        p->done = step->batch * p->training->options.loader.batch;
    }
    p->done += step->images;
    snprintf(note, sizeof note, "loss %.4f", step->loss);
    progress_update(&p->line, p->done, note);
}

void report_evaluation(struct train_progress *p, size_t epoch, size_t done, size_t all)
{
    if (p->running != RUNNING_EVALUATION) {
        start_line(p, epoch, "validate", all);
        p->running = RUNNING_EVALUATION;
    }
    progress_update(&p->line, done, NULL);
}

static bool begins_stage(const struct training *t, size_t epoch)
{
    bool begins = false;
    for (size_t i = 0; i < train_stage_count(t->train); i++)
        begins |= train_stage_get(t->train, i).epoch == epoch;
    return begins;
}

void report_features(struct train_progress *p, size_t epoch, size_t done, size_t all)
{
    if (p->running != RUNNING_FEATURES) {
        start_line(p, epoch, "features", all);
        p->running = RUNNING_FEATURES;
    }
    progress_update(&p->line, done, NULL);
}

enum { FEATURES_TEXT = 128 };

/* "from the cache", or how many of them were computed in this epoch; "" without a cache. */
static const char *features_text(char out[FEATURES_TEXT], const struct feature_counts *features)
{
    char number[NUMBER_TEXT];
    const struct {
        size_t count;
        const char *what;
    } parts[] = {{features->pixels, "computed"},
                 {features->advanced, "made from shallower ones"},
                 {features->damaged, "damaged"}};
    size_t used = 0;
    out[0] = '\0';
    if (features->read == 0)
        return out;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].count > 0)
            used += (size_t)snprintf(out + used, FEATURES_TEXT - used, "%s%s %s", used ? ", " : "",
                                     number_count(number, parts[i].count), parts[i].what);
    return used ? out : "from the cache";
}

enum status report_progress_start(struct train_progress *p, const struct run_folder *folder, struct error *err)
{
    bool features = false;
    for (size_t i = 0; i < train_stage_count(p->training->train); i++)
        features |= train_stage_get(p->training->train, i).cache.mode != CACHE_OFF;
    return epoch_rows_create(&p->rows, folder->path, features, err);
}

void report_progress_end(struct train_progress *p)
{
    epoch_rows_destroy(p->rows);
    p->rows = NULL;
}

static void put_epoch_line(const struct train_progress *p, const struct epoch_row *row)
{
    char train[NUMBER_TEXT], val[NUMBER_TEXT], time[NUMBER_TEXT];
    const char *features = row->features[0] == '\0'                   ? ""
                           : isdigit((unsigned char)row->features[0]) ? "  features: "
                                                                      : "  features ";
    remark("epoch %zu/%lld  loss %.4f  accuracy %s  val loss %.4f  val accuracy %s  %s%s%s%s", row->epoch,
           p->training->values->epochs, row->train_loss, number_percent(train, row->train_accuracy), row->val_loss,
           number_percent(val, row->val_accuracy), number_seconds(time, row->seconds), features, row->features,
           row->best ? "  best so far" : "");
}

void report_epoch(struct train_progress *p, const struct epoch_result *epoch, double seconds)
{
    char features[FEATURES_TEXT];
    const struct epoch_row row = {.epoch = epoch->epoch + 1,
                                  .lr = epoch->lr,
                                  .train_loss = epoch->train_loss,
                                  .train_accuracy = epoch->train_accuracy,
                                  .val_loss = metrics_loss(epoch->val),
                                  .val_accuracy = metrics_accuracy(epoch->val),
                                  .val_macro_f1 = metrics_macro_f1(epoch->val),
                                  .seconds = seconds,
                                  .best = epoch->best,
                                  .features = features_text(features, &epoch->features)};
    progress_end(&p->line);
    p->running = RUNNING_NOTHING;
    if (p->rows)
        epoch_rows_add(p->rows, &row);
    else
        put_epoch_line(p, &row);
    if (epoch->left_out > 0 && begins_stage(p->training, epoch->epoch))
        remark("the last %zu photo%s of an epoch %s too few for BatchNorm and left out", epoch->left_out,
               epoch->left_out == 1 ? "" : "s", epoch->left_out == 1 ? "is" : "are");
}
