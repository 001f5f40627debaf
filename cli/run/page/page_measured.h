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
    char *const *parts;                /* borrowed: names of the runs that answered; NULL: it was one model */
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

/* A source for each part of the answers. One is open at a time: `close` follows each `open`, also after an error. What
 * `open` cannot find, but for ERR_IO and ERR_SYSTEM, leaves the photos of that part without pictures. */
struct page_sources {
    enum status (*open)(struct page_source *out, void *context, size_t part, struct error *err);
    void (*close)(void *context);
    void *context;
    size_t count;
};

/* The sections; whether writing worked is asked of the stream. */
MUST_CHECK enum status page_put_confusion(FILE *out, const struct page_measured *measured, struct error *err);
void page_put_classes(FILE *out, const struct page_measured *measured);
void page_put_trust(FILE *out, const struct page_measured *measured);
/* `sources` is NULL for a gallery without pictures. `room`: bytes for the pictures, of which all are in memory. ERR_IO,
 * ERR_SYSTEM; what cannot be found or read has no picture, and the page says why. */
MUST_CHECK enum status page_put_photos(FILE *out, const struct page_measured *measured,
                                       const struct page_sources *sources, size_t room, struct error *err);

/* All numbers of the page, as members of an open object. */
struct page_numbers {
    void (*put)(struct json *json, const void *context);
    const void *context;
};
/* Confusion, classes, photos and trust, nothing where there are no answers, and then the numbers. The page stays below
 * `max_size` bytes where leaving out pictures can do that. Errors of page_put_photos. */
MUST_CHECK enum status page_put_measured(FILE *out, const struct page_measured *measured,
                                         const struct page_sources *sources, const struct page_numbers *numbers,
                                         size_t max_size, struct error *err);

/* "by_class", "confusion", the reliability and "photos" in an open object. */
void page_measured_json(struct json *json, const struct page_measured *measured);

#endif
