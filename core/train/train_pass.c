/* A pass over the photos of a list, of an epoch or of its evaluation: it is begun, the photos that its loader skips are
 * noted and told, and a class is not trained without.
 *
 * With peers a pass is shared, or it is whole. A step of the last layer alone from kept features takes less than
 * its seven exchanges with the others would; so each rank, which has all features by then, makes the steps and the
 * evaluation by itself, and all come to the same weights. They still talk now and then, of failures, signals and time,
 * at points that depend on nothing but how many there were before: a rank that fails goes to the next of them at once
 * and waits for the others there. */
#include "core/base/clock.h"
#include "core/train/train_private.h"

enum { SETTLE_EVERY = 32 }; /* two calls of train_settle a step: a signal waits for 16 of a few milliseconds */

static bool asked_to_stop(const struct train *train)
{
    const struct train_hooks *hooks = train->hooks;
    return hooks->should_stop && hooks->should_stop(hooks->context);
}

static bool past_deadline(const struct train *train)
{
    return train->limits.deadline > 0 && clock_seconds() >= train->limits.deadline;
}

enum status train_settle(struct train *train, enum status status, struct error *err)
{
    const struct peers *peers = train->peers;
    if (peers->count == 1)
        return status;
    if (train->whole && status == OK && ++train->unsettled < SETTLE_EVERY)
        return OK;
    train->unsettled = 0;
    struct error lost;
    int asked[3] = {status != OK, asked_to_stop(train), peers->rank == 0 && past_deadline(train)};
    enum status told = peers_most(peers, asked, 3, &lost);
    if (told != OK)
        return status != OK ? status : error_set(err, told, "%s", lost.text);
    train->stop |= asked[1];
    train->late |= asked[2];
    return asked[0] ? peers_settle(peers, status, err) : OK;
}

bool train_interrupted(struct train *train)
{
    if (train->peers->count > 1 ? train->stop : asked_to_stop(train))
        train->end = TRAIN_INTERRUPTED;
    return train->end == TRAIN_INTERRUPTED;
}

bool train_is_late(const struct train *train)
{
    return train->peers->count > 1 ? train->late : past_deadline(train);
}

static bool trains_head_alone(const struct net *net)
{
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].trainable && (size_t)net->params[i].child != net->children)
            return false;
    return true;
}

/* With --bn-sync a pass goes through all pieces of a rank at once, for which there is no room here. */
static bool may_be_whole(const struct train *train)
{
    return train->peers->count > 1 && !train->options.recipe.bn_sync && trains_head_alone(train->net);
}

bool train_is_whole(const struct train *train)
{
    return may_be_whole(train) && train->feature_plan.mode != CACHE_OFF;
}

void train_enter_pass(struct train *train, bool val)
{
    train->whole = may_be_whole(train) && feed_is_cached(val ? train->val_feed : train->feed);
    train->unsettled = 0;
}

void train_leave_pass(struct train *train)
{
    train->whole = false;
}

size_t train_needs_of_batch(void *context, uint32_t *places, size_t rank, size_t batch, size_t count)
{
    const struct train *train = context;
    const struct peers *peers = train->peers;
    const struct recipe_options *options = &train->options.recipe;
    size_t photos = recipe_step_photos(options, train->stage.plan, count), pieces = recipe_pieces(options, photos);
    size_t first = 0, end = 0, n = 0;
    (void)batch;
    if (pieces > 0) {
        first = photos * peers_first(peers, rank, pieces) / pieces;
        end = photos * peers_first(peers, rank + 1, pieces) / pieces;
    }
    if (recipe_mixes(options) && end - first > 0 && end - first < photos)
        places[n++] = (uint32_t)(first > 0 ? first - 1 : photos - 1);
    for (size_t i = first; i < end; i++)
        places[n++] = (uint32_t)i;
    for (size_t i = photos; rank + 1 == peers->count && i < count; i++)
        places[n++] = (uint32_t)i;
    return n;
}

/* For feature_cache_fill: filling may take as long as an epoch, so it can be interrupted after each batch. */
static bool watch_features(void *context, size_t done, size_t all)
{
    struct train *train = context;
    if (train->hooks->on_features)
        train->hooks->on_features(train->hooks->context, done, all);
    return train->peers->count > 1 ? !asked_to_stop(train)
                                   : !train_interrupted(train); /* the others hear of it later */
}

/* Photos that were away in the pass before are tried again: a network drive may be back. The photos that the filling of
 * the cache has skipped are noted here, since in the pass itself the loader does not see them any more. A cache that
 * fails is told once; the run goes on from pixels. */
enum status train_begin_pass(struct train *train, bool val, const uint32_t *order, size_t count, size_t position,
                             struct photo_view view, struct error *err)
{
    const struct train_hooks *hooks = train->hooks;
    struct feed *feed = val ? train->val_feed : train->feed;
    loader_forget_away(val ? train->val_loader : train->loader); /* each pass tries them again */
    train->seen[val] = train_skipped_count(train, val);
    enum status status = feed_start(feed, order, count, position, view, watch_features, train, err);
    const char *failure = train->cache ? feature_cache_failure(train->cache) : NULL;
    if (failure && !train->cache_failed && hooks->on_cache_failure)
        hooks->on_cache_failure(hooks->context, failure);
    train->cache_failed |= failure != NULL;
    return status == OK ? train_note_skipped(train, val, err) : status;
}

/* A class that has lost all its photos would be unlearned. `photo` is the last that was found away. */
static enum status check_class(const struct train *train, uint32_t photo, const char *reason, struct error *err)
{
    const struct absence *absence = &train->absence[0];
    const struct photo_list *list = &train->dataset->train;
    uint32_t class = list->photos[photo].class;
    if (!absence_takes_class(absence, photo))
        return OK;
    return error_set(err, ERR_NOINPUT,
                     "%s: epoch %zu: none of the %u photos of class %s can be read (%s: %s): make them available",
                     list->root, train->state.epoch + 1, absence->away_of_class[class],
                     train->dataset->classes.names[class], photo_name(list, photo), reason);
}

enum status train_note_skipped(struct train *train, bool val, struct error *err)
{
    const struct train_hooks *hooks = train->hooks;
    enum status status = OK;
    for (size_t *seen = &train->seen[val]; status == OK && *seen < train_skipped_count(train, val); ++*seen) {
        struct photo_fault skipped = train_skipped_get(train, val, *seen);
        bool again = false;
        if (skipped.away)
            status = absence_note(&train->absence[val], skipped.photo, train->state.epoch, skipped.reason, &again, err);
        if (status == OK && hooks->on_skipped)
            hooks->on_skipped(hooks->context, val, &skipped, again);
        if (!skipped.away)
            absence_set_bad(&train->absence[val], skipped.photo, true);
        if (status == OK && !val)
            status = check_class(train, skipped.photo, skipped.reason, err);
    }
    return status;
}

enum status train_end_pass(struct train *train, bool val, struct error *err)
{
    const struct train_hooks *hooks = train->hooks;
    enum status status = train_note_skipped(train, val, err);
    if (status == OK && hooks->on_pass_end)
        hooks->on_pass_end(hooks->context, val);
    return status;
}
