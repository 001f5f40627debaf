#include "cli/run/train_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/model/classes_option.h"
#include "cli/shell/preprocess_options.h"
#include "core/train/lr_find.h"

#define GROUP_MAIN "Main"
#define GROUP_STEPS "Steps"
#define GROUP_RECIPES "Recipes"
#define GROUP_NET "Network"
#define GROUP_PHOTOS "Photos"
#define GROUP_CACHE "Cache"
#define GROUP_ENGINE "Engine"
#define GROUP_OUTPUT "Output"

#define NUMBER(group, name, placeholder, kind, field, initial, shown, low, high, help)                                 \
    OPTION_ROW_NUMBER(group, name, placeholder, kind, struct train_values, field, initial, shown, low, high, help)
#define TEXT(group, name, placeholder, field, initial, shown, help)                                                    \
    OPTION_ROW_STRING(group, name, placeholder, struct train_values, field, initial, shown, help)
#define CHOICE(group, name, choices, field, initial, help)                                                             \
    OPTION_ROW_CHOICE(group, name, choices, struct train_values, field, initial, help)
#define LIST(group, name, placeholder, field, help)                                                                    \
    OPTION_ROW_LIST(group, name, placeholder, struct train_values, field, help)
#define FLAG(group, name, field, help) OPTION_ROW_FLAG(group, name, struct train_values, field, help)

static const char *const dtype_choices[] = {[FEATURE_F16] = "f16", [FEATURE_F32] = "f32", NULL};
static const char *const lr_words[] = {"find", NULL}; /* LR_FIND */

