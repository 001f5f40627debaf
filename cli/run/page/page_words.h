/* Small pieces that several sections write. Text of ours is ASCII and goes out as it is; text from outside is escaped.
 */
#ifndef FREEZETUNE_PAGE_WORDS_H
#define FREEZETUNE_PAGE_WORDS_H

#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"

/* "91.5 %", and "86.6 to 95.4 %", Wilson's 95 % interval. */
void page_put_percent(FILE *out, double share);
void page_put_interval(FILE *out, size_t right, size_t count);

/* In a <div class=verdict>: a figure over its name, both ours; the accuracy with its interval, of count >= 1 `photos`
 * ("validation photos"). */
void page_put_figure(FILE *out, const char *value, const char *name);
void page_put_accuracy(FILE *out, size_t right, size_t count, const char *photos);
/* In a <dl>: a name of ours and a value from anywhere; nothing for NULL and "". */
void page_put_fact(FILE *out, const char *name, const char *value);

/* The name of a run in the folder, as a link where it has a page. Errors of run_file_exists. */
MUST_CHECK enum status page_put_run(FILE *out, const char *folder, const char *name, struct error *err);

/* What it does, in our words, and the line of a shell, to be copied; its options are not broken. */
void page_put_command(FILE *out, const char *what, const char *command);

#endif
