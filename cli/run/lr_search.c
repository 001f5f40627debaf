#include "cli/run/lr_search.h"

#include <math.h>
#include <string.h>

#include "cli/run/run_setup.h"
#include "cli/run/run_memory.h"
#include "cli/run/show_plan.h"
#include "cli/run/show_statistics.h"
#include "cli/shell/numbers.h"
#include "cli/shell/progress.h"
#include "cli/shell/signals.h"
#include "cli/shell/wrap.h"
#include "core/base/clock.h"
#include "core/base/outfile.h"

/* ---- the test ---------------------------------------------------------------------------------------------------- */

/* What the hooks work on. */
struct range {
    struct lr_search *search;
    struct progress line;
    bool filling; /* the line is about features */
    double deadline;
};

static void begin_line(struct range *range, bool filling, size_t all)
{
    progress_end(&range->line);
    progress_start(&range->line, filling ? "lr find  frozen part" : "lr find", filling ? "photos" : "steps", all);
    range->filling = filling;
}

static void on_features(void *context, size_t done, size_t all)
{
    struct range *range = context;
    if (!range->filling)
        begin_line(range, true, all);
    progress_update(&range->line, done, NULL);
}

static void on_step(void *context, const struct step_result *step)
{
    struct range *range = context;
    char note[64];
    if (range->filling)
        begin_line(range, false, LR_FIND_STEPS);
    lr_find_add(&range->search->find, step->lr, step->loss);
    snprintf(note, sizeof note, "lr %.2g  loss %.4f", step->lr, step->loss);
    progress_update(&range->line, range->search->find.count, note);
}

static bool should_stop(void *context)
{
    struct range *range = context;
    range->search->stopped = signals_stop() || (range->deadline > 0 && clock_seconds() >= range->deadline);
    return range->search->stopped || lr_find_over(&range->search->find);
}

static enum status run_range(struct lr_search *search, const struct run_setup *setup, double deadline,
                             struct error *err)
{
    struct range range = {.search = search, .deadline = deadline};
    const struct train_hooks hooks = {
        .context = &range, .on_step = on_step, .on_features = on_features, .should_stop = should_stop};
    signals_catch();
    begin_line(&range, false, LR_FIND_STEPS);
    enum status status = train_range(setup->train, &hooks, err);
    progress_end(&range.line);
    /* A loss beyond all numbers is the end that the test looks for. */
    return status == ERR_DIVERGED ? OK : status;
}

enum status lr_search(struct lr_search *out, const struct train_values *values, const char *weights_hash, bool report,
                      double deadline, struct error *err)
{
    struct run_setup setup;
    *out = (struct lr_search){0};
    enum status status = run_setup_open(&setup, values, weights_hash, err);
    if (status == OK && report)
        show_inputs(&setup);
    if (status == OK)
        status = run_disk_check(&setup.disk, 1, run_setup_folder(&setup), err);
    if (status == OK)
        status = run_memory_check(run_memory(&setup, setup.train), err);
    if (status == OK && report)
        status = show_statistics(&setup, err);
    if (status == OK)
        status = run_setup_prepare(&setup, err);
    if (status == OK)
        status = run_range(out, &setup, deadline, err);
    run_setup_close(&setup);
    return status == OK && !out->stopped ? lr_find_choose(&out->lr, &out->find, err) : status;
}

/* ---- the plot ---------------------------------------------------------------------------------------------------- */

enum { PLOT_ROWS = 12, PLOT_MARGIN = 10, PLOT_COLUMNS_MOST = 100 };

struct plot {
    char cells[PLOT_ROWS][PLOT_COLUMNS_MOST];
    int columns;
    double low, high; /* of the loss */
    double lr_low, lr_high;
};

static int column_of(const struct plot *plot, double lr)
{
    double place = log(lr / plot->lr_low) / log(plot->lr_high / plot->lr_low);
    return (int)fmin(fmax(floor(place * (plot->columns - 1) + 0.5), 0), plot->columns - 1);
}

/* Row 0 is the top. A test that ends in the rise has losses far above all others: they stand on the top row. */
static int row_of(const struct plot *plot, double loss)
{
    double place = plot->high > plot->low ? (plot->high - loss) / (plot->high - plot->low) : 0;
    return (int)fmin(fmax(floor(place * (PLOT_ROWS - 1) + 0.5), 0), PLOT_ROWS - 1);
}

static void draw(struct plot *plot, const struct lr_search *search, int width)
{
    const struct lr_find *find = &search->find;
    double least = find->points[find->least].smoothed, most = 0;
    for (size_t k = 0; k <= find->least; k++)
        most = fmax(most, find->points[k].smoothed);
    plot->columns = width - PLOT_MARGIN < PLOT_COLUMNS_MOST ? width - PLOT_MARGIN : PLOT_COLUMNS_MOST;
    plot->low = least;
    plot->high = most + (most - least) / 4;
    plot->lr_low = find->points[0].lr;
    plot->lr_high = find->points[find->count - 1].lr;
    memset(plot->cells, ' ', sizeof plot->cells);
    int chosen = column_of(plot, search->lr);
    for (int row = 0; row < PLOT_ROWS; row++)
        plot->cells[row][chosen] = ':';
    for (size_t k = 0; k < find->count; k++)
        plot->cells[row_of(plot, find->points[k].smoothed)][column_of(plot, find->points[k].lr)] = '*';
}

static void put_row(FILE *out, const struct plot *plot, int row)
{
    int end = plot->columns;
    while (end > 0 && plot->cells[row][end - 1] == ' ')
        end--;
    if (row == 0 || row == PLOT_ROWS - 1)
        fprintf(out, "%*.3g |", PLOT_MARGIN - 2, row ? plot->low : plot->high);
    else
        fprintf(out, "%*s |", PLOT_MARGIN - 2, row == PLOT_ROWS / 2 ? "loss" : "");
    fprintf(out, "%.*s\n", end, plot->cells[row]);
}

void lr_search_plot(FILE *out, const struct lr_search *search, int width)
{
    const struct lr_find *find = &search->find;
    struct plot plot;
    char low[NUMBER_TEXT], high[NUMBER_TEXT], chosen[NUMBER_TEXT];
    draw(&plot, search, width);
    for (int row = 0; row < PLOT_ROWS; row++)
        put_row(out, &plot, row);
    snprintf(low, sizeof low, "%.2g", plot.lr_low);
    snprintf(high, sizeof high, "%.2g", plot.lr_high);
    fprintf(out, "%*s  %-*s%s\n", PLOT_MARGIN - 2, "lr", plot.columns - (int)strlen(high), low, high);
    say(out, "lr      %s: a tenth of %.2g, where the smoothed loss was least; %zu steps",
        number_double(chosen, search->lr), find->points[find->least].lr, find->count);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

enum status lr_search_write(const char *folder, const struct lr_search *search, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, folder, "lr_find.csv", err);
    if (status != OK)
        return status;
    fputs("step,lr,loss,smoothed\n", file.stream);
    for (size_t k = 0; k < search->find.count; k++) {
        const struct lr_point *point = &search->find.points[k];
        fprintf(file.stream, "%zu,%.9g,%.9g,%.9g\n", k + 1, point->lr, point->loss, point->smoothed);
    }
    return outfile_commit(&file, err);
}
