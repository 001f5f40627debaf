/* freezetune predict: the classes of photos. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/model/classes_option.h"
#include "cli/model/inference.h"
#include "cli/model/preprocess_remark.h"
#include "cli/model/unknown_options.h"
#include "cli/report/predict_files.h"
#include "cli/report/predict_output.h"
#include "cli/report/predict_stream.h"
#include "cli/run/predict_trained.h"
#include "cli/run/record_config.h"
#include "cli/run/show_statistics.h"
#include "cli/shell/choice_options.h"
#include "cli/shell/paths.h"
#include "cli/shell/preprocess_options.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"

struct values {
    struct engine_options engine;
    struct preprocess_options preprocess;
    struct weight_choice choice;
    struct unknown_options unknown;
    const char *model, *out, *logits, *features, *cam, *classes;
    long long top_k, batch_size;
    int format, tta;
    bool null, stream;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_STRING, "model", struct values, model, .placeholder = "FILE",
               .help = "use this model: best.safetensors of a run, or plain ImageNet weights (required)"),
    OPTION_ROW("Common", OPTION_INT, "top-k", struct values, top_k, .placeholder = "K", .initial = "5", .low = 1,
               .high = 1e9, .help = "show the K most probable classes of each photo"),
    CHOICE_ROWS("Common", struct values, choice),
    CLASSES_ROW("Common", struct values, classes),
    OPTION_ROW("Common", OPTION_CHOICE, "format", struct values, format, .choices = table_formats, .initial = "table",
               .help = "write the answers in this format"),
    OPTION_ROW("Common", OPTION_FLAG, "stream", struct values, stream,
               .help = "answer each line of stdin, the path of a photo, by one line as it comes (jsonl, or tsv and csv "
                       "with the best class); a photo that cannot be read is answered by a line that says why"),
    UNKNOWN_ROWS(struct values, unknown),
    OPTION_ROW("Output", OPTION_STRING, "out", struct values, out, .placeholder = "FILE", .shown = "stdout",
               .help = "write the answers to this file"),
    OPTION_ROW("Output", OPTION_STRING, "logits", struct values, logits, .placeholder = "FILE",
               .help = "also write the network's raw outputs, [photos, classes], as safetensors; with --tta the "
                       "logarithms of the probabilities"),
    OPTION_ROW("Output", OPTION_STRING, "features", struct values, features, .placeholder = "FILE",
               .help = "also write what the last layer reads (2,048 numbers a photo of a ResNet-50), [photos, "
                       "features], as .safetensors or NumPy's .npy"),
    OPTION_ROW("Output", OPTION_STRING, "cam", struct values, cam, .placeholder = "DIR",
               .help = "also write pictures with class activation maps, which show what in each photo speaks for its "
                       "answer, into this new folder; jsonl has their numbers"),
    ENGINE_ROW_QUIET(struct values),
    ENGINE_ROW_EXIF(struct values),
    ENGINE_ROW_DECODE(struct values),
    PREPROCESS_ROWS(struct values),
    INFERENCE_ROW_TTA(struct values, tta),
    OPTION_ROW("Photos", OPTION_FLAG, "null", struct values, null,
               .help = "read NUL-terminated paths from stdin, as find -print0 writes them"),
    ENGINE_ROW_THREADS(struct values),
    OPTION_ROW("Engine", OPTION_INT, "batch-size", struct values, batch_size, .placeholder = "N", .initial = "16",
               .low = 1, .high = 4096, .help = "compute N photos together"),
    ENGINE_ROW_CONV(struct values),
    ENGINE_ROW_PRECISION(struct values),
};

/* A predict under way. */
struct job {
    const struct values *values;
    struct model model;
    struct photo_list photos;
    struct inference inference;
    struct statistics_watch watch;
    struct outfile outfile;
    bool outfile_open;
    struct predict_output output;
    struct predict_files files;
    struct predict_stream stream; /* with --stream, instead of `photos` and `files` */
    size_t bad_reported, failed;  /* failed: of these, for a disk or a share that did not answer */
};

