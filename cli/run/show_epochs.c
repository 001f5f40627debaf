#include "cli/run/show_epochs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/record_metrics.h"
#include "cli/shell/numbers.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/table.h"
#include "cli/shell/term.h"
#include "core/base/file.h"
#include "core/base/memory.h"

enum {
    EPOCH,
    LR,
    LOSS,
    ACCURACY,
    VAL_LOSS,
    VAL_ACCURACY,
    MACRO_F1,
    MISSED,
    VAL_MISSED,
    TIME,
    BEST,
    LEFT,
    FEATURES,
    COLUMNS
};

static const struct column columns[COLUMNS] = {
    [EPOCH] = {"epoch", COLUMN_NUMBER, 0, 0},
    [LR] = {"lr", COLUMN_NUMBER, 0, 4},
    [LOSS] = {"loss", COLUMN_NUMBER, 0, 1},
    [ACCURACY] = {"accuracy", COLUMN_NUMBER, 0, 0},
    [VAL_LOSS] = {"val loss", COLUMN_NUMBER, 0, 2},
    [VAL_ACCURACY] = {"val accuracy", COLUMN_NUMBER, 0, 0},
    [MACRO_F1] = {"val macro-F1", COLUMN_NUMBER, 0, 5},
    [MISSED] = {"missed", COLUMN_NUMBER, 0, 0}, /* these two only where photos were unavailable */
    [VAL_MISSED] = {"val missed", COLUMN_NUMBER, 0, 0},
    [TIME] = {"time", COLUMN_NUMBER, 0, 3},
    [BEST] = {"", COLUMN_TEXT, 0, 0},
    [LEFT] = {"", COLUMN_TEXT, 0, 6}, /* these two only as rows come */
    [FEATURES] = {"features", COLUMN_TEXT, 0, 7},
};

/* Of cells, before there are any. */
static const size_t expected[COLUMNS] = {
    [EPOCH] = 5,        [LR] = 8,    [LOSS] = 6, [ACCURACY] = 7, [VAL_LOSS] = 6, [MACRO_F1] = 7,
    [VAL_ACCURACY] = 7, [TIME] = 11, [BEST] = 4, [LEFT] = 26,    [FEATURES] = 22};

/* ---- one row ----------------------------------------------------------------------------------------------------- */

/* Six columns from 0 to 9999: 0.1234, 12.345, 1234.5. */
static void loss_text(char out[NUMBER_TEXT], double loss)
{
    if (loss < 9999.5)
        snprintf(out, NUMBER_TEXT, "%.*f", loss < 9.99995 ? 4 : loss < 99.9995 ? 3 : loss < 999.995 ? 2 : 1, loss);
    else
        snprintf(out, NUMBER_TEXT, "%.1g", loss);
}

/* `space` holds the texts of the cells. */
static void cells_of(const char *cells[COLUMNS], char space[COLUMNS][NUMBER_TEXT], const struct epoch_row *row)
{
    for (size_t i = 0; i < COLUMNS; i++)
        cells[i] = space[i];
    snprintf(space[EPOCH], NUMBER_TEXT, "%zu", row->epoch);
    snprintf(space[LR], NUMBER_TEXT, "%.3g", row->lr);
    loss_text(space[LOSS], row->train_loss);
    number_percent(space[ACCURACY], row->train_accuracy);
    loss_text(space[VAL_LOSS], row->val_loss);
    number_percent(space[VAL_ACCURACY], row->val_accuracy);
    number_percent(space[MACRO_F1], row->val_macro_f1);
    number_seconds(space[TIME], row->seconds);
    snprintf(space[BEST], NUMBER_TEXT, "%s", row->best ? "best" : "");
    snprintf(space[MISSED], NUMBER_TEXT, "%zu", row->missed);
    snprintf(space[VAL_MISSED], NUMBER_TEXT, "%zu", row->val_missed);
    cells[LEFT] = row->left ? row->left : "";
    cells[FEATURES] = row->features ? row->features : "";
}

/* A line of metrics.csv; false for another one, such as that of the titles. */
static bool read_line(struct epoch_row *row, const char *line)
{
    struct metrics_row read;
    if (!record_metrics_row(&read, line))
        return false;
    *row = (struct epoch_row){.epoch = read.epoch,
                              .lr = read.lr,
                              .train_loss = read.train_loss,
                              .train_accuracy = read.train_accuracy,
                              .val_loss = read.val_loss,
                              .val_accuracy = read.val_accuracy,
                              .val_macro_f1 = read.macro_f1,
                              .best = read.best,
                              .seconds = read.seconds,
                              .missed = read.missed,
                              .val_missed = read.val_missed};
    return true;
}

