#define _GNU_SOURCE
/* freezetune eval: how good a model is on photos whose classes are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/model/classes_option.h"
#include "cli/model/inference.h"
#include "cli/model/preprocess_remark.h"
#include "cli/run/eval_outputs.h"
#include "cli/run/eval_photos.h"
#include "cli/run/eval_show.h"
#include "cli/run/eval_strangers.h"
#include "cli/run/page/eval_page.h"
#include "cli/run/page/run_page.h"
#include "cli/run/shell_command.h"
#include "cli/run/show_statistics.h"
#include "cli/shell/choice_options.h"
#include "cli/shell/preprocess_options.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/data/dataset.h"
#include "core/train/metrics.h"

struct values {
    struct engine_options engine;
    struct preprocess_options preprocess;
    struct weight_choice choice;
    const char *model, *data, *labels, *classes, *logits, *strangers, *report;
    double assert_accuracy;
    long long worst, batch_size;
    int tta, split;
    bool json, strict, profile, calibrate;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_STRING, "model", struct values, model, .placeholder = "FILE",
               .help = "measure this model: best.safetensors of a run (required)"),
    OPTION_ROW("Common", OPTION_STRING, "data", struct values, data, .placeholder = "DIR",
               .shown = "the photos of the model's run, else ./data",
               .help = "measure the photos in this folder of class folders, or in its val/ if it has one, else in its "
                       "test/"),
    OPTION_ROW("Common", OPTION_STRING, "labels", struct values, labels, .placeholder = "FILE.csv",
               .help =
                   "measure the photos in this file (columns file,label,...): those with the split val, or test, or "
                   "all without that column"),
    OPTION_ROW("Common", OPTION_CHOICE, "split", struct values, split, .choices = part_choices, .initial = "val",
               .help =
                   "measure this part of the run's photos; with --data DIR or --labels, split those as the run did"),
    CHOICE_ROWS("Common", struct values, choice),
    CLASSES_ROW("Common", struct values, classes),
    OPTION_ROW("Common", OPTION_FLOAT, "assert-accuracy", struct values, assert_accuracy, .placeholder = "X", .high = 1,
               .help = "exit with 1 when the accuracy is below X, with 65 or 74 when a photo could not be read"),
    OPTION_ROW("Common", OPTION_FLAG, "calibrate", struct values, calibrate,
               .help = "fit a temperature to the outputs for these photos, report NLL, Brier score and ECE before and "
                       "after, and keep it in the model's file, with the thresholds of predict"),
    OPTION_ROW(
        "Common", OPTION_STRING, "strangers", struct values, strangers, .placeholder = "DIR",
        .help = "also look at the photos in DIR, which belong to no class, and print how well they are told from the "
                "others: AUROC of probability, energy and distance to the class means"),
    OPTION_ROW("Output", OPTION_STRING, "logits", struct values, logits, .placeholder = "FILE",
               .help = "also write the network's raw outputs, [photos, classes], as safetensors; with --tta the "
                       "logarithms of the probabilities"),
    OPTION_ROW("Output", OPTION_STRING, "report", struct values, report, .placeholder = "FILE",
               .help = "also write a page that shows the result and up to 200 of the photos, for a browser"),
    OPTION_ROW("Output", OPTION_FLAG, "json", struct values, json, .help = "print one JSON object instead of tables"),
    OPTION_ROW("Output", OPTION_INT, "worst", struct values, worst, .placeholder = "N", .initial = "10",
               .high = 1000000, .help = "list the N most confident wrong answers"),
    OPTION_ROW("Output", OPTION_FLAG, "profile", struct values, profile,
               .help = "show at the end where the time went, operator by operator, and the time outside the network"),
    ENGINE_ROW_QUIET(struct values),
    OPTION_ROW("Photos", OPTION_FLAG, "strict", struct values, strict,
               .help = "stop at the first photo that cannot be read"),
    ENGINE_ROW_EXIF(struct values),
    ENGINE_ROW_DECODE(struct values),
    PREPROCESS_ROWS(struct values),
    INFERENCE_ROW_TTA(struct values, tta),
    ENGINE_ROW_THREADS(struct values),
    OPTION_ROW("Engine", OPTION_INT, "batch-size", struct values, batch_size, .placeholder = "N", .initial = "16",
               .low = 1, .high = 4096, .help = "compute N photos together"),
    ENGINE_ROW_CONV(struct values),
    ENGINE_ROW_PRECISION(struct values),
};

struct job {
    const struct values *values;
    struct engine_options engine;
    struct model model;
    struct record_config record;
    struct eval_photos photos;
    struct inference inference;
    struct statistics_watch watch;
    struct metrics metrics;
    struct eval_outputs outputs;
    struct eval_strangers strangers;
    struct eval_page page;
    struct progress progress;
    size_t bad, failed;      /* reported; of these, for a disk or a share that did not answer */
    struct profile *profile; /* with --profile */
    struct profile_sums sums;
    double seconds; /* of the pass */
};

