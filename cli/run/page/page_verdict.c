/* The first section: how good the model is, that what is frozen stayed as it was, what went in, how to repeat it. */
#include "cli/run/page/page_parts.h"
#include "cli/run/page/page_words.h"

#include <string.h>

#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "cli/shell/numbers.h"

enum { COUNTS_TEXT = 3 * NUMBER_TEXT + 80 };

/* Right answers of an epoch: metrics.csv has their share alone. */
static size_t right_of(const struct page_run *run, const struct metrics_row *row)
{
    double all = run->answered ? (double)run->measured.answers.count : page_run_number(run, NULL, "val_photos", 0);
    return (size_t)(row->val_accuracy * all + 0.5);
}

static void put_figures(FILE *out, const struct page_run *run)
{
    char text[NUMBER_TEXT + 32];
    const struct metrics_row *best = run->best > 0 ? &run->rows[run->best - 1] : NULL;
    size_t photos = run->over ? run->result.photos : run->measured.answers.count;
    fputs("<div class=verdict>\n", out);
    if (photos > 0 && (best || run->over))
        page_put_accuracy(out, run->over ? run->result.right : right_of(run, best), photos, "validation photos");
    if (best) {
        snprintf(text, sizeof text, "%.1f&nbsp;%%", 100 * best->macro_f1);
        page_put_figure(out, text, "macro-F1");
        snprintf(text, sizeof text, "%.4f", best->val_loss);
        page_put_figure(out, text, "validation loss");
        snprintf(text, sizeof text, "%zu of %zu", best->epoch, run->row_count);
        page_put_figure(out, text, "best epoch");
    }
    fputs("</div>\n", out);
}

void page_put_proof(FILE *out, const struct train_values *values, int freeze_until, bool each)
{
    fprintf(out,
            "<p class=proof><b>Frozen means frozen.</b> %s tensor of children 1 to %d that stayed frozen was compared "
            "with %s, bit by bit, after training: all are equal.</p>\n",
            each ? "In each run every" : "Every", freeze_until,
            strcmp(values->weights, "random") == 0 ? "the initial weights" : "the weight file");
}

static void put_state(FILE *out, const struct page_run *run)
{
    long long epochs = run->values->epochs;
    if (run->over && run->result.diverged)
        fputs("<p class=alert><b>The training diverged.</b> Lower the rate (--lr) or clip the gradient "
              "(--clip-norm).</p>\n",
              out);
    else if (run->over)
        page_put_proof(out, run->values, run->result.freeze_until, false);
    else if (run->running)
        fprintf(out,
                "<p class=alert><b>The run goes on:</b> %zu of %lld epochs are done. This page is written again after "
                "an epoch, and loads itself every 20 seconds.</p>\n",
                run->row_count, epochs);
    else
        fprintf(out,
                "<p class=alert><b>The run is not over:</b> %zu of %lld epochs are done, and the frozen part is not "
                "verified yet. <code>freezetune train --resume</code> continues it.</p>\n",
                run->row_count, epochs);
}

static void put_counts(char text[COUNTS_TEXT], const struct page_run *run)
{
    char train[NUMBER_TEXT], val[NUMBER_TEXT], bad[NUMBER_TEXT];
    size_t unread = (size_t)(page_run_number(run, NULL, "unreadable_photos", 0) +
                             page_run_number(run, NULL, "unavailable_photos", 0));
    snprintf(text, COUNTS_TEXT, "%s to train on, %s to validate, %zu classes",
             number_count(train, (uint64_t)page_run_number(run, NULL, "train_photos", 0)),
             number_count(val, (uint64_t)page_run_number(run, NULL, "val_photos", 0)), run->classes.count);
    if (unread > 0)
        snprintf(text + strlen(text), COUNTS_TEXT - strlen(text), "; %s could not be read", number_count(bad, unread));
}

static void put_recipe(FILE *out, const struct page_run *run)
{
    const struct train_values *v = run->values;
    char text[400], lr[NUMBER_TEXT], count[NUMBER_TEXT];
    double rate = run->over ? run->result.lr : v->lr;
    snprintf(text, sizeof text, "%s, %s with rate %s (%s), batches of %lld, %lldx%lld pixels, augmentation %s",
             v->new_head || page_run_number(run, NULL, "new_head", 0) > 0 ? "new last layer" : "fine-tuning",
             optimizer_names[v->optimizer], rate >= 0 ? number_double(lr, rate) : "searched for",
             schedule_names[v->schedule], v->batch_size, v->image_size, v->image_size, augment_names[v->augment]);
    page_put_fact(out, "Recipe", strncmp(text, "fine-tuning, ", 13) == 0 ? text + 13 : text);
    if (!run->over)
        return;
    snprintf(text, sizeof text, "%s parameters; %s", number_count(count, run->result.parameters),
             number_seconds(lr, run->result.seconds));
    snprintf(text + strlen(text), sizeof text - strlen(text), " an epoch, %s of memory planned",
             number_bytes(count, run->result.memory));
    page_put_fact(out, "Trained", text);
}

void page_put_facts(FILE *out, const struct page_run *run, const char *arch, const char *photos)
{
    char text[160];
    const char *weights = page_run_text(run, "options", "weights");
    fputs("<dl>\n", out);
    page_put_fact(out, "Data", page_run_text(run, "options", "data"));
    page_put_fact(out, "Photos", photos);
    snprintf(text, sizeof text, "%.60s, children 1 to %.40s frozen", arch, run->values->freeze_until);
    page_put_fact(out, "Network", strcmp(run->values->freeze_until, "0") == 0 ? arch : text);
    page_put_fact(out, "Weights", weights);
    put_recipe(out, run);
    snprintf(text, sizeof text, "%lld", run->values->seed);
    page_put_fact(out, "Seed", text);
    snprintf(text, sizeof text, "freezetune %.40s, instruction set %.40s", page_run_text(run, "versions", "freezetune"),
             page_run_text(run, "versions", "instructions"));
    page_put_fact(out, "Made by", text);
    fputs("</dl>\n", out);
}

void page_put_verdict(FILE *out, const struct page_run *run)
{
    char photos[COUNTS_TEXT];
    page_section(out, "verdict", "Result");
    put_figures(out, run);
    put_state(out, run);
    put_counts(photos, run);
    page_put_facts(out, run, page_run_text(run, NULL, "arch"), photos);
    page_put_command(out, "This command trains it again:", run->command);
    page_section_end(out);
}
