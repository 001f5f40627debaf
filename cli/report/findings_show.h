/* Findings for people and programs: tables, TSV, JSON. Findings are sorted (findings_sort). */
#ifndef FREEZETUNE_FINDINGS_SHOW_H
#define FREEZETUNE_FINDINGS_SHOW_H

#include <stdio.h>

#include "cli/report/findings.h"
#include "cli/shell/json.h"

/* How many of each kind, and what to do about them. ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_show_counts(FILE *out, const struct findings *findings, struct error *err);
/* The `most` worst of each kind. ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_show_worst(FILE *out, const struct findings *findings, const struct dataset *dataset,
                                           size_t most, struct error *err);

/* file, problem, score, suggestion, list, class, other_file, other_list, other_class: a row for each finding; `file` is
 * below the folder of its list, and empty for a class. ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_write_tsv(FILE *out, const struct findings *findings, const struct dataset *dataset,
                                          struct error *err);

/* "problems": {"unreadable": 2, ...}, "findings": [{"file": ..., "problem": ...}, ...] */
void findings_json(struct json *json, const struct findings *findings, const struct dataset *dataset);

#endif