static void report_bad(struct job *job)
{
    const struct loader *loader = job->inference.loader;
    for (; job->bad < loader_bad_count(loader); job->bad++) {
        struct photo_fault bad = loader_bad_get(loader, job->bad);
        job->failed += bad.failed;
        warn("%s/%s: %s", job->photos.list.root, photo_name(&job->photos.list, bad.photo), bad.reason);
    }
}

static enum status open_photos(struct job *job, const struct arguments *args, struct error *err)
{
    const struct values *v = job->values;
    const struct eval_given given = {v->data, v->labels};
    bool split = arguments_given(args, "split");
    enum status status = record_config_read(&job->record, &job->model, err);
    if (status == OK)
        status = eval_photos_open(&job->photos, &job->record, &given, split, v->split, &job->model.info,
                                  job->model.path, err);
    if (status == OK && job->photos.part >= 0)
        record_config_prepare(&job->engine, &job->record, args);
    return status;
}

static enum status prepare(struct job *job, const struct arguments *args, struct error *err)
{
    const struct values *v = job->values;
    const struct class_names *classes = &job->model.info.classes;
    if (job->engine.quiet)
        remarks_silence();
    enum status status = model_open(&job->model, v->model, &v->choice, err);
    if (status == OK)
        status = classes_override(&job->model.info, v->classes, job->model.path, err);
    if (status == OK && job->model.info.config_unused)
        classes_warn_unused(job->model.path);
    if (status == OK)
        status = model_check_answers(&job->model, true, err);
    preprocess_override(&job->model.info.preprocess, &v->preprocess);
    if (status == OK)
        status = open_photos(job, args, err);
    if (status == OK && job->photos.list.note)
        remark("photos: %s", job->photos.list.note);
    if (status == OK && job->photos.list.others > 0)
        remark("photos: %zu file%s ignored (%s%s)", job->photos.list.others,
               job->photos.list.others == 1 ? " that is not a photo was" : "s that are not photos were",
               job->photos.list.others == 1 ? "" : "the first: ", job->photos.list.other);
    if (status == OK && v->calibrate && job->photos.part == PART_TRAIN)
        status = error_set(err, ERR_USAGE,
                           "--calibrate needs photos that the model was not trained on: leave --split "
                           "train out");
    if (status == OK && v->calibrate && v->tta != TTA_NONE)
        status = error_set(err, ERR_USAGE, "--calibrate cannot be combined with --tta flip");
    if (status == OK && v->strangers)
        status = eval_strangers_open(&job->strangers, v->strangers, &job->model, v->tta, err);
    if (status == OK)
        status = eval_outputs_start(&job->outputs, &job->model, v->logits, v->calibrate, err);
    if (status == OK)
        status = eval_page_start(&job->page, v->report, classes, err);
    if (status == OK)
        status = metrics_init(&job->metrics, classes->count, job->photos.list.count, err);
    if (status == OK)
        status = (v->strangers ? inference_open_cam : inference_open)(
            &job->inference, &job->model, &job->photos.list, &job->engine, (size_t)v->batch_size, v->strict, err);
    if (status == OK)
        status = inference_set_tta(&job->inference, v->tta, &job->model, err);
    if (status == OK)
        status = eval_photos_check(&job->photos, &job->record, &(struct eval_given){v->data, v->labels}, classes,
                                   job->inference.pool, err);
    if (status == OK && job->model.info.own_classes)
        classes_remark(&job->model.info, job->model.path);
    if (status == OK)
        preprocess_remark(job->model.info.says_preprocess || preprocess_given(&v->preprocess), job->model.info.oblong,
                          &job->model.info.preprocess, job->model.path);
    if (status == OK && !job->record.folder)
        status = statistics_watch_start(&job->watch, job->inference.exec, job->inference.plan, job->model.path,
                                        job->photos.list.count, err);
    return status;
}

