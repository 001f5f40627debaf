/* What a model answered on photos: counts for the tables, and the few photos that a page shows. They are gathered in
 * one pass, an answer at a time; memory grows with the classes and with the photos that are kept, not with all photos.
 */
#ifndef FREEZETUNE_PAGE_ANSWERS_H
#define FREEZETUNE_PAGE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/folder.h"
#include "core/train/calibration.h"
#include "core/train/confusion.h"

enum page_kind {
    PAGE_MISTAKE, /* wrong, the largest losses first */
    PAGE_UNSURE,  /* right, the smallest probabilities first */
    PAGE_SAMPLE,  /* a random sample of all others, keyed by the seed */
    PAGE_KINDS
};

struct page_answer {
    enum page_kind kind;
    char *file;  /* as photo_name gave it */
    size_t part; /* the folder that it is from, from 0 */
    size_t row;  /* from 0, through all folders */
    double key;  /* by which it was chosen: small ones first */
    double loss; /* -log of the probability of its class */
    double probability, label_probability;
    uint32_t label, predicted;
};

/* Answers by their probability, in equal parts of 0 to 1. */
enum { PAGE_FINE = 200 };
struct page_bin {
    uint64_t count, right;
};

struct page_answers {
    size_t classes;
    uint64_t count, right;
    uint64_t *labelled, *predicted, *hits; /* [classes] photos of it, answered as it, both */
    uint64_t *matrix;           /* [classes*classes], rows are labels; NULL with more than CONFUSION_MATRIX_CLASSES */
    struct page_answer *chosen; /* PAGE_MISTAKE first, then PAGE_UNSURE, then PAGE_SAMPLE */
    size_t chosen_count;
    struct reliability reliability;
    struct page_bin fine[PAGE_FINE];
};

/* The `most` entries with the smallest keys so far, in order; ties by row. */
struct page_best {
    struct page_answer *entries;
    size_t count, most;
};

struct page_gathering {
    struct page_answers *answers; /* borrowed */
    struct page_best best[PAGE_KINDS];
    uint64_t seed;
    size_t most;
};

/* Empties *answers, and keeps at most `most` photos there: two fifths of them mistakes, three tenths right answers, the
 * rest a sample, drawn by `seed`; where there are no more photos than that, all. ERR_SYSTEM without memory. Free with
 * page_gather_free and page_answers_free, also after an error. */
MUST_CHECK enum status page_gather_begin(struct page_gathering *out, struct page_answers *answers, size_t classes,
                                         size_t most, uint64_t seed, struct error *err);
/* An answer's file (copied where it is kept), row, label, predicted class and probabilities; the rest is filled in. */
MUST_CHECK enum status page_gather_add(struct page_gathering *gathering, struct page_answer *answer, struct error *err);
/* After the last one. */
MUST_CHECK enum status page_gather_end(struct page_gathering *gathering, struct error *err);
void page_gather_free(struct page_gathering *gathering);

/* Those of RUN/predictions_val.csv of each of the folders, whose text is in memory meanwhile, one after the other.
 * *there = false where none of the files exists. ERR_DATA for a file of another model, ERR_IO, ERR_SYSTEM. Free with
 * page_answers_free, also after an error. */
MUST_CHECK enum status page_answers_read(struct page_answers *out, bool *there, const char *const *folders,
                                         size_t count, const struct class_names *classes, size_t most, uint64_t seed,
                                         struct error *err);
void page_answers_free(struct page_answers *answers);

#endif
