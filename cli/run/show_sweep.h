/* The output of sweep: the table of combinations, the choice, and the command that trains it again. */
#ifndef FREEZETUNE_SHOW_SWEEP_H
#define FREEZETUNE_SHOW_SWEEP_H

#include "cli/run/series.h"
#include "cli/shell/table.h"

/* DIR/sweep.csv, a row for each combination, and DIR/reproduce.sh, which trains the recommended one again (not there as
 * long as none is done). Both whole or as they were. ERR_CANTCREATE, ERR_IO. */
MUST_CHECK enum status sweep_write(const struct series *series, struct error *err);

/* The table on stdout; as text with the choice and its command below, or with `json` all of it as one object. */
MUST_CHECK enum status show_sweep(const struct series *series, enum table_format format, bool json, struct error *err);

#endif
