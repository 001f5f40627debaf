#include "core/train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/train/train_private.h"

enum { FORMAT = 1 };

static size_t optimizer_rows(const struct optimizer *optimizer)
{
    return optimizer_state_count(optimizer) * (1 + optimizer_buffers(optimizer));
}

size_t checkpoint_row_count(const struct train *train)
{
    return optimizer_rows(train->optimizer) + (train->recipe.ema ? ema_row_count(train->recipe.ema) : 0);
}

/* Rows go parameter by parameter: its step count, then its buffers. Each parameter has a count of its own, since with
 * --unfreeze-at they join at different times. */
static struct checkpoint_row optimizer_row(const struct optimizer *optimizer, const struct net *net, size_t index)
{
    size_t each = 1 + optimizer_buffers(optimizer), part = index % each;
    struct optimizer_state state = optimizer_state_get(optimizer, index / each);
    struct checkpoint_row row = {.param = &net->params[state.param]};
    snprintf(row.name, sizeof row.name, CHECKPOINT_PREFIX "%s.%s", part == 0 ? "step" : state.names[part - 1],
             row.param->name);
    if (part == 0)
        row.integer = state.steps;
    else
        row.floats = state.data[part - 1];
    return row;
}

static struct checkpoint_row average_row(struct ema *ema, const struct net *net, size_t index)
{
    struct ema_row average = ema_row_get(ema, index);
    struct checkpoint_row row = {.floats = average.floats, .integer = average.integer};
    if (average.param >= 0)
        row.param = &net->params[average.param];
    snprintf(row.name, sizeof row.name, CHECKPOINT_PREFIX "ema.%s", row.param ? row.param->name : "n_averaged");
    return row;
}

struct checkpoint_row checkpoint_row_get(const struct train *train, size_t index)
{
    size_t first = optimizer_rows(train->optimizer);
    return index < first ? optimizer_row(train->optimizer, train->net, index)
                         : average_row(train->recipe.ema, train->net, index - first);
}

/* An epoch's order is an order of numbers into the list, so one photo more or less would give every later step other
 * photos. The class is part of it: a photo moved to another class keeps the list's length and may keep its place. Each
 * hash is seeded with the one before, so the order counts too. */
void checkpoint_photos(char hex[33], const struct dataset *dataset)
{
    struct hash128 hash = {0};
    const struct photo_list *lists[] = {&dataset->train, &dataset->val};
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            const char *name = photo_name(lists[l], i);
            uint64_t seed = hash.low ^ ((uint64_t)lists[l]->photos[i].class << 1 | l);
            hash = hash_bytes(name, strlen(name), seed);
        }
    }
    hash_hex(hex, hash);
}

/* Exactly, as C's hexadecimal notation. */
static void add_exact(cJSON *object, const char *key, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%a", value);
    cJSON_AddStringToObject(object, key, text);
}

/* The text, escaped if it is not UTF-8 as a whole, so that what was escaped once stays as it is. */
static const char *as_utf8(char *out, size_t size, const char *text)
{
    return text_is_utf8(text, strlen(text)) ? text : text_escape(out, size, text);
}

static void add_bad(cJSON *list, const struct train *train, bool val)
{
    for (size_t i = 0; i < train_skipped_count(train, val); i++) {
        struct photo_fault bad = train_skipped_get(train, val, i);
        char reason[1024];
        if (bad.away)
            continue; /* it may be back when the run goes on */
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "list", val ? "val" : "train");
        cJSON_AddNumberToObject(item, "photo", bad.photo);
        cJSON_AddStringToObject(item, "reason", as_utf8(reason, sizeof reason, bad.reason));
        cJSON_AddItemToArray(list, item);
    }
}

/* [photo, epochs, last, reason] of each photo that was away, in one row of numbers: there may be very many. */
static void add_absence(cJSON *object, const struct train *train, bool val)
{
    const struct absence *absence = train_absence(train, val);
    cJSON *rows = cJSON_AddArrayToObject(object, val ? "val" : "train");
    cJSON *reasons = cJSON_AddArrayToObject(object, val ? "val_reasons" : "train_reasons");
    for (size_t i = 0; i < absence->count; i++) {
        const struct absence_row *row = &absence->rows[i];
        const uint32_t numbers[] = {row->photo, row->epochs, row->last, row->reason};
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
            cJSON_AddItemToArray(rows, cJSON_CreateNumber(numbers[n]));
    }
    for (size_t i = 0; i < absence->reason_count; i++) {
        char reason[1024];
        cJSON_AddItemToArray(reasons, cJSON_CreateString(as_utf8(reason, sizeof reason, absence->reasons[i])));
    }
}

