/* freezetune sweep: which freeze point, which rate? Trains each combination and says which to take. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/run/estimate.h"
#include "cli/run/job_time.h"
#include "cli/run/page/run_page.h"
#include "cli/run/series.h"
#include "cli/run/run_memory.h"
#include "cli/run/show_plan.h"
#include "cli/run/show_statistics.h"
#include "cli/run/show_sweep.h"
#include "cli/run/sweep_parts.h"
#include "cli/run/sweep_plan.h"
#include "cli/run/train_line.h"
#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "cli/shell/table.h"
#include "core/base/clock.h"
#include "core/base/disk.h"
#include "core/base/file.h"
#include "core/base/memory.h"

/* Begins with the values of train, whose options are ours too. */
struct sweep_values {
    struct train_values train;
    const char *points, *rates, *limits;
    long long number;
    int format;
    bool list, finish;
};

#define TEXT(name, field, ...) OPTION_ROW("Main", OPTION_STRING, name, struct sweep_values, field, __VA_ARGS__)

static const struct option options[] = {
    TEXT("freeze-until", points, .placeholder = "LIST", .initial = "4..9",
         .help = "try these freeze points: numbers or names of children, a range 4..9 or a list 6,8,9"),
    TEXT("lr", rates, .placeholder = "LIST", .shown = LR_DEFAULTS,
         .help = "try these learning rates: A,B,C; `find` searches for one at each freeze point"),
    TEXT("out", train.out, .placeholder = "SWEEP", .shown = "runs/1, runs/2, ...",
         .help = "write everything to this folder, each run to SWEEP/<freeze>-<lr>"),
    TEXT("resume", train.resume, .placeholder = "SWEEP",
         .help = "resume a sweep that was stopped: finished runs stay, the interrupted one continues"),
    TEXT("resume-or-start", train.resume_or_start, .placeholder = "SWEEP",
         .help = "resume this sweep where it was begun, else start it there. Options must be those of the sweep"),
    OPTION_ROW("Main", OPTION_FLAG, "list", struct sweep_values, list,
               .help = "make the folder and train nothing: print a line for each combination, its number, its run and "
                       "its state with tabs between them"),
    OPTION_ROW("Main", OPTION_INT, "run", struct sweep_values, number, .placeholder = "K", .shown = "all", .low = 1,
               .high = 1e6,
               .help =
                   "with --resume: train combination K of --list alone; others may be trained at the same time, also "
                   "by other machines"),
    OPTION_ROW("Main", OPTION_FLAG, "finish", struct sweep_values, finish,
               .help =
                   "with --resume: train nothing, make the table and the recommendation of what is there; exit code "
                   "1 when combinations are missing"),
    OPTION_ROW("Photos", OPTION_STRING, "limit", struct sweep_values, limits, .placeholder = "LIST", .shown = "all",
               .help =
                   "try these numbers of training photos of each class, such as 10,20,40,all, and say how much more "
                   "photos would help"),
    OPTION_ROW("Photos", OPTION_CHOICE, "augment", struct sweep_values, train.augment, .choices = augment_names,
               .initial = "flip",
               .help = "augment as train does; with none and flip the frozen part is computed only once for all epochs "
                       "and runs"),
    OPTION_ROW("Steps", OPTION_INT, "patience", struct sweep_values, train.patience, .placeholder = "N", .initial = "3",
               .high = 1e6, .help = "stop a run after N epochs without better validation; 0: never"),
    OPTION_ROW("Steps", OPTION_FLOAT, "time-limit", struct sweep_values, train.time_limit, .placeholder = "MINUTES",
               .initial = "0", .high = 1e6, .choices = time_limit_words,
               .help = "limit the total time of the sweep: the current run is stopped, and --resume continues; `job`: "
                       "save 2 minutes before the Slurm job ends and exit with 75; 0: no limit"),
    OPTION_ROW("Output", OPTION_CHOICE, "format", struct sweep_values, format, .choices = table_formats,
               .initial = "table", .help = "print the table in this format"),
    {.name = "dry-run"},
    {.name = "profile"},
    {.name = "folds"},
    {.name = "fold"},
};

