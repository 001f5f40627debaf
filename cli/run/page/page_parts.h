/* The sections of the page of a run, in their order. Each writes nothing where the run has nothing for it; whether
 * writing worked is asked of the stream. */
#ifndef FREEZETUNE_PAGE_PARTS_H
#define FREEZETUNE_PAGE_PARTS_H

#include <stdio.h>

#include "cli/run/page/page_run.h"

void page_put_verdict(FILE *out, const struct page_run *run);
MUST_CHECK enum status page_put_curves(FILE *out, const struct page_run *run, struct error *err);
MUST_CHECK enum status page_put_confusion(FILE *out, const struct page_run *run, struct error *err);
void page_put_classes(FILE *out, const struct page_run *run);
MUST_CHECK enum status page_put_trust(FILE *out, const struct page_run *run, struct error *err);
/* `room`: bytes for the photos. */
MUST_CHECK enum status page_put_photos(FILE *out, const struct page_run *run, size_t room, struct error *err);
/* `room` likewise. */
MUST_CHECK enum status page_put_data(FILE *out, const struct page_run *run, size_t room, struct error *err);
/* All numbers of the page as JSON. */
MUST_CHECK enum status page_put_numbers(FILE *out, const struct page_run *run, struct error *err);

/* The line of a shell, to be copied; its options are not broken. */
void page_put_command(FILE *out, const char *command);
/* "91.5 %", and "86.6 to 95.4 %", Wilson's 95 % interval. */
void page_put_percent(FILE *out, double share);
void page_put_interval(FILE *out, size_t right, size_t count);

#endif
