#include "cli/report/profile_report.h"

#include "cli/shell/numbers.h"

static double rate_of(const struct profile_sum *sum)
{
    return sum->seconds > 0 ? sum->flops / sum->seconds / 1e9 : 0;
}

static enum status report_row(struct table *table, const struct profile_sum *sum, double total, struct error *err)
{
    char calls[NUMBER_TEXT], photos[NUMBER_TEXT], ms[NUMBER_TEXT], rate[NUMBER_TEXT] = "", share[NUMBER_TEXT];
    snprintf(calls, sizeof calls, "%zu", sum->calls);
    snprintf(photos, sizeof photos, "%zu", sum->images);
    snprintf(ms, sizeof ms, "%.3f", sum->seconds * 1e3 / (double)sum->images);
    if (sum->flops > 0)
        snprintf(rate, sizeof rate, "%.1f", rate_of(sum));
    snprintf(share, sizeof share, "%.1f", total > 0 ? 100 * sum->seconds / total : 0);
    const char *cells[] = {sum->name, sum->kernel, sum->pass, calls, photos, ms, rate, share};
    return table_row(table, cells, err);
}

static enum status finish(struct table *table, enum status status)
{
    if (status == OK)
        table_end(table);
    table_discard(table);
    return status;
}

enum status profile_report(FILE *out, enum table_format format, const struct profile_sums *sums, struct error *err)
{
    static const struct column columns[] = {{"operator", COLUMN_TEXT, 14, 0}, {"kernel", COLUMN_TEXT, 8, 3},
                                            {"pass", COLUMN_TEXT, 0, 0},      {"calls", COLUMN_NUMBER, 0, 5},
                                            {"photos", COLUMN_NUMBER, 0, 4},  {"ms a photo", COLUMN_NUMBER, 0, 0},
                                            {"GFLOP/s", COLUMN_NUMBER, 0, 2}, {"share %", COLUMN_NUMBER, 0, 0}};
    double total = profile_sums_seconds(sums);
    struct table table;
    enum status status = OK;
    table_start(&table, out, format, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < sums->count && status == OK; i++)
        status = report_row(&table, &sums->rows[i], total, err);
    return finish(&table, status);
}

static enum status part_row(struct table *table, const char *name, double seconds, double total, struct error *err)
{
    char text[NUMBER_TEXT], share[NUMBER_TEXT];
    snprintf(text, sizeof text, "%.2f", seconds);
    snprintf(share, sizeof share, "%.1f", total > 0 ? 100 * seconds / total : 0);
    const char *cells[] = {name, text, share};
    return table_row(table, cells, err);
}

static double rest_of(const struct profile_part *parts, size_t count, double total)
{
    for (size_t i = 0; i < count; i++)
        total -= parts[i].seconds;
    return total > 0 ? total : 0;
}

enum status profile_report_parts(FILE *out, const struct profile_part *parts, size_t count, double total,
                                 struct error *err)
{
    static const struct column columns[] = {
        {"part", COLUMN_TEXT, 0, 0}, {"seconds", COLUMN_NUMBER, 0, 0}, {"share %", COLUMN_NUMBER, 0, 0}};
    struct table table;
    enum status status = OK;
    table_start(&table, out, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count && status == OK; i++)
        status = part_row(&table, parts[i].name, parts[i].seconds, total, err);
    if (status == OK)
        status = part_row(&table, "the rest", rest_of(parts, count, total), total, err);
    if (status == OK)
        status = part_row(&table, "all", total, total, err);
    return finish(&table, status);
}

static void json_sum(struct json *json, const struct profile_sum *sum)
{
    json_open(json, NULL, '{');
    json_text(json, "operator", sum->name);
    json_text(json, "kernel", sum->kernel[0] ? sum->kernel : NULL);
    json_text(json, "pass", sum->pass);
    json_int(json, "calls", (int64_t)sum->calls);
    json_int(json, "photos", (int64_t)sum->images);
    json_double(json, "seconds", sum->seconds);
    json_double(json, "gflops", rate_of(sum));
    json_close(json);
}

void profile_report_json(struct json *json, const struct profile_sums *sums, const struct profile_part *parts,
                         size_t count, double total)
{
    json_open(json, "profile", '{');
    json_double(json, "seconds", total);
    json_open(json, "parts", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_text(json, "part", parts[i].name);
        json_double(json, "seconds", parts[i].seconds);
        json_close(json);
    }
    json_close(json);
    json_open(json, "operators", '[');
    for (size_t i = 0; i < sums->count; i++)
        json_sum(json, &sums->rows[i]);
    json_close(json);
    json_close(json);
}
