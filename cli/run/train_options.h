/* The options of train: the table, and the values made from them. */
#ifndef FREEZETUNE_TRAIN_OPTIONS_H
#define FREEZETUNE_TRAIN_OPTIONS_H

#include "cli/shell/choice_options.h"
#include "cli/shell/engine_options.h"
#include "cli/shell/json.h"
#include "cli/shell/options.h"
#include "core/data/dataset.h"
#include "core/train/train.h"

#define LR_FIND OPTION_WORD(0)                                   /* --lr find */
#define TIME_LIMIT_JOB OPTION_WORD(0)                            /* --time-limit job */
#define LR_DEFAULTS "0.003 with sgd, 0.0003 with adam and adamw" /* what --help says of lr_default */

struct train_values {
    double random_erasing;
    struct engine_options engine;
    struct weight_choice choice;
    const char *data, *labels, *val_labels, *weights, *freeze_until, *out, *arch, *resume, *resume_or_start, *options,
        *color_jitter, *cache_dir, *classes;
    struct option_list unfreeze_at;
    long long epochs, batch_size, image_size, resize, seed, loader_threads, step_epochs, head_first, patience, views,
        cache_limit, folds, fold, limit;
    double lr, momentum, weight_decay, gamma, warmup, val_split, save_every, lr_decay_by_child, time_limit;
    double head_lr_mult; /* 0: run_setup_open decides */
    double label_smoothing, class_weight_power, mixup, cutmix, clip_norm, ema;
    long long micro_batch;
    int group_by, optimizer, schedule, augment, interpolation, fit, bn_frozen, bn_trained, cache, cache_dtype;
    bool nesterov, new_head, bn_sync, strict, dry_run, json, profile, keep_last, tensorboard, no_report,
        accept_changed_photos;
};

/* The options of train, for all commands that are like it (cmd_train, cmd_sweep) and for what reads recorded ones; it
 * runs nothing. */
extern const struct command train_table;

extern const char *const time_limit_words[]; /* TIME_LIMIT_JOB */

/* The default of --lr, as text: sweep takes a list. By measurement: docs/decisions/defaults.md. */
const char *lr_default(int optimizer);

/* Gives values to options whose default depends on others (--lr, --views), where they were not on the command line. To
 * be called before the values are used or recorded. */
void train_values_complete(const struct arguments *args);

/* ERR_USAGE for an option of the command line that would do nothing, because it belongs to another optimizer or
 * schedule, and errors of engine_check. Not for a recorded run, whose every option is given. */
MUST_CHECK enum status train_values_check(const struct arguments *args, struct error *err);

/* The pieces of train_options that the command line decides alone (all but the freeze point and the
 * number of photos). */
struct train_options train_options_from(const struct train_values *values, const struct preprocess *preprocess);

/* What became of options when photos and weights were there. */
struct train_decided {
    const char *data, *labels, *val_labels, *weights, *classes;
    int freeze_until; /* below 0: as the option says */
    double head_lr_mult;
};

/* Writes the values of all options that make the run what it is, {"lr": 0.001, ...}, as they were decided.
 * `values` is the struct of `command`: train's, or one that is like it. Paths that are not UTF-8 are
 * written escaped. */
void train_options_record(struct json *json, const struct command *command, const void *values,
                          const struct train_decided *decided);

/* A parsed command line put together from what was recorded in RUN/config.json and from `given`, which may hold only
 * options that do not change the result (and --data, --labels, --val-labels, --weights for files that have moved). */
struct resumed {
    struct arguments arguments;
    char **texts; /* the options as text; arguments borrows from them */
    size_t count;
    char weights_hash[33]; /* of the file the run started from; "" for random */
    char photos[33];       /* of a series: checkpoint_photos; else "" */
};

/* --options FILE, or RUN for its config.json: a command line of the options in the file, followed by those of `given`,
 * which win. Both count as given in out->arguments. ERR_NOINPUT without the file; ERR_DATA for one that is no
 * config.json, or for an unknown key or wrong value, which it names. Owned by the caller (resumed_free). */
MUST_CHECK enum status train_options_file(struct resumed *out, const struct arguments *given, struct error *err);

/* Whether train_options_record writes the option. */
bool train_option_is_recorded(const char *name);

/* Whether the option may stand beside --resume: it changes nothing of the result. */
bool train_option_is_free(const char *name);

/* `given` belongs to train, or to a command that is like it; with --resume-or-start, whose run values->resume names,
 * the options that may not change must be those of the run. ERR_NOINPUT when RUN holds no config.json, ERR_DATA when it
 * is not one, ERR_USAGE for an option that may not change or when another command made RUN. */
MUST_CHECK enum status train_options_resume(struct resumed *out, const struct arguments *given, struct error *err);
void resumed_free(struct resumed *resumed);

#endif