static enum status list_photos(struct job *job, const struct arguments *args, struct error *err)
{
    bool list_read = false;
    enum status status = OK;
    job->photos.forgiving = true;
    for (size_t i = 0; i < args->operand_count && status == OK; i++) {
        const char *path = args->operands[i];
        bool list = strcmp(path, "-") == 0;
        if (!list)
            status = photo_list_add(&job->photos, path, err);
        else if (!list_read)
            status = photo_list_add_stream(&job->photos, stdin, job->values->null ? '\0' : '\n', err);
        list_read = list_read || list;
    }
    if (status == OK && job->values->null && !list_read)
        status = error_set(err, ERR_USAGE, "--null only applies to a list on stdin; pass - as the operand");
    if (status == OK && job->photos.count == 0 && job->photos.others > 0)
        status = error_set(err, ERR_NOINPUT, "no photos: none of the %zu files is a photo (the first: %s)",
                           job->photos.others, job->photos.other);
    else if (status == OK && job->photos.count == 0)
        status = error_set(err, ERR_NOINPUT, "no photos: the list or the folder is empty");
    return status;
}

/* Names the photos that the loader found bad since the last call. */
static void report_bad(struct job *job)
{
    const struct loader *loader = job->inference.loader;
    for (; job->bad_reported < loader_bad_count(loader); job->bad_reported++) {
        struct photo_fault bad = loader_bad_get(loader, job->bad_reported);
        job->failed += bad.failed;
        warn("%s: %s", photo_name(&job->photos, bad.photo), bad.reason);
    }
}

/* What in the folders is not asked for its class, and folders that could not be read: their row is there. */
static enum status report_folders(struct job *job, struct error *err)
{
    const struct photo_list *photos = &job->photos;
    enum status status = OK;
    if (photos->others > 0)
        remark("%zu file%s ignored (%s%s)", photos->others,
               photos->others == 1 ? " that is not a photo was" : "s that are not photos were",
               photos->others == 1 ? "" : "the first: ", photos->other);
    for (size_t i = 0; i < photos->unread_count && status == OK; i++)
        status = loader_mark_bad(job->inference.loader, photos->unread[i].photo, photos->unread[i].reason, err);
    report_bad(job);
    return status;
}

static enum status write_batch(struct job *job, const struct photo_batch *batch, const float *logits, struct error *err)
{
    size_t classes = job->model.info.classes.count;
    enum status status = OK;
    for (size_t i = 0; i < batch->count && status == OK; i++) {
        const float *own = logits + i * classes;
        status = predict_files_add(&job->files, &job->output.cam, batch, i, own, err);
        if (status == OK)
            status = predict_output_photo(&job->output, photo_name(&job->photos, batch->photos[i]), own, err);
    }
    return status;
}

static enum status predict(struct job *job, struct error *err)
{
    struct progress progress;
    const struct photo_batch *batch = NULL;
    const float *logits = NULL;
    FILE *out = job->outfile_open ? job->outfile.stream : stdout;
    enum status status = report_folders(job, err);
    progress_start(&progress, "predict", "photos", job->photos.count);
    loader_start(job->inference.loader, NULL, job->photos.count, 0, 0, AUGMENT_NONE);
    while (status == OK && !signals_stop()) {
        status = inference_next(&job->inference, &batch, &logits, err);
        report_bad(job);
        if (status == OK)
            status = statistics_watch_look(&job->watch, !batch, err);
        if (status != OK || !batch)
            break;
        progress_clear();
        status = write_batch(job, batch, logits, err);
        if (status == OK && (fflush(out) != 0 || ferror(out)))
            break; /* said when the stream is closed */
        if (!job->values->engine.quiet)
            progress_update(&progress, batch->position, NULL);
    }
    progress_end(&progress);
    return status;
}

/* An answer that took the place of a photo or of the model would be a loss. */
static enum status refuse_input(const struct job *job, const char *option, const char *path, struct error *err)
{
    char photo[4096];
    bool same = path && path_same_file(path, job->model.path);
    for (size_t i = 0; path && i < job->photos.count && !same; i++)
        same = photo_path(photo, sizeof photo, &job->photos, i) && path_same_file(path, photo);
    return same ? error_set(err, ERR_USAGE, "--%s %s: is one of the inputs", option, path) : OK;
}