/* What there is to say only where photos could not be read: else the text is that of earlier versions. */
static void add_trouble(cJSON *root, const struct train *train)
{
    const struct train_state *state = &train->state;
    bool away = train_absence(train, false)->count + train_absence(train, true)->count > 0;
    if (state->has_best && state->best_photos != train->dataset->val.count - train_bad_count(train, true)) {
        cJSON_AddNumberToObject(root, "best_photos", (double)state->best_photos);
        cJSON_AddNumberToObject(root, "best_right", (double)state->best_right);
    }
    if (!away)
        return;
    cJSON_AddBoolToObject(root, "best_uncompared", state->best_uncompared);
    cJSON_AddNumberToObject(root, "uncompared", (double)state->uncompared);
    cJSON_AddNumberToObject(root, "uncompared_lately", (double)state->uncompared_lately);
    cJSON *object = cJSON_AddObjectToObject(root, "away");
    add_absence(object, train, false);
    add_absence(object, train, true);
}

enum status checkpoint_text(char **out, const struct train *train, struct error *err)
{
    const struct train_state *state = &train->state;
    char photos[33];
    cJSON *root = cJSON_CreateObject();
    checkpoint_photos(photos, train->dataset);
    cJSON_AddNumberToObject(root, "format", FORMAT);
    cJSON_AddStringToObject(root, "photos", photos);
    cJSON_AddNumberToObject(root, "epoch", (double)state->epoch);
    cJSON_AddNumberToObject(root, "position", (double)state->position);
    cJSON_AddNumberToObject(root, "batch", (double)state->batch);
    cJSON_AddNumberToObject(root, "step", (double)state->step);
    cJSON_AddNumberToObject(root, "steps_per_epoch", (double)state->steps_per_epoch);
    cJSON_AddNumberToObject(root, "left_out", (double)state->left_out);
    cJSON_AddNumberToObject(root, "count", (double)state->count);
    cJSON_AddNumberToObject(root, "top1", (double)state->top1);
    add_exact(root, "loss_sum", state->loss_sum);
    cJSON_AddBoolToObject(root, "has_best", state->has_best);
    cJSON_AddNumberToObject(root, "best_epoch", (double)state->best_epoch);
    add_exact(root, "best_accuracy", state->best_accuracy);
    add_exact(root, "best_loss", state->best_loss);
    if (state->seconds > 0)
        add_exact(root, "seconds", state->seconds);
    cJSON *bad = cJSON_AddArrayToObject(root, "bad");
    add_bad(bad, train, false);
    add_bad(bad, train, true);
    add_trouble(root, train);

    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    if (!text)
        return error_memory(err, "the state of the run", 0);
    enum status status = memory_strdup(out, text, err);
    cJSON_free(text);
    return status;
}

/* ---- reading: what is missing or odd counts as wrong ------------------------------------------------------------- */

struct reader {
    const cJSON *object;
    const char *wrong; /* the first key that was */
};

static size_t read_count(struct reader *reader, const char *key, size_t most)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reader->object, key);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    bool good = value >= 0 && value <= (double)most && value < 0x1p53 && value == floor(value);
    if (!good && !reader->wrong)
        reader->wrong = key;
    return good ? (size_t)value : 0;
}

/* The same for what may be missing, and is 0 then. */
static size_t read_optional(struct reader *reader, const char *key, size_t most)
{
    return cJSON_HasObjectItem(reader->object, key) ? read_count(reader, key, most) : 0;
}

static double read_exact(struct reader *reader, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reader->object, key);
    double value = 0;
    bool good = cJSON_IsString(item) && text_to_double(&value, item->valuestring) && isfinite(value);
    if (!good && !reader->wrong)
        reader->wrong = key;
    return good ? value : 0;
}

/* Versions before had no such field, and between two epochs it is left out. */
static double read_seconds(struct reader *reader)
{
    if (!cJSON_HasObjectItem(reader->object, "seconds"))
        return 0;
    double seconds = read_exact(reader, "seconds");
    if (seconds < 0 && !reader->wrong)
        reader->wrong = "seconds";
    return seconds;
}

