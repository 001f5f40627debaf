/* The page of eval --report: how good a model is on photos, in one file; the sections are those of a run's page. */
#ifndef FREEZETUNE_EVAL_PAGE_H
#define FREEZETUNE_EVAL_PAGE_H

#include "cli/report/logits_file.h"
#include "cli/run/page/page_measured.h"
#include "core/data/loader.h"
#include "core/train/metrics.h"

/* The answers, gathered while eval goes over its photos. Begins as {0}. */
struct eval_page {
    const char *path; /* borrowed; NULL: there is none, and every call below does nothing */
    struct page_measured measured;
    struct page_gathering gathering;
    float *probability; /* [classes] */
    size_t rows;
};

/* What the page tells besides; all borrowed. */
struct eval_told {
    const char *model, *data, *part; /* paths, and the part of a run's photos or NULL */
    const char *command;             /* that does it again */
    const struct metrics *metrics;
    double temperature;               /* of the model; 0: it has none */
    const struct logits_file *logits; /* with a temperature: those of all photos */
    size_t unreadable, damaged;
};

enum { EVAL_PAGE_PHOTOS = 200 };
#define EVAL_PAGE_SIZE ((size_t)20 << 20)

/* `classes` is borrowed. ERR_CANTCREATE for a path where no file can be, before any work; ERR_SYSTEM. */
MUST_CHECK enum status eval_page_start(struct eval_page *out, const char *path, const struct class_names *classes,
                                       struct error *err);
/* logits[batch->count, classes]; `photos` is the list that the batch numbers. */
MUST_CHECK enum status eval_page_add(struct eval_page *page, const struct photo_batch *batch, const float *logits,
                                     const struct photo_list *photos, struct error *err);
/* After at least one photo. It looks at the photos shown once more, for their pictures. ERR_CANTCREATE, ERR_IO,
 * ERR_SYSTEM. */
MUST_CHECK enum status eval_page_write(struct eval_page *page, const struct eval_told *told,
                                       const struct page_source *source, struct error *err);
void eval_page_free(struct eval_page *page);

#endif
