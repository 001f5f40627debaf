#define _GNU_SOURCE
#include "cli/run/page/run_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/report/html/html_page.h"
#include "cli/run/page/page_found.h"
#include "cli/run/page/page_parts.h"
#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"

/* TRAINING_SHARE: a part of --max-size for the photos that show the augmentation; the gallery has the rest. */
enum { REFRESH = 20, END_BYTES = 8192, TRAINING_SHARE = 8 };

/* What comes behind the photos, of which the size must be known before them. */
static enum status put_rest(FILE *out, const struct page_run *run, size_t room, struct error *err)
{
    if (run->answered)
        page_put_trust(out, &run->measured);
    enum status status = page_put_data(out, run, room, err);
    return status == OK ? page_put_numbers(out, run, err) : status;
}

static enum status make_rest(char **text, size_t *size, const struct page_run *run, size_t room, struct error *err)
{
    FILE *stream = open_memstream(text, size);
    if (!stream)
        return error_memory(err, "the report", 0);
    enum status status = put_rest(stream, run, room, err);
    if (fclose(stream) != 0 && status == OK)
        status = error_memory(err, "the report", 0);
    return status;
}

static void put_head(FILE *out, const struct page_run *run)
{
    static const struct page_link links[] = {{"curves", "Curves"}, {"confusion", "Confusion"}, {"classes", "Classes"},
                                             {"photos", "Photos"}, {"trust", "Trust"},         {"data-found", "Data"}};
    char title[400], subtitle[200];
    const char *arch = page_run_text(run, NULL, "arch");
    snprintf(title, sizeof title, "%.300s", page_run_data(run, "a run"));
    snprintf(subtitle, sizeof subtitle, "%.100s, run %.80s", arch ? arch : "", run->name);
    const struct page_head head = {.title = title,
                                   .subtitle = subtitle,
                                   .links = links,
                                   .link_count = run->answered ? sizeof links / sizeof *links : 1,
                                   .refresh = run->running ? REFRESH : 0};
    page_begin(out, &head);
}

/* Photos or a model that are gone are no error: the gallery has no pictures then, and says why. */
struct opened {
    const struct page_run *run;
    struct page_found found;
};

static enum status open_source(struct page_source *out, void *context, size_t part, struct error *err)
{
    struct opened *o = context;
    (void)part;
    *out = (struct page_source){&o->found.model, &o->found.photos.dataset.val, &o->run->values->engine};
    return page_found_open(&o->found, o->run->folder, err);
}

static void close_source(void *context)
{
    page_found_close(&((struct opened *)context)->found);
}

static enum status put_photos(FILE *out, const struct page_run *run, size_t room, struct error *err)
{
    struct opened opened = {.run = run};
    const struct page_sources sources = {open_source, close_source, &opened, 1};
    return run->answered ? page_put_photos(out, &run->measured, run->running ? NULL : &sources, room, err) : OK;
}

static enum status put_page(FILE *out, const struct page_run *run, size_t max_size, struct error *err)
{
    char *rest = NULL;
    size_t rest_size = 0;
    put_head(out, run);
    page_put_verdict(out, run);
    enum status status = page_put_curves(out, run, err);
    if (status == OK && run->answered)
        status = page_put_confusion(out, &run->measured, err);
    if (status == OK) {
        if (run->answered)
            page_put_classes(out, &run->measured);
        status = make_rest(&rest, &rest_size, run, max_size / TRAINING_SHARE, err);
    }
    if (status == OK) {
        long so_far = ftell(out);
        size_t used = (size_t)(so_far > 0 ? so_far : 0) + rest_size + END_BYTES;
        status = put_photos(out, run, max_size > used ? max_size - used : 0, err);
    }
    if (status == OK) {
        fwrite(rest, 1, rest_size, out); /* whether that worked is asked of the stream */
        page_end(out);
    }
    free(rest);
    return status;
}

enum status run_page_write(const char *folder, const struct run_page_options *options, struct error *err)
{
    struct page_run run;
    struct outfile file;
    enum status status = page_run_open(&run, folder, options->photos, err);
    run.running = options->running;
    if (status == OK && run.answered && !run.running)
        status = page_training_read(&run.training, folder, run.values, err);
    if (status == OK) {
        status =
            options->out ? outfile_open(&file, options->out, err) : outfile_open_in(&file, folder, "report.html", err);
        if (status == OK)
            status = outfile_end(&file, put_page(file.stream, &run, options->max_size, err), err);
    }
    page_run_close(&run);
    return status;
}

void run_page_try(const char *folder, bool running, size_t photos)
{
    const struct run_page_options options = {.photos = photos, .max_size = RUN_PAGE_SIZE, .running = running};
    struct error why;
    if (run_page_write(folder, &options, &why) != OK)
        warn("%s/report.html was not written: %s", folder, why.text);
}

void run_page_renew(const char *folder)
{
    char *path = NULL;
    struct error why;
    struct stat info;
    bool there = path_join(&path, folder, "report.html", &why) == OK && stat(path, &info) == 0;
    memory_free(path);
    if (there)
        run_page_try(folder, false, RUN_PAGE_PHOTOS);
}