/* The first key that cannot be beside the others; NULL where a run could have come to such a state. Each value alone is
 * in range by now, but a text edited by hand or damaged by a bit may still say 9 right of 5 seen: the run would go on
 * to wrong numbers without a word. best_right is compared with a tolerance, because the accuracy beside it is a
 * rounded quotient. */
static const char *contradiction(const struct train_state *state, bool counted)
{
    if (state->batch > state->position)
        return "batch";
    if (state->step < state->batch)
        return "step";
    if (state->count + state->left_out > state->position)
        return "count";
    if (state->top1 > state->count)
        return "top1";
    if (state->uncompared > state->epoch)
        return "uncompared";
    if (state->uncompared_lately > state->uncompared)
        return "uncompared_lately";
    if (state->has_best ? state->best_epoch >= state->epoch : state->best_epoch > 0)
        return "best_epoch";
    if (!counted && state->best_right > 0)
        return "best_right";
    if (!state->has_best && state->best_photos > 0)
        return "best_photos";
    if (counted && (state->best_right > state->best_photos ||
                    fabs((double)state->best_right - state->best_accuracy * (double)state->best_photos) > 0.25))
        return "best_right";
    return NULL;
}

static bool has_item(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
}

static struct train_state read_state(struct reader *reader, const struct train *train)
{
    size_t epochs = train->options.schedule.epochs, photos = train->dataset->train.count;
    const cJSON *best = cJSON_GetObjectItemCaseSensitive(reader->object, "has_best");
    struct train_state state = {
        .epoch = read_count(reader, "epoch", epochs),
        .position = read_count(reader, "position", photos),
        .batch = read_count(reader, "batch", photos),
        .step = read_count(reader, "step", SIZE_MAX),
        .steps_per_epoch = read_count(reader, "steps_per_epoch", photos),
        .left_out = read_count(reader, "left_out", photos),
        .count = read_count(reader, "count", photos),
        .top1 = read_count(reader, "top1", photos),
        .loss_sum = read_exact(reader, "loss_sum"),
        .uncompared = read_optional(reader, "uncompared", epochs),
        .uncompared_lately = read_optional(reader, "uncompared_lately", epochs),
        .has_best = cJSON_IsTrue(best),
        .best_uncompared = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reader->object, "best_uncompared")),
        .best_photos = read_optional(reader, "best_photos", train->dataset->val.count),
        .best_right = read_optional(reader, "best_right", train->dataset->val.count),
        .best_epoch = read_count(reader, "best_epoch", epochs),
        .best_accuracy = read_exact(reader, "best_accuracy"),
        .best_loss = read_exact(reader, "best_loss"),
        .seconds = read_seconds(reader),
    };
    if (!reader->wrong && !cJSON_IsBool(best))
        reader->wrong = "has_best";
    if (!reader->wrong && !(state.best_accuracy >= 0 && state.best_accuracy <= 1))
        reader->wrong = "best_accuracy";
    if (!reader->wrong && state.steps_per_epoch == 0)
        reader->wrong = "steps_per_epoch";
    if (!reader->wrong)
        reader->wrong = contradiction(&state, has_item(reader->object, "best_photos"));
    return state;
}

static enum status mark_bad(struct train *train, const cJSON *list, const char *where, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        struct reader reader = {.object = item};
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "list");
        const cJSON *reason = cJSON_GetObjectItemCaseSensitive(item, "reason");
        bool val = cJSON_IsString(name) && strcmp(name->valuestring, "val") == 0;
        size_t count = val ? train->dataset->val.count : train->dataset->train.count;
        size_t photo = read_count(&reader, "photo", count - 1);
        if (reader.wrong || !cJSON_IsString(reason))
            return error_set(err, ERR_DATA, "%s: the list of bad photos in the run's state is damaged", where);
        enum status status = train_mark_bad(train, val, (uint32_t)photo, reason->valuestring, err);
        if (status != OK)
            return status;
    }
    return OK;
}

/* Four numbers from the list on, none beyond `most`; *at moves behind them. A photo is away at most once in an
 * epoch. */
static bool take_row(struct absence_row *out, const cJSON **at, const double most[4])
{
    uint32_t numbers[4];
    for (size_t n = 0; n < 4; n++, *at = (*at)->next) {
        double value = cJSON_IsNumber(*at) ? (*at)->valuedouble : -1;
        if (!(value >= 0 && value <= most[n]) || value != floor(value))
            return false;
        numbers[n] = (uint32_t)value;
    }
    *out = (struct absence_row){numbers[0], numbers[1], numbers[2], numbers[3]};
    return out->epochs > 0 && out->epochs <= out->last + 1;
}