static enum status start_profile(struct job *job, struct error *err)
{
    enum status status = profile_sums_reserve(&job->sums, job->inference.plan, NULL, err);
    if (status == OK)
        status = profile_create(&job->profile, job->inference.plan, err);
    if (status == OK)
        exec_set_profile(job->inference.exec, job->profile);
    return status;
}

/* The pass that train makes after each epoch, or one with each photo's mirror image. */
static enum status measure(struct job *job, struct error *err)
{
    const struct photo_batch *batch = NULL;
    const float *logits = NULL;
    enum status status = OK;
    double start = clock_seconds();
    progress_start(&job->progress, "eval", "photos", job->photos.list.count);
    loader_start(job->inference.loader, NULL, job->photos.list.count, 0, 0, AUGMENT_NONE);
    while (status == OK && !signals_stop()) {
        status = inference_next(&job->inference, &batch, &logits, err);
        report_bad(job);
        if (status == OK)
            status = statistics_watch_look(&job->watch, !batch, err);
        if (status != OK || !batch)
            break;
        metrics_add(&job->metrics, logits, batch->labels, batch->photos, batch->count);
        status = eval_outputs_add(&job->outputs, batch, logits, err);
        if (status == OK)
            status = eval_page_add(&job->page, batch, logits, &job->photos.list, err);
        if (status == OK)
            status = eval_strangers_add(&job->strangers, &job->inference, batch, logits, err);
        if (!job->values->engine.quiet)
            progress_update(&job->progress, batch->position, NULL);
    }
    job->seconds = clock_seconds() - start;
    progress_end(&job->progress);
    if (job->profile)
        profile_sums_add(&job->sums, job->profile, "forward");
    if (status == OK && !signals_stop() && job->metrics.count == 0)
        status = error_set(err, ERR_DATA, "%s: none of the %zu photos could be read", job->photos.list.root,
                           job->photos.list.count);
    if (status == OK && !signals_stop())
        status = eval_outputs_finish(&job->outputs, &job->model, &job->photos.list, err);
    if (status == OK && !signals_stop())
        status = eval_strangers_run(&job->strangers, &job->engine, job->inference.batch, err);
    return status;
}

/* The profile's parts; `parts` lives as long as the result. */
enum { PARTS = 2 };
static struct eval_result result_of(const struct job *job, struct profile_part parts[PARTS])
{
    struct eval_result result = {.model = job->values->model,
                                 .run = job->record.folder,
                                 .photos = &job->photos,
                                 .classes = &job->model.info.classes,
                                 .metrics = &job->metrics,
                                 .calibration = job->outputs.measured ? &job->outputs.report : NULL,
                                 .strangers = job->values->strangers ? &job->strangers : NULL,
                                 .statistics = &job->watch.check,
                                 .unreadable = job->bad,
                                 .damaged = loader_damaged_count(job->inference.loader),
                                 .worst = (size_t)job->values->worst,
                                 .seconds = job->seconds};
    if (job->profile) {
        parts[0] = (struct profile_part){"waiting for photos", loader_waited(job->inference.loader)};
        parts[1] = (struct profile_part){"network", job->profile->prefix + job->profile->suffix};
        result.profile = &job->sums;
        result.parts = parts;
        result.part_count = PARTS;
    }
    return result;
}

static enum status tell(struct job *job, struct error *err)
{
    struct profile_part parts[PARTS];
    const struct eval_result result = result_of(job, parts);
    struct confusion confusion = {0};
    enum status status = confusion_make(&confusion, &job->metrics, err);
    if (status == OK)
        status = (job->values->json ? eval_show_json : eval_show_text)(&result, &confusion, err);
    confusion_free(&confusion);
    return status;
}

