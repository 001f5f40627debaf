/* report.html of a sweep: accuracy with intervals by freeze point, what each costs, and the choice. From sweep.csv and
 * the run folders. */
#define _GNU_SOURCE
#include "cli/run/page/run_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "cli/run/run_file.h"
#include "cli/run/page/page_run.h"
#include "cli/run/page/page_words.h"
#include "cli/shell/cell.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/text.h"

enum { TABLE_MOST = 1 << 20, RATES_MOST = 6 };

/* Columns of sweep.csv that are numbers. */
enum number { POINT, RATE, EPOCHS, BEST, PHOTOS, ACCURACY, LOW, HIGH, LOSS, F1, PARAMETERS, SECONDS, MEMORY, NUMBERS };
static const char *const number_names[NUMBERS] = {"freeze_until",
                                                  "lr",
                                                  "epochs",
                                                  "best_epoch",
                                                  "val_photos",
                                                  "val_accuracy",
                                                  "val_accuracy_low",
                                                  "val_accuracy_high",
                                                  "val_loss",
                                                  "val_macro_f1",
                                                  "trained_parameters",
                                                  "seconds_per_epoch",
                                                  "memory"};

struct sweep_row {
    char *name, *state, *choice; /* owned */
    double numbers[NUMBERS];     /* NAN where there is none */
};

struct sweep {
    struct sweep_row *rows;
    size_t count, room;
    const struct sweep_row *best, *chosen; /* or NULL */
};

static void sweep_free(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++) {
        memory_free(sweep->rows[i].name);
        memory_free(sweep->rows[i].state);
        memory_free(sweep->rows[i].choice);
    }
    memory_free(sweep->rows);
}

/* ---- sweep.csv --------------------------------------------------------------------------------------------------- */

struct sweep_columns {
    size_t name, state, choice, numbers[NUMBERS];
};

static enum status find_columns(struct sweep_columns *out, const struct csv_row *titles, struct error *err)
{
    bool good = true;
    out->name = csv_find(titles, "run");
    out->state = csv_find(titles, "state");
    out->choice = csv_find(titles, "choice");
    good = out->name != CSV_NO_COLUMN && out->state != CSV_NO_COLUMN && out->choice != CSV_NO_COLUMN;
    for (int i = 0; i < NUMBERS; i++) {
        out->numbers[i] = csv_find(titles, number_names[i]);
        good = good && out->numbers[i] != CSV_NO_COLUMN;
    }
    return good ? OK : error_set(err, ERR_DATA, "sweep.csv: lacks a column that sweep writes");
}

static enum status add_row(struct sweep *sweep, const struct csv_row *row, const struct sweep_columns *columns,
                           struct error *err)
{
    void *rows = sweep->rows;
    enum status status = memory_grow(&rows, &sweep->room, sweep->count + 1, sizeof(struct sweep_row), "the runs", err);
    if (status != OK)
        return status;
    sweep->rows = rows;
    struct sweep_row *out = &sweep->rows[sweep->count++];
    *out = (struct sweep_row){0};
    for (int i = 0; i < NUMBERS; i++)
        if (!text_to_double(&out->numbers[i], row->cells[columns->numbers[i]]))
            out->numbers[i] = NAN;
    status = memory_strdup(&out->name, cell_undo(row->cells[columns->name]), err);
    if (status == OK)
        status = memory_strdup(&out->state, cell_undo(row->cells[columns->state]), err);
    return status == OK ? memory_strdup(&out->choice, cell_undo(row->cells[columns->choice]), err) : status;
}

