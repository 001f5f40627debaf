#include "cli/report/findings_show.h"

#include "cli/shell/numbers.h"
#include "cli/shell/table.h"

enum { SCORE_TEXT = 32 };

/* Four digits are enough to judge by; NULL where there is no score. */
static const char *score_text(char out[SCORE_TEXT], const struct finding *finding)
{
    if (!finding_abouts[finding->kind].scored)
        return NULL;
    snprintf(out, SCORE_TEXT, "%.4g", finding->score);
    return out;
}

static const char *suggestion(const struct finding *finding)
{
    return finding_abouts[finding->kind].suggest;
}

enum status findings_show_counts(FILE *out, const struct findings *findings, struct error *err)
{
    static const struct column columns[] = {
        {"problem", COLUMN_TEXT, 0, 0}, {"count", COLUMN_NUMBER, 0, 0}, {"what to do", COLUMN_PROSE, 20, 0}};
    struct table table;
    enum status status = OK;
    table_start(&table, out, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (int kind = 0; kind < FINDING_KINDS && status == OK; kind++) {
        char count[NUMBER_TEXT];
        if (findings->counts[kind] == 0)
            continue;
        const char *cells[] = {finding_abouts[kind].name, number_count(count, findings->counts[kind]),
                               finding_abouts[kind].suggest};
        status = table_row(&table, cells, err);
    }
    table_end(&table);
    return status;
}

/* What stands beside the photo: why it cannot be read, the photo that it is like. */
static const char *beside(char *out, size_t size, const struct finding *finding, const struct dataset *dataset)
{
    if (finding->reason)
        return finding->reason;
    if (finding->kind == FINDING_WRONG_LABEL || finding->kind == FINDING_DOUBTFUL_LABEL)
        return finding_other_class(dataset, finding);
    if (finding->other == FINDING_NONE)
        return NULL;
    snprintf(out, size, "%s: %s", finding_list_name(dataset, finding->other), finding_file(dataset, finding->other));
    return out;
}

enum status findings_show_worst(FILE *out, const struct findings *findings, const struct dataset *dataset, size_t most,
                                struct error *err)
{
    static const struct column columns[] = {{"problem", COLUMN_TEXT, 0, 0},
                                            {"score", COLUMN_NUMBER, 0, 0},
                                            {"list", COLUMN_TEXT, 0, 1},
                                            {"photo or class", COLUMN_PATH, 16, 0},
                                            {"why, or like what", COLUMN_PROSE, 20, 0}};
    struct table table;
    enum status status = OK;
    size_t shown = 0;
    table_start(&table, out, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < findings->count && status == OK; i++) {
        const struct finding *finding = &findings->rows[i];
        char score[SCORE_TEXT], text[4352];
        bool photo = finding->photo != FINDING_NONE;
        shown = i > 0 && findings->rows[i - 1].kind == finding->kind ? shown + 1 : 0;
        if (shown >= most)
            continue;
        const char *cells[] = {finding_abouts[finding->kind].name, score_text(score, finding),
                               photo ? finding_list_name(dataset, finding->photo) : NULL,
                               photo ? finding_file(dataset, finding->photo) : dataset->classes.names[finding->class],
                               beside(text, sizeof text, finding, dataset)};
        status = table_row(&table, cells, err);
    }
    table_end(&table);
    return status;
}

enum status findings_write_tsv(FILE *out, const struct findings *findings, const struct dataset *dataset,
                               struct error *err)
{
    static const struct column columns[] = {{"file", COLUMN_TEXT, 0, 0},        {"problem", COLUMN_TEXT, 0, 0},
                                            {"score", COLUMN_NUMBER, 0, 0},     {"suggestion", COLUMN_TEXT, 0, 0},
                                            {"list", COLUMN_TEXT, 0, 0},        {"class", COLUMN_TEXT, 0, 0},
                                            {"other_file", COLUMN_TEXT, 0, 0},  {"other_list", COLUMN_TEXT, 0, 0},
                                            {"other_class", COLUMN_TEXT, 0, 0}, {"reason", COLUMN_TEXT, 0, 0}};
    struct table table;
    enum status status = OK;
    table_start(&table, out, TABLE_TSV, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < findings->count && status == OK; i++) {
        const struct finding *finding = &findings->rows[i];
        char score[SCORE_TEXT];
        bool photo = finding->photo != FINDING_NONE, other = finding->other != FINDING_NONE;
        const char *cells[] = {photo ? finding_file(dataset, finding->photo) : NULL,
                               finding_abouts[finding->kind].name,
                               score_text(score, finding),
                               suggestion(finding),
                               photo ? finding_list_name(dataset, finding->photo) : NULL,
                               dataset->classes.names[finding->class],
                               other ? finding_file(dataset, finding->other) : NULL,
                               other ? finding_list_name(dataset, finding->other) : NULL,
                               finding_other_class(dataset, finding),
                               finding->reason};
        status = table_row(&table, cells, err);
    }
    table_end(&table);
    return status;
}

void findings_json(struct json *json, const struct findings *findings, const struct dataset *dataset)
{
    json_open(json, "problems", '{');
    for (int kind = 0; kind < FINDING_KINDS; kind++)
        json_int(json, finding_abouts[kind].name, (int64_t)findings->counts[kind]);
    json_close(json);
    json_open(json, "findings", '[');
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->rows[i];
        bool photo = finding->photo != FINDING_NONE, other = finding->other != FINDING_NONE;
        json_open(json, NULL, '{');
        json_text(json, "file", photo ? finding_file(dataset, finding->photo) : NULL);
        json_text(json, "problem", finding_abouts[finding->kind].name);
        if (finding_abouts[finding->kind].scored)
            json_double(json, "score", finding->score);
        else
            json_text(json, "score", NULL);
        json_text(json, "suggestion", suggestion(finding));
        json_text(json, "list", photo ? finding_list_name(dataset, finding->photo) : NULL);
        json_text(json, "class", dataset->classes.names[finding->class]);
        json_text(json, "other_file", other ? finding_file(dataset, finding->other) : NULL);
        json_text(json, "other_list", other ? finding_list_name(dataset, finding->other) : NULL);
        json_text(json, "other_class", finding_other_class(dataset, finding));
        json_text(json, "reason", finding->reason);
        json_close(json);
    }
    json_close(json);
}
