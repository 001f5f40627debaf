/* The end of train: the epochs, the best, the proof. */
#include "cli/run/show_end.h"

#include <stdio.h>
#include <string.h>

#include "cli/report/profile_report.h"
#include "cli/run/shell_command.h"
#include "cli/run/show_epochs.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "cli/shell/table.h"
#include "cli/shell/term.h"
#include "cli/shell/wrap.h"
#include "core/base/text.h"
#include "core/train/statistics.h"

void proof_text(char *out, size_t size, const struct run_setup *t, const struct run_proof *proof)
{
    const struct net *net = t->net;
    int until = train_freeze(t->train)->until;
    char tensors[NUMBER_TEXT], values[NUMBER_TEXT], moving[96] = "";
    if (until == 0) {
        snprintf(out, size, "frozen: nothing (%s)",
                 t->options.unfreezing.count ? "everything trained at the end" : "--freeze-until 0");
        return;
    }
    if (proof->frozen.moving > 0)
        snprintf(moving, sizeof moving, "; %zu running statistics moved, as --bn-frozen batch asks",
                 proof->frozen.moving);
    snprintf(out, size, "frozen: %s 1%s%.0d (%s%s%s), %s tensors, %s values: bit-identical%s%s%s",
             until == 1 ? "child" : "children", until == 1 ? "" : "-", until == 1 ? 0 : until, net->child_names[1],
             until == 1 ? "" : "..", until == 1 ? "" : net->child_names[until],
             number_count(tensors, proof->frozen.tensors), number_count(values, proof->frozen.values),
             proof->frozen.rounded ? " as float32 (the file holds float64)" : "",
             proof->weights_changed ? " to the loaded values" : "", moving);
}

/* Names with bytes that a terminal must not be shown are not put into a command: it would not be the right one. */
static bool is_safe(const char *text)
{
    size_t length = 1;
    for (; *text && length; text += length)
        length = text_safe_length(text);
    return length != 0;
}

/* stderr, as a remark: what may be typed next, with the photos that validate where they are a folder of their own; else
 * the run knows them. */
static void put_next(const struct record_folder *folder)
{
    const struct train_values *v = folder->setup->values;
    bool split = v->val_split > 0 || v->folds > 0;
    struct lines lines;
    if (!remarks_shown() || !is_safe(folder->best) || (v->data && !is_safe(v->data)))
        return;
    fflush(stdout);
    FILE *out = lines_start_command(&lines, stderr);
    fputs("next    freezetune eval --model ", out);
    shell_quote(out, folder->best);
    if (!split && v->data) {
        fputs(" --data ", out);
        shell_quote(out, v->data);
    }
    fputs("\n        freezetune predict --model ", out);
    shell_quote(out, folder->best);
    fputs(" PHOTO\n", out);
    lines_end(&lines);
}

/* What was not read, where that is not nothing. */
static void print_skipped(const struct record_folder *folder)
{
    const struct train *train = folder->setup->train;
    size_t bad = train_bad_count(train, false) + train_bad_count(train, true);
    size_t away = train_absence(train, false)->count + train_absence(train, true)->count;
    if (bad + away == 0)
        return;
    char path[PATH_SHOWN];
    say(stdout, "photos  %zu cannot be decoded, %zu could not be read in some epochs: listed in %s/bad_images.tsv", bad,
        away, text_escape(path, sizeof path, folder->path));
}

static enum status text_end(const struct record_folder *folder, const char *proof, bool epochs_shown, struct error *err)
{
    const struct train_state *state = train_state_get(folder->setup->train);
    char accuracy[NUMBER_TEXT], model[PATH_SHOWN];
    enum status status = OK;
    if (!epochs_shown || !term_limit(stdout)) {
        putchar('\n');
        status = show_epochs(stdout, folder->path, state->best_epoch + 1, err);
    }
    print_skipped(folder);
    struct interval interval = interval_of_share(state->best_right, state->best_photos, INTERVAL_95);
    say(stdout, "best    epoch %zu: validation accuracy %s (95 %% interval %.1f to %.1f %%), loss %.4f",
        state->best_epoch + 1, number_percent(accuracy, state->best_accuracy), 100 * interval.low, 100 * interval.high,
        state->best_loss);
    if (state->best_uncompared)
        say(stdout, "        over %zu of %zu validation photos: some were unavailable in every epoch",
            state->best_photos, folder->setup->dataset.val.count);
    else if (state->best_photos != folder->setup->dataset.val.count - train_bad_count(folder->setup->train, true))
        say(stdout, "        over %zu validation photos: other epochs had others, as photos went bad between them",
            state->best_photos);
    say(stdout, "model   %s", text_escape(model, sizeof model, folder->best));
    say(stdout, "%s", proof);
    put_next(folder);
    return status;
}