/* Two answers under one name would be one. */
static enum status check_outputs(const struct job *job, struct error *err)
{
    const struct values *v = job->values;
    const struct {
        const char *option, *path;
    } files[] = {{"out", v->out}, {"logits", v->logits}, {"features", v->features}, {"cam", v->cam}};
    enum status status = OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && status == OK; i++) {
        const char *path = files[i].path;
        status = refuse_input(job, files[i].option, path, err);
        for (size_t j = 0; j < i && status == OK; j++)
            if (path && files[j].path && (strcmp(path, files[j].path) == 0 || path_same_file(path, files[j].path)))
                status = error_set(err, ERR_USAGE, "--%s %s: is also the file of --%s; choose another", files[i].option,
                                   path, files[j].option);
    }
    return status;
}

static enum status watch_statistics(struct job *job, struct error *err)
{
    struct record_config record;
    enum status status = record_config_read(&record, &job->model, err);
    if (status == OK && !record.folder)
        status = statistics_watch_start(&job->watch, job->inference.exec, job->inference.plan, job->model.path,
                                        job->photos.count, err);
    record_config_free(&record);
    return status;
}

/* The model, and how it is asked. */
static enum status prepare_model(struct job *job, double *threshold, const struct arguments *args, struct error *err)
{
    const struct values *v = job->values;
    enum status status = model_open(&job->model, v->model, &v->choice, err);
    if (status == OK)
        status = classes_override(&job->model.info, v->classes, job->model.path, err);
    if (status == OK)
        status = unknown_threshold(threshold, &v->unknown, args, &job->model, v->tta != TTA_NONE, err);
    if (status == OK)
        status = model_check_answers(&job->model, false, err);
    if (status == OK && job->model.info.problem == PROBLEM_MULTI_LABEL && v->tta != TTA_NONE)
        status = error_set(err, ERR_USAGE, "--tta flip cannot be combined with a multi-label model");
    if (status == OK && predict_files_want_cam(&job->files) && v->tta != TTA_NONE)
        status = error_set(err, ERR_USAGE, "--%s cannot be combined with --tta flip: it shows a single pass",
                           v->cam ? "cam" : "features");
    preprocess_override(&job->model.info.preprocess, &v->preprocess);
    return status;
}

/* The engine for a list, and what is said of the model before the first answer. */
static enum status open_inference(struct job *job, const struct photo_list *photos, long long batch, struct error *err)
{
    const struct model *model = &job->model;
    bool cam = predict_files_want_cam(&job->files);
    const struct engine_options *engine = &job->values->engine;
    enum status status = job->values->stream ? inference_open_stream(&job->inference, model, photos, engine, err)
                                             : (cam ? inference_open_cam : inference_open)(
                                                   &job->inference, model, photos, engine, (size_t)batch, false, err);
    if (status == OK)
        status = inference_set_tta(&job->inference, job->values->tta, model, err);
    if (status != OK)
        return status;
    preprocess_remark(model->info.says_preprocess || preprocess_given(&job->values->preprocess), model->info.oblong,
                      &model->info.preprocess, model->path);
    classes_remark(&model->info, model->path);
    return OK;
}

static void ask(struct predict_output *output, const struct model_info *info, double threshold)
{
    output->multi_label = info->problem == PROBLEM_MULTI_LABEL;
    output->temperature = info->calibration.temperature;
    output->threshold = threshold;
}

static enum status prepare(struct job *job, const struct arguments *args, struct error *err)
{
    const struct values *v = job->values;
    double threshold = 0;
    enum status status = prepare_model(job, &threshold, args, err);
    if (status == OK)
        status = list_photos(job, args, err);
    if (status == OK)
        status = check_outputs(job, err);
    if (status == OK)
        status = open_inference(job, &job->photos, v->batch_size, err);
    if (status == OK && !v->engine.quiet)
        status = predict_remark_trained(&job->model, &job->photos, err);
    if (status == OK && !v->engine.quiet)
        status = watch_statistics(job, err);
    if (status == OK && v->out) {
        status = outfile_open(&job->outfile, v->out, err);
        job->outfile_open = status == OK;
    }
    if (status == OK)
        status = predict_files_start(&job->files, &job->inference, err);
    if (status == OK)
        status = predict_output_start(&job->output, job->outfile_open ? job->outfile.stream : stdout,
                                      (enum table_format)v->format, &job->model.info.classes, (size_t)v->top_k, err);
    if (status == OK)
        ask(&job->output, &job->model.info, threshold);
    return status;
}

