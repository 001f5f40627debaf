/* freezetune report: a page of all that there is to see of a run, a sweep or folds. */
#include "cli/commands.h"
#include "cli/run/page/run_page.h"
#include "cli/shell/engine_options.h"
#include "cli/shell/remark.h"

struct values {
    const char *out;
    long long photos, max_size;
    bool quiet;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_STRING, "out", struct values, out, .placeholder = "FILE",
               .shown = "report.html in the folder", .help = "write the page to this file"),
    OPTION_ROW("Common", OPTION_INT, "photos", struct values, photos, .placeholder = "N", .initial = "200",
               .high = 2000, .help = "show at most N validation photos: mistakes, unsure answers and a sample"),
    OPTION_ROW("Common", OPTION_SIZE, "max-size", struct values, max_size, .placeholder = "SIZE", .initial = "20M",
               .low = 1, .high = 1e12, .help = "leave pictures out where the page would become larger"),
    OPTION_ROW("Common", OPTION_FLAG, "quiet", struct values, quiet, .help = "print no remarks or warnings"),
};

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    const struct run_page_options page = {.out = v->out, .photos = (size_t)v->photos, .max_size = (size_t)v->max_size};
    if (v->quiet)
        remarks_silence();
    bool is_sweep, is_folds = false;
    enum status status = sweep_page_write(&is_sweep, args->operands[0], v->out, err);
    if (status == OK && !is_sweep)
        status = folds_page_write(&is_folds, args->operands[0], &page, err);
    return status == OK && !is_sweep && !is_folds ? run_page_write(args->operands[0], &page, err) : status;
}

const struct command cmd_report = {
    .name = "report",
    .summary = "write a page that shows a run, a sweep or folds: curves, confusion, photos",
    .usage = "[options] RUN|SWEEP|FOLDS",
    .description =
        "Writes RUN/report.html from the files of the run, one file that fetches nothing: the result with its interval, "
        "curves, confusion matrix, classes, validation photos as the network saw them, and how far the probabilities "
        "can be trusted. Of a sweep it shows the freeze points with intervals, their cost and the choice, of a run of "
        "train --folds the folds, and the predictions of all of them together. train and sweep write it too. The same folder gives the same bytes.",
    .examples = "  freezetune report runs/1\n"
                "  freezetune report runs/1 --out flowers.html --photos 500\n"
                "  freezetune report runs/2/6-0.003\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 1,
    .operands_most = 1,
    .run = run,
};
