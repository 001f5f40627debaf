/* The gallery: mistakes, answers that were nearly wrong, and a random sample, each as the crop that the network saw. A
 * cell of the confusion matrix shows its photos by :target, which takes no script:
 *
 *   <i id=c0-1>           what the cell links to; the rules of <style> hide every card that is not of class c0-1
 *   <input> h0 h1 h2      whether heat maps lie over the photos
 *   <div class=all>       <div class=group> <h3> <div class=g> <div class="p c0-1 wrong"> ...
 */
#include "cli/run/page/page_words.h"

#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "cli/run/page/page_pictures.h"
#include "cli/shell/numbers.h"
#include "core/base/memory.h"

/* Bytes of the text of a card, roughly: what --max-size leaves to the pictures. */
enum { CARD_BYTES = 500, HEAT_BYTES = 64 };

struct gallery {
    const struct page_measured *measured;
    struct page_picture *pictures; /* [chosen_count] */
    size_t open;                   /* parts that have pictures */
    struct error why;              /* of the first that has none */
    size_t room;                   /* bytes left for the pictures */
    size_t left_out;
};

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

/* Part by part, so that one model is in memory: the page has the photos in another order. */
static enum status make_part(struct gallery *g, const struct page_source *source, size_t part, struct error *err)
{
    const struct page_answers *a = &g->measured->answers;
    struct page_pictures pictures;
    enum status status = page_pictures_open(&pictures, source, a, part, err);
    for (size_t i = 0; status == OK && i < a->chosen_count; i++)
        if (a->chosen[i].part == part)
            status = page_pictures_next(&g->pictures[i], &pictures, i, err);
    page_pictures_close(&pictures);
    return status;
}

static bool has_part(const struct page_answers *a, size_t part)
{
    for (size_t i = 0; i < a->chosen_count; i++)
        if (a->chosen[i].part == part)
            return true;
    return false;
}

static enum status make_pictures(struct gallery *g, const struct page_sources *sources, struct error *err)
{
    enum status status = OK;
    for (size_t part = 0; status == OK && part < sources->count; part++) {
        struct page_source source;
        struct error why;
        if (!has_part(&g->measured->answers, part))
            continue;
        status = sources->open(&source, sources->context, part, &why);
        if (status == OK)
            status = make_part(g, &source, part, &why);
        sources->close(sources->context);
        g->open += status == OK;
        if (status == ERR_IO || status == ERR_SYSTEM)
            return error_set(err, status, "%s", why.text);
        if (status != OK && !g->why.text[0])
            g->why = why;
        status = OK;
    }
    return status;
}

