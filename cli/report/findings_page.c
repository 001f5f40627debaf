#define _POSIX_C_SOURCE 200809L
#include "cli/report/findings_page.h"

#include <limits.h>
#include <stdlib.h>

#include "cli/report/findings_show.h"
#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "core/base/memory.h"
#include "core/data/jpeg_encode.h"
#include "core/data/quality.h"

enum { SIDE = 160, QUALITY = 80 };

struct page {
    FILE *out;
    const struct findings *findings;
    const struct dataset *dataset;
    const struct image_options *options;
    struct resizer *resizer;
    uint8_t *pixels; /* [SIDE,SIDE,3] */
};

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

/* All of the photo, its long side SIDE pixels. */
static enum status put_image(struct page *page, const struct image *image, struct error *err)
{
    int most = image->height > image->width ? image->height : image->width;
    int height = (image->height * SIDE + most / 2) / most, width = (image->width * SIDE + most / 2) / most;
    height = height > 0 ? height : 1;
    width = width > 0 ? width : 1;
    const struct resize_input input = {
        .pixels = image->pixels, .height = image->height, .width = image->width, .stride = (size_t)image->width * 3};
    const struct resize_window window = {height, width, 0, 0, height, width};
    uint8_t *bytes = NULL;
    size_t size = 0;
    enum status status =
        resize_pixels(page->resizer, page->pixels, (size_t)width * 3, INTERPOLATION_BILINEAR, &window, &input, err);
    if (status == OK)
        status = jpeg_encode(&bytes, &size, page->pixels, (size_t)height, (size_t)width, QUALITY, err);
    if (status == OK) {
        fprintf(page->out,
                "<img alt=\"\" width=%d height=%d style=\"max-width:100%%;height:auto\" src=\"data:image/jpeg;base64,",
                width, height);
        html_base64(page->out, bytes, size);
        fputs("\">", page->out);
    }
    memory_free(bytes);
    return status;
}

/* One photo with its name and class below it. */
static enum status put_photo(struct page *page, uint32_t photo, struct error *err)
{
    const struct photo_list *list = finding_list(page->dataset, photo);
    char path[PATH_MAX];
    struct image image;
    struct error reason = {0};
    size_t at = photo < page->dataset->train.count ? photo : photo - page->dataset->train.count;
    enum status status = OK;
    fputs("<div class=p>", page->out);
    if (photo_path(path, sizeof path, list, at)) {
        enum status loaded = quality_load(&image, path, page->options, &reason);
        if (loaded == OK) {
            status = put_image(page, &image, err);
            image_free(&image);
        } else if (loaded == ERR_SYSTEM) {
            status = error_set(err, ERR_SYSTEM, "%s: %s", path, reason.text);
        }
    }
    fprintf(page->out, "<div class=soft>%s: ", finding_list_name(page->dataset, photo));
    html_name(page->out, finding_file(page->dataset, photo));
    fputs("</div></div>", page->out);
    return status;
}

/* ---- findings ---------------------------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *before, const char *text)
{
    fputs(before, out);
    html_text(out, text);
}

/* A finding: its photo, the other one beside it, and why. The classes stand out: they are what one looks for. */
static enum status put_finding(struct page *page, const struct finding *finding, struct error *err)
{
    const char *other = finding_other_class(page->dataset, finding);
    enum status status = OK;
    fputs("<div class=find><div class=g>", page->out);
    if (finding->photo != FINDING_NONE)
        status = put_photo(page, finding->photo, err);
    if (status == OK && finding->other != FINDING_NONE)
        status = put_photo(page, finding->other, err);
    fputs("</div>\n<p>", page->out);
    put_text(page->out, "class <b>", page->dataset->classes.names[finding->class]);
    if (other)
        put_text(page->out, finding->other == FINDING_NONE ? "</b>, more likely <b>" : "</b>, the other <b>", other);
    fputs("</b><span class=soft>", page->out);
    if (finding_abouts[finding->kind].scored)
        fprintf(page->out, "; score %.4g", finding->score);
    if (finding->reason)
        put_text(page->out, "; ", finding->reason);
    fputs("</span></p></div>\n", page->out);
    return status;
}

static enum status put_kind(struct page *page, size_t first, struct error *err)
{
    const struct findings *findings = page->findings;
    enum finding_kind kind = findings->rows[first].kind;
    size_t count = findings->counts[kind], shown = count < FINDINGS_PAGE_MOST ? count : FINDINGS_PAGE_MOST;
    char id[16];
    enum status status = OK;
    snprintf(id, sizeof id, "k%d", (int)kind);
    page_section(page->out, id, finding_abouts[kind].name);
    fprintf(page->out, "<p>%zu found. To do: %s.</p>\n", count, finding_abouts[kind].suggest);
    fputs("<div class=finds>\n", page->out);
    for (size_t i = 0; i < shown && status == OK; i++)
        status = put_finding(page, &findings->rows[first + i], err);
    fputs("</div>\n", page->out);
    if (shown < count)
        fprintf(page->out, "<p>%zu more are in the list of --tsv.</p>\n", count - shown);
    page_section_end(page->out);
    return status;
}

static void put_counts(const struct page *page)
{
    const struct findings *findings = page->findings;
    page_section(page->out, "counts", "Problems");
    if (findings->count == 0)
        fputs("<p>No problems were found.</p>\n", page->out);
    fputs("<div class=wide><table><thead><tr><th>problem<th class=n>count<th>what to do</thead><tbody>\n", page->out);
    for (int kind = 0; kind < FINDING_KINDS; kind++)
        if (findings->counts[kind] > 0)
            fprintf(page->out, "<tr><td><a href=\"#k%d\">%s</a><td class=n>%zu<td>%s\n", kind,
                    finding_abouts[kind].name, findings->counts[kind], finding_abouts[kind].suggest);
    fputs("</tbody></table></div>\n", page->out);
    page_section_end(page->out);
}

/* The numbers for other programs: what --json prints of the findings. */
static enum status put_data(const struct page *page, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return error_memory(err, "the page", 0);
    struct json json = json_start(stream, false);
    json_open(&json, NULL, '{');
    findings_json(&json, page->findings, page->dataset);
    json_close(&json);
    json_end(&json);
    bool good = fclose(stream) == 0;
    if (good)
        page_data(page->out, text, size);
    free(text);
    return good ? OK : error_memory(err, "the page", 0);
}

enum status findings_page(FILE *out, const struct findings *findings, const struct dataset *dataset, const char *data,
                          const struct image_options *options, struct error *err)
{
    struct page page = {.out = out, .findings = findings, .dataset = dataset, .options = options};
    const struct page_head head = {.title = "freezetune check", .subtitle = data};
    void *memory;
    enum status status = memory_alloc(&memory, (size_t)SIDE * SIDE, 3, "the page's pictures", err);
    if (status != OK)
        return status;
    page.pixels = memory;
    status = resizer_create(&page.resizer, err);
    page_begin(out, &head);
    put_counts(&page);
    for (size_t i = 0; i < findings->count && status == OK; i += findings->counts[findings->rows[i].kind])
        status = put_kind(&page, i, err);
    if (status == OK)
        status = put_data(&page, err);
    page_end(out);
    resizer_destroy(page.resizer);
    memory_free(page.pixels);
    return status;
}
