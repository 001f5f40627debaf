#include "cli/run/sweep_plan.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/numbers.h"
#include "core/base/text.h"
#include "core/net/freeze.h"
#include "core/train/statistics.h"

/* ---- what is tried ----------------------------------------------------------------------------------------------- */

enum { PART = 80 };

/* The part of a list before the next comma; *text moves behind it, to NULL after the last. */
static enum status next_part(char part[PART], const char **text, const char *option, struct error *err)
{
    size_t length = strcspn(*text, ",");
    if (length == 0 || length >= PART)
        return error_set(err, ERR_USAGE, "--%s %s: must be values with commas between them", option, *text);
    memcpy(part, *text, length);
    part[length] = '\0';
    *text = (*text)[length] ? *text + length + 1 : NULL;
    return OK;
}

/* "6" or "4..9". */
static enum status parse_range(int *first, int *last, char *part, const struct net *net, struct error *err)
{
    char *dots = strstr(part, "..");
    if (dots)
        *dots = '\0';
    enum status status = freeze_parse(first, net, part, err);
    *last = *first;
    if (status == OK && dots)
        status = freeze_parse(last, net, dots + 2, err);
    if (status == OK && *last < *first)
        status = error_set(err, ERR_USAGE, "--freeze-until %s..%s: a range goes from the smaller to the larger", part,
                           dots + 2);
    return status;
}

enum status sweep_points(int out[NET_CHILDREN], size_t *count, const char *text, const struct net *net,
                         struct error *err)
{
    bool wanted[NET_CHILDREN] = {false};
    while (text) {
        char part[PART];
        int first = 0, last = 0;
        enum status status = next_part(part, &text, "freeze-until", err);
        if (status == OK)
            status = parse_range(&first, &last, part, net, err);
        if (status != OK)
            return status;
        for (int point = first; point <= last; point++)
            wanted[point] = true;
    }
    *count = 0;
    for (int point = 0; point < NET_CHILDREN; point++)
        if (wanted[point])
            out[(*count)++] = point;
    return OK;
}

void sweep_distinct(int points[NET_CHILDREN], size_t *count, char same_as[NET_CHILDREN][SERIES_SAME],
                    const struct net *net)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        char *same = kept ? same_as[kept - 1] : NULL;
        if (same && freeze_same(net, points[kept - 1], points[i])) {
            size_t used = strlen(same);
            snprintf(same + used, SERIES_SAME - used, "%s%d", used ? " " : "", points[i]);
            continue;
        }
        same_as[kept][0] = '\0';
        points[kept++] = points[i];
    }
    *count = kept;
}

static enum status parse_rate(double *out, const char *part, struct error *err)
{
    if (strcmp(part, "find") == 0) {
        *out = LR_FIND;
        return OK;
    }
    if (!text_to_double(out, part) || !(*out > 0) || *out > 1e6)
        return error_set(err, ERR_USAGE, "--lr %s: must be a number above 0, or `find`", part);
    return OK;
}

enum status sweep_rates(double out[SWEEP_RATES_MOST], size_t *count, const char *text, struct error *err)
{
    *count = 0;
    while (text) {
        char part[PART];
        double rate = 0;
        enum status status = next_part(part, &text, "lr", err);
        if (status == OK)
            status = parse_rate(&rate, part, err);
        if (status != OK)
            return status;
        bool known = false;
        for (size_t i = 0; i < *count; i++)
            known = known || out[i] == rate;
        if (!known && *count == SWEEP_RATES_MOST)
            return error_set(err, ERR_USAGE, "--lr: more than %d rates", SWEEP_RATES_MOST);
        if (!known)
            out[(*count)++] = rate;
    }
    return OK;
}

static int by_limit(const void *a, const void *b)
{
    unsigned long long x = (unsigned long long)*(const long long *)a - 1;
    unsigned long long y = (unsigned long long)*(const long long *)b - 1; /* all, which is 0, is the largest */
    return x < y ? -1 : x > y;
}

enum status sweep_limits(long long out[SWEEP_LIMITS_MOST], size_t *count, const char *text, struct error *err)
{
    *count = 0;
    if (!text)
        out[(*count)++] = 0;
    while (text) {
        char part[PART];
        long long limit = 0;
        bool known = false;
        enum status status = next_part(part, &text, "limit", err);
        if (status != OK)
            return status;
        if (strcmp(part, "all") != 0 && (!text_to_long(&limit, part) || limit < 1 || limit > UINT32_MAX))
            return error_set(err, ERR_USAGE, "--limit %s: must be a number of photos from 1, or `all`", part);
        for (size_t i = 0; i < *count; i++)
            known = known || out[i] == limit;
        if (!known && *count == SWEEP_LIMITS_MOST)
            return error_set(err, ERR_USAGE, "--limit: more than %d numbers", SWEEP_LIMITS_MOST);
        if (!known)
            out[(*count)++] = limit;
    }
    qsort(out, *count, sizeof *out, by_limit);
    return OK;
}

void sweep_name(char out[SWEEP_NAME], int freeze_until, double lr, bool limited, long long limit)
{
    char rate[NUMBER_TEXT], photos[NUMBER_TEXT] = "";
    if (limited && limit)
        snprintf(photos, sizeof photos, "-%lld", limit);
    else if (limited)
        snprintf(photos, sizeof photos, "-all");
    snprintf(out, SWEEP_NAME, "%d-%s%s", freeze_until, lr == LR_FIND ? "find" : number_double(rate, lr), photos);
}

/* ---- what came out ----------------------------------------------------------------------------------------------- */

/* Is `a` more accurate? */
static bool is_better(const struct record_result *a, const struct record_result *b)
{
    double x = record_result_accuracy(a), y = record_result_accuracy(b);
    return x > y || (x == y && a->loss < b->loss);
}

unsigned long long sweep_photos(const struct series_run *run)
{
    return run->values.limit ? (unsigned long long)run->values.limit : ULLONG_MAX;
}

const struct series_run *sweep_best(const struct series *series)
{
    const struct series_run *best = NULL;
    for (size_t i = 0; i < series->count; i++) {
        const struct series_run *run = &series->runs[i];
        if (run->state != SERIES_DONE || (best && sweep_photos(run) < sweep_photos(best)))
            continue;
        if (!best || sweep_photos(run) > sweep_photos(best) || is_better(&run->result, &best->result))
            best = run;
    }
    return best;
}

double sweep_good_enough(const struct series_run *best)
{
    return interval_of_share(best->result.right, best->result.photos, 1).low;
}

const struct series_run *sweep_recommended(const struct series *series)
{
    const struct series_run *best = sweep_best(series), *chosen = NULL;
    for (size_t i = 0; best && i < series->count; i++) {
        const struct series_run *run = &series->runs[i];
        if (run->state != SERIES_DONE || sweep_photos(run) != sweep_photos(best) ||
            record_result_accuracy(&run->result) < sweep_good_enough(best))
            continue;
        if (!chosen || run->result.parameters < chosen->result.parameters ||
            (run->result.parameters == chosen->result.parameters && is_better(&run->result, &chosen->result)))
            chosen = run;
    }
    return chosen;
}
