#define _GNU_SOURCE
#include "cli/report/findings_labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/report/label_votes.h"
#include "cli/report/probabilities_reader.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/confident.h"

static const char table_name[] = "probabilities_val.csv";

enum { FOLDS_MOST = 1000 };

/* What is done with the rows of a table. A single run is read twice, LEARN and JUDGE, so that memory does not grow with
 * the photos; of several the rows of a photo are brought together first. */
enum step { LEARN, JUDGE, GATHER };

struct search {
    const struct dataset *dataset;
    const char *run; /* that is read */
    bool several;
    enum step step;
    struct class_names classes; /* of the run's, names borrowed from the first table while it is open: see `names` */
    char **names;               /* owned, [classes.count] */
    uint32_t *order;            /* photos by name; of equal names train first */
    size_t photos;
    struct confident confident;
    struct label_votes votes;    /* of several runs */
    struct label_counts *counts; /* of the run that is read */
    struct findings *out;
};

/* ---- photos by name ---------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *dataset)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = strcmp(finding_file(dataset, x), finding_file(dataset, y));
    return order ? order : (x > y) - (x < y);
}

static enum status order_photos(struct search *search, struct error *err)
{
    void *memory;
    search->photos = search->dataset->train.count + search->dataset->val.count;
    enum status status = memory_alloc(&memory, search->photos, sizeof *search->order, "the photos by name", err);
    if (status != OK)
        return status;
    search->order = memory;
    for (size_t i = 0; i < search->photos; i++)
        search->order[i] = (uint32_t)i;
    qsort_r(search->order, search->photos, sizeof *search->order, by_name, (void *)(uintptr_t)search->dataset);
    return OK;
}

/* The first photo of this name, or FINDING_NONE. */
static uint32_t find_photo(const struct search *search, const char *name)
{
    size_t low = 0, high = search->photos;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(finding_file(search->dataset, search->order[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < search->photos && strcmp(finding_file(search->dataset, search->order[low]), name) == 0;
    return found ? search->order[low] : FINDING_NONE;
}

/* ---- one table --------------------------------------------------------------------------------------------------- */

/* Those of the first table are kept; each other one must have the same. */
static enum status take_classes(struct search *search, const struct class_names *classes, const char *path,
                                struct error *err)
{
    void *memory;
    enum status status = OK;
    bool same = !search->names || classes->count == search->classes.count;
    for (size_t k = 0; search->names && same && k < classes->count; k++)
        same = strcmp(classes->names[k], search->names[k]) == 0;
    if (!same)
        return error_set(err, ERR_DATA, "%s: has other classes than the tables before it", path);
    if (search->names)
        return OK;
    if (classes->count < 2)
        return error_set(err, ERR_DATA, "%s: has a single class: no label can be wrong", path);
    status = memory_alloc(&memory, classes->count, sizeof *search->names, "the class names", err);
    if (status != OK)
        return status;
    search->names = memory;
    search->classes = (struct class_names){search->names, classes->count};
    for (size_t k = 0; k < classes->count && status == OK; k++)
        status = memory_strdup(&search->names[k], classes->names[k], err);
    if (status == OK && search->several)
        status = label_votes_init(&search->votes, search->photos, classes->count, err);
    return status == OK ? confident_init(&search->confident, classes->count,
                                         search->several ? CONFIDENT_DOUBTFUL_MEAN : CONFIDENT_DOUBTFUL, err)
                        : status;
}

static enum status judge(struct search *search, uint32_t photo, size_t label, const double *p, struct error *err)
{
    size_t class;
    struct finding finding = {.photo = photo, .other = FINDING_NONE};
    enum confidence confidence = confident_judge(&finding.score, &class, &search->confident, label, p);
    if (confidence == CONFIDENCE_RIGHT)
        return OK;
    finding.kind = confidence == CONFIDENCE_WRONG ? FINDING_WRONG_LABEL : FINDING_DOUBTFUL_LABEL;
    finding.class = finding_class(search->dataset, photo);
    finding.guess = class_names_find(&search->dataset->classes, search->names[class]);
    return finding.guess == PHOTO_NO_CLASS ? OK : findings_add(search->out, &finding, err);
}

static enum status take_row(struct search *search, const struct probability_row *row, struct error *err)
{
    const struct class_names *classes = &search->dataset->classes;
    if (search->step == LEARN) {
        confident_learn(&search->confident, row->label, row->probability);
        return OK;
    }
    uint32_t photo = find_photo(search, row->file);
    if (photo == FINDING_NONE) {
        search->counts->unknown++;
        return OK;
    }
    if (strcmp(classes->names[finding_class(search->dataset, photo)], search->names[row->label]) != 0) {
        search->counts->relabels++;
        return OK;
    }
    search->counts->judged++;
    if (search->step == JUDGE)
        return judge(search, photo, row->label, row->probability, err);
    label_votes_add(&search->votes, photo, row->label, row->probability);
    return OK;
}

static enum status read_table(struct search *search, const char *path, struct error *err)
{
    struct probabilities_reader *reader = NULL;
    const struct probability_row *row = NULL;
    enum status status = probabilities_open(&reader, path, err);
    if (status == OK)
        status = take_classes(search, probabilities_classes(reader), path, err);
    if (status == OK)
        status = probabilities_next(&row, reader, err);
    while (status == OK && row) {
        status = take_row(search, row, err);
        if (status == OK)
            status = probabilities_next(&row, reader, err);
    }
    probabilities_close(reader);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* RUN/probabilities_val.csv, or with fold > 0 RUN/fold-N/probabilities_val.csv; *path = NULL where there is none. */
static enum status table_path(char **path, const char *run, unsigned fold, struct error *err)
{
    char name[64];
    struct stat info;
    if (fold)
        snprintf(name, sizeof name, "fold-%u/%s", fold, table_name);
    else
        snprintf(name, sizeof name, "%s", table_name);
    enum status status = path_join(path, run, name, err);
    if (status == OK && path_stat(&info, *path) != 0) {
        memory_free(*path);
        *path = NULL;
    }
    return status;
}

/* A fold that is not done is missing. */
static enum status read_tables(struct search *search, enum step step, struct error *err)
{
    size_t tables = 0;
    enum status status = OK;
    search->step = step;
    for (unsigned fold = 0; fold <= FOLDS_MOST && status == OK; fold++) {
        char *path;
        status = table_path(&path, search->run, fold, err);
        if (status != OK || !path)
            continue;
        status = read_table(search, path, err);
        memory_free(path);
        tables++;
        if (fold == 0)
            break;
    }
    if (status == OK && tables == 0)
        return error_set(err, ERR_NOINPUT,
                         "%s: has no %s, neither its own nor of folds: name the folder of a finished train --folds K",
                         search->run, table_name);
    if (status == OK && step != LEARN && search->counts->judged == 0)
        return error_set(err, ERR_DATA,
                         "%s: no photo of its %zu is in this folder with the same label: name the folder that the "
                         "run was trained on",
                         search->run, search->counts->unknown + search->counts->relabels);
    return status;
}

static enum status look_at_one(struct search *search, struct error *err)
{
    enum status status = read_tables(search, LEARN, err);
    if (status != OK)
        return status;
    confident_settle(&search->confident);
    return read_tables(search, JUDGE, err);
}

/* With the means of the runs that have a photo. */
static enum status judge_votes(struct search *search, struct error *err)
{
    const struct label_votes *votes = &search->votes;
    void *memory;
    enum status status = memory_alloc(&memory, votes->classes, sizeof(double), "the probabilities of a photo", err);
    if (status != OK)
        return status;
    double *p = memory;
    for (size_t i = 0; i < votes->photos; i++)
        if (label_votes_mean(p, votes, i))
            confident_learn(&search->confident, votes->labels[i], p);
    confident_settle(&search->confident);
    for (size_t i = 0; i < votes->photos && status == OK; i++)
        if (label_votes_mean(p, votes, i))
            status = judge(search, (uint32_t)i, votes->labels[i], p, err);
    memory_free(p);
    return status;
}

static enum status look_at_several(struct search *search, const char *const *runs, size_t count, struct error *err)
{
    enum status status = OK;
    struct label_counts *counts = search->counts;
    for (size_t i = 0; i < count && status == OK; i++) {
        search->run = runs[i];
        search->counts = &counts[i];
        status = read_tables(search, GATHER, err);
    }
    return status == OK ? judge_votes(search, err) : status;
}

enum status findings_look_labels(struct findings *out, struct label_counts *counts, const struct dataset *dataset,
                                 const char *const *runs, size_t count, struct error *err)
{
    struct search search = {.dataset = dataset, .run = runs[0], .several = count > 1, .counts = counts, .out = out};
    memset(counts, 0, count * sizeof *counts);
    enum status status = order_photos(&search, err);
    if (status == OK && search.several)
        status = look_at_several(&search, runs, count, err);
    else if (status == OK)
        status = look_at_one(&search, err);
    confident_free(&search.confident);
    label_votes_free(&search.votes);
    for (size_t k = 0; search.names && k < search.classes.count; k++)
        memory_free(search.names[k]);
    memory_free(search.names);
    memory_free(search.order);
    return status;
}
