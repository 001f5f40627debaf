/* The sections of the page of a run, in their order, but for those on its answers (page_measured.h). Each writes
 * nothing where the run has nothing for it; whether writing worked is asked of the stream. */
#ifndef FREEZETUNE_PAGE_PARTS_H
#define FREEZETUNE_PAGE_PARTS_H

#include <stdio.h>

#include "cli/run/page/page_run.h"

void page_put_verdict(FILE *out, const struct page_run *run);
/* Of it: what went in. `arch` is the network, `photos` says how many there are. */
void page_put_facts(FILE *out, const struct page_run *run, const char *arch, const char *photos);
/* ... and that the frozen part stayed as it was; in `each` of several runs. */
void page_put_proof(FILE *out, const struct train_values *values, int freeze_until, bool each);
MUST_CHECK enum status page_put_curves(FILE *out, const struct page_run *run, struct error *err);
/* `room`: bytes for the photos. */
MUST_CHECK enum status page_put_data(FILE *out, const struct page_run *run, size_t room, struct error *err);
/* All numbers of the page as JSON. */
MUST_CHECK enum status page_put_numbers(FILE *out, const struct page_run *run, struct error *err);

#endif
