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
    struct page_pictures pictures;
    bool open;   /* there are pictures */
    size_t room; /* bytes left for them */
    size_t left_out;
};

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
    fprintf(out, "loss %.3g</div><div class=path title=\"", a->loss);
    html_text(out, a->file);
    fputs("\">", out);
    html_name(out, a->file);
    fputs("</div>", out);
}

static enum status put_card(FILE *out, struct gallery *g, size_t i, struct error *err)
{
    const struct page_answer *a = &g->measured->answers.chosen[i];
    struct page_picture picture = {0};
    enum status status = g->open ? page_pictures_next(&picture, &g->pictures, i, err) : OK;
    fprintf(out, "<div class=\"p c%u-%u%s\">", a->label, a->predicted, a->label == a->predicted ? "" : " wrong");
    size_t size = picture_size(&picture);
    if (picture.jpeg && size <= g->room) {
        fputs("<span class=pic>", out);
        put_picture(out, &picture, a->file);
        fputs("</span>", out);
        g->room -= size;
    } else if (picture.jpeg) {
        g->left_out++;
    }
    put_words(out, g->measured->classes, a);
    fputs("</div>\n", out);
    page_picture_free(&picture);
    return status;
}

static enum status put_group(FILE *out, struct gallery *g, size_t *at, enum page_kind kind, struct error *err)
{
    static const char *const names[] = {"Mistakes, the largest loss first", "Right, the least sure first",
                                        "A random sample"};
    const struct page_answers *a = &g->measured->answers;
    enum status status = OK;
    if (*at == a->chosen_count || a->chosen[*at].kind != kind)
        return OK;
    fprintf(out, "<div class=group><h3>%s</h3>\n<div class=g>\n",
            kind == PAGE_SAMPLE && a->chosen_count == a->count ? "All others" : names[kind]);
    for (; status == OK && *at < a->chosen_count && a->chosen[*at].kind == kind; ++*at)
        status = put_card(out, g, *at, err);
    fputs("</div></div>\n", out);
    return status;
}

static void put_introduction(FILE *out, const struct gallery *g, const char *why)
{
    char shown[NUMBER_TEXT], all[NUMBER_TEXT];
    const struct page_answers *a = &g->measured->answers;
    fprintf(
        out,
        "<p class=soft>%s of %s %s%s: the answer with its probability, and for mistakes the class with its own.</p>\n",
        number_count(shown, a->chosen_count), number_count(all, a->count), g->measured->photos,
        g->open ? ", as the network saw them" : "");
    if (why) {
        fputs("<p class=alert>Without pictures: ", out);
        html_text(out, why);
        fputs("</p>\n", out);
    }
}

enum status page_put_photos(FILE *out, const struct page_measured *measured, const struct page_source *source,
                            const char *why, size_t room, struct error *err)
{
    const struct page_answers *a = &measured->answers;
    struct gallery g = {.measured = measured};
    struct error reason;
    size_t at = 0, words = a->chosen_count * CARD_BYTES;
    enum status status = OK;
    if (a->chosen_count == 0)
        return OK;
    g.room = room > words ? room - words : 0;
    if (source) {
        status = page_pictures_open(&g.pictures, source, a, &reason);
        g.open = status == OK;
        why = g.open ? NULL : reason.text;
        status = status == ERR_SYSTEM || status == ERR_IO ? error_set(err, status, "%s", reason.text) : OK;
    }
    if (status != OK) {
        page_pictures_close(&g.pictures);
        return status;
    }
    fputs("<section id=photos class=gallery><h2>Photos</h2>\n", out);
    put_introduction(out, &g, why);
    put_filters(out, a);
    put_tools(out, g.open);
    fputs("<div class=all>\n", out);
    for (int kind = 0; kind < PAGE_KINDS && status == OK; kind++)
        status = put_group(out, &g, &at, (enum page_kind)kind, err);
    fputs("</div>\n", out);
    if (g.left_out > 0)
        fprintf(out, "<p class=alert>%zu pictures are left out, so that the page stays below --max-size.</p>\n",
                g.left_out);
    page_section_end(out);
    page_pictures_close(&g.pictures);
    return status;
}
