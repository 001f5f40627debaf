#include "cli/run/show_curve.h"

#include <stdio.h>
#include <string.h>

#include "cli/run/sweep_plan.h"
#include "cli/shell/numbers.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "core/train/learning_curve.h"

bool curve_asked(const struct series *series)
{
    for (size_t i = 1; i < series->count; i++)
        if (series->runs[i].values.limit != series->runs[0].values.limit)
            return true;
    return false;
}

static bool is_same(const struct series_run *a, const struct series_run *b)
{
    return strcmp(a->values.freeze_until, b->values.freeze_until) == 0 && a->values.lr == b->values.lr;
}

/* *there is false where there is no curve. */
static enum status fit(struct learning_curve *out, bool *there, const struct series *series,
                       const struct series_run *chosen, struct error *err)
{
    void *memory;
    size_t count = 0;
    *there = false;
    if (!chosen || !curve_asked(series))
        return OK;
    enum status status = memory_alloc(&memory, series->count, sizeof(struct learning_point), "the learning curve", err);
    if (status != OK)
        return status;
    struct learning_point *points = memory;
    for (size_t i = 0; i < series->count; i++) {
        const struct record_result *r = &series->runs[i].result;
        if (series->runs[i].state == SERIES_DONE && is_same(&series->runs[i], chosen) && r->photos > 0 &&
            r->train_photos > 0)
            points[count++] = (struct learning_point){r->train_photos, r->photos - r->right, r->photos};
    }
    *there = learning_curve_fit(out, points, count);
    memory_free(points);
    return OK;
}

static void show_points(const struct series *series, const struct series_run *chosen)
{
    char accuracy[NUMBER_TEXT];
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    const char *between = "curve    ";
    for (size_t i = 0; i < series->count; i++) {
        const struct series_run *run = &series->runs[i];
        if (run->state != SERIES_DONE || !is_same(run, chosen))
            continue;
        fprintf(out, "%s%zu photos %s", between, run->result.train_photos,
                number_percent(accuracy, record_result_accuracy(&run->result)));
        between = ", ";
    }
    putc('\n', out);
    lines_end(&lines);
}

enum status curve_show(const struct series *series, const struct series_run *chosen, struct error *err)
{
    struct learning_curve curve;
    bool there;
    enum status status = fit(&curve, &there, series, chosen, err);
    if (status != OK || !there)
        return status;
    show_points(series, chosen);
    if (curve.high < curve.now)
        say(stdout,
            "more     twice as many photos to train on would lower the errors from %.1f to about %.1f %% (95 %% "
            "interval %.1f to %.1f %%), if they go on falling as a power of the number of photos",
            100 * curve.now, 100 * curve.twice, 100 * curve.low, 100 * curve.high);
    else
        say(stdout,
            "more     whether more photos would help cannot be told from this: errors are %.1f %% now and, with twice "
            "as many photos to train on, %.1f to %.1f %% (95 %% interval); validate on more photos, or try a smaller "
            "--limit as well",
            100 * curve.now, 100 * curve.low, 100 * curve.high);
    return OK;
}

enum status curve_json(struct json *json, const struct series *series, const struct series_run *chosen,
                       struct error *err)
{
    struct learning_curve curve;
    bool there;
    enum status status = fit(&curve, &there, series, chosen, err);
    if (status == OK && !there)
        json_text(json, "learning_curve", NULL);
    if (status != OK || !there)
        return status;
    json_open(json, "learning_curve", '{');
    json_text(json, "freeze_until", chosen->values.freeze_until);
    json_double(json, "power", curve.power);
    json_double(json, "power_standard_error", curve.power_error);
    json_double(json, "error", curve.now);
    json_double(json, "error_with_twice_as_many", curve.twice);
    json_double(json, "error_low", curve.low);
    json_double(json, "error_high", curve.high);
    json_close(json);
    return OK;
}
