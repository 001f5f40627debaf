#include "cli/run/page/eval_page.h"

#include <stdio.h>

#include "cli/report/html/html_page.h"
#include "cli/run/page/page_words.h"
#include "cli/shell/numbers.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/ops/loss.h"

/* ---- answers ----------------------------------------------------------------------------------------------------- */

enum status eval_page_start(struct eval_page *out, const char *path, const struct class_names *classes,
                            struct error *err)
{
    void *memory;
    if (!path)
        return OK;
    *out = (struct eval_page){.path = path};
    out->measured = (struct page_measured){.classes = classes, .photos = "photos"};
    enum status status = outfile_probe(path, err);
    if (status == OK)
        status = memory_alloc(&memory, classes->count, sizeof(float), "the probabilities of a photo", err);
    if (status != OK)
        return status;
    out->probability = memory;
    return page_gather_begin(&out->gathering, &out->measured.answers, classes->count, EVAL_PAGE_PHOTOS, 0, err);
}

enum status eval_page_add(struct eval_page *page, const struct photo_batch *batch, const float *logits,
                          const struct photo_list *photos, struct error *err)
{
    size_t classes = page->path ? page->measured.classes->count : 0;
    enum status status = OK;
    for (size_t i = 0; page->path && status == OK && i < batch->count; i++) {
        char *name;
        softmax(page->probability, logits + i * classes, classes);
        size_t answer = argmax(page->probability, classes);
        status = memory_strdup(&name, photo_name(photos, batch->photos[i]), err);
        if (status != OK)
            return status;
        struct page_answer row = {.file = name,
                                  .row = page->rows++,
                                  .label = (uint32_t)batch->labels[i],
                                  .predicted = (uint32_t)answer,
                                  .probability = (double)page->probability[answer],
                                  .label_probability = (double)page->probability[batch->labels[i]]};
        status = page_gather_add(&page->gathering, &row, err);
        memory_free(name);
    }
    return status;
}

/* What the temperature makes of the photos. */
static enum status calibrate(struct eval_page *page, const struct eval_told *told, const struct photo_list *photos,
                             struct error *err)
{
    struct page_calibration *out = &page->measured.calibration;
    const struct logits_file *logits = told->logits;
    void *memory;
    if (!(told->temperature > 0))
        return OK;
    *out = (struct page_calibration){.known = true, .temperature = told->temperature};
    enum status status = memory_alloc(&memory, logits->classes, sizeof(double), "the probabilities of a photo", err);
    if (status != OK)
        return status;
    double *probability = memory;
    for (size_t i = 0; i < logits->count; i++) {
        size_t label = (size_t)photos->photos[logits->photos[i]].class;
        temperature_softmax(probability, logits->logits + i * logits->classes, logits->classes, out->temperature);
        struct photo_score score = photo_score_of(probability, logits->classes, label);
        reliability_add(&out->reliability, score.confidence, score.right);
    }
    memory_free(probability);
    return OK;
}