/* cJSON's arrays are lists: they are walked once. */
static enum status take_absence(struct train *train, const cJSON *object, bool val, size_t epoch, const char *where,
                                struct error *err)
{
    struct absence *absence = &train->absence[val];
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(object, val ? "val" : "train"), *reason;
    const cJSON *reasons = cJSON_GetObjectItemCaseSensitive(object, val ? "val_reasons" : "train_reasons");
    double epochs = (double)train->options.schedule.epochs, last = fmin((double)epoch, epochs - 1);
    enum status status = cJSON_IsArray(rows) && cJSON_IsArray(reasons) ? OK : ERR_DATA;
    cJSON_ArrayForEach(reason, reasons)
    {
        if (status == OK)
            status = cJSON_IsString(reason) ? absence_restore_reason(absence, reason->valuestring, err) : ERR_DATA;
    }
    const double most[4] = {(double)absence->photos->count - 1, epochs, last, (double)absence->reason_count - 1};
    for (const cJSON *at = rows ? rows->child : NULL; status == OK && at;) {
        struct absence_row row;
        status = take_row(&row, &at, most) ? absence_restore(absence, &row, err) : ERR_DATA;
    }
    if (status != ERR_DATA)
        return status;
    return error_set(err, ERR_DATA, "%s: the list of unavailable photos in the run's state is damaged", where);
}

/* The epoch in whose stage the state was saved. Between two epochs that is the one that is over: its optimizer has made
 * the rows. */
static size_t saved_in(const struct train_state *state)
{
    bool between = state->epoch > 0 && state->position == 0 && state->batch == 0;
    return between ? state->epoch - 1 : state->epoch;
}

/* What a state does not say that has nothing out of the ordinary. */
static void derive_best(struct train *train)
{
    struct train_state *state = &train->state;
    state->best_photos = train->dataset->val.count - train_bad_count(train, true);
    state->best_right = (size_t)llround(state->best_accuracy * (double)state->best_photos);
}

/* From the most general to the particular, so that the message names the real cause: is it a state, is it of these
 * photos, is each value possible. Bad photos are marked before the state is used, since best_photos of older files
 * follows from their number. The schedule keeps the steps per epoch of the start, even where photos went bad since: a
 * resumed run must have the same rates. The weights were loaded after the runs were prepared, hence the fold at the
 * end. */
enum status checkpoint_restore(struct train *train, const char *text, const char *where, struct error *err)
{
    char photos[33];
    cJSON *root = json_text_parse(text, strlen(text));
    struct reader reader = {.object = root};
    enum status status = OK;
    const cJSON *known = cJSON_GetObjectItemCaseSensitive(root, "photos");
    checkpoint_photos(photos, train->dataset);
    if (!cJSON_IsObject(root) || read_count(&reader, "format", FORMAT) != FORMAT || !cJSON_IsString(known)) {
        status = error_set(err, ERR_DATA, "%s: holds no state of a run that this version can resume", where);
        goto cleanup;
    }
    if (strcmp(known->valuestring, photos) != 0) {
        status = error_set(
            err, ERR_DATA,
            "%s: the photos have changed since this run started (files were added, removed or renamed or are "
            "unavailable now, a labels file changed, or another version chose other photos for validation), so it cannot continue to the same "
            "result; start a new run with --weights %s, or continue with the version in its config.json",
            where, where);
        goto cleanup;
    }
    struct train_state state = read_state(&reader, train);
    if (reader.wrong) {
        status =
            error_set(err, ERR_DATA, "%s: '%s' in the run's state is missing or out of range", where, reader.wrong);
        goto cleanup;
    }
    status = mark_bad(train, cJSON_GetObjectItemCaseSensitive(root, "bad"), where, err);
    const cJSON *away = cJSON_GetObjectItemCaseSensitive(root, "away");
    for (int val = 0; val < 2 && status == OK && away; val++)
        status = take_absence(train, away, val, state.epoch, where, err);
    if (status != OK)
        goto cleanup;
    train->state = state;
    if (state.has_best && !has_item(root, "best_photos"))
        derive_best(train);
    train->options.schedule.steps_per_epoch = state.steps_per_epoch;
    status = train_enter_stage(train, saved_in(&state), err);
    if (status == OK)
        exec_refold(train->stage.exec);
cleanup:
    cJSON_Delete(root);
    return status;
}
