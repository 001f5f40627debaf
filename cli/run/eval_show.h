/* What eval found, as text or as JSON, on stdout. */
#ifndef FREEZETUNE_EVAL_SHOW_H
#define FREEZETUNE_EVAL_SHOW_H

#include "cli/report/calibration_report.h"
#include "cli/report/profile_report.h"
#include "cli/run/eval_photos.h"
#include "cli/run/eval_strangers.h"
#include "core/net/bn_check.h"
#include "core/train/confusion.h"
#include "core/train/metrics.h"

/* All borrowed. */
struct eval_result {
    const char *model, *run; /* as it was given; the run's folder or NULL */
    const struct eval_photos *photos;
    const struct class_names *classes;
    const struct metrics *metrics;
    const struct calibration_report *calibration; /* or NULL */
    const struct eval_strangers *strangers;       /* or NULL */
    const struct bn_check *statistics;
    const struct profile_sums *profile; /* or NULL, without parts */
    const struct profile_part *parts;
    size_t part_count;
    size_t unreadable, damaged; /* photos */
    size_t worst;               /* mistakes to list */
    double seconds;             /* of the pass */
};

/* ERR_SYSTEM without memory. */
MUST_CHECK enum status eval_show_text(const struct eval_result *result, struct confusion *confusion, struct error *err);
MUST_CHECK enum status eval_show_json(const struct eval_result *result, struct confusion *confusion, struct error *err);

#endif