void eval_page_free(struct eval_page *page)
{
    page_gather_free(&page->gathering);
    page_measured_free(&page->measured);
    memory_free(page->probability);
    *page = (struct eval_page){0};
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void put_facts(FILE *out, const struct eval_told *told, const struct page_source *source)
{
    char text[3 * NUMBER_TEXT + 80], count[NUMBER_TEXT], bad[NUMBER_TEXT], damaged[NUMBER_TEXT];
    fputs("<dl>\n", out);
    page_put_fact(out, "Model", told->model);
    page_put_fact(out, "Network", source->model->info.arch);
    page_put_fact(out, "Data", told->data);
    page_put_fact(out, "Part", told->part);
    int length = snprintf(text, sizeof text, "%s measured", number_count(count, told->metrics->count));
    if (told->unreadable > 0)
        length += snprintf(text + length, sizeof text - (size_t)length, "; %s could not be read",
                           number_count(bad, told->unreadable));
    if (told->damaged > 0)
        snprintf(text + length, sizeof text - (size_t)length, "; %s damaged and used",
                 number_count(damaged, told->damaged));
    page_put_fact(out, "Photos", text);
    page_put_fact(out, "Made by", "freezetune " FREEZETUNE_VERSION);
    fputs("</dl>\n", out);
}

static void put_verdict(FILE *out, const struct eval_told *told, const struct page_source *source)
{
    char text[NUMBER_TEXT + 32];
    const struct metrics *metrics = told->metrics;
    page_section(out, "verdict", "Result");
    fputs("<div class=verdict>\n", out);
    page_put_accuracy(out, metrics->top1, metrics->count, "photos");
    snprintf(text, sizeof text, "%.1f&nbsp;%%", 100 * metrics_macro_f1(metrics));
    page_put_figure(out, text, "macro-F1");
    snprintf(text, sizeof text, "%.4f", metrics_loss(metrics));
    page_put_figure(out, text, "loss");
    if (metrics->classes > 5) {
        snprintf(text, sizeof text, "%.1f&nbsp;%%", 100 * metrics_top5(metrics));
        page_put_figure(out, text, "among the first five");
    }
    fputs("</div>\n", out);
    put_facts(out, told, source);
    page_put_command(out, "This command measures it again:", told->command);
    page_section_end(out);
}

struct both {
    const struct eval_page *page;
    const struct eval_told *told;
};

static void put_numbers(struct json *json, const void *context)
{
    const struct eval_page *page = ((const struct both *)context)->page;
    const struct eval_told *told = ((const struct both *)context)->told;
    json_text(json, "model", told->model);
    json_text(json, "data", told->data);
    json_text(json, "part", told->part);
    json_text(json, "command", told->command);
    json_int(json, "measured", (int64_t)told->metrics->count);
    json_int(json, "right", (int64_t)told->metrics->top1);
    json_double(json, "accuracy", metrics_accuracy(told->metrics));
    json_double(json, "macro_f1", metrics_macro_f1(told->metrics));
    json_double(json, "loss", metrics_loss(told->metrics));
    json_int(json, "unreadable", (int64_t)told->unreadable);
    json_int(json, "damaged", (int64_t)told->damaged);
    page_measured_json(json, &page->measured);
}

static enum status open_source(struct page_source *out, void *context, size_t part, struct error *err)
{
    (void)part;
    (void)err;
    *out = *(const struct page_source *)context;
    return OK;
}

static void close_source(void *context)
{
    (void)context;
}

static enum status put_page(FILE *out, const struct eval_page *page, const struct eval_told *told,
                            const struct page_source *source, struct error *err)
{
    static const struct page_link links[] = {
        {"confusion", "Confusion"}, {"classes", "Classes"}, {"photos", "Photos"}, {"trust", "Trust"}};
    const struct page_head head = {
        .title = told->data, .subtitle = told->model, .links = links, .link_count = sizeof links / sizeof *links};
    struct page_source one = *source;
    const struct page_sources sources = {open_source, close_source, &one, 1};
    const struct both both = {page, told};
    const struct page_numbers numbers = {put_numbers, &both};
    page_begin(out, &head);
    put_verdict(out, told, source);
    enum status status = page_put_measured(out, &page->measured, &sources, &numbers, EVAL_PAGE_SIZE, err);
    page_end(out);
    return status;
}

enum status eval_page_write(struct eval_page *page, const struct eval_told *told, const struct page_source *source,
                            struct error *err)
{
    struct outfile file;
    if (!page->path)
        return OK;
    enum status status = page_gather_end(&page->gathering, err);
    if (status == OK)
        status = calibrate(page, told, source->photos, err);
    if (status == OK)
        status = outfile_open(&file, page->path, err);
    return status == OK ? outfile_end(&file, put_page(file.stream, page, told, source, err), err) : status;
}