/* ---- --profile --------------------------------------------------------------------------------------------------- */
enum { PARTS = 8 };

static double parts_of(struct profile_part parts[PARTS], const struct train *train)
{
    struct train_times times = train_times(train);
    const struct profile_part all[PARTS] = {{"waiting for photos", times.photos},
                                            {"frozen part", times.prefix},
                                            {"forward of the rest", times.suffix},
                                            {"backward", times.backward},
                                            {"optimizer", times.optimizer},
                                            {"validation: network", times.validation},
                                            {"validation: waiting for photos", times.validation_photos},
                                            {"saving", times.saving}};
    memcpy(parts, all, sizeof all);
    return times.all;
}

enum status show_profile(const struct run_setup *t, struct error *err)
{
    struct profile_part parts[PARTS];
    double total = parts_of(parts, t->train);
    putchar('\n');
    enum status status = profile_report(stdout, TABLE_TEXT, train_profile(t->train), err);
    putchar('\n');
    return status == OK ? profile_report_parts(stdout, parts, PARTS, total, err) : status;
}

static void json_profile(struct json *json, const struct run_setup *t)
{
    struct profile_part parts[PARTS];
    double total = parts_of(parts, t->train);
    profile_report_json(json, train_profile(t->train), parts, PARTS, total);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */
static const char *const end_names[] = {
    [TRAIN_EPOCHS] = "epochs", [TRAIN_PATIENCE] = "patience", [TRAIN_TIME] = "time-limit"};

enum status show_end(const struct record_folder *folder, const struct run_proof *proof, bool epochs_shown,
                     struct error *err)
{
    const struct run_setup *t = folder->setup;
    const struct train_state *state = train_state_get(t->train);
    char line[512];
    proof_text(line, sizeof line, t, proof);
    if (!t->values->json)
        return text_end(folder, line, epochs_shown, err);
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "run", folder->path);
    json_text(&json, "model", folder->best);
    json_int(&json, "epochs", (int64_t)state->epoch);
    json_int(&json, "steps", (int64_t)state->step);
    json_text(&json, "ended_by", end_names[train_end_get(t->train)]);
    json_int(&json, "best_epoch", (int64_t)state->best_epoch + 1);
    struct interval interval = interval_of_share(state->best_right, state->best_photos, INTERVAL_95);
    json_double(&json, "val_accuracy", state->best_accuracy);
    json_double(&json, "val_accuracy_low", interval.low);
    json_double(&json, "val_accuracy_high", interval.high);
    json_double(&json, "val_loss", state->best_loss);
    json_int(&json, "val_photos", (int64_t)state->best_photos);
    json_int(&json, "val_right", (int64_t)state->best_right);
    json_bool(&json, "val_compared", !state->best_uncompared);
    json_int(&json, "unreadable_photos", (int64_t)(train_bad_count(t->train, false) + train_bad_count(t->train, true)));
    json_int(&json, "unavailable_photos",
             (int64_t)(train_absence(t->train, false)->count + train_absence(t->train, true)->count));
    json_int(&json, "epochs_not_compared", (int64_t)state->uncompared);
    json_open(&json, "frozen", '{');
    json_int(&json, "children", train_freeze(t->train)->until);
    json_int(&json, "tensors", (int64_t)proof->frozen.tensors);
    json_int(&json, "values", (int64_t)proof->frozen.values);
    json_int(&json, "moving_statistics", (int64_t)proof->frozen.moving);
    json_bool(&json, "identical", true);
    json_bool(&json, "rounded_from_float64", proof->frozen.rounded);
    json_bool(&json, "weights_changed", proof->weights_changed);
    json_close(&json);
    if (t->values->profile)
        json_profile(&json, t);
    json_close(&json);
    json_end(&json);
    return OK;
}
