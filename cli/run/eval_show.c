#include "cli/run/eval_show.h"

#include <stdio.h>

#include "cli/report/report.h"
#include "cli/run/show_statistics.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"

static enum status report_profile_text(const struct eval_result *r, struct error *err)
{
    putchar('\n');
    enum status status = profile_report(stdout, TABLE_TEXT, r->profile, err);
    putchar('\n');
    return status == OK ? profile_report_parts(stdout, r->parts, r->part_count, r->seconds, err) : status;
}

static void print_json(const struct eval_result *r, const struct confusion *confusion, const struct prediction *worst,
                       size_t count)
{
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "model", r->model);
    json_text(&json, "data", r->photos->list.root);
    json_text(&json, "run", r->run);
    json_text(&json, "part", r->photos->part >= 0 ? part_choices[r->photos->part] : NULL);
    if (r->photos->trained_known)
        json_int(&json, "trained_on", (int64_t)r->photos->trained);
    else
        json_text(&json, "trained_on", NULL);
    json_int(&json, "unreadable", (int64_t)r->unreadable);
    json_int(&json, "damaged", (int64_t)r->damaged);
    report_json(&json, r->metrics, confusion, r->classes);
    if (r->calibration)
        calibration_report_json(&json, r->calibration);
    if (r->strangers)
        eval_strangers_json(&json, r->strangers);
    statistics_json(&json, r->statistics);
    json_open(&json, "worst", '[');
    report_worst_json(&json, worst, count, r->classes, &r->photos->list);
    json_close(&json);
    if (r->profile)
        profile_report_json(&json, r->profile, r->parts, r->part_count, r->seconds);
    json_close(&json);
    json_end(&json);
}

enum status eval_show_json(const struct eval_result *r, struct confusion *confusion, struct error *err)
{
    void *worst = NULL;
    enum status status = memory_alloc(&worst, r->worst, sizeof(struct prediction), "the worst mistakes", err);
    if (status == OK)
        print_json(r, confusion, worst, metrics_worst(worst, r->worst, r->metrics));
    memory_free(worst);
    return status;
}

enum status eval_show_text(const struct eval_result *r, struct confusion *confusion, struct error *err)
{
    char photos[NUMBER_TEXT], bad[NUMBER_TEXT], path[PATH_SHOWN];
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "%s: %s photos", path_shown(path, r->photos->list.root, stdout),
            number_count(photos, r->metrics->count));
    if (r->unreadable)
        fprintf(out, ", %s more could not be read", number_count(bad, r->unreadable));
    if (r->damaged)
        fprintf(out, ", %s damaged and used", number_count(bad, r->damaged));
    if (r->photos->part >= 0)
        fprintf(out, ", the %s part of %s", r->photos->part == PART_VAL ? "validation" : "training",
                path_shown(path, r->run, stdout));
    putc('\n', out);
    lines_end(&lines);
    report_line(stdout, r->metrics);
    putchar('\n');
    enum status status = report_classes(stdout, r->metrics, r->classes, err);
    if (status == OK) {
        puts("\nconfusion, rows: the class, columns: the answer");
        status = report_confusion(stdout, confusion, r->classes, err);
    }
    if (status == OK && r->worst && r->metrics->top1 < r->metrics->count) {
        puts("\nworst mistakes");
        status = report_worst(stdout, r->metrics, r->classes, &r->photos->list, r->worst, err);
    }
    if (status == OK && r->calibration) {
        putchar('\n');
        status = calibration_report_text(stdout, r->calibration, err);
    }
    if (status == OK && r->strangers) {
        putchar('\n');
        status = eval_strangers_text(stdout, r->strangers, err);
    }
    return status == OK && r->profile ? report_profile_text(r, err) : status;
}
