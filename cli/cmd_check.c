/* freezetune check: looks at photos before they are trained on. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/report/check_near.h"
#include "cli/report/findings.h"
#include "cli/report/findings_apply.h"
#include "cli/report/findings_labels.h"
#include "cli/report/findings_look.h"
#include "cli/report/findings_page.h"
#include "cli/report/findings_show.h"
#include "cli/shell/engine_options.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/data/quality_scan.h"
#include "core/data/scan.h"

struct values {
    struct engine_options engine;
    const char *tsv, *weights, *cache_dir, *apply, *report;
    struct option_list labels_from;
    double near;
    long long worst, image_size;
    int wrong_labels;
    bool json;
};

static const char *const near_words[] = {"off", NULL};
#define NEAR_OFF OPTION_WORD(0)

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_INT, "worst", struct values, worst, .placeholder = "N", .initial = "5", .high = 1000000,
               .help = "show the N worst examples of each problem"),
    OPTION_ROW("Common", OPTION_STRING, "weights", struct values, weights, .placeholder = "FILE",
               .shown = "as train finds them",
               .help = "compare photos by the features of this network; without any, copies in other bytes are not "
                       "looked for"),
    OPTION_ROW("Common", OPTION_FLOAT, "near", struct values, near, .placeholder = "X", .initial = "0.95", .high = 1,
               .choices = near_words,
               .help = "call two photos the same picture when they agree by X or more, laid over each other"),
    OPTION_ROW("Common", OPTION_LIST, "labels-from", struct values, labels_from, .placeholder = "RUN",
               .help = "list likely wrong and doubtful labels, judged by the folds of this train --folds K; may be "
                       "repeated for runs with other seeds, whose mean is more often right"),
    OPTION_ROW("Common", OPTION_STRING, "apply", struct values, apply, .placeholder = "FILE",
               .help =
                   "write a list for --labels without unreadable and one-coloured photos, the second of two copies, "
                   "and likely wrong labels; photos stay where they are"),
    OPTION_ROW("Common", OPTION_CHOICE, "wrong-labels", struct values, wrong_labels, .choices = wrong_label_choices,
               .initial = "leave-out",
               .help = "leave likely wrong labels out of the list of --apply, correct or keep "
                       "them"),
    OPTION_ROW("Output", OPTION_STRING, "tsv", struct values, tsv, .placeholder = "FILE",
               .help = "write all findings to this file, a line each, tab-separated; - writes them to stdout instead "
                       "of the tables"),
    OPTION_ROW("Output", OPTION_STRING, "report", struct values, report, .placeholder = "FILE",
               .help = "write a page with the pictures of the worst findings, for a browser; it fetches nothing"),
    OPTION_ROW("Output", OPTION_FLAG, "json", struct values, json, .help = "print one JSON object instead of tables"),
    ENGINE_ROW_QUIET(struct values),
    ENGINE_ROW_EXIF(struct values),
    OPTION_ROW("Photos", OPTION_INT, "image-size", struct values, image_size, .placeholder = "N", .initial = "224",
               .low = 32, .high = 1024, .help = "compare photos at this size, as train --image-size"),
    ENGINE_ROW_THREADS(struct values),
    OPTION_ROW("Engine", OPTION_STRING, "cache-dir", struct values, cache_dir, .placeholder = "DIR",
               .shown = "freezetune in $XDG_CACHE_HOME or ~/.cache",
               .help = "keep features in this folder, in which train finds them"),
};

/* A check under way. */
struct job {
    const struct values *values;
    char *data; /* the folder */
    struct pool *pool;
    struct dataset dataset;
    struct scan_report scan;
    struct quality_photo *photos; /* [train, then val] */
    struct align_photo *align;    /* the same; NULL without weights */
    struct model model;           /* its net is NULL without weights */
    struct label_counts labels[OPTION_LIST_MOST];
    struct findings findings;
    struct progress progress;
};

static bool watch_photos(void *context, size_t done, size_t all)
{
    struct job *job = context;
    (void)all;
    if (!job->values->engine.quiet)
        progress_update(&job->progress, done, NULL);
    return !signals_stop();
}

static size_t photo_count(const struct job *job)
{
    return job->dataset.train.count + job->dataset.val.count;
}

/* Whether there are weights, before photos are read for minutes. */
static enum status open_near(struct job *job, struct error *err)
{
    const struct values *v = job->values;
    char *why = NULL;
    void *memory;
    if (v->near == NEAR_OFF)
        return OK;
    enum status status = check_near_open(&job->model, &why, v->weights, (int)v->image_size, err);
    if (status == OK && why)
        remark("photos are not compared with each other, but for equal files: %s", why);
    if (status == OK && job->model.net) {
        status = memory_alloc(&memory, photo_count(job), sizeof *job->align, "the photos' small pictures", err);
        job->align = status == OK ? memory : NULL;
    }
    memory_free(why);
    return status;
}