static void free_pictures(struct gallery *g)
{
    for (size_t i = 0; g->pictures && i < g->measured->answers.chosen_count; i++)
        page_picture_free(&g->pictures[i]);
    memory_free(g->pictures);
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

static bool is_first_of_cell(const struct page_answers *a, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (a->chosen[k].label == a->chosen[i].label && a->chosen[k].predicted == a->chosen[i].predicted)
            return false;
    return true;
}

static void put_filters(FILE *out, const struct page_answers *a)
{
    for (size_t i = 0; i < a->chosen_count; i++)
        if (is_first_of_cell(a, i))
            fprintf(out, "<i id=c%u-%u></i>", a->chosen[i].label, a->chosen[i].predicted);
    fputs("\n<style>", out);
    for (size_t i = 0; i < a->chosen_count; i++) {
        unsigned label = a->chosen[i].label, predicted = a->chosen[i].predicted;
        if (is_first_of_cell(a, i))
            fprintf(out,
                    "#c%u-%u:target~.all .p:not(.c%u-%u){display:none}\n#c%u-%u:target~.all "
                    ".group:not(:has(.c%u-%u)){display:none}\n",
                    label, predicted, label, predicted, label, predicted, label, predicted);
    }
    fputs("</style>\n", out);
}

static void put_tools(FILE *out, bool heat)
{
    if (heat)
        fputs("<input type=radio name=heat id=h0 checked><input type=radio name=heat id=h1><input type=radio name=heat "
              "id=h2>\n<div class=tools><label for=h0>photo</label><label for=h1>light where it speaks for the "
              "answer</label><label for=h2>... for its class</label></div>\n",
              out);
    fputs("<div class=tools><a class=show-all href=\"#photos\">Show all</a><span id=said class=soft></span></div>\n",
          out);
}

static void put_picture(FILE *out, const struct page_picture *picture, const char *file)
{
    fputs("<img alt=\"", out);
    html_text(out, file);
    fprintf(out, "\" width=%d height=%d src=\"data:image/jpeg;base64,", PICTURE_SIDE, PICTURE_SIDE);
    html_base64(out, picture->jpeg, picture->jpeg_size);
    fputs("\">", out);
    for (int i = 0; i < 2; i++) {
        if (!picture->heat[i])
            continue;
        fprintf(out, "<img alt=\"\" class=\"heat %s\" src=\"data:image/png;base64,",
                i == 1             ? "ht"
                : picture->heat[1] ? "hp"
                                   : "hp ht");
        html_base64(out, picture->heat[i], picture->heat_size);
        fputs("\">", out);
    }
}

static size_t picture_size(const struct page_picture *picture)
{
    size_t heats = (picture->heat[0] ? 1U : 0U) + (picture->heat[1] ? 1U : 0U);
    return html_base64_size(picture->jpeg_size) + heats * (html_base64_size(picture->heat_size) + HEAT_BYTES);
}

static void put_words(FILE *out, const struct class_names *classes, const struct page_answer *a)
{
    bool right = a->label == a->predicted;
    fprintf(out, "<div><b%s>", right ? "" : " class=no");
    html_name(out, classes->names[a->predicted]);
    fputs("</b> ", out);
    page_put_percent(out, a->probability);
    fputs("</div><div>", out);
    if (!right) {
        fputs("is ", out);
        html_name(out, classes->names[a->label]);
        putc(' ', out);
        page_put_percent(out, a->label_probability);
        fputs(", ", out);
    }
    fprintf(out, "loss %.3g</div>", a->loss);
}

static void put_file(FILE *out, const struct page_measured *measured, const struct page_answer *a)
{
    fputs("<div class=path title=\"", out);
    html_text(out, a->file);
    fputs("\">", out);
    html_name(out, a->file);
    fputs("</div>", out);
    if (measured->parts) {
        fputs("<div class=path>", out);
        html_name(out, measured->parts[a->part]);
        fputs("</div>", out);
    }
}

static void put_card(FILE *out, struct gallery *g, size_t i)
{
    const struct page_answer *a = &g->measured->answers.chosen[i];
    const struct page_picture *picture = &g->pictures[i];
    fprintf(out, "<div class=\"p c%u-%u%s\">", a->label, a->predicted, a->label == a->predicted ? "" : " wrong");
    size_t size = picture_size(picture);
    if (picture->jpeg && size <= g->room) {
        fputs("<span class=pic>", out);
        put_picture(out, picture, a->file);
        fputs("</span>", out);
        g->room -= size;
    } else if (picture->jpeg) {
        g->left_out++;
    }
    put_words(out, g->measured->classes, a);
    put_file(out, g->measured, a);
    fputs("</div>\n", out);
}

static void put_group(FILE *out, struct gallery *g, size_t *at, enum page_kind kind)
{
    static const char *const names[] = {"Mistakes, the largest loss first", "Right, the least sure first",
                                        "A random sample"};
    const struct page_answers *a = &g->measured->answers;
    if (*at == a->chosen_count || a->chosen[*at].kind != kind)
        return;
    fprintf(out, "<div class=group><h3>%s</h3>\n<div class=g>\n",
            kind == PAGE_SAMPLE && a->chosen_count == a->count ? "All others" : names[kind]);
    for (; *at < a->chosen_count && a->chosen[*at].kind == kind; ++*at)
        put_card(out, g, *at);
    fputs("</div></div>\n", out);
}

static void put_introduction(FILE *out, const struct gallery *g)
{
    char shown[NUMBER_TEXT], all[NUMBER_TEXT];
    const struct page_answers *a = &g->measured->answers;
    fprintf(
        out,
        "<p class=soft>%s of %s %s%s: the answer with its probability, and for mistakes the class with its own.</p>\n",
        number_count(shown, a->chosen_count), number_count(all, a->count), g->measured->photos,
        g->open ? ", as the network saw them" : "");
    if (g->why.text[0]) {
        fprintf(out, "<p class=alert>Without %spictures: ", g->open ? "some of the " : "");
        html_text(out, g->why.text);
        fputs("</p>\n", out);
    }
}

static void put_gallery(FILE *out, struct gallery *g)
{
    size_t at = 0;
    fputs("<section id=photos class=gallery><h2>Photos</h2>\n", out);
    put_introduction(out, g);
    put_filters(out, &g->measured->answers);
    put_tools(out, g->open > 0);
    fputs("<div class=all>\n", out);
    for (int kind = 0; kind < PAGE_KINDS; kind++)
        put_group(out, g, &at, (enum page_kind)kind);
    fputs("</div>\n", out);
    if (g->left_out > 0)
        fprintf(out, "<p class=alert>%zu pictures are left out, so that the page stays below --max-size.</p>\n",
                g->left_out);
    page_section_end(out);
}

enum status page_put_photos(FILE *out, const struct page_measured *measured, const struct page_sources *sources,
                            size_t room, struct error *err)
{
    const struct page_answers *a = &measured->answers;
    size_t words = a->chosen_count * CARD_BYTES;
    struct gallery g = {.measured = measured, .room = room > words ? room - words : 0};
    void *pictures;
    if (a->chosen_count == 0)
        return OK;
    enum status status =
        memory_alloc(&pictures, a->chosen_count, sizeof(struct page_picture), "the photos of the report", err);
    if (status != OK)
        return status;
    g.pictures = pictures;
    if (sources)
        status = make_pictures(&g, sources, err);
    if (status == OK)
        put_gallery(out, &g);
    free_pictures(&g);
    return status;
}