static const struct option options[] = {
    TEXT(GROUP_MAIN, "data", "DIR", data, NULL, "data",
         "read photos from this folder: it holds train/ and val/ (or the like), or one folder per class (then use "
         "--val-split)"),
    TEXT(
        GROUP_MAIN, "weights", "FILE", weights, NULL,
        "$FREEZETUNE_WEIGHTS, ./resnet50.safetensors, freezetune/resnet50.safetensors in $XDG_DATA_HOME or ~/.local/share",
        "start from these pretrained weights, from the model of an earlier run, or `random`"),
    TEXT(GROUP_MAIN, "freeze-until", "N", freeze_until, "6", NULL,
         "freeze children 1..N (a number, or a child's name such as layer2) and train the rest"),
    TEXT(GROUP_MAIN, "out", "RUN", out, NULL, "runs/1, runs/2, ...", "write everything to this folder"),
    NUMBER(GROUP_MAIN, "epochs", "N", OPTION_INT, epochs, "10", NULL, 1, 1e6, "go through all photos N times"),
    NUMBER(GROUP_MAIN, "batch-size", "N", OPTION_INT, batch_size, "16", NULL, 1, 65536, "use N photos in each step"),
    {GROUP_MAIN, "lr", "X", OPTION_FLOAT, offsetof(struct train_values, lr), NULL, LR_DEFAULTS, 0, 1e6, lr_words,
     "set the learning rate; `find` searches for one first, with rising rates over 100 steps"},
    TEXT(GROUP_MAIN, "resume", "RUN", resume, NULL, NULL,
         "resume a run that was stopped; the result is the same as without the stop"),
    FLAG(GROUP_MAIN, "dry-run", dry_run, "show what would be trained, its memory, work, disk and time, then stop"),

    CHOICE(GROUP_STEPS, "optimizer", optimizer_names, optimizer, "sgd",
           "update the weights with this optimizer, as PyTorch defines it"),
    NUMBER(GROUP_STEPS, "momentum", "X", OPTION_FLOAT, momentum, "0.9", NULL, 0, 1, "set the momentum of sgd"),
    FLAG(GROUP_STEPS, "nesterov", nesterov, "use Nesterov momentum, with sgd"),
    NUMBER(GROUP_STEPS, "weight-decay", "X", OPTION_FLOAT, weight_decay, "0.0001", NULL, 0, 1e3,
           "apply weight decay to every trained parameter, never to a frozen one"),
    CHOICE(GROUP_STEPS, "schedule", schedule_names, schedule, "cosine", "follow this learning rate schedule"),
    NUMBER(GROUP_STEPS, "warmup", "EPOCHS", OPTION_FLOAT, warmup, "0", NULL, 0, 1e6,
           "raise the rate to --lr over this many epochs (0.5 is half an epoch)"),
    NUMBER(GROUP_STEPS, "step-epochs", "N", OPTION_INT, step_epochs, "7", NULL, 1, 1e6,
           "change the rate every N epochs, with --schedule step"),
    NUMBER(GROUP_STEPS, "gamma", "X", OPTION_FLOAT, gamma, "0.1", NULL, 0, 1,
           "multiply the rate by X at each change, with --schedule step"),
    NUMBER(GROUP_STEPS, "lr-decay-by-child", "X", OPTION_FLOAT, lr_decay_by_child, "1", NULL, 1e-6, 1,
           "let children near the pixels learn more slowly: the rate of a child is --lr times X^k, where k counts the "
           "later children that have parameters (0 for fc, 1 for layer4, 2 for layer3, ...)"),
    NUMBER(GROUP_STEPS, "head-lr-mult", "X", OPTION_FLOAT, head_lr_mult, NULL,
           "1; 10 where it is re-initialised and --lr is left out", 1e-6, 1e6, "train the last layer at X times --lr"),
    NUMBER(GROUP_STEPS, "patience", "N", OPTION_INT, patience, "0", NULL, 0, 1e6,
           "stop after N epochs without better validation, counted from the last --unfreeze-at; 0: never"),
    NUMBER(
        GROUP_STEPS, "time-limit", "MINUTES", OPTION_FLOAT, time_limit, "0", NULL, 0, 1e6,
        "stop training after this time, at the end of a step; the best model so far is kept and --resume continues; 0: "
        "no limit"),
    NUMBER(GROUP_STEPS, "seed", "N", OPTION_INT, seed, "0", NULL, 0, 9e15,
           "seed all random numbers; the same seed gives the same result, byte for byte"),

    NUMBER(GROUP_RECIPES, "label-smoothing", "X", OPTION_FLOAT, label_smoothing, "0", NULL, 0, 1,
           "spread this share of the target over all classes; 0.1 is usual"),
    NUMBER(GROUP_RECIPES, "class-weight-power", "P", OPTION_FLOAT, class_weight_power, "0", NULL, 0, 1,
           "weight a class of n photos by (1/n)^P: 1 makes classes count alike, 0.5 goes half the way"),
    NUMBER(GROUP_RECIPES, "mixup", "ALPHA", OPTION_FLOAT, mixup, "0", NULL, 0, 1000,
           "blend each photo with its neighbour in the batch, by a share from Beta(ALPHA, ALPHA)"),
    NUMBER(GROUP_RECIPES, "cutmix", "ALPHA", OPTION_FLOAT, cutmix, "0", NULL, 0, 1000,
           "paste a box of its neighbour into each photo; with --mixup, one of the two for each batch"),
    NUMBER(GROUP_RECIPES, "clip-norm", "X", OPTION_FLOAT, clip_norm, "0", NULL, 0, 1e9,
           "scale the gradient down to this norm where it is longer; 0: never"),
    NUMBER(GROUP_RECIPES, "micro-batch", "M", OPTION_INT, micro_batch, NULL, "the whole batch", 1, 65536,
           "process a batch in pieces of at most M photos: the same step in less memory"),
    NUMBER(GROUP_RECIPES, "ema", "DECAY", OPTION_FLOAT, ema, "0", NULL, 0, 0.999999999,
           "validate and keep a moving average of the weights; 0.99 averages over about 100 steps; 0: no average"),

    CHOICE_ROWS(GROUP_NET, struct train_values, choice),
    CLASSES_ROW(GROUP_NET, struct train_values, classes),
    FLAG(GROUP_NET, "new-head", new_head,
         "re-initialise the last layer even where its outputs fit the folders; without it a layer for the same classes "
         "is kept"),
    TEXT(GROUP_NET, "arch", "NAME", arch, NULL, "as the weights; resnet50 with random",
         "train this network: resnet18, resnet34, resnet50, resnet101 or resnet152"),
    LIST(GROUP_NET, "unfreeze-at", "EPOCH:N", unfreeze_at,
         "freeze only children 1..N from that epoch on, where N is below its value before; may be repeated"),
    NUMBER(GROUP_NET, "head-first", "EPOCHS", OPTION_INT, head_first, "0", NULL, 0, 1e6,
           "train the last layer alone for this many epochs, then all layers after --freeze-until"),
    CHOICE(
        GROUP_NET, "bn-frozen", bn_choices, bn_frozen, "eval",
        "set how BatchNorm of frozen children works: eval keeps its statistics fixed; batch uses batch statistics and "
        "updates the running ones, as PyTorch's usual recipe does"),
    CHOICE(GROUP_NET, "bn-trained", bn_choices, bn_trained, "batch", "set the same for BatchNorm of trained children"),

    NUMBER(GROUP_PHOTOS, "image-size", "N", OPTION_INT, image_size, "224", NULL, 1, 4096,
           "crop photos to squares of N pixels a side, the input of the network"),
    NUMBER(GROUP_PHOTOS, "resize", "N", OPTION_INT, resize, NULL, "as the weights want it, 256 for 224", 1,
           PREPROCESS_MAX_SIDE, "resize the short side of validation photos to N before the centre crop"),
    PREPROCESS_ROW_FIT(struct train_values, fit),
    PREPROCESS_ROW_INTERPOLATION(struct train_values, interpolation),
    CHOICE(GROUP_PHOTOS, "augment", augment_names, augment, "standard",
           "augment training photos; none: resize and centre crop only; flip: mirror at random as well; standard: "
           "random crop, size and mirroring; trivial: the same, then one of 14 changes of colour or geometry "
           "(TrivialAugmentWide)"),
    TEXT(GROUP_PHOTOS, "color-jitter", "B,C,S,H", color_jitter, NULL, "none",
         "with standard or trivial: change brightness, contrast, saturation and hue at random by up to this much, such "
         "as 0.4,0.4,0.4,0.1"),
    NUMBER(GROUP_PHOTOS, "random-erasing", "P", OPTION_FLOAT, random_erasing, "0", NULL, 0, 1,
           "with standard or trivial: with probability P, fill a box of 2 to 33 % of a photo with the mean colour"),
    NUMBER(GROUP_PHOTOS, "views", "K", OPTION_INT, views, NULL, "1 with --augment none, 2 with flip, 0 with standard",
           0, 1e6,
           "cycle through K fixed views of each photo, the first without augmentation, so that their features can be "
           "cached; 0: a new view in every epoch"),
    NUMBER(GROUP_PHOTOS, "val-split", "X", OPTION_FLOAT, val_split, NULL, NULL, 0, 0.9,
           "keep this share of each class for validation, where DIR has no train/ and val/"),
    NUMBER(GROUP_PHOTOS, "folds", "K", OPTION_INT, folds, NULL, NULL, 2, 1000,
           "train K runs in RUN/fold-1..K, where each photo validates in one of them and trains in the others; DIR "
           "must not have train/ and val/"),
    NUMBER(GROUP_PHOTOS, "fold", "I", OPTION_INT, fold, NULL, NULL, 1, 1000, "train only run I of --folds"),
    ENGINE_ROW_EXIF(struct train_values),
    ENGINE_ROW_DECODE(struct train_values),
    FLAG(GROUP_PHOTOS, "strict", strict,
         "end the run at the first photo that cannot be read; otherwise it is listed and skipped"),
    FLAG(GROUP_PHOTOS, "accept-changed-photos", accept_changed_photos,
         "with --resume: continue although the content of photos has changed; the result will differ"),

    CHOICE(
        GROUP_CACHE, "cache", cache_mode_names, cache, "auto",
        "keep the output of the frozen children for each view of a photo, so that it is computed only once; auto: on "
        "disk where it fits and views repeat"),
    TEXT(GROUP_CACHE, "cache-dir", "DIR", cache_dir, NULL, "freezetune in $XDG_CACHE_HOME or ~/.cache",
         "keep feature files in this folder, which later runs use too; `freezetune cache` lists and clears them"),
    NUMBER(GROUP_CACHE, "cache-limit", "SIZE", OPTION_SIZE, cache_limit, "20G", NULL, 1, 9e15,
           "limit the size of all caches of a run together; a cache that would exceed it is not started"),
    CHOICE(
        GROUP_CACHE, "cache-dtype", dtype_choices, cache_dtype, "f32",
        "store features in this type; f16 takes half the room, but rounds the output of the frozen children, cached or "
        "not, which changes the result a little"),

    ENGINE_ROW_THREADS(struct train_values),
    NUMBER(GROUP_ENGINE, "loader-threads", "N", OPTION_INT, loader_threads, NULL, "as --threads", 1, 256,
           "decode photos with N threads"),
    ENGINE_ROW_CONV(struct train_values),

    NUMBER(GROUP_OUTPUT, "save-every", "MINUTES", OPTION_FLOAT, save_every, "10", NULL, 0, 1e6,
           "also save for --resume within an epoch, this often; 0: only after every epoch. Epochs that are shorter "
           "than both this time and 10 seconds share a checkpoint"),
    FLAG(GROUP_OUTPUT, "keep-last", keep_last,
         "keep last.safetensors, the state for --resume, when the run is over; by default it is removed"),
    FLAG(GROUP_OUTPUT, "json", json, "print one JSON object on stdout instead of tables"),
    FLAG(GROUP_OUTPUT, "profile", profile,
         "show at the end where the time went, operator by operator, and the time outside the network"),
    ENGINE_ROW_QUIET(struct train_values),
};