static enum status write_page(struct job *job, const struct arguments *args, struct error *err)
{
    static const char *const left_out[] = {"json", "quiet", "report", "threads", NULL};
    const struct eval_outputs *outputs = &job->outputs;
    const struct page_source source = {&job->model, &job->photos.list, &job->engine};
    struct eval_told told = {.model = job->values->model,
                             .data = job->photos.list.root,
                             .part = job->photos.part >= 0 ? part_choices[job->photos.part] : NULL,
                             .metrics = &job->metrics,
                             .temperature = outputs->measured ? outputs->report.temperature : 0,
                             .logits = &outputs->logits,
                             .unreadable = job->bad,
                             .damaged = loader_damaged_count(job->inference.loader)};
    char *command = NULL;
    size_t size;
    FILE *stream = open_memstream(&command, &size);
    if (!stream)
        return error_memory(err, "the command line", 0);
    shell_command_given(stream, args, left_out);
    enum status status = fclose(stream) == 0 ? OK : error_memory(err, "the command line", 0);
    told.command = command;
    /* The gallery looks at its photos with a network of its own. */
    inference_close(&job->inference);
    if (status == OK)
        status = eval_page_write(&job->page, &told, &source, err);
    free(command);
    return status;
}

/* After the report. An assertion is about all photos:
 * where some could not be read it has no answer, and 65 or 74 wins. */
static enum status judge(const struct job *job, const struct arguments *args, struct error *err)
{
    double accuracy = metrics_accuracy(&job->metrics), wanted = job->values->assert_accuracy;
    bool asked = arguments_given(args, "assert-accuracy");
    char behind[120] = "; the others are measured";
    if (asked)
        snprintf(behind, sizeof behind,
                 ", so --assert-accuracy %g cannot be decided; the accuracy of the others is %.4f", wanted, accuracy);
    if (job->bad)
        return inference_unreadable(job->bad, job->failed, job->photos.list.count, behind, err);
    if (job->strangers.bad)
        return inference_unreadable(job->strangers.bad, job->strangers.failed, job->strangers.list.count,
                                    "; the others are measured", err);
    if (!asked || accuracy >= wanted)
        return OK;
    return error_set(err, ERR_NO, "accuracy %.4f is below the %.4f that --assert-accuracy requires", accuracy, wanted);
}

static enum status run(const struct arguments *args, struct error *err)
{
    struct job job = {.values = args->values};
    if (!job.values->model)
        return error_set(err, ERR_USAGE, "--model is needed: best.safetensors of a run");
    job.engine = job.values->engine;
    signals_catch();
    enum status status = prepare(&job, args, err);
    if (status == OK && job.values->profile)
        status = start_profile(&job, err);
    if (status == OK)
        status = measure(&job, err);
    if (status == OK && !signals_stop()) {
        status = tell(&job, err);
        if (status == OK && job.values->report)
            status = write_page(&job, args, err);
        if (status == OK)
            status = judge(&job, args, err);
    }
    eval_strangers_free(&job.strangers);
    eval_page_free(&job.page);
    inference_close(&job.inference);
    if (job.outputs.calibrate && job.outputs.measured && job.record.folder)
        run_page_renew(job.record.folder);
    eval_outputs_free(&job.outputs);
    metrics_free(&job.metrics);
    profile_sums_free(&job.sums);
    profile_destroy(job.profile);
    statistics_watch_stop(&job.watch);
    photo_list_free(&job.photos.list);
    record_config_free(&job.record);
    model_close(&job.model);
    return status;
}

const struct command cmd_eval = {
    .name = "eval",
    .summary = "measure a model on photos whose classes are known",
    .usage = "--model FILE [options]",
    .description =
        "Classifies photos, compares the answers with the folders that hold the photos, and prints accuracy, loss, "
        "precision, recall and F1 of each class, the confusion matrix and the worst mistakes. Classes are matched by "
        "name; if the model has no class names, its outputs are mapped to the folders in order, and a remark says so. "
        "Without --data, eval measures the photos that the model's run validated, prepared as in the run; with --data, "
        "those of DIR/val or of DIR, and it warns when the model was trained on some of them. This needs the model to "
        "be in its run's folder. A remark says when the running statistics of the weights do not fit the first photos: "
        "pixels of another scale, or the weights of another network. Photos that cannot be read are named on stderr; "
        "the others are measured, and the exit code is then 65.",
    .examples = "  freezetune eval --model runs/1\n"
                "  freezetune eval --model runs/1/best.safetensors --data photos\n"
                "  freezetune eval --model runs/1 --calibrate\n"
                "  freezetune eval --model runs/1/best.safetensors --assert-accuracy 0.9 --json\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 0,
    .operands_most = 0,
    .run = run,
};
