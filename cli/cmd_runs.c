/* freezetune runs: the runs of a folder side by side. */
#include "cli/commands.h"
#include "cli/run/show_runs.h"

struct values {
    int sort, format;
    bool json;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_CHOICE, "sort", struct values, sort, .choices = run_orders, .initial = "name",
               .help = "sort the runs by this, the best first"),
    OPTION_ROW("Common", OPTION_CHOICE, "format", struct values, format, .choices = table_formats, .initial = "table",
               .help = "print the list in this format"),
    OPTION_ROW("Common", OPTION_FLAG, "json", struct values, json,
               .help = "print one JSON object, with the folders that are no runs"),
};

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    const char *folder = args->operand_count ? args->operands[0] : "runs";
    struct run_list list;
    struct run_options differing = {0};
    if (v->json && arguments_given(args, "format"))
        return error_set(err, ERR_USAGE, "--json and --format cannot be combined");
    enum status status = run_list_read(&list, folder, err);
    if (status == OK) {
        run_list_sort(&list, (enum run_order)v->sort);
        status = run_options_differing(&differing, &list, err);
    }
    if (status == OK) {
        show_runs_remarks(folder, &list);
        if (v->json)
            show_runs_json(folder, &list, &differing);
        else
            status = show_runs_table(&list, &differing, (enum table_format)v->format, err);
    }
    run_options_free(&differing);
    run_list_free(&list);
    return status;
}

const struct command cmd_runs = {
    .name = "runs",
    .summary = "list and compare the runs of a folder",
    .usage = "[options] [DIR]",
    .description =
        "Shows each run of DIR (default: runs) with its state, network, freeze point, best epoch and the options that "
        "are not the same in all of them; of a sweep and of --folds the runs in it. DIR may also be a run, a sweep or "
        "folds. A run is finished, running, interrupted (--resume continues it), diverged, or damaged: the file and "
        "what is wrong with it are named.",
    .examples = "  freezetune runs\n"
                "  freezetune runs --sort accuracy\n"
                "  freezetune runs runs/3 --format csv\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_most = 1,
    .run = run,
};