static enum status look_near(struct job *job, bool *stopped, struct error *err)
{
    const struct values *v = job->values;
    const struct check_near check = {.engine = &v->engine,
                                     .weights = v->weights,
                                     .cache_dir = v->cache_dir,
                                     .image_size = (int)v->image_size,
                                     .least = (float)v->near,
                                     .watch = watch_photos,
                                     .context = job,
                                     .dataset = &job->dataset,
                                     .scan = &job->scan,
                                     .photos = job->photos,
                                     .align = job->align,
                                     .pool = job->pool};
    progress_start(&job->progress, "compare", NULL, photo_count(job));
    enum status status = check_near_look(&job->findings, &check, &job->model, stopped, err);
    progress_end(&job->progress);
    return status;
}

static enum status look_at_photos(struct job *job, bool *stopped, struct error *err)
{
    const struct image_options image = engine_image_options(&job->values->engine);
    progress_start(&job->progress, "check", "photos", photo_count(job));
    enum status status = quality_dataset(&job->photos, job->align, &job->dataset, &job->scan, &image, job->pool,
                                         watch_photos, job, stopped, err);
    progress_end(&job->progress);
    if (status != OK || *stopped)
        return status;
    status = findings_look_photos(&job->findings, &job->dataset, job->photos, err);
    if (status == OK)
        status = findings_look_duplicates(&job->findings, &job->dataset, &job->scan, err);
    return status == OK ? findings_look_classes(&job->findings, &job->dataset, job->photos, err) : status;
}

static enum status look(struct job *job, struct error *err)
{
    const struct image_options image = engine_image_options(&job->values->engine);
    const struct option_list *runs = &job->values->labels_from;
    bool stopped = false;
    enum status status = open_near(job, err);
    if (status == OK && runs->count > 0)
        status = findings_look_labels(&job->findings, job->labels, &job->dataset, runs->texts, runs->count, err);
    if (status == OK)
        status = scan_dataset(&job->scan, &job->dataset, &image, job->pool, err);
    if (status == OK && !signals_stop())
        status = look_at_photos(job, &stopped, err);
    if (status == OK && !signals_stop() && job->model.net)
        status = look_near(job, &stopped, err);
    for (size_t i = 0; status == OK && i < runs->count; i++)
        if (job->labels[i].unknown + job->labels[i].relabels > 0)
            remark("%s: %zu photos are not in this folder now, %zu have another label in it; they are not judged",
                   runs->texts[i], job->labels[i].unknown, job->labels[i].relabels);
    findings_sort(&job->findings);
    return status;
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

static void print_json(const struct job *job)
{
    const struct dataset *dataset = &job->dataset;
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "data", job->data);
    json_int(&json, "train", (int64_t)dataset->train.count);
    json_int(&json, "val", (int64_t)dataset->val.count);
    json_open(&json, "classes", '[');
    for (size_t k = 0; k < dataset->classes.count; k++) {
        json_open(&json, NULL, '{');
        json_text(&json, "class", dataset->classes.names[k]);
        json_int(&json, "train", job->scan.classes[k].train);
        json_int(&json, "val", job->scan.classes[k].val);
        json_close(&json);
    }
    json_close(&json);
    findings_json(&json, &job->findings, dataset);
    json_close(&json);
    json_end(&json);
}

static enum status print_text(const struct job *job, struct error *err)
{
    const struct dataset *dataset = &job->dataset;
    char train[NUMBER_TEXT], val[NUMBER_TEXT], shown[PATH_SHOWN];
    printf("%s: %s photos in train, %s in val, %zu classes\n", path_shown(shown, job->data, stdout),
           number_count(train, dataset->train.count), number_count(val, dataset->val.count), dataset->classes.count);
    if (job->findings.count == 0) {
        puts("no problems found");
        return OK;
    }
    putchar('\n');
    enum status status = findings_show_counts(stdout, &job->findings, err);
    if (status != OK || job->values->worst == 0)
        return status;
    putchar('\n');
    return findings_show_worst(stdout, &job->findings, dataset, (size_t)job->values->worst, err);
}

static enum status write_tsv(const struct job *job, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open(&file, job->values->tsv, err);
    if (status != OK)
        return status;
    status = findings_write_tsv(file.stream, &job->findings, &job->dataset, err);
    return outfile_end(&file, status, err);
}

/* "3 unreadable, 1 repeat" */
static void list_left_out(char *out, size_t size, const struct applied *applied)
{
    size_t used = 0;
    out[0] = '\0';
    for (int kind = 0; kind < FINDING_KINDS && used < size; kind++)
        if (applied->left_out[kind] > 0)
            used += (size_t)snprintf(out + used, size - used, "%s%zu %s", used ? ", " : "", applied->left_out[kind],
                                     finding_abouts[kind].name);
}