/* Does it work beside others on the same folder? */
static bool is_part(const struct sweep_values *values)
{
    return values->list || values->number || values->finish;
}

/* ---- the combinations -------------------------------------------------------------------------------------------- */

/* "0" to "15": train takes its freeze point as text. */
static const char *point_text(int point)
{
    static const char *const texts[NET_CHILDREN] = {"0", "1", "2",  "3",  "4",  "5",  "6",  "7",
                                                    "8", "9", "10", "11", "12", "13", "14", "15"};
    return texts[point];
}

/* What is tried: every rate at every freeze point, with every number of photos. */
struct combinations {
    int points[NET_CHILDREN];
    char same_as[NET_CHILDREN][SERIES_SAME]; /* sweep_distinct */
    double rates[SWEEP_RATES_MOST];
    long long limits[SWEEP_LIMITS_MOST];
    size_t point_count, rate_count, limit_count;
    struct forecast forecasts[NET_CHILDREN]; /* of the points */
    struct run_disk disk;                    /* of the point that takes the most */
    size_t memory;                           /* the same */
};

static size_t combination_count(const struct combinations *all)
{
    return all->point_count * all->rate_count * all->limit_count;
}

/* Freeze points ascending, so that a cache of a deeper one is made from that of the one before. */
static enum status add_runs(struct series *series, const struct sweep_values *values, const struct combinations *all,
                            struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < combination_count(all) && status == OK; i++) {
        size_t l = i % all->limit_count, r = i / all->limit_count % all->rate_count;
        size_t p = i / all->limit_count / all->rate_count;
        char name[SWEEP_NAME];
        struct train_values run = series_values(series, &values->train);
        run.freeze_until = point_text(all->points[p]);
        run.lr = all->rates[r];
        run.limit = all->limits[l];
        sweep_name(name, all->points[p], all->rates[r], values->limits != NULL, all->limits[l]);
        struct forecast forecast = all->forecasts[p];
        forecast.search = estimate_search(&run);
        status = series_add(series, name, &run, &forecast, err);
        if (status == OK)
            memcpy(series->runs[series->count - 1].same_as, all->same_as[p], SERIES_SAME);
    }
    return status;
}

static void say_same(const struct combinations *c)
{
    for (size_t p = 0; p < c->point_count; p++)
        if (c->same_as[p][0])
            remark("freeze point %d trains the same parameters as %s; it runs once", c->points[p], c->same_as[p]);
}

/* Plans the run of each freeze point, so that its time is known, and one that cannot be is refused before the others
 * are done. */
static enum status plan_points(struct combinations *all, const struct run_setup *setup, double peak, struct error *err)
{
    enum status status = OK;
    for (size_t p = 0; p < all->point_count && status == OK; p++) {
        struct train *train;
        struct run_disk disk;
        status = run_setup_plan(&train, &disk, setup, point_text(all->points[p]), err);
        if (status != OK)
            break;
        estimate_forecast(&all->forecasts[p], setup, train, peak);
        if (disk.last > all->disk.last)
            all->disk = disk;
        size_t memory = run_memory(setup, train);
        if (memory > all->memory)
            all->memory = memory;
        train_destroy(train);
    }
    return status;
}

static void say_disk(const struct combinations *all, const char *folder)
{
    size_t runs = combination_count(all);
    char most[NUMBER_TEXT], over[NUMBER_TEXT], left[NUMBER_TEXT];
    struct disk disk;
    bool known = disk_look(&disk, folder, NULL) == OK;
    remark("disk: up to %s while it runs, %s when it is over%s%s%s%s",
           number_bytes(most, run_disk_most(&all->disk, runs)), number_bytes(over, run_disk_over(&all->disk, runs)),
           known ? "; " : "", known ? number_bytes(left, disk.free) : "", known ? " are free in " : "",
           known ? folder : "");
}

