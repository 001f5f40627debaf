#include "cli/run/show_ranks.h"

#include <stdio.h>

#include "cli/shell/group.h"
#include "cli/shell/numbers.h"
#include "cli/shell/wrap.h"
#include "core/train/bn_sync.h"
#include "core/train/exchange_time.h"
#include "core/train/gradients.h"
#include "core/train/recipe.h"

static const double links[] = {1, 10, 25}; /* Gbit/s */
enum { LINKS = sizeof links / sizeof *links };

/* The share of a link's rate that the exchange of gradients reaches, the additions between two messages included:
 * 88.3 MB took 0.96 s at 1 Gbit/s (scripts/bench/two_hosts.sh, docs/several-machines.md). */
static const double reached = 0.74;

struct ranks {
    bool whole;                 /* each makes all steps by itself */
    size_t count, pieces, most; /* most: pieces of a process */
    double gradients, sums;     /* bytes in a step, by the busiest: sums of --bn-sync */
    double alone;               /* seconds of a step by one process like this; 0: not known */
    double backward;            /* of them, that of a piece; the exchange goes on beside it. 0 with --bn-sync */
};

/* Of the stage that was planned last, which trains the most. */
static struct ranks look(const struct run_setup *t, const struct forecast *forecast)
{
    const struct peers *peers = group_peers();
    size_t batch = t->options.loader.batch, pieces = recipe_pieces(&t->options.recipe, batch);
    struct train_needs needs = train_needs(t->train);
    bool whole = train_is_whole(t->train);
    struct ranks ranks = {.whole = whole,
                          .count = peers->count,
                          .pieces = pieces,
                          .most = whole ? pieces : (pieces + peers->count - 1) / peers->count,
                          .gradients = whole ? 0 : gradients_sent(t->net, peers, pieces)};
    if (t->options.recipe.bn_sync)
        ranks.sums = bn_sync_sent(train_plan(t->train), ranks.most) * (double)(peers->count - 1);
    if (forecast && forecast->speed > 0) {
        double photo = (double)peers->count / forecast->speed; /* seconds for each of its operations */
        ranks.alone = (double)batch * needs.step_flops * photo;
        if (!t->options.recipe.bn_sync)
            ranks.backward = (double)batch / (double)pieces * train_plan(t->train)->flops_backward * photo;
    }
    return ranks;
}

static double sent(const struct ranks *ranks)
{
    return ranks->gradients + ranks->sums;
}

static double step_seconds(const struct ranks *ranks, const struct plan *plan, double gigabits)
{
    double rate = gigabits * 125e6 * reached;
    return ranks->alone * (double)ranks->most / (double)ranks->pieces + ranks->sums / rate +
           exchange_seconds_left(plan, ranks->backward, ranks->gradients / rate);
}

static void show_shared(FILE *out, const struct ranks *ranks, const struct plan *plan)
{
    char text[NUMBER_TEXT];
    fprintf(out, "ranks   %zu processes for %zu pieces of a batch, at most %zu each; in a step each sends up to %s: ",
            ranks->count, ranks->pieces, ranks->most, number_bytes(text, (uint64_t)sent(ranks)));
    for (size_t i = 0; i < LINKS; i++)
        fprintf(out, "%s%.3g s at %g", i ? ", " : "", sent(ranks) / (links[i] * 125e6), links[i]);
    fputs(" Gbit/s\n", out);
    if (!(ranks->alone > 0))
        return;
    fprintf(out, "        a step takes about %.2g s in one process like this, and in %zu", ranks->alone, ranks->count);
    for (size_t i = 0; i < LINKS; i++)
        fprintf(out, "%s %.2g s at %g Gbit/s", i ? "," : "", step_seconds(ranks, plan, links[i]), links[i]);
    if (step_seconds(ranks, plan, links[0]) >= ranks->alone)
        fputs(": at 1 Gbit/s more processes do not help", out);
    putc('\n', out);
}

void show_ranks(const struct run_setup *t, const struct forecast *forecast)
{
    struct ranks ranks = look(t, forecast);
    struct lines lines;
    if (ranks.count == 1)
        return;
    FILE *out = lines_start(&lines, stdout);
    if (ranks.whole)
        fprintf(
            out,
            "ranks   %zu processes; each makes all steps by itself, from kept features: those of the last layer take "
            "less time than their exchange\n",
            ranks.count);
    else
        show_shared(out, &ranks, train_plan(t->train));
    lines_end(&lines);
}

void show_ranks_json(struct json *json, const struct run_setup *t)
{
    struct ranks ranks = look(t, NULL);
    json_int(json, "processes", (int64_t)ranks.count);
    json_int(json, "pieces", (int64_t)ranks.pieces);
    json_int(json, "bytes_sent_per_step", (int64_t)sent(&ranks));
}
