/* freezetune check: looks at photos before they are trained on. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/report/findings.h"
#include "cli/report/findings_look.h"
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
    const char *tsv;
    long long worst;
    bool json;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_INT, "worst", struct values, worst, .placeholder = "N", .initial = "5", .high = 1000000,
               .help = "show the N worst examples of each problem"),
    OPTION_ROW("Output", OPTION_STRING, "tsv", struct values, tsv, .placeholder = "FILE",
               .help = "write all findings to this file, a line each, tab-separated; - writes them to stdout instead "
                       "of the tables"),
    OPTION_ROW("Output", OPTION_FLAG, "json", struct values, json, .help = "print one JSON object instead of tables"),
    ENGINE_ROW_QUIET(struct values),
    ENGINE_ROW_EXIF(struct values),
    ENGINE_ROW_THREADS(struct values),
};

/* A check under way. */
struct job {
    const struct values *values;
    char *data; /* the folder */
    struct pool *pool;
    struct dataset dataset;
    struct scan_report scan;
    struct quality_photo *photos; /* [train, then val] */
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

static enum status look(struct job *job, struct error *err)
{
    const struct image_options image = engine_image_options(&job->values->engine);
    bool stopped = false;
    enum status status = scan_dataset(&job->scan, &job->dataset, &image, job->pool, err);
    if (status != OK || signals_stop())
        return status;
    progress_start(&job->progress, "check", "photos", photo_count(job));
    status =
        quality_dataset(&job->photos, &job->dataset, &job->scan, &image, job->pool, watch_photos, job, &stopped, err);
    progress_end(&job->progress);
    if (status != OK || stopped)
        return status;
    status = findings_look_photos(&job->findings, &job->dataset, job->photos, err);
    if (status == OK)
        status = findings_look_duplicates(&job->findings, &job->dataset, &job->scan, err);
    if (status == OK)
        status = findings_look_classes(&job->findings, &job->dataset, job->photos, err);
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

static bool tsv_on_stdout(const struct job *job)
{
    return job->values->tsv && strcmp(job->values->tsv, "-") == 0;
}

static enum status tell(const struct job *job, struct error *err)
{
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

/* The exit code is the answer to "is all well?". */
static enum status judge(const struct job *job, struct error *err)
{
    size_t photos, all = photo_count(job), found = job->findings.count;
    enum status status = findings_photos(&photos, &job->findings, &job->dataset, err);
    if (status != OK || found == 0)
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
        "the largest, or without any in val. No photo is changed, moved or removed. The exit code is 0 when nothing "
        "was found, and 1 when something was.",
    .examples = "  freezetune check data\n"
                "  freezetune check data --tsv problems.tsv --worst 20\n"
                "  freezetune check photos --json\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 0,
    .operands_most = 1,
    .run = run,
};
