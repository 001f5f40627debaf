/* What a run answered on its validation photos, read from RUN/predictions_val.csv in one pass: counts for the tables,
 * and the few photos that a page shows. Memory does not grow with the photos (but for the text of the file), only with
 * the classes and with the photos that are kept.
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
    size_t row;  /* from 0, in the file */
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
    double loss;                           /* mean */
    uint64_t *labelled, *predicted, *hits; /* [classes] photos of it, answered as it, both */
    uint64_t *matrix;           /* [classes*classes], rows are labels; NULL with more than CONFUSION_MATRIX_CLASSES */
    struct page_answer *chosen; /* PAGE_MISTAKE first, then PAGE_UNSURE, then PAGE_SAMPLE */
    size_t chosen_count;
    struct reliability reliability;
    struct page_bin fine[PAGE_FINE];
};

/* *there = false where the file does not exist. Keeps at most `most` photos: two fifths of them mistakes, three tenths
 * right answers, the rest a sample; where there are no more photos than that, all. ERR_DATA for a file of
 * another model, ERR_IO, ERR_SYSTEM. Free with page_answers_free, also after an error. */
MUST_CHECK enum status page_answers_read(struct page_answers *out, bool *there, const char *folder,
                                         const struct class_names *classes, size_t most, uint64_t seed,
                                         struct error *err);
void page_answers_free(struct page_answers *answers);

#endif