const char *lr_default(int optimizer)
{
    static const char *const rates[] = {
        [OPTIMIZER_SGD] = "0.003", [OPTIMIZER_ADAM] = "0.0003", [OPTIMIZER_ADAMW] = "0.0003"};
    return rates[optimizer];
}

void train_values_complete(const struct arguments *args)
{
    struct train_values *values = args->values;
    if (!arguments_given(args, "lr"))
        values->lr = strtod(lr_default(values->optimizer), NULL);
    else if (!arguments_given(args, "head-lr-mult"))
        values->head_lr_mult = 1; /* who names a rate means it */
    if (!arguments_given(args, "views"))
        values->views = (long long)photo_views_default((enum augment)values->augment);
}

enum status train_values_check(const struct arguments *args, struct error *err)
{
    const struct train_values *values = args->values;
    const struct {
        const char *name;
        bool used;
        const char *with;
    } rows[] = {{"accept-changed-photos", values->resume != NULL, "--resume"},
                {"momentum", values->optimizer == OPTIMIZER_SGD, "--optimizer sgd"}, /* as --nesterov: optimizer.c */
                {"step-epochs", values->schedule == SCHEDULE_STEP, "--schedule step"},
                {"gamma", values->schedule == SCHEDULE_STEP, "--schedule step"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (arguments_given(args, rows[i].name) && !rows[i].used)
            return error_set(err, ERR_USAGE, "--%s only applies to %s", rows[i].name, rows[i].with);
    return OK;
}

/* With --lr find: that of the range test. */
static struct schedule schedule_from(const struct train_values *v)
{
    struct schedule schedule = {.kind = (enum schedule_kind)v->schedule,
                                .lr = v->lr,
                                .gamma = v->gamma,
                                .step_epochs = (size_t)v->step_epochs,
                                .warmup = v->warmup,
                                .epochs = (size_t)v->epochs};
    return v->lr == LR_FIND ? lr_find_schedule(&schedule) : schedule;
}

struct train_options train_options_from(const struct train_values *v, const struct preprocess *preprocess)
{
    struct train_options out = {
        .seed = (uint64_t)v->seed,
        .freeze = {.bn_frozen = (enum bn_mode)v->bn_frozen, .bn_trained = (enum bn_mode)v->bn_trained},
        .rates = {.decay = v->lr_decay_by_child, .head = v->head_lr_mult},
        .patience = (size_t)v->patience,
        .exact = v->engine.conv == CONV_EXACT,
        .profile = v->profile,
        .augment = (enum augment)v->augment,
        .views = (size_t)v->views,
        .cache = {.mode = (enum cache_mode)v->cache,
                  .half = v->cache_dtype == FEATURE_F16,
                  .limit = (uint64_t)v->cache_limit},
        .optimizer = optimizer_defaults((enum optimizer_kind)v->optimizer),
        .recipe = {.label_smoothing = v->label_smoothing,
                   .class_weight_power = v->class_weight_power,
                   .mixup = v->mixup,
                   .cutmix = v->cutmix,
                   .clip_norm = v->clip_norm,
                   .micro_batch = (size_t)v->micro_batch,
                   .ema = v->ema},
        .schedule = schedule_from(v),
        .loader = {.threads = v->loader_threads ? (size_t)v->loader_threads : engine_threads(&v->engine),
                   .batch = (size_t)v->batch_size,
                   .ahead = (size_t)v->batch_size,
                   .preprocess = *preprocess,
                   .image = engine_image_options(&v->engine),
                   .fast = v->engine.decode == DECODE_FAST,
                   .seed = (uint64_t)v->seed,
                   .strict = v->strict},
    };
    if (out.loader.fast) {
        out.loader.image.fast_resize = preprocess->resize;
        out.loader.image.fast_crop = augment_crops(out.augment) ? preprocess->crop : 0;
    }
    out.optimizer.momentum = v->momentum;
    out.optimizer.nesterov = v->nesterov;
    out.optimizer.weight_decay = v->weight_decay;
    return out;
}

static bool name_in(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static void record_list(struct json *json, const char *name, const struct option_list *list)
{
    json_open(json, name, '[');
    for (size_t i = 0; i < list->count; i++)
        json_text(json, NULL, list->texts[i]);
    json_close(json);
}

static void record_number(struct json *json, const struct option *option, double value)
{
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        if (value == OPTION_WORD(i)) {
            json_text(json, option->name, option->choices[i]);
            return;
        }
    }
    json_double(json, option->name, value);
}

static void record_one(struct json *json, const struct option *option, const void *values)
{
    const char *at = (const char *)values + option->offset;
    long long whole = option->kind == OPTION_INT ? *(const long long *)(const void *)at : 0;
    switch (option->kind) {
    case OPTION_FLAG:
        json_bool(json, option->name, *(const bool *)(const void *)at);
        break;
    case OPTION_INT: /* 0 where that is out of range: left to the machine */
        if ((double)whole >= option->low)
            json_int(json, option->name, whole);
        break;
    case OPTION_FLOAT:
        record_number(json, option, *(const double *)(const void *)at);
        break;
    case OPTION_CHOICE:
        json_text(json, option->name, option->choices[*(const int *)(const void *)at]);
        break;
    case OPTION_STRING:
        json_text(json, option->name, *(const char *const *)(const void *)at);
        break;
    case OPTION_LIST:
        record_list(json, option->name, (const void *)at);
        break;
    case OPTION_SIZE:
        json_int(json, option->name, *(const long long *)(const void *)at);
        break;
    }
}

void train_options_record(struct json *json, const struct command *command, const void *values,
                          const struct train_decided *decided)
{
    static const char *const left_out[] = {
        "resume", "out", "dry-run", "json", "profile", "format", "quiet", "accept-changed-photos", NULL};
    json_open(json, "options", '{');
    for (size_t i = 0; i < command_option_count(command); i++) {
        const struct option *option = command_option(command, i);
        if (name_in(option->name, left_out))
            continue;
        if (strcmp(option->name, "data") == 0)
            json_text(json, option->name, decided->data);
        else if (strcmp(option->name, "weights") == 0)
            json_text(json, option->name, decided->weights);
        else if (strcmp(option->name, "classes") == 0)
            json_text(json, option->name, decided->classes);
        else if (strcmp(option->name, "freeze-until") == 0 && decided->freeze_until >= 0)
            json_int(json, option->name, decided->freeze_until);
        else if (strcmp(option->name, "head-lr-mult") == 0)
            json_double(json, option->name, decided->head_lr_mult);
        else
            record_one(json, option, values);
    }
    json_close(json);
}

const struct command train_table = {
    .name = "train",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct train_values),
};