static enum status write_list(const struct job *job, struct error *err)
{
    const struct values *v = job->values;
    struct outfile file;
    struct applied applied;
    char left_out[600];
    enum status status = outfile_open(&file, v->apply, err);
    if (status != OK)
        return status;
    status =
        findings_apply(file.stream, &applied, &job->findings, &job->dataset, (enum wrong_labels)v->wrong_labels, err);
    status = outfile_end(&file, status, err);
    if (status != OK)
        return status;
    list_left_out(left_out, sizeof left_out, &applied);
    remark("%s: lists %zu of %zu photos; left out: %s; corrected: %zu", v->apply, applied.listed, photo_count(job),
           left_out[0] ? left_out : "none", applied.corrected);
    if (applied.unnamed > 0)
        warn("%s: %zu photos are left out because their names are not UTF-8: rename them", v->apply, applied.unnamed);
    return OK;
}

static enum status write_page(const struct job *job, struct error *err)
{
    const struct image_options image = engine_image_options(&job->values->engine);
    struct outfile file;
    enum status status = outfile_open(&file, job->values->report, err);
    if (status != OK)
        return status;
    status = findings_page(file.stream, &job->findings, &job->dataset, job->data, &image, err);
    return outfile_end(&file, status, err);
}

static bool tsv_on_stdout(const struct job *job)
{
    return job->values->tsv && strcmp(job->values->tsv, "-") == 0;
}

static enum status tell(const struct job *job, struct error *err)
{
    if (job->values->report) {
        enum status status = write_page(job, err);
        if (status != OK)
            return status;
    }
    if (job->values->apply) {
        enum status status = write_list(job, err);
        if (status != OK)
            return status;
    }
    if (tsv_on_stdout(job))
        return findings_write_tsv(stdout, &job->findings, &job->dataset, err);
    enum status status = job->values->tsv ? write_tsv(job, err) : OK;
    if (status != OK)
        return status;
    if (job->values->json) {
        print_json(job);
        return OK;
    }
    return print_text(job, err);
}

/* The exit code is the answer to "is all well?"; with --apply it was not asked. */
static enum status judge(const struct job *job, struct error *err)
{
    size_t photos, all = photo_count(job), found = job->findings.count;
    enum status status = findings_photos(&photos, &job->findings, &job->dataset, err);
    if (status != OK || found == 0 || job->values->apply)
        return status;
    return error_set(err, ERR_NO, "%s: %zu problem%s, which concern%s %zu of %zu photos", job->data, found,
                     found == 1 ? "" : "s", found == 1 ? "s" : "", photos, all);
}

static enum status prepare(struct job *job, const struct arguments *args, struct error *err)
{
    const struct values *v = job->values;
    if (v->json && tsv_on_stdout(job))
        return error_set(err, ERR_USAGE, "--json and --tsv -: only one of them can be written to stdout");
    enum status status = path_data(&job->data, args->operand_count ? args->operands[0] : NULL, err);
    if (status == OK)
        status = engine_start(&job->pool, &v->engine, err);
    if (status == OK)
        status = dataset_open_all(&job->dataset, job->data, err);
    if (status == OK && job->dataset.train.note)
        remark("photos: %s", job->dataset.train.note);
    return status;
}

static enum status run(const struct arguments *args, struct error *err)
{
    struct job job = {.values = args->values};
    signals_catch();
    enum status status = prepare(&job, args, err);
    if (status == OK)
        status = look(&job, err);
    if (status == OK && !signals_stop())
        status = tell(&job, err);
    if (status == OK && !signals_stop())
        status = judge(&job, err);
    findings_free(&job.findings);
    model_close(&job.model);
    memory_free(job.align);
    quality_photos_free(job.photos, photo_count(&job));
    scan_report_free(&job.scan);
    dataset_close(&job.dataset);
    pool_destroy(job.pool);
    memory_free(job.data);
    return status;
}

const struct command cmd_check = {
    .name = "check",
    .summary = "look for photos and classes that will harm a training",
    .usage = "[options] [DIR]",
    .description =
        "Decodes every photo of a folder as train reads it (DIR, default ./data) and lists what is wrong: photos that "
        "are unreadable, damaged, tiny, of one colour, dark, bright, blurred or of an odd shape; files that are there "
        "twice, within a class, between classes, or in train and val; classes with few photos, with far fewer than "
        "the largest, or without any in val. With pretrained weights it also finds the same picture in other bytes: "
        "turned, mirrored, cut, brighter, smaller or compressed again; with --labels-from, labels that are likely "
        "wrong, or doubtful. No photo is changed, moved or removed. The exit code is 0 when nothing was found or a list was "
        "written (--apply), and 1 when something was found.",
    .examples = "  freezetune check data\n"
                "  freezetune check data --tsv problems.tsv --worst 20\n"
                "  freezetune check photos --labels-from runs/5 --apply good.csv\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 0,
    .operands_most = 1,
    .run = run,
};