/* Looks at photos and weights, and makes the list of runs. */
static enum status plan(struct series *series, const struct arguments *args, const struct resumed *resumed,
                        struct error *err)
{
    static const char *const tables[] = {"sweep.csv", "reproduce.sh", NULL};
    const struct sweep_values *values = args->values;
    struct train_values first = values->train;
    struct run_setup setup = {0};
    struct combinations all = {0};
    double peak = 0;
    char point[80];
    enum status status = sweep_rates(all.rates, &all.rate_count, values->rates, err);
    if (status == OK)
        status = sweep_limits(all.limits, &all.limit_count, values->limits, err);
    if (status != OK)
        return status;
    /* The network says which children there are, and is opened with the first of them. */
    snprintf(point, sizeof point, "%.*s", (int)strcspn(values->points, ",."), values->points);
    first.freeze_until = point;
    first.lr = all.rates[0];
    first.limit = all.limits[all.limit_count - 1]; /* the most photos */
    status = run_setup_open(&setup, &first, resumed ? resumed->weights_hash : NULL, err);
    if (status == OK)
        status = sweep_points(all.points, &all.point_count, values->points, setup.net, err);
    if (status == OK) {
        sweep_distinct(all.points, &all.point_count, all.same_as, setup.net);
        show_inputs(&setup);
        say_same(&all);
        peak = estimate_peak(setup.pool, setup.options.precision);
        status = plan_points(&all, &setup, peak, err);
    }
    if (status == OK)
        say_disk(&all, run_setup_folder(&setup));
    if (status == OK && !values->train.resume)
        status = run_disk_check(&all.disk, combination_count(&all), run_setup_folder(&setup), err);
    if (status == OK)
        status = run_memory_check(all.memory, err);
    if (status == OK)
        status = show_statistics(&setup, err);
    if (status == OK)
        status = series_open(series, args, &setup, resumed, is_part(values), tables, err);
    run_setup_close(&setup);
    series->clock.peak = peak;
    return status == OK ? add_runs(series, values, &all, err) : status;
}

/* Of all combinations, before the first. */
static void say_time(const struct series *series)
{
    char all[NUMBER_TEXT];
    const struct series_run *first = series->count > 0 ? &series->runs[0] : NULL;
    /* A run on fewer photos is planned as one on the most. */
    bool early = first && (first->values.patience > 0 || sweep_photos(first) < sweep_photos(first + series->count - 1));
    double seconds = series_seconds(series, 0), limit = series->deadline > 0 ? series->deadline - clock_seconds() : 0;
    if (limit > 0 && limit < seconds)
        seconds = limit;
    remark("time: %s%s for %zu runs", early ? "at most " : "",
           early ? number_rough(all, seconds) : number_about(all, seconds), series->count);
}

/* Of the run that is recommended, with its photos; the others have pages without. */
static void write_chosen_page(const struct series *series)
{
    const struct series_run *run = sweep_recommended(series);
    char *path;
    if (!run || path_join(&path, series->path, run->name, NULL) != OK)
        return;
    run_page_try(path, false, RUN_PAGE_PHOTOS);
    memory_free(path);
}

/* The end of a sweep: nothing is left to run, or it was stopped. */
static enum status show_end(const struct series *series, const struct sweep_values *values, bool whole,
                            struct error *err)
{
    if (whole && !values->train.no_report)
        write_chosen_page(series);
    enum status status = show_sweep(series, (enum table_format)values->format, values->train.json, err);
    if (status == OK && whole && series_count(series, SERIES_DONE) == 0)
        status = error_set(err, ERR_DIVERGED, "%s: every combination diverged: lower --lr", series->path);
    return status;
}

static enum status finish(struct series *series, const struct sweep_values *values, struct error *err)
{
    enum status status = series_look(series, err), missing = OK;
    if (status == OK)
        status = sweep_write(series, err);
    if (status == OK)
        status = show_end(series, values, sweep_missing(NULL, series) == 0, err);
    if (status == OK && sweep_missing(NULL, series) > 0)
        missing = sweep_missing_error(series, err);
    return status == OK ? missing : status;
}

