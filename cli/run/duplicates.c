#include "cli/run/duplicates.h"

#include "cli/shell/remark.h"
#include "cli/shell/table.h"
#include "core/base/outfile.h"

static const char *const kinds[SCAN_SAME] = {
    [SCAN_LABEL_CONFLICT] = "label conflict", [SCAN_LEAK] = "leak", [SCAN_REPEAT] = "repeat"};

/* A photo of one of the two lists. */
struct place {
    const char *list, *class, *file;
};

static struct place place_of(const struct dataset *data, bool val, uint32_t photo)
{
    const struct photo_list *list = val ? &data->val : &data->train;
    return (struct place){val ? "val" : "train", data->classes.names[list->photos[photo].class],
                          photo_name(list, photo)};
}

/* There is one of this kind. */
static const struct scan_duplicate *first_of(const struct scan_report *scan, enum scan_same kind)
{
    const struct scan_duplicate *pair = scan->duplicates;
    while (pair->kind != kind)
        pair++;
    return pair;
}

void duplicates_warn(const struct run_setup *setup)
{
    const struct scan_report *scan = &setup->scan;
    for (int kind = 0; kind < SCAN_SAME; kind++) {
        size_t count = scan->same[kind];
        const char *s = count == 1 ? "" : "s";
        if (count == 0)
            continue;
        const struct scan_duplicate *pair = first_of(scan, (enum scan_same)kind);
        struct place a = place_of(&setup->dataset, pair->val, pair->photo);
        struct place b = place_of(&setup->dataset, pair->same_val, pair->same);
        if (kind == SCAN_LABEL_CONFLICT)
            warn("%zu photo%s %s also in another class, byte for byte, so one of the labels is wrong; the first: %s "
                 "(%s) is %s (%s); the run's duplicates.tsv lists all",
                 count, s, count == 1 ? "is" : "are", a.file, a.list, b.file, b.list);
        else if (kind == SCAN_LEAK)
            warn("%zu photo%s of val %s also in train, byte for byte, which makes the accuracy look better than it is; "
                 "the first: %s is %s; the run's duplicates.tsv lists all",
                 count, s, count == 1 ? "is" : "are", a.file, b.file);
        else
            remark("photos: %zu repeat%s another of the same class, byte for byte; the run's duplicates.tsv lists all",
                   count, count == 1 ? "s" : "");
    }
}

enum status duplicates_write(const char *folder, const struct run_setup *setup, struct error *err)
{
    static const struct column columns[] = {{"kind", COLUMN_TEXT, 0, 0},      {"list", COLUMN_TEXT, 0, 0},
                                            {"class", COLUMN_TEXT, 0, 0},     {"file", COLUMN_TEXT, 0, 0},
                                            {"same_list", COLUMN_TEXT, 0, 0}, {"same_class", COLUMN_TEXT, 0, 0},
                                            {"same_file", COLUMN_TEXT, 0, 0}};
    const struct scan_report *scan = &setup->scan;
    struct outfile file;
    struct table table;
    enum status status = outfile_open_in(&file, folder, "duplicates.tsv", err);
    if (status != OK)
        return status;
    table_start(&table, file.stream, TABLE_TSV, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < scan->duplicate_count && status == OK; i++) {
        const struct scan_duplicate *pair = &scan->duplicates[i];
        struct place a = place_of(&setup->dataset, pair->val, pair->photo);
        struct place b = place_of(&setup->dataset, pair->same_val, pair->same);
        const char *cells[] = {kinds[pair->kind], a.list, a.class, a.file, b.list, b.class, b.file};
        status = table_row(&table, cells, err);
    }
    table_end(&table);
    return outfile_end(&file, status, err);
}

void duplicates_record(struct json *json, const struct scan_report *scan)
{
    json_open(json, "duplicates", '{');
    json_int(json, "label_conflicts", (int64_t)scan->same[SCAN_LABEL_CONFLICT]);
    json_int(json, "leaks", (int64_t)scan->same[SCAN_LEAK]);
    json_int(json, "repeats", (int64_t)scan->same[SCAN_REPEAT]);
    json_close(json);
}
