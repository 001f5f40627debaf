/* What a model answered on photos, as the sections on answers need it: of the validation photos of a run, or of those
 * that eval measures. */
#ifndef FREEZETUNE_PAGE_MEASURED_H
#define FREEZETUNE_PAGE_MEASURED_H

#include <stdio.h>

#include "cli/model/model_file.h"
#include "cli/run/page/page_answers.h"
#include "cli/run/page/page_calibration.h"
#include "cli/shell/engine_options.h"
#include "cli/shell/json.h"

struct page_measured {
    const struct class_names *classes; /* borrowed */
    const char *photos;                /* what a sentence calls them: "validation photos" */
    struct page_answers answers;
    struct page_calibration calibration;
};
void page_measured_free(struct page_measured *measured);

/* Where the pictures of the gallery come from; all borrowed. */
struct page_source {
    const struct model *model;
    const struct photo_list *photos; /* the answers' files are names of it */
    const struct engine_options *engine;
};

/* The sections; whether writing worked is asked of the stream. */
MUST_CHECK enum status page_put_confusion(FILE *out, const struct page_measured *measured, struct error *err);
void page_put_classes(FILE *out, const struct page_measured *measured);
void page_put_trust(FILE *out, const struct page_measured *measured);
/* `source` is NULL for a gallery without pictures; `why` says why there are none, or is NULL. `room`: bytes for the
 * pictures. Errors of inference_next; a photo that cannot be read has no picture. */
MUST_CHECK enum status page_put_photos(FILE *out, const struct page_measured *measured,
                                       const struct page_source *source, const char *why, size_t room,
                                       struct error *err);

/* "by_class", "confusion", the reliability and "photos" in an open object. */
void page_measured_json(struct json *json, const struct page_measured *measured);

#endif
