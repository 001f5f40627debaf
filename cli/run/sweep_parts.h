/* A sweep whose combinations are trained by processes of their own: --list numbers them, from 1 in the order of the
 * table, --run trains one, --finish makes the table. The folders alone say how far each is. */
#ifndef FREEZETUNE_SWEEP_PARTS_H
#define FREEZETUNE_SWEEP_PARTS_H

#include <stdio.h>

#include "cli/run/series.h"

/* "NUMBER\tRUN\tSTATE" for each: missing, stopped, running, diverged or done. Looks at the folders. */
MUST_CHECK enum status sweep_list(FILE *out, struct series *series, struct error *err);

/* How many are not over; *first: the first of them, where asked for. After series_look. */
size_t sweep_missing(size_t *first, const struct series *series);

/* ERR_NO, naming those that are not over, with their states. */
enum status sweep_missing_error(const struct series *series, struct error *err);

#endif
