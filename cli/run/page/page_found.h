/* The model of a run and its photos, found again by the options in its folder: where pictures come from. */
#ifndef FREEZETUNE_PAGE_FOUND_H
#define FREEZETUNE_PAGE_FOUND_H

#include "cli/model/model_file.h"
#include "cli/run/record_config.h"
#include "cli/run/run_photos.h"

struct page_found {
    struct model model;
    struct record_config record;
    struct run_photos photos;
};

/* RUN/best.safetensors and the photos as the run listed them. ERR_DATA where the model is not the run's, errors of
 * model_open and run_photos_open. Free with page_found_close, also after an error. */
MUST_CHECK enum status page_found_open(struct page_found *out, const char *folder, struct error *err);
void page_found_close(struct page_found *found);

#endif
