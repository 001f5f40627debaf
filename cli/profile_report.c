#include "cli/profile_report.h"

#include "cli/numbers.h"

static const char *const pass_names[PROFILE_PASSES] = {"forward", "backward data", "backward weight"};

static double total_seconds(const struct profile *profile)
{
    double total = 0;
    for (size_t step = 0; step < profile->plan->program->steps_count; step++)
        for (int pass = 0; pass < PROFILE_PASSES; pass++)
            total += profile_row_get(profile, step, (enum profile_pass)pass).seconds;
    return total;
}

static enum status report_row(struct table *table, const struct profile *profile, size_t step, enum profile_pass pass,
                              double total, struct error *err)
{
    const struct plan_step *planned = &profile->plan->steps[step];
    struct profile_row row = profile_row_get(profile, step, pass);
    char name[NET_NAME], images[NUMBER_TEXT], ms[32], rate[32] = "", share[NUMBER_TEXT];
    if (row.images == 0 || row.seconds <= 0)
        return OK;
    profile_step_name(name, profile->plan, step);
    snprintf(images, sizeof images, "%zu", row.images);
    snprintf(ms, sizeof ms, "%.3f", row.seconds * 1e3 / (double)row.images);
    if (planned->flops > 0)
        snprintf(rate, sizeof rate, "%.1f", planned->flops * (double)row.images / row.seconds / 1e9);
    snprintf(share, sizeof share, "%.1f", 100 * row.seconds / total);
    const char *cells[] = {name, planned->kernel ? planned->kernel->name : "", pass_names[pass], images, ms, rate,
                           share};
    return table_row(table, cells, err);
}

enum status profile_report(FILE *out, enum table_format format, const struct profile *profile, struct error *err)
{
    static const struct column columns[] = {
        {"operator", COLUMN_TEXT},     {"kernel", COLUMN_TEXT},    {"pass", COLUMN_TEXT},     {"photos", COLUMN_NUMBER},
        {"ms a photo", COLUMN_NUMBER}, {"GFLOP/s", COLUMN_NUMBER}, {"share %", COLUMN_NUMBER}};
    double total = total_seconds(profile);
    struct table table;
    enum status status = OK;
    table_start(&table, out, format, columns, sizeof columns / sizeof *columns);
    for (int pass = 0; pass < PROFILE_PASSES; pass++)
        for (size_t step = 0; step < profile->plan->program->steps_count && status == OK; step++)
            status = report_row(&table, profile, step, (enum profile_pass)pass, total, err);
    if (status == OK)
        table_end(&table);
    else
        table_discard(&table);
    return status;
}
