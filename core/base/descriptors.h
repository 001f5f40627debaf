/* The number of open files is planned for: many threads read photos, and a limit (`ulimit -n`) below their number would
 * make some of them fail.
 *
 *   limit = open at the start + DESCRIPTORS_KEPT + what may be read at once, at least one
 *
 * Who opens a file to read it takes one of the last part and waits where none is left, so that no call is refused.
 */
#ifndef FREEZETUNE_DESCRIPTORS_H
#define FREEZETUNE_DESCRIPTORS_H

#include <stddef.h>

#include "core/base/error.h"

/* For files that stay open or are written: without the weights, the folder of the run, log.jsonl, metrics.csv and one
 * file that is written no run can be; two files of features and one for what libraries open come on top. */
enum { DESCRIPTORS_NEEDED = 5, DESCRIPTORS_KEPT = 8 };

/* Raises the limit as far as the system lets us and decides how many may be read at once. Called once, before any
 * thread is started; without it there is no limit of ours. ERR_SYSTEM, with the number that is needed, when not even
 * one can be read beside DESCRIPTORS_NEEDED. */
MUST_CHECK enum status descriptors_plan(struct error *err);
/* How many may be read at once. */
size_t descriptors_at_once(void);

/* One of those: waits until it is free. A thread that has one must not take another: with a small limit it would wait
 * for itself. Any thread may give it back. */
void descriptor_take(void);
void descriptor_give_back(void);

#endif
