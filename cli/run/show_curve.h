/* The learning curve of a sweep with --limit: what the recommended combination reached on fewer photos, and what twice
 * as many would bring (core/train/learning_curve.h). */
#ifndef FREEZETUNE_SHOW_CURVE_H
#define FREEZETUNE_SHOW_CURVE_H

#include "cli/run/series.h"
#include "cli/shell/json.h"

/* Did --limit ask for runs on several numbers of photos? */
bool curve_asked(const struct series *series);

/* Lines on stdout below the table; nothing without several runs of `chosen` (freeze point and rate) that are done.
 * ERR_SYSTEM without memory. */
MUST_CHECK enum status curve_show(const struct series *series, const struct series_run *chosen, struct error *err);

/* The member "learning_curve", or null. */
MUST_CHECK enum status curve_json(struct json *json, const struct series *series, const struct series_run *chosen,
                                  struct error *err);

#endif
