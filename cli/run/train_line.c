#include "cli/run/train_line.h"

#include "cli/run/ranks.h"
#include "cli/run/record_folder.h"
#include "cli/run/run_file.h"
#include "cli/shell/paths.h"

/* --resume-or-start becomes --resume where the folder has a config.json, else --out. */
static enum status choose(struct train_values *values, struct error *err)
{
    static const char *const begun_files[] = {"config.json", "photos.bin", NULL};
    const char *run = values->resume_or_start;
    bool begun;
    if (values->out || values->resume)
        return error_set(err, ERR_USAGE, "--resume-or-start names the run: it cannot be combined with --%s",
                         values->out ? "out" : "resume");
    enum status status = run_file_exists(&begun, run, "config.json", err);
    if (status != OK)
        return status;
    *(begun ? &values->resume : &values->out) = run;
    if (!begun && !values->dry_run)
        record_folder_tidy(run, begun_files);
    return OK;
}

/* Options of the command line must have a use beside those of the file. */
static enum status check_new(const struct arguments *args, const struct arguments *line, struct error *err)
{
    const struct train_values *values = line->values;
    const struct arguments given = {.command = args->command, .values = line->values, .given = args->given};
    enum status status = train_values_check(&given, err);
    if (status == OK && !values->dry_run)
        status = path_run_check(values->out, err);
    return status;
}

enum status train_line_open(struct train_line *out, const struct arguments *args, struct error *err)
{
    const struct train_values *values = args->values;
    enum status status = OK;
    *out = (struct train_line){.args = args};
    if (values->options && !values->resume) {
        status = train_options_file(&out->file, args, err);
        out->args = &out->file.arguments;
        values = out->args->values;
    }
    if (status == OK && values->resume_or_start)
        status = choose(out->args->values, err);
    if (status != OK)
        return status;
    if (values->resume) {
        status = train_options_resume(&out->recorded, out->args, err);
        out->args = &out->recorded.arguments;
        out->resumed = &out->recorded;
    }
    if (status == OK) {
        train_values_complete(out->args);
        ranks_complete(out->args->values, out->args);
    }
    return status == OK && !out->resumed ? check_new(args, out->args, err) : status;
}

void train_line_close(struct train_line *line)
{
    resumed_free(&line->file);
    resumed_free(&line->recorded);
    *line = (struct train_line){0};
}