static enum status read_rows(struct sweep *out, const char *text, size_t size, struct error *err)
{
    struct csv csv;
    struct csv_row row;
    struct sweep_columns columns;
    enum status status = csv_open(&csv, text, size, "sweep.csv", false, err);
    if (status != OK)
        return status;
    status = csv_next(&row, &csv, err);
    if (status == OK)
        status = find_columns(&columns, &row, err);
    while (status == OK && (status = csv_next(&row, &csv, err)) == OK && row.count > 0)
        status = add_row(out, &row, &columns, err);
    csv_close(&csv);
    for (size_t i = 0; i < out->count; i++) {
        if (strncmp(out->rows[i].choice, "best", 4) == 0)
            out->best = &out->rows[i];
        if (strstr(out->rows[i].choice, "recommended"))
            out->chosen = &out->rows[i];
    }
    return status;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static bool is_done(const struct sweep_row *row)
{
    return isfinite(row->numbers[ACCURACY]) && isfinite(row->numbers[POINT]);
}

/* A line for each rate; x is the freeze point. */
struct sweep_lines {
    struct chart_line lines[RATES_MOST];
    char names[RATES_MOST][NUMBER_TEXT + 8];
    double *values; /* [5 * count] for each line */
    size_t count;
};

static size_t line_of(struct sweep_lines *out, const struct sweep_row *row)
{
    /* A rate that was found differs from point to point: all of them are one line. */
    const char *dash = strrchr(row->name, '-');
    char name[NUMBER_TEXT + 8];
    snprintf(name, sizeof name, "rate %.30s", dash ? dash + 1 : "");
    size_t i = 0;
    while (i < out->count && strcmp(out->names[i], name) != 0)
        i++;
    if (i == out->count && i < RATES_MOST) {
        memcpy(out->names[i], name, sizeof name);
        out->count++;
    }
    return i < RATES_MOST ? i : RATES_MOST - 1;
}

static enum status make_lines(struct sweep_lines *out, const struct sweep *sweep, enum number y, double scale,
                              struct error *err)
{
    void *memory;
    size_t n = sweep->count;
    *out = (struct sweep_lines){0};
    enum status status = memory_alloc(&memory, RATES_MOST * 4 * n, sizeof(double), "the charts of the sweep", err);
    if (status != OK)
        return status;
    out->values = memory;
    for (size_t r = 0; r < n; r++) {
        const struct sweep_row *row = &sweep->rows[r];
        if (!is_done(row))
            continue;
        size_t l = line_of(out, row);
        double *values = out->values + l * 4 * n;
        struct chart_line *line = &out->lines[l];
        size_t i = line->count++;
        values[i] = row->numbers[POINT];
        values[n + i] = row->numbers[y] * scale;
        values[2 * n + i] = row->numbers[LOW];
        values[3 * n + i] = row->numbers[HIGH];
        line->x = values;
        line->y = values + n;
        if (y == ACCURACY) {
            line->low = values + 2 * n;
            line->high = values + 3 * n;
        }
        line->colour = (int)l;
        line->name = out->names[l];
    }
    return OK;
}

static enum status put_chart(FILE *out, const struct sweep *sweep, enum number y, const char *title, double scale,
                             struct error *err)
{
    struct sweep_lines lines;
    double low = HUGE_VAL, high = -HUGE_VAL;
    enum status status = make_lines(&lines, sweep, y, scale, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < sweep->count; i++) {
        if (!is_done(&sweep->rows[i]))
            continue;
        low = fmin(low, sweep->rows[i].numbers[POINT]);
        high = fmax(high, sweep->rows[i].numbers[POINT]);
    }
    const struct chart chart = {.title = title,
                                .x_name = "frozen children",
                                .y_name = "",
                                .lines = lines.lines,
                                .line_count = lines.count,
                                .x_low = low - 0.5,
                                .x_high = high + 0.5,
                                .x_whole = true,
                                .y_low = y == ACCURACY ? 1 : 0,
                                .y_high = y == ACCURACY ? 1 : 0,
                                .percent = y == ACCURACY,
                                .mark = sweep->chosen != NULL,
                                .mark_at = sweep->chosen ? sweep->chosen->numbers[POINT] : 0,
                                .mark_name = "chosen",
                                .short_one = y != ACCURACY};
    chart_write(out, &chart);
    memory_free(lines.values);
    return OK;
}

static enum status put_row(FILE *out, const struct sweep *sweep, const struct sweep_row *row, const char *folder,
                           struct error *err)
{
    const double *n = row->numbers;
    char text[NUMBER_TEXT];
    fprintf(out, "<tr%s><td class=name>", row == sweep->chosen ? " class=pick" : "");
    enum status status = page_put_run(out, folder, row->name, err);
    fprintf(out, "<td class=n data-v=%g>%g<td class=n data-v=%g>%g", n[POINT], n[POINT], n[RATE], n[RATE]);
    if (!is_done(row)) {
        fputs("<td class=n data-v=-1><td class=n data-v=-1><td class=n data-v=-1><td class=n data-v=-1><td class=n "
              "data-v=-1><td>",
              out);
        html_text(out, row->state);
    } else {
        fprintf(out, "<td class=n data-v=%.9g>", n[ACCURACY]);
        page_put_percent(out, n[ACCURACY]);
        fprintf(out, " <small>%.1f to %.1f&nbsp;%%</small><td class=n data-v=%.9g>", 100 * n[LOW], 100 * n[HIGH],
                n[F1]);
        page_put_percent(out, n[F1]);
        fprintf(out, "<td class=n data-v=%.0f>%s", n[PARAMETERS], number_count(text, (uint64_t)n[PARAMETERS]));
        fprintf(out, "<td class=n data-v=%.9g>%s", n[SECONDS], number_seconds(text, n[SECONDS]));
        fprintf(out, "<td class=n data-v=%.0f>%s<td>", n[MEMORY], number_bytes(text, (uint64_t)n[MEMORY]));
        html_text(out, row->choice);
    }
    fputs("</tr>\n", out);
    return status;
}

static void put_verdict(FILE *out, const struct sweep *sweep, const struct page_run *run)
{
    const struct sweep_row *c = sweep->chosen;
    page_section(out, "verdict", "Result");
    if (!c) {
        fputs("<p class=alert>No run is done yet.</p>\n", out);
    } else {
        fputs("<div class=verdict><div class=first><b id=accuracy>", out);
        page_put_percent(out, c->numbers[ACCURACY]);
        fprintf(
            out,
            "</b><span>accuracy, 95&nbsp;%% interval %.1f to %.1f&nbsp;%%<br>of %.0f validation photos</span></div>\n",
            100 * c->numbers[LOW], 100 * c->numbers[HIGH], c->numbers[PHOTOS]);
        fprintf(out,
                "<div><b>1 to %.0f</b><span>children to freeze</span></div><div><b>%.3g</b><span>learning "
                "rate</span></div></div>\n",
                c->numbers[POINT], c->numbers[RATE]);
        fputs("<p class=proof><b>The choice:</b> of all runs within one standard error of the best accuracy, the one "
              "that trains the fewest parameters.",
              out);
        if (sweep->best && sweep->best != c) {
            fputs(" The best one is ", out);
            html_name(out, sweep->best->name);
            fputs(", with ", out);
            page_put_percent(out, sweep->best->numbers[ACCURACY]);
            putc('.', out);
        }
        fputs("</p>\n", out);
        page_put_command(out, "This command trains it again:", run->command);
    }
    page_section_end(out);
}

static enum status put_table(FILE *out, const struct sweep *sweep, const char *folder, struct error *err)
{
    enum status status = OK;
    page_section(out, "runs", "Runs");
    fputs(
        "<p class=soft>Each run has a page of its own.</p>\n<div class=wide><table class=sort id=sweep>\n<thead><tr><th "
        "class=name>run<th class=n>frozen<th class=n>rate<th class=n>accuracy<th class=n>macro-F1<th class=n>trained "
        "parameters<th class=n>an epoch<th class=n>memory<th>choice</tr></thead>\n<tbody>\n",
        out);
    for (size_t i = 0; i < sweep->count && status == OK; i++)
        status = put_row(out, sweep, &sweep->rows[i], folder, err);
    fputs("</tbody></table></div>\n", out);
    page_section_end(out);
    return status;
}

static enum status put_numbers(FILE *out, const struct sweep *sweep, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return error_memory(err, "the numbers of the report", 0);
    struct json json = json_start(stream, false);
    json_open(&json, NULL, '{');
    json_open(&json, "runs", '[');
    for (size_t i = 0; i < sweep->count; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "run", sweep->rows[i].name);
        json_text(&json, "state", sweep->rows[i].state);
        for (int k = 0; k < NUMBERS; k++)
            json_double(&json, number_names[k], sweep->rows[i].numbers[k]);
        json_text(&json, "choice", sweep->rows[i].choice);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
    json_end(&json);
    enum status status = fclose(stream) == 0 ? OK : error_memory(err, "the numbers of the report", 0);
    if (status == OK)
        page_data(out, text, size);
    free(text);
    return status;
}

static enum status put_page(FILE *out, const struct sweep *sweep, const struct page_run *run, const char *folder,
                            struct error *err)
{
    static const struct page_link links[] = {{"charts", "Freeze points"}, {"runs", "Runs"}};
    char title[400];
    snprintf(title, sizeof title, "%.300s: how much to freeze", page_run_data(run, "sweep"));
    const struct page_head head = {.title = title, .links = links, .link_count = 2};
    page_begin(out, &head);
    put_verdict(out, sweep, run);
    page_section(out, "charts", "Freeze points");
    fputs("<div class=charts>\n", out);
    enum status status = put_chart(out, sweep, ACCURACY, "Accuracy with 95 % intervals", 1, err);
    if (status == OK)
        status = put_chart(out, sweep, SECONDS, "Seconds an epoch", 1, err);
    if (status == OK)
        status = put_chart(out, sweep, MEMORY, "Memory in MB", 1e-6, err);
    fputs("</div>\n", out);
    page_section_end(out);
    if (status == OK)
        status = put_table(out, sweep, folder, err);
    if (status == OK)
        status = put_numbers(out, sweep, err);
    page_end(out);
    return status;
}

/* The chosen run has the command and the data. */
static enum status write_page(const struct sweep *sweep, const char *folder, const char *to, struct error *err)
{
    struct page_run run = {0};
    struct outfile file;
    char *chosen = NULL;
    enum status status = OK;
    if (sweep->chosen) {
        status = path_join(&chosen, folder, sweep->chosen->name, err);
        if (status == OK)
            status = page_run_open(&run, chosen, 0, err);
    }
    if (status == OK)
        status = to ? outfile_open(&file, to, err) : outfile_open_in(&file, folder, "report.html", err);
    if (status == OK)
        status = outfile_end(&file, put_page(file.stream, sweep, &run, folder, err), err);
    page_run_close(&run);
    memory_free(chosen);
    return status;
}

enum status sweep_page_write(bool *is_sweep, const char *folder, const char *to, struct error *err)
{
    struct sweep sweep = {0};
    char *text;
    size_t size;
    enum status status = run_file_read(&text, &size, folder, "sweep.csv", TABLE_MOST, err);
    *is_sweep = text != NULL;
    if (!text)
        return status;
    status = read_rows(&sweep, text, size, err);
    if (status == OK)
        status = write_page(&sweep, folder, to, err);
    sweep_free(&sweep);
    memory_free(text);
    return status;
}

void sweep_page_try(const char *folder)
{
    struct error why;
    bool is_sweep;
    if (sweep_page_write(&is_sweep, folder, NULL, &why) != OK)
        warn("%s/report.html was not written: %s", folder, why.text);
}
