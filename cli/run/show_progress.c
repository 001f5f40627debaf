/* train as it goes on: the line of progress, and what is said of an epoch. */
#include "cli/run/show_progress.h"

#include <ctype.h>
#include <string.h>

#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"

static void start_line(struct train_progress *p, size_t epoch, const char *what, size_t all)
{
    snprintf(p->label, sizeof p->label, "epoch %zu/%lld  %s", epoch + 1, p->setup->values->epochs, what);
    progress_start(&p->line, p->label, "photos", all);
    p->line.rest = p->rest;
}

void show_step(struct train_progress *p, const struct step_result *step)
{
    char note[64];
    if (p->running != RUNNING_STEPS) {
        start_line(p, step->epoch, "train", p->setup->options.usable);
        p->running = RUNNING_STEPS;
        p->done = step->batch * p->setup->options.loader.batch;
    }
    p->done += step->images;
    snprintf(note, sizeof note, "loss %.4f", step->loss);
    p->line.rest = p->rest;
    progress_update(&p->line, p->done, note);
}

void show_evaluation(struct train_progress *p, size_t epoch, size_t done, size_t all)
{
    if (p->running != RUNNING_EVALUATION) {
        start_line(p, epoch, "validate", all);
        p->running = RUNNING_EVALUATION;
    }
    p->line.rest = p->rest;
    progress_update(&p->line, done, NULL);
}

static bool begins_stage(const struct run_setup *t, size_t epoch)
{
    bool begins = false;
    for (size_t i = 0; i < train_stage_count(t->train); i++)
        begins |= train_stage_get(t->train, i).epoch == epoch;
    return begins;
}

void show_features(struct train_progress *p, size_t epoch, size_t done, size_t all)
{
    if (p->running != RUNNING_FEATURES) {
        start_line(p, epoch, "features", all);
        p->running = RUNNING_FEATURES;
    }
    p->line.rest = p->rest;
    progress_update(&p->line, done, NULL);
}

enum { FEATURES_TEXT = 128 };

/* "from the cache", or how many of them were computed in this epoch; "" without a cache. */
static const char *features_text(char out[FEATURES_TEXT], const struct feature_counts *features)
{
    char number[NUMBER_TEXT];
    const struct {
        size_t count;
        const char *what;
    } parts[] = {{features->pixels, "computed"},
                 {features->advanced, "made from shallower ones"},
                 {features->damaged, "damaged"}};
    size_t used = 0;
    out[0] = '\0';
    if (features->read == 0)
        return out;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].count > 0)
            used += (size_t)snprintf(out + used, FEATURES_TEXT - used, "%s%s %s", used ? ", " : "",
                                     number_count(number, parts[i].count), parts[i].what);
    return used ? out : "from the cache";
}

enum status show_progress_start(struct train_progress *p, const struct record_folder *folder, struct error *err)
{
    bool features = false;
    for (size_t i = 0; i < train_stage_count(p->setup->train); i++)
        features |= train_stage_get(p->setup->train, i).cache.mode != CACHE_OFF;
    return epoch_rows_create(&p->rows, folder->path, features, err);
}

void show_progress_end(struct train_progress *p)
{
    epoch_rows_destroy(p->rows);
    p->rows = NULL;
}

static void put_epoch_line(const struct train_progress *p, const struct epoch_row *row, const char *skipped)
{
    char train[NUMBER_TEXT], val[NUMBER_TEXT], time[NUMBER_TEXT];
    const char *features = row->features[0] == '\0'                   ? ""
                           : isdigit((unsigned char)row->features[0]) ? "  features: "
                                                                      : "  features ";
    remark("epoch %zu/%lld  loss %.4f  accuracy %s  val loss %.4f  val accuracy %s  %s%s%s%s%s%s%s", row->epoch,
           p->setup->values->epochs, row->train_loss, number_percent(train, row->train_accuracy), row->val_loss,
           number_percent(val, row->val_accuracy), number_seconds(time, row->seconds), features, row->features, skipped,
           row->best ? "  best so far" : "", row->left[0] ? "  " : "", row->left);
}

enum { SKIPPED_TEXT = 200 };

/* "  12 photos unavailable", and whether the accuracy counts other photos than those before. */
static const char *skipped_text(char out[SKIPPED_TEXT], const struct epoch_result *epoch)
{
    size_t used = 0;
    out[0] = '\0';
    if (epoch->away > 0)
        used =
            (size_t)snprintf(out, SKIPPED_TEXT, "  %zu photo%s unavailable", epoch->away, epoch->away == 1 ? "" : "s");
    if (epoch->val_away > 0)
        snprintf(out + used, SKIPPED_TEXT - used, "  not compared: %zu validation photo%s unavailable", epoch->val_away,
                 epoch->val_away == 1 ? "" : "s");
    else if (epoch->best_photos > 0 && epoch->best_photos != epoch->val->count)
        snprintf(out + used, SKIPPED_TEXT - used, "  accuracy over %zu photos, that of the best epoch so far over %zu",
                 epoch->val->count, epoch->best_photos);
    return out;
}

void show_left(char out[SHOW_LEFT], const struct train_progress *p, bool last)
{
    bool early = p->setup->options.patience > 0; /* it may be over before */
    char rest[NUMBER_TEXT], all[NUMBER_TEXT];
    out[0] = '\0';
    if (!last && p->rest > 0)
        snprintf(out, SHOW_LEFT, "%s%s left", early ? "at most " : "",
                 early ? number_rough(rest, p->rest) : number_about(rest, p->rest));
    if (p->others > 0)
        snprintf(out + strlen(out), SHOW_LEFT - strlen(out), "%s%s for all runs", out[0] ? ", " : "",
                 number_about(all, p->rest + p->others));
}

void show_epoch(struct train_progress *p, const struct epoch_result *epoch)
{
    char left[SHOW_LEFT], features[FEATURES_TEXT], skipped[SKIPPED_TEXT];
    show_left(left, p, epoch->epoch + 1 == (size_t)p->setup->values->epochs);
    skipped_text(skipped, epoch);
    const struct epoch_row row = {.epoch = epoch->epoch + 1,
                                  .lr = epoch->lr,
                                  .train_loss = epoch->train_loss,
                                  .train_accuracy = epoch->train_accuracy,
                                  .val_loss = metrics_loss(epoch->val),
                                  .val_accuracy = metrics_accuracy(epoch->val),
                                  .val_macro_f1 = metrics_macro_f1(epoch->val),
                                  .seconds = epoch->seconds,
                                  .best = epoch->best,
                                  .features = features_text(features, &epoch->features),
                                  .left = left};
    progress_end(&p->line);
    p->running = RUNNING_NOTHING;
    if (!p->rows) {
        put_epoch_line(p, &row, skipped);
    } else {
        epoch_rows_add(p->rows, &row);
        if (skipped[0])
            remark("epoch %zu%s", row.epoch, skipped);
    }
    if (epoch->left_out > 0 && begins_stage(p->setup, epoch->epoch))
        remark("the last %zu photo%s of an epoch %s too few for BatchNorm and left out", epoch->left_out,
               epoch->left_out == 1 ? "" : "s", epoch->left_out == 1 ? "is" : "are");
}

void show_damaged(const struct run_setup *t)
{
    size_t count = train_damaged_count(t->train, false) + train_damaged_count(t->train, true);
    if (count > 0)
        warn("%zu photo%s damaged and used all the same: bad_images.tsv lists %s", count, count == 1 ? " is" : "s are",
             count == 1 ? "it" : "them");
}
