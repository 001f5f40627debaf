/* What `check` has found wrong with photos and classes: a list, its order, and what is to be done about each kind.
 *
 * A photo's number counts through both lists of the dataset: 0..train-1, then val.
 */
#ifndef FREEZETUNE_FINDINGS_H
#define FREEZETUNE_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/dataset.h"

enum finding_kind {
    FINDING_UNREADABLE, /* its content cannot be decoded */
    FINDING_AWAY,       /* it cannot be opened or read now */
    FINDING_DAMAGED,    /* it is decoded all the same */
    FINDING_TINY,       /* score: the short side in pixels */
    FINDING_ONE_COLOUR, /* score: the largest standard deviation of a colour, 0..127 */
    FINDING_DARK,       /* score: the 99th percentile of grey, 0..255 */
    FINDING_BRIGHT,     /* score: the 5th percentile of grey, 0..255 */
    FINDING_BLURRED,    /* score: sharpness (core/data/quality.h) */
    FINDING_ODD_SHAPE,  /* score: long side / short side */
    /* The same bytes as another photo (core/data/scan.h). */
    FINDING_LABEL_CONFLICT,
    FINDING_LEAK,
    FINDING_REPEAT,
    /* The same picture as another photo (core/data/align.h); score: how well both agree, up to 1. */
    FINDING_NEAR_CONFLICT,
    FINDING_NEAR_LEAK,
    FINDING_NEAR_REPEAT,
    FINDING_WRONG_LABEL,    /* score: normalised margin (core/train/confident.h) */
    FINDING_DOUBTFUL_LABEL, /* the same */
    /* Of classes. */
    FINDING_FEW,       /* score: usable training photos */
    FINDING_IMBALANCE, /* score: usable training photos of the largest class / of this one */
    FINDING_NO_VAL,    /* the dataset has a val, and no usable photo of the class is in it */
    FINDING_KINDS
};

struct finding_about {
    const char *name;    /* "unreadable": the cell `problem` */
    const char *suggest; /* what to do, an imperative without a full stop */
    bool scored;
    bool low_first; /* the lowest score is the worst one */
    bool of_class;
};
extern const struct finding_about finding_abouts[FINDING_KINDS];

#define FINDING_NONE UINT32_MAX

struct finding {
    enum finding_kind kind;
    uint32_t photo; /* FINDING_NONE: of a class */
    uint32_t other; /* the photo that it is like, or FINDING_NONE */
    uint32_t class; /* its label; of class findings, the class */
    uint32_t guess; /* of the two kinds of labels: the class that is more likely */
    double score;
    const char *reason; /* of FINDING_UNREADABLE and _AWAY, borrowed; else NULL */
};

struct findings {
    struct finding *rows; /* owned */
    size_t count, room;
    size_t counts[FINDING_KINDS];
};

/* ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_add(struct findings *findings, const struct finding *finding, struct error *err);
/* By kind, the worst first, then by number. */
void findings_sort(struct findings *findings);
void findings_free(struct findings *findings);

/* Photos with at least one finding. ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_photos(size_t *out, const struct findings *findings, const struct dataset *dataset,
                                       struct error *err);

/* Of a photo's number: its list, name and class. */
const struct photo_list *finding_list(const struct dataset *dataset, uint32_t photo);
const char *finding_list_name(const struct dataset *dataset, uint32_t photo); /* "train", "val" */
const char *finding_file(const struct dataset *dataset, uint32_t photo);
uint32_t finding_class(const struct dataset *dataset, uint32_t photo);
/* The other class: that of `other`, or the guess; NULL: there is none. */
const char *finding_other_class(const struct dataset *dataset, const struct finding *finding);

#endif
