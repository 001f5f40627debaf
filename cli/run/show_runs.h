/* What `freezetune runs` prints. */
#ifndef FREEZETUNE_SHOW_RUNS_H
#define FREEZETUNE_SHOW_RUNS_H

#include "cli/run/run_list.h"
#include "cli/run/run_options.h"
#include "cli/shell/table.h"

/* A row for each run. ERR_SYSTEM. */
MUST_CHECK enum status show_runs_table(const struct run_list *list, const struct run_options *options,
                                       enum table_format format, struct error *err);
/* One object. */
void show_runs_json(const char *folder, const struct run_list *list, const struct run_options *options);

/* On stderr: what is damaged, folders that are no runs, and accuracies that cannot be compared. */
void show_runs_remarks(const char *folder, const struct run_list *list);

#endif
