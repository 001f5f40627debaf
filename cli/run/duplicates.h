/* Photos of the same bytes, as the scan found them: warnings, RUN/duplicates.tsv, the counts in config.json.
 *
 *   kind   list  class  file           same_list  same_class  same_file
 *   leak   val   ants   ants/copy.jpg  train      ants        ants/1.jpg
 *
 * kind is "label conflict", "leak" or "repeat" (enum scan_same); the first file has the bytes of the second.
 */
#ifndef FREEZETUNE_DUPLICATES_H
#define FREEZETUNE_DUPLICATES_H

#include "cli/run/run_setup.h"
#include "cli/shell/json.h"

/* stderr: a line for each kind that there is. */
void duplicates_warn(const struct run_setup *setup);

/* Also where there are none: the titles alone. ERR_CANTCREATE, ERR_IO. */
MUST_CHECK enum status duplicates_write(const char *folder, const struct run_setup *setup, struct error *err);

/* "duplicates": {"label_conflicts": 0, "leaks": 3, "repeats": 1} */
void duplicates_record(struct json *json, const struct scan_report *scan);

#endif