static enum status run_all(struct series *series, const struct sweep_values *values, struct error *err)
{
    bool stopped = false;
    series->write = sweep_write;
    series->only = (size_t)values->number;
    if (series->only > series->count)
        return error_set(err, ERR_USAGE, "--run %zu: there are %zu combinations; --list shows their numbers",
                         series->only, series->count);
    enum status status = series_run(series, &stopped, err);
    if (status == OK && !series->only)
        status = show_end(series, values, !stopped, err);
    if (status == OK && stopped)
        series_say_how_to_resume(series);
    return status;
}

static enum status sweep(const struct arguments *args, const struct resumed *resumed, struct error *err)
{
    const struct sweep_values *values = args->values;
    struct series series = {.lock = -1};
    enum status status = job_time_start(&values->train, err);
    if (status == OK)
        status = plan(&series, args, resumed, err);
    if (status == OK && !resumed)
        say_time(&series);
    if (status == OK && values->list)
        status = sweep_list(stdout, &series, err);
    else if (status == OK && values->finish)
        status = finish(&series, values, err);
    else if (status == OK)
        status = run_all(&series, values, err);
    series_close(&series);
    return status;
}

/* The options of batches: one of them, and beside it what it has a use for. */
static enum status check_batch(const struct arguments *args, struct error *err)
{
    const struct sweep_values *values = args->values;
    const char *own = values->list ? "list" : values->number ? "run" : "finish";
    if (values->list + (values->number > 0) + values->finish > 1)
        return error_set(err, ERR_USAGE, "--list, --run and --finish each do a part of a sweep: give one of them");
    if (!values->list && !values->train.resume)
        return error_set(err, ERR_USAGE, "--%s needs --resume SWEEP; sweep --list makes that folder", own);
    if (!values->finish && (values->train.json || arguments_given(args, "format")))
        return error_set(err, ERR_USAGE, "--%s cannot be combined with --%s: the table is made by --finish",
                         values->train.json ? "json" : "format", own);
    return OK;
}

static enum status run(const struct arguments *args, struct error *err)
{
    const struct sweep_values *values = args->values;
    struct train_line line;
    enum status status = is_part(values) ? check_batch(args, err) : OK;
    if (status != OK)
        return status;
    signals_catch_save();
    status = train_line_open(&line, args, err);
    if (status == OK) {
        struct sweep_values *meant = line.args->values;
        if (!meant->rates)
            meant->rates = lr_default(meant->train.optimizer);
        status = sweep(line.args, line.resumed, err);
    }
    train_line_close(&line);
    return status;
}

const struct command cmd_sweep = {
    .name = "sweep",
    .summary = "find out how much to freeze: train every combination of freeze points and rates",
    .usage = "[options]",
    .description =
        "Each combination is an ordinary run in SWEEP/<freeze>-<lr>, validated on the same photos and stopped early "
        "when it no longer improves. A table shows accuracy with its uncertainty, cost and memory, and recommends one: "
        "of all combinations within one standard error of the best accuracy, the one that trains the fewest "
        "parameters. SWEEP/sweep.csv holds the table, SWEEP/reproduce.sh the command that trains the recommended one "
        "again, to the same bytes. With --limit each combination is trained on several numbers of photos; those on the "
        "most are compared, and a learning curve says what twice as many photos would bring. Ctrl-C and --time-limit keep what is finished; --resume continues.",
    .examples = "  freezetune sweep --data photos --val-split 0.2\n"
                "  freezetune sweep --freeze-until 5..9 --lr 0.001,0.01 --time-limit 60\n"
                "  freezetune sweep --freeze-until 6,8,9 --lr find\n"
                "  freezetune sweep --freeze-until 8 --limit 10,20,40,all\n"
                "  freezetune sweep --resume runs/1\n"
                "  freezetune sweep --list --out runs/1; freezetune sweep --resume runs/1 --run 3\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .like = &train_table,
    .values_size = sizeof(struct sweep_values),
    .run = run,
};
