/* The findings of check as a page with pictures: html/html_page.h is its frame. Pairs stand side by side. The same
 * folder gives the same bytes. */
#ifndef FREEZETUNE_FINDINGS_PAGE_H
#define FREEZETUNE_FINDINGS_PAGE_H

#include <stdio.h>

#include "cli/report/findings.h"
#include "core/data/image.h"

enum { FINDINGS_PAGE_MOST = 60 /* findings of a kind that are shown; the page says how many more there are */ };

/* `data` is the folder's name. A photo that can no longer be read has no picture. One photo is in memory at a time.
 * ERR_SYSTEM without memory. Whether writing worked is asked of the stream. */
MUST_CHECK enum status findings_page(FILE *out, const struct findings *findings, const struct dataset *dataset,
                                     const char *data, const struct image_options *options, struct error *err);

#endif
