/* What a page on answers ends with, of eval and of folds: the sections on them, and the numbers of the page. */
#define _GNU_SOURCE
#include "cli/run/page/page_measured.h"

#include <stdlib.h>

#include "cli/report/html/html_page.h"

/* Room for the end of the page. */
enum { END_BYTES = 8192 };

static enum status make_numbers(char **text, size_t *size, const struct page_numbers *numbers, struct error *err)
{
    FILE *stream = open_memstream(text, size);
    if (!stream)
        return error_memory(err, "the report", 0);
    struct json json = json_start(stream, false);
    json_open(&json, NULL, '{');
    numbers->put(&json, numbers->context);
    json_close(&json);
    json_end(&json);
    return fclose(stream) == 0 ? OK : error_memory(err, "the report", 0);
}

/* Behind the photos, of which the size must be known before them. */
static enum status make_rest(char **text, size_t *size, const struct page_measured *measured,
                             const struct page_numbers *numbers, struct error *err)
{
    char *json = NULL;
    size_t json_size = 0;
    enum status status = make_numbers(&json, &json_size, numbers, err);
    FILE *rest = status == OK ? open_memstream(text, size) : NULL;
    if (rest) {
        if (measured->answers.count > 0)
            page_put_trust(rest, measured);
        page_data(rest, json, json_size);
    }
    if (status == OK && (!rest || fclose(rest) != 0))
        status = error_memory(err, "the report", 0);
    free(json);
    return status;
}

enum status page_put_measured(FILE *out, const struct page_measured *measured, const struct page_sources *sources,
                              const struct page_numbers *numbers, size_t max_size, struct error *err)
{
    char *rest = NULL;
    size_t rest_size = 0;
    bool answered = measured->answers.count > 0;
    enum status status = answered ? page_put_confusion(out, measured, err) : OK;
    if (status == OK && answered)
        page_put_classes(out, measured);
    if (status == OK)
        status = make_rest(&rest, &rest_size, measured, numbers, err);
    if (status == OK) {
        long so_far = ftell(out);
        size_t used = (size_t)(so_far > 0 ? so_far : 0) + rest_size + END_BYTES;
        status = page_put_photos(out, measured, sources, max_size > used ? max_size - used : 0, err);
    }
    if (status == OK)
        fwrite(rest, 1, rest_size, out); /* whether that worked is asked of the stream */
    free(rest);
    return status;
}
