#include "core/train/unfreeze.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/net/freeze.h"

/* "3:layer2", with 3 from 2 to `epochs`. */
static enum status parse_step(struct unfreeze *out, const struct net *net, const char *text, size_t epochs,
                              struct error *err)
{
    char digits[24], given[128];
    long long epoch;
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (!colon || length >= sizeof digits)
        return error_set(err, ERR_USAGE, "--unfreeze-at %s: must be EPOCH:N, such as 3:%d", text,
                         (int)net->children - 2);
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!text_to_long(&epoch, digits))
        return error_set(err, ERR_USAGE, "--unfreeze-at %s: '%s' is not an epoch; must be EPOCH:N, such as 3:%d", text,
                         digits, (int)net->children - 2);
    if (epoch < 2 || (unsigned long long)epoch > epochs)
        return error_set(err, ERR_USAGE,
                         "--unfreeze-at %s: the epoch must be from 2 to --epochs (%zu); the first begins with "
                         "--freeze-until",
                         text, epochs);
    snprintf(given, sizeof given, "--unfreeze-at %s", text);
    out->epoch = (size_t)epoch - 1;
    return freeze_parse_given(&out->until, net, colon + 1, given, err);
}

/* Keeps the steps in the order of their epochs. */
static enum status insert(struct unfreezing *out, const struct unfreeze *step, struct error *err)
{
    size_t at = 0;
    if (out->count == NET_CHILDREN)
        return error_set(err, ERR_USAGE, "--unfreeze-at: given more often than there are freeze points");
    while (at < out->count && out->steps[at].epoch < step->epoch)
        at++;
    if (at < out->count && out->steps[at].epoch == step->epoch)
        return error_set(err, ERR_USAGE, "--unfreeze-at %zu:%d: epoch %zu already has another freeze point, %d",
                         step->epoch + 1, step->until, step->epoch + 1, out->steps[at].until);
    memmove(out->steps + at + 1, out->steps + at, (out->count - at) * sizeof *out->steps);
    out->steps[at] = *step;
    out->count++;
    return OK;
}

static enum status check_down(const struct unfreezing *unfreezing, int first, struct error *err)
{
    int before = first;
    for (size_t i = 0; i < unfreezing->count; before = unfreezing->steps[i++].until) {
        const struct unfreeze *step = &unfreezing->steps[i];
        if (step->until >= before)
            return error_set(err, ERR_USAGE,
                             "--unfreeze-at %zu:%d: before that epoch children 1 to %d are frozen, and a trained child "
                             "cannot be frozen again: N must be below %d",
                             step->epoch + 1, step->until, before, before);
    }
    return OK;
}

/* The head alone, then down to --freeze-until; nothing to do where that is the head alone. */
static enum status add_head_first(int *first, struct unfreezing *out, const struct net *net,
                                  const struct unfreezing_options *options, struct error *err)
{
    const struct unfreeze down = {.epoch = options->head_first, .until = *first};
    int head = (int)net->children - 1;
    if (options->head_first == 0)
        return OK;
    if (options->head_first >= options->epochs)
        return error_set(err, ERR_USAGE,
                         "--head-first %zu: must be less than --epochs (%zu); to train the head alone, use "
                         "--freeze-until %d",
                         options->head_first, options->epochs, head);
    if (*first == head)
        return OK;
    *first = head;
    return insert(out, &down, err);
}

enum status unfreezing_parse(int *first, struct unfreezing *out, const struct net *net,
                             const struct unfreezing_options *options, struct error *err)
{
    struct unfreezing unfreezing = {0};
    int until = options->freeze_until;
    enum status status = add_head_first(&until, &unfreezing, net, options, err);
    for (size_t i = 0; i < options->count && status == OK; i++) {
        struct unfreeze step;
        status = parse_step(&step, net, options->unfreeze_at[i], options->epochs, err);
        if (status == OK && step.epoch < options->head_first)
            status = error_set(err, ERR_USAGE, "--unfreeze-at %s: the head trains alone until epoch %zu (--head-first)",
                               options->unfreeze_at[i], options->head_first);
        if (status == OK)
            status = insert(&unfreezing, &step, err);
    }
    if (status == OK)
        status = check_down(&unfreezing, until, err);
    if (status != OK)
        return status;
    *first = until;
    *out = unfreezing;
    return OK;
}

int unfreezing_until(const struct unfreezing *unfreezing, int first, size_t epoch)
{
    int until = first;
    for (size_t i = 0; i < unfreezing->count && unfreezing->steps[i].epoch <= epoch; i++)
        until = unfreezing->steps[i].until;
    return until;
}
