#include "core/train/train_fill.h"

#include "core/train/train_private.h"

static enum status fill_view(struct train_filled *out, struct train *train, bool val, struct photo_view view,
                             struct error *err)
{
    size_t all, missing;
    enum status status = feed_look(&all, &missing, val ? train->val_feed : train->feed, view, err);
    if (status != OK)
        return status;
    out->all += all;
    out->there += all - missing;
    status = train_begin_pass(train, val, NULL, 0, 0, view, err);
    if (status == OK)
        status = train_end_pass(train, val, err);
    const char *failure = feature_cache_failure(train->cache);
    if (status == OK && failure)
        status = error_set(err, ERR_CANTCREATE, "%s", failure);
    struct feature_counts counts = feature_cache_counts(train->cache);
    out->pixels += counts.pixels;
    out->advanced += counts.advanced;
    out->stopped = train->end == TRAIN_INTERRUPTED;
    return status;
}

/* Views come round again: the first of them are all. */
static enum status fill_stage(struct train_filled *out, struct train *train, const struct train_stage *stage,
                              struct error *err)
{
    const struct train_options *options = &train->options;
    size_t views = photo_views_seen(options->augment, options->views, stage->epochs);
    enum status status = OK;
    for (size_t i = 0; i < views && status == OK && !out->stopped; i++)
        status = fill_view(out, train, false, photo_view_of(options->augment, options->views, stage->epoch + i), err);
    return status == OK && !out->stopped ? fill_view(out, train, true, photo_view_plain(), err) : status;
}

enum status train_fill(struct train_filled *out, struct train *train, size_t part, size_t parts,
                       const struct train_hooks *hooks, struct error *err)
{
    enum status status = OK;
    *out = (struct train_filled){0};
    train->hooks = hooks;
    train->end = TRAIN_UNFINISHED;
    feed_fill_part(train->feed, part, parts);
    feed_fill_part(train->val_feed, part, parts);
    for (size_t i = 0; i < train->stages_count && status == OK && !out->stopped; i++) {
        status = train_enter_stage(train, train->stages[i].epoch, err);
        if (status == OK && train->cache)
            status = fill_stage(out, train, &train->stages[i], err);
    }
    return status;
}
