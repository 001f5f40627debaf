#include "cli/run/show_ranks.h"

#include <stdio.h>

#include "cli/shell/group.h"
#include "cli/shell/numbers.h"
#include "cli/shell/wrap.h"
#include "core/train/bn_sync.h"
#include "core/train/gradients.h"
#include "core/train/recipe.h"

static const double links[] = {1, 10, 25}; /* Gbit/s */
enum { LINKS = sizeof links / sizeof *links };

struct ranks {
    size_t count, pieces, most; /* most: pieces of a process */
    double sent;                /* bytes in a step, by the busiest */
    double alone;               /* seconds of a step by one process like this; 0: not known */
};

/* Of the stage that was planned last, which trains the most. */
static struct ranks look(const struct run_setup *t, const struct forecast *forecast)
{
    const struct peers *peers = group_peers();
    size_t batch = t->options.loader.batch, pieces = recipe_pieces(&t->options.recipe, batch);
    struct train_needs needs = train_needs(t->train);
    struct ranks ranks = {.count = peers->count,
                          .pieces = pieces,
                          .most = (pieces + peers->count - 1) / peers->count,
                          .sent = gradients_sent(t->net, peers, pieces)};
    if (t->options.recipe.bn_sync)
        ranks.sent += bn_sync_sent(train_plan(t->train), ranks.most) * (double)(peers->count - 1);
    if (forecast && forecast->speed > 0)
        ranks.alone = (double)batch * needs.step_flops * (double)peers->count / forecast->speed;
    return ranks;
}

/* At most: how much of the exchange hides behind the last piece's backward is not known. */
static double step_seconds(const struct ranks *ranks, double gigabits)
{
    return ranks->alone * (double)ranks->most / (double)ranks->pieces + ranks->sent / (gigabits * 125e6);
}

void show_ranks(const struct run_setup *t, const struct forecast *forecast)
{
    char text[NUMBER_TEXT];
    struct ranks ranks = look(t, forecast);
    struct lines lines;
    if (ranks.count == 1)
        return;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "ranks   %zu processes for %zu pieces of a batch, at most %zu each; in a step each sends up to %s: ",
            ranks.count, ranks.pieces, ranks.most, number_bytes(text, (uint64_t)ranks.sent));
    for (size_t i = 0; i < LINKS; i++)
        fprintf(out, "%s%.3g s at %g", i ? ", " : "", ranks.sent / (links[i] * 125e6), links[i]);
    fputs(" Gbit/s\n", out);
    if (ranks.alone > 0) {
        fprintf(out, "        a step takes about %.2g s in one process like this, and in %zu", ranks.alone,
                ranks.count);
        for (size_t i = 0; i < LINKS; i++)
            fprintf(out, "%s %.2g s at %g Gbit/s", i ? "," : "", step_seconds(&ranks, links[i]), links[i]);
        if (step_seconds(&ranks, links[0]) >= ranks.alone)
            fputs(": at 1 Gbit/s more processes do not help", out);
        putc('\n', out);
    }
    lines_end(&lines);
}

void show_ranks_json(struct json *json, const struct run_setup *t)
{
    struct ranks ranks = look(t, NULL);
    json_int(json, "processes", (int64_t)ranks.count);
    json_int(json, "pieces", (int64_t)ranks.pieces);
    json_int(json, "bytes_sent_per_step", (int64_t)ranks.sent);
}