/* ---- some of the columns ----------------------------------------------------------------------------------------- */

/* Which columns are shown, and they themselves. */
struct choice {
    struct column columns[COLUMNS];
    size_t places[COLUMNS], expected[COLUMNS], count;
};

static void choose(struct choice *out, const bool left_out[COLUMNS])
{
    out->count = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (left_out[i])
            continue;
        out->columns[out->count] = columns[i];
        out->expected[out->count] = expected[i];
        out->places[out->count++] = i;
    }
}

static void chosen_cells(const char *cells[COLUMNS], char space[COLUMNS][NUMBER_TEXT], const struct choice *choice,
                         const struct epoch_row *row)
{
    const char *all[COLUMNS];
    cells_of(all, space, row);
    for (size_t i = 0; i < choice->count; i++)
        cells[i] = all[choice->places[i]];
}

/* ---- the whole table --------------------------------------------------------------------------------------------- */

/* Leaves out what only rows that come have, and the photos that were unavailable where none were. */
static void choose_whole(struct choice *out, const char *text)
{
    struct epoch_row row;
    bool left_out[COLUMNS] = {[MISSED] = true, [VAL_MISSED] = true, [LEFT] = true, [FEATURES] = true};
    for (; *text; text = record_metrics_next(text)) {
        if (!read_line(&row, text))
            continue;
        left_out[MISSED] &= row.missed == 0;
        left_out[VAL_MISSED] &= row.val_missed == 0;
    }
    choose(out, left_out);
}

enum status show_epochs(FILE *out, const char *folder, size_t best, struct error *err)
{
    struct choice choice;
    struct table table;
    struct epoch_row row;
    char *text;
    enum status status = record_metrics_read(&text, folder, err);
    if (status != OK)
        return status;
    choose_whole(&choice, text);
    table_start(&table, out, TABLE_TEXT, choice.columns, choice.count);
    for (const char *line = text; status == OK && *line; line = record_metrics_next(line)) {
        char space[COLUMNS][NUMBER_TEXT];
        const char *cells[COLUMNS];
        if (!read_line(&row, line))
            continue;
        row.best = row.epoch == best;
        chosen_cells(cells, space, &choice, &row);
        status = table_row(&table, cells, err);
    }
    memory_free(text);
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

/* ---- row by row -------------------------------------------------------------------------------------------------- */

struct epoch_rows {
    struct choice choice;
    struct live_table *table;
    char *earlier; /* what metrics.csv held at the start, until it is shown */
    size_t shown;  /* the last epoch that was, all before it too */
};

enum status epoch_rows_create(struct epoch_rows **out, const char *folder, bool features, struct error *err)
{
    void *memory;
    *out = NULL;
    if (!term_limit(stderr) || !remarks_shown())
        return OK;
    enum status status = memory_alloc(&memory, 1, sizeof **out, "a table", err);
    if (status != OK)
        return status;
    struct epoch_rows *rows = memory;
    choose(&rows->choice, (const bool[COLUMNS]){[MISSED] = true, [VAL_MISSED] = true, [FEATURES] = !features});
    status =
        live_table_create(&rows->table, stderr, rows->choice.columns, rows->choice.expected, rows->choice.count, err);
    if (status == OK)
        status = record_metrics_read(&rows->earlier, folder, err);
    if (status == OK)
        *out = rows;
    else
        epoch_rows_destroy(rows);
    return status;
}

static void show(struct epoch_rows *rows, const struct epoch_row *row)
{
    char space[COLUMNS][NUMBER_TEXT];
    const char *cells[COLUMNS];
    chosen_cells(cells, space, &rows->choice, row);
    live_table_row(rows->table, cells);
    if (row->epoch == rows->shown + 1)
        rows->shown = row->epoch;
}

void epoch_rows_add(struct epoch_rows *rows, const struct epoch_row *row)
{
    progress_clear();
    if (rows->earlier) {
        struct epoch_row before;
        live_table_titles(rows->table);
        for (const char *line = rows->earlier; *line; line = record_metrics_next(line))
            if (read_line(&before, line) && before.epoch < row->epoch)
                show(rows, &before);
        memory_free(rows->earlier);
        rows->earlier = NULL;
    }
    show(rows, row);
}

bool epoch_rows_complete(const struct epoch_rows *rows, size_t epoch)
{
    return rows && rows->shown >= epoch;
}

void epoch_rows_destroy(struct epoch_rows *rows)
{
    if (!rows)
        return;
    live_table_destroy(rows->table);
    memory_free(rows->earlier);
    memory_free(rows);
}
