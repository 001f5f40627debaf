#include "cli/train_report.h"

#include <stdlib.h>
#include <string.h>

#include "cli/estimate.h"
#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/summary.h"
#include "cli/term.h"

enum { FEW_LINES = 5 }; /* of each kind of warning */

/* ---- before the first step --------------------------------------------------------------------------------------- */

static void warn_of_classes(const struct training *t)
{
    size_t few = 0;
    for (size_t k = 0; k < t->scan.class_count; k++) {
        const struct scan_class *class = &t->scan.classes[k];
        const char *name = t->dataset.classes.names[k];
        uint32_t usable = class->train - class->bad_train;
        if (usable < SCAN_FEW_PHOTOS && few++ < FEW_LINES)
            warn("class %s has %u photo%s to train on; with fewer than %d it is hard to learn", name, usable,
                 usable == 1 ? "" : "s", SCAN_FEW_PHOTOS);
        if (class->val == class->bad_val)
            warn("class %s has no photo to validate on, so its accuracy is not known", name);
    }
    if (few > FEW_LINES)
        warn("%zu more classes have fewer than %d photos", few - FEW_LINES, SCAN_FEW_PHOTOS);
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
    remark("photos: %s: %zu to train on, %zu to validate, %zu classes (%s%s%s)", t->data, t->dataset.train.count,
           t->dataset.val.count, classes, t->dataset.classes.names[0], classes > 2 ? ", ..., " : ", ",
           t->dataset.classes.names[classes - 1]);
    warn_of_classes(t);
    warn_of_photos(t);
    if (!t->weights)
        remark("weights: random (%s, seed %lld)", t->net->arch, t->values->seed);
    else
        remark("weights: %s (%s)", t->weights, t->net->arch);
    if (t->head_drawn)
        remark("head: %s begins anew for %zu classes (the file's has %zu outputs)",
               t->net->child_names[t->net->children], classes, t->file_classes);
}

static double seconds_of_epoch(const struct training *t, const struct train_needs *needs)
{
    double speed = estimate_speed(t->pool);
    double work =
        needs->step_flops * (double)t->options.usable + needs->evaluation_flops * (double)(t->dataset.val.count);
    return speed > 0 ? work / speed : 0;
}

static struct memory_summary memory_of(const struct training *t, const struct train_needs *needs)
{
    size_t loaders = t->options.loader.threads;
    return (struct memory_summary){.weights = needs->weights,
                                   .plan = needs->network,
                                   .optimizer = needs->optimizer,
                                   .photos = needs->photos + loaders * t->scan.photo_memory,
                                   .program = estimate_program(pool_threads(t->pool), loaders)};
}

static void json_plan(const struct training *t, const struct train_needs *needs, double seconds)
{
    struct memory_summary memory = memory_of(t, needs);
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "arch", t->net->arch);
    json_int(&json, "freeze_until", t->options.freeze.until);
    json_open(&json, "children", '[');
    for (int child = 1; child <= (int)t->net->children; child++) {
        struct child_summary summary = child_summarise(t->net, &t->options.freeze, child);
        json_open(&json, NULL, '{');
        json_int(&json, "child", child);
        json_text(&json, "name", summary.name);
        json_int(&json, "parameters", (int64_t)summary.parameters);
        json_bool(&json, "frozen", summary.frozen);
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

enum status report_plan(const struct training *t, struct error *err)
{
    struct train_needs needs = train_needs(t->train);
    double seconds = seconds_of_epoch(t, &needs);
    struct memory_summary memory = memory_of(t, &needs);
    char epoch[NUMBER_TEXT], all[NUMBER_TEXT];
    if (t->values->json) {
        if (t->values->dry_run)
            json_plan(t, &needs, seconds);
        return OK;
    }
    enum status status = summary_children(stdout, t->net, &t->options.freeze, err);
    if (status != OK)
        return status;
    summary_cost(stdout, train_plan(t->train), &memory);
    if (seconds > 0)
        printf("time    about %s an epoch of %zu steps, %s in all\n", number_seconds(epoch, seconds),
               needs.steps_per_epoch, number_seconds(all, seconds * (double)t->values->epochs));
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
    if (!p->running || p->evaluating) {
        start_line(p, step->epoch, "train", p->training->options.usable);
        p->running = true;
        p->evaluating = false;
        p->done = step->batch * p->training->options.loader.batch;
    }
    p->done += step->images;
    snprintf(note, sizeof note, "loss %.4f", step->loss);
    progress_update(&p->line, p->done, note);
}

void report_evaluation(struct train_progress *p, size_t epoch, size_t done, size_t all)
{
    if (!p->running || !p->evaluating) {
        start_line(p, epoch, "validate", all);
        p->running = p->evaluating = true;
    }
    progress_update(&p->line, done, NULL);
}

void report_epoch(struct train_progress *p, const struct epoch_result *epoch, double seconds)
{
    char train[NUMBER_TEXT], val[NUMBER_TEXT], time[NUMBER_TEXT];
    progress_end(&p->line);
    p->running = false;
    remark("epoch %zu/%lld  loss %.4f  accuracy %s  val loss %.4f  val accuracy %s  %s%s", epoch->epoch + 1,
           p->training->values->epochs, epoch->train_loss, number_percent(train, epoch->train_accuracy),
           metrics_loss(epoch->val), number_percent(val, metrics_accuracy(epoch->val)), number_seconds(time, seconds),
           epoch->best ? "  best so far" : "");
    if (epoch->left_out > 0 && epoch->epoch == 0)
        remark("the last %zu photo%s of an epoch %s too few for BatchNorm and left out", epoch->left_out,
               epoch->left_out == 1 ? "" : "s", epoch->left_out == 1 ? "is" : "are");
}
