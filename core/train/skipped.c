/* What becomes of photos that the loaders skip: they are noted and told, and a class is not trained without. */
#include "core/train/train_private.h"

/* A class that has lost all its photos would be unlearned. `photo` is the last that was found away. */
static enum status check_class(const struct train *train, uint32_t photo, const char *reason, struct error *err)
{
    const struct absence *absence = &train->absence[0];
    const struct photo_list *list = &train->dataset->train;
    uint32_t class = list->photos[photo].class;
    if (!absence_takes_class(absence, photo))
        return OK;
    return error_set(err, ERR_NOINPUT,
                     "%s: epoch %zu: none of the %u photos of class %s can be read (%s: %s): see that they are there, "
                     "then go on with --resume",
                     list->root, train->state.epoch + 1, absence->away_of_class[class],
                     train->dataset->classes.names[class], photo_name(list, photo), reason);
}

enum status train_note_skipped(struct train *train, bool val, const struct train_hooks *hooks, struct error *err)
{
    enum status status = OK;
    for (size_t *seen = &train->seen[val]; status == OK && *seen < train_skipped_count(train, val); ++*seen) {
        struct loader_bad skipped = train_skipped_get(train, val, *seen);
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

enum status train_end_pass(struct train *train, bool val, const struct train_hooks *hooks, struct error *err)
{
    enum status status = train_note_skipped(train, val, hooks, err);
    if (status == OK && hooks->on_pass_end)
        hooks->on_pass_end(hooks->context, val);
    return status;
}