static void remark_answers(const struct job *job, size_t photos, size_t bad)
{
    size_t damaged = loader_damaged_count(job->inference.loader);
    if (damaged > 0)
        warn("%zu of %zu photos %s damaged; the answer covers only the part that could be decoded", damaged, photos,
             damaged == 1 ? "is" : "are");
    if (job->output.threshold > 0)
        remark("%zu of %zu photos are unknown: below the threshold", job->output.unknown, photos - bad);
}

/* Everything about --stream: there is no list of photos, and no file to write. */
static enum status answer_stream(struct job *job, const struct arguments *args, struct error *err)
{
    const struct values *v = job->values;
    struct predict_stream *stream = &job->stream;
    int format = v->format;
    long long top = v->top_k;
    double threshold = 0;
    enum status status = predict_stream_options(&format, &top, args, err);
    if (status == OK)
        status = prepare_model(job, &threshold, args, err);
    predict_stream_start(stream, v->null);
    if (status == OK)
        status = open_inference(job, &stream->list, 1, err);
    if (status == OK)
        status = predict_output_start_stream(&job->output, stdout, (enum table_format)format, &job->model.info.classes,
                                             (size_t)top, err);
    if (status != OK)
        return status;
    ask(&job->output, &job->model.info, threshold);
    status = predict_stream_run(stream, &job->inference, &job->output, err);
    if (status == OK)
        remark_answers(job, stream->answered, stream->bad);
    predict_output_end(&job->output);
    if (status == OK && stream->bad > 0 && !signals_stop())
        status = inference_unreadable(stream->bad, stream->failed, stream->answered, "; the others are done", err);
    return status;
}

static enum status finish(struct job *job, struct error *err)
{
    enum status status = OK;
    remark_answers(job, job->photos.count, job->bad_reported);
    predict_output_end(&job->output);
    if (signals_stop())
        return OK; /* no half answers under a final name */
    if (job->outfile_open) {
        status = outfile_commit(&job->outfile, err);
        job->outfile_open = false;
    }
    if (status == OK)
        status = predict_files_write(&job->files, err);
    if (status == OK && job->bad_reported)
        status = inference_unreadable(job->bad_reported, job->failed, job->photos.count, "; the others are done", err);
    return status;
}

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    struct job job = {.values = v,
                      .files = {.logits_path = v->logits, .features_path = v->features, .cam_path = v->cam}};
    if (!job.values->model)
        return error_set(err, ERR_USAGE, "--model is needed: best.safetensors of a run, or a file of ImageNet weights");
    if (!v->stream && args->operand_count == 0)
        return error_set(err, ERR_USAGE, "too few arguments; usage: freezetune predict %s", args->command->usage);
    signals_catch();
    if (v->engine.quiet) /* the model has remarks before the engine starts */
        remarks_silence();
    enum status status = v->stream ? answer_stream(&job, args, err) : prepare(&job, args, err);
    if (status == OK && !v->stream)
        status = predict(&job, err);
    if (status == OK && !v->stream)
        status = finish(&job, err);
    predict_output_discard(&job.output);
    predict_files_free(&job.files);
    if (job.outfile_open)
        outfile_discard(&job.outfile);
    statistics_watch_stop(&job.watch);
    inference_close(&job.inference);
    photo_list_free(&job.photos);
    model_close(&job.model);
    return status;
}

const struct command cmd_predict = {
    .name = "predict",
    .summary = "name the classes of photos",
    .usage = "--model FILE [options] PHOTO|FOLDER|- ... | --stream",
    .description =
        "Names the most probable classes of photos: files, the photos in folders, or - for a list of paths on stdin. "
        "Photos that cannot be read are named on stderr; the others are done, and the exit code is then 65. With plain "
        "ImageNet weights the classes are those of ImageNet. A model that eval --calibrate has given a temperature "
        "answers with probabilities at that temperature, and a remark says so. A remark says when the running statistics of the weights "
        "do not fit the first photos: pixels of another scale, or the weights of another network.",
    .examples = "  freezetune predict --model runs/1/best.safetensors photo.jpg\n"
                "  freezetune predict --model resnet50.safetensors --format jsonl photos/\n"
                "  freezetune predict --model runs/1 --error 0.05 photos/\n"
                "  find photos -print0 | freezetune predict --model m.safetensors --null -\n"
                "  tail -f new-photos.txt | freezetune predict --model runs/1 --stream\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 0, /* with --stream; else one, see run */
    .operands_most = SIZE_MAX,
    .run = run,
};
