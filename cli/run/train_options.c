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

#define ROW(group, kind, name, field, ...) OPTION_ROW(group, kind, name, struct train_values, field, __VA_ARGS__)

static const char *const dtype_choices[] = {[FEATURE_F16] = "f16", [FEATURE_F32] = "f32", NULL};
static const char *const lr_words[] = {"find", NULL}; /* LR_FIND */

const char *const time_limit_words[] = {"job", NULL};

static const struct option options[] = {
    ROW(GROUP_MAIN, OPTION_STRING, "data", data, .placeholder = "DIR", .shown = "data",
        .help =
            "read photos from this folder: it holds train/ and val/ (or the like), or one folder per class (then use "
            "--val-split)"),
    ROW(GROUP_MAIN, OPTION_STRING, "labels", labels, .placeholder = "FILE.csv",
        .help = "read the photos' classes from this file instead of folders: columns file,label and, if wanted, split "
                "(train, val or test); paths are relative to it, or to --data where that is given"),
    ROW(GROUP_MAIN, OPTION_STRING, "val-labels", val_labels, .placeholder = "FILE.csv",
        .help = "with --labels: validate the photos in this file; those in --labels all train"),
    ROW(GROUP_MAIN, OPTION_STRING, "weights", weights, .placeholder = "FILE",
        .shown =
            "$FREEZETUNE_WEIGHTS, ./resnet50.safetensors, freezetune/resnet50.safetensors in $XDG_DATA_HOME or ~/.local/share",
        .help = "start from these pretrained weights, from the model of an earlier run, or `random`"),
    ROW(GROUP_MAIN, OPTION_STRING, "freeze-until", freeze_until, .placeholder = "N", .initial = "6",
        .help = "freeze children 1..N (a number, or a child's name such as layer2) and train the rest"),
    ROW(GROUP_MAIN, OPTION_STRING, "out", out, .placeholder = "RUN", .shown = "runs/1, runs/2, ...",
        .help = "write everything to this folder"),
    ROW(GROUP_MAIN, OPTION_INT, "epochs", epochs, .placeholder = "N", .initial = "10", .low = 1, .high = 1e6,
        .help = "go through all photos N times"),
    ROW(GROUP_MAIN, OPTION_INT, "batch-size", batch_size, .placeholder = "N", .initial = "16", .low = 1, .high = 65536,
        .help = "use N photos in each step"),
    ROW(GROUP_MAIN, OPTION_FLOAT, "lr", lr, .placeholder = "X", .shown = LR_DEFAULTS, .high = 1e6, .choices = lr_words,
        .help = "set the learning rate; `find` searches for one first, with rising rates over 100 steps"),
    ROW(GROUP_MAIN, OPTION_STRING, "resume", resume, .placeholder = "RUN",
        .help = "resume a run that was stopped; the result is the same as without the stop"),
    ROW(GROUP_MAIN, OPTION_STRING, "resume-or-start", resume_or_start, .placeholder = "RUN",
        .help =
            "resume this run where it was begun, else start it there: one command for a job that is put back into the "
            "queue. Options must be those of the run"),
    ROW(GROUP_MAIN, OPTION_STRING, "options", options, .placeholder = "FILE",
        .help = "take the options of another run, in this config.json, for all that the command line does not give"),
    ROW(GROUP_MAIN, OPTION_FLAG, "dry-run", dry_run,
        .help = "show what would be trained, its memory, work, disk and time, then stop"),

    ROW(GROUP_STEPS, OPTION_CHOICE, "optimizer", optimizer, .choices = optimizer_names, .initial = "sgd",
        .help = "update the weights with this optimizer, as PyTorch defines it"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "momentum", momentum, .placeholder = "X", .initial = "0.9", .high = 1,
        .help = "set the momentum of sgd"),
    ROW(GROUP_STEPS, OPTION_FLAG, "nesterov", nesterov, .help = "use Nesterov momentum, with sgd"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "weight-decay", weight_decay, .placeholder = "X", .initial = "0.0001", .high = 1e3,
        .help = "apply weight decay to every trained parameter, never to a frozen one"),
    ROW(GROUP_STEPS, OPTION_CHOICE, "schedule", schedule, .choices = schedule_names, .initial = "cosine",
        .help = "follow this learning rate schedule"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "warmup", warmup, .placeholder = "EPOCHS", .initial = "0", .high = 1e6,
        .help = "raise the rate to --lr over this many epochs (0.5 is half an epoch)"),
    ROW(GROUP_STEPS, OPTION_INT, "step-epochs", step_epochs, .placeholder = "N", .initial = "7", .low = 1, .high = 1e6,
        .help = "change the rate every N epochs, with --schedule step"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "gamma", gamma, .placeholder = "X", .initial = "0.1", .high = 1,
        .help = "multiply the rate by X at each change, with --schedule step"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "lr-decay-by-child", lr_decay_by_child, .placeholder = "X", .initial = "1",
        .low = 1e-6, .high = 1,
        .help =
            "let children near the pixels learn more slowly: the rate of a child is --lr times X^k, where k counts the "
            "later children that have parameters (0 for fc, 1 for layer4, 2 for layer3, ...)"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "head-lr-mult", head_lr_mult, .placeholder = "X",
        .shown = "1; 10 where it is re-initialised and --lr is left out", .low = 1e-6, .high = 1e6,
        .help = "train the last layer at X times --lr"),
    ROW(GROUP_STEPS, OPTION_INT, "patience", patience, .placeholder = "N", .initial = "0", .high = 1e6,
        .help = "stop after N epochs without better validation, counted from the last --unfreeze-at; 0: never"),
    ROW(GROUP_STEPS, OPTION_FLOAT, "time-limit", time_limit, .placeholder = "MINUTES", .initial = "0", .high = 1e6,
        .choices = time_limit_words,
        .help =
            "stop training after this time, at the end of a step; the best model so far is kept and --resume continues; "
            "`job`: save 2 minutes before the Slurm job ends and exit with 75; 0: no limit"),
    ROW(GROUP_STEPS, OPTION_INT, "seed", seed, .placeholder = "N", .initial = "0", .high = 9e15,
        .help = "seed all random numbers; the same seed gives the same result, byte for byte"),

    ROW(GROUP_RECIPES, OPTION_FLOAT, "label-smoothing", label_smoothing, .placeholder = "X", .initial = "0", .high = 1,
        .help = "spread this share of the target over all classes; 0.1 is usual"),
    ROW(GROUP_RECIPES, OPTION_FLOAT, "class-weight-power", class_weight_power, .placeholder = "P", .initial = "0",
        .high = 1, .help = "weight a class of n photos by (1/n)^P: 1 makes classes count alike, 0.5 goes half the way"),
    ROW(GROUP_RECIPES, OPTION_FLOAT, "mixup", mixup, .placeholder = "ALPHA", .initial = "0", .high = 1000,
        .help = "blend each photo with its neighbour in the batch, by a share from Beta(ALPHA, ALPHA)"),
    ROW(GROUP_RECIPES, OPTION_FLOAT, "cutmix", cutmix, .placeholder = "ALPHA", .initial = "0", .high = 1000,
        .help = "paste a box of its neighbour into each photo; with --mixup, one of the two for each batch"),
    ROW(GROUP_RECIPES, OPTION_FLOAT, "clip-norm", clip_norm, .placeholder = "X", .initial = "0", .high = 1e9,
        .help = "scale the gradient down to this norm where it is longer; 0: never"),
    ROW(GROUP_RECIPES, OPTION_INT, "micro-batch", micro_batch, .placeholder = "M", .shown = "the whole batch", .low = 1,
        .high = 65536, .help = "process a batch in pieces of at most M photos: the same step in less memory"),
    ROW(GROUP_RECIPES, OPTION_FLOAT, "ema", ema, .placeholder = "DECAY", .initial = "0", .high = 0.999999999,
        .help = "validate and keep a moving average of the weights; 0.99 averages over about 100 steps; 0: no average"),

    CHOICE_ROWS(GROUP_NET, struct train_values, choice),
    CLASSES_ROW(GROUP_NET, struct train_values, classes),
    ROW(GROUP_NET, OPTION_FLAG, "new-head", new_head,
        .help =
            "re-initialise the last layer even where its outputs fit the folders; without it a layer for the same classes "
            "is kept"),
    ROW(GROUP_NET, OPTION_STRING, "arch", arch, .placeholder = "NAME", .shown = "as the weights; resnet50 with random",
        .help = "train this network: resnet18, resnet34, resnet50, resnet101 or resnet152"),
    ROW(GROUP_NET, OPTION_LIST, "unfreeze-at", unfreeze_at, .placeholder = "EPOCH:N",
        .help = "freeze only children 1..N from that epoch on, where N is below its value before; may be repeated"),
    ROW(GROUP_NET, OPTION_INT, "head-first", head_first, .placeholder = "EPOCHS", .initial = "0", .high = 1e6,
        .help = "train the last layer alone for this many epochs, then all layers after --freeze-until"),
    ROW(GROUP_NET, OPTION_CHOICE, "bn-frozen", bn_frozen, .choices = bn_choices, .initial = "eval",
        .help =
            "set how BatchNorm of frozen children works: eval keeps its statistics fixed; batch uses batch statistics and "
            "updates the running ones, as PyTorch's usual recipe does"),
    ROW(GROUP_NET, OPTION_CHOICE, "bn-trained", bn_trained, .choices = bn_choices, .initial = "batch",
        .help = "set the same for BatchNorm of trained children"),
    ROW(GROUP_NET, OPTION_FLAG, "bn-sync", bn_sync,
        .help =
            "take batch statistics over the whole batch where --micro-batch or several processes cut it: the step of "
            "the whole batch, in the memory that all pieces of a process need"),

    ROW(GROUP_PHOTOS, OPTION_INT, "image-size", image_size, .placeholder = "N", .initial = "224", .low = 1,
        .high = 4096, .help = "crop photos to squares of N pixels a side, the input of the network"),
    ROW(GROUP_PHOTOS, OPTION_INT, "resize", resize, .placeholder = "N", .shown = "as the weights want it, 256 for 224",
        .low = 1, .high = PREPROCESS_MAX_SIDE,
        .help = "resize the short side of validation photos to N before the centre crop"),
    PREPROCESS_ROW_FIT(struct train_values, fit),
    PREPROCESS_ROW_INTERPOLATION(struct train_values, interpolation),
    ROW(GROUP_PHOTOS, OPTION_CHOICE, "augment", augment, .choices = augment_names, .initial = "standard",
        .help = "augment training photos; none: resize and centre crop only; flip: mirror at random as well; standard: "
                "random crop, size and mirroring; trivial: the same, then one of 14 changes of colour or geometry "
                "(TrivialAugmentWide)"),
    ROW(GROUP_PHOTOS, OPTION_STRING, "color-jitter", color_jitter, .placeholder = "B,C,S,H", .shown = "none",
        .help =
            "with standard or trivial: change brightness, contrast, saturation and hue at random by up to this much, such "
            "as 0.4,0.4,0.4,0.1"),
    ROW(GROUP_PHOTOS, OPTION_FLOAT, "random-erasing", random_erasing, .placeholder = "P", .initial = "0", .high = 1,
        .help =
            "with standard or trivial: with probability P, fill a box of 2 to 33 % of a photo with the mean colour"),
    ROW(GROUP_PHOTOS, OPTION_INT, "views", views, .placeholder = "K",
        .shown = "1 with --augment none, 2 with flip, 0 with standard", .high = 1e6,
        .help =
            "cycle through K fixed views of each photo, the first without augmentation, so that their features can be "
            "cached; 0: a new view in every epoch"),
    ROW(GROUP_PHOTOS, OPTION_FLOAT, "val-split", val_split, .placeholder = "X", .high = 0.9,
        .help = "keep this share of each class for validation, where DIR has no train/ and val/"),
    ROW(GROUP_PHOTOS, OPTION_CHOICE, "group-by", group_by, .choices = group_by_names, .initial = "none",
        .help = "keep photos that belong together on one side of --val-split and --folds, and check a split that is "
                "there: folder: those of one folder in the class folders; column: those with the same text in the "
                "column `group` of --labels"),
    ROW(GROUP_PHOTOS, OPTION_INT, "folds", folds, .placeholder = "K", .low = 2, .high = 1000,
        .help =
            "train K runs in RUN/fold-1..K, where each photo validates in one of them and trains in the others; DIR "
            "must not have train/ and val/"),
    ROW(GROUP_PHOTOS, OPTION_INT, "fold", fold, .placeholder = "I", .low = 1, .high = 1000,
        .help = "train only run I of --folds"),
    ROW(GROUP_PHOTOS, OPTION_INT, "limit", limit, .placeholder = "N", .shown = "all photos", .low = 1,
        .high = 4294967295,
        .help = "for a trial: train on at most N photos of each class, the same ones as a larger N begins with; all "
                "photos that validate stay"),
    ENGINE_ROW_EXIF(struct train_values),
    ENGINE_ROW_DECODE(struct train_values),
    ROW(GROUP_PHOTOS, OPTION_FLAG, "strict", strict,
        .help = "end the run at the first photo that cannot be read; otherwise it is listed and skipped"),
    ROW(GROUP_PHOTOS, OPTION_FLAG, "accept-changed-photos", accept_changed_photos,
        .help = "with --resume: continue although the content of photos has changed; the result will differ"),

    ROW(GROUP_CACHE, OPTION_CHOICE, "cache", cache, .choices = cache_mode_names, .initial = "auto",
        .help =
            "keep the output of the frozen children for each view of a photo, so that it is computed only once; auto: on "
            "disk where it fits and views repeat"),
    ROW(GROUP_CACHE, OPTION_STRING, "cache-dir", cache_dir, .placeholder = "DIR",
        .shown = "freezetune in $XDG_CACHE_HOME or ~/.cache",
        .help =
            "keep feature files in this folder, which later runs use too; `freezetune cache` lists and clears them"),
    ROW(GROUP_CACHE, OPTION_SIZE, "cache-limit", cache_limit, .placeholder = "SIZE", .initial = "20G", .low = 1,
        .high = 9e15,
        .help = "limit the size of all caches of a run together; a cache that would exceed it is not started"),
    ROW(GROUP_CACHE, OPTION_CHOICE, "cache-dtype", cache_dtype, .choices = dtype_choices, .initial = "f32",
        .help =
            "store features in this type; f16 takes half the room, but rounds the output of the frozen children, cached or "
            "not, which changes the result a little; features in bf16 stay as they are"),

    ENGINE_ROW_THREADS(struct train_values),
    ROW(GROUP_ENGINE, OPTION_INT, "loader-threads", loader_threads, .placeholder = "N", .shown = "as --threads",
        .low = 1, .high = 256, .help = "decode photos with N threads"),
    ENGINE_ROW_CONV(struct train_values),
    ENGINE_ROW_PRECISION(struct train_values),

    ROW(GROUP_OUTPUT, OPTION_FLOAT, "save-every", save_every, .placeholder = "MINUTES", .initial = "10", .high = 1e6,
        .help =
            "also save for --resume within an epoch, this often; 0: only after every epoch. Epochs that are shorter "
            "than both this time and 10 seconds share a checkpoint"),
    ROW(GROUP_OUTPUT, OPTION_FLAG, "keep-last", keep_last,
        .help = "keep last.safetensors, the state for --resume, when the run is over; by default it is removed"),
    ROW(GROUP_OUTPUT, OPTION_FLAG, "tensorboard", tensorboard,
        .help =
            "also write loss, accuracy and rates of each epoch for TensorBoard; see them with `tensorboard --logdir "
            "RUN`"),
    ROW(GROUP_OUTPUT, OPTION_FLAG, "no-report", no_report,
        .help = "do not write report.html, the page that shows the run"),
    ROW(GROUP_OUTPUT, OPTION_FLAG, "json", json, .help = "print one JSON object on stdout instead of tables"),
    ROW(GROUP_OUTPUT, OPTION_FLAG, "profile", profile,
        .help = "show at the end where the time went, operator by operator, and the time outside the network"),
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
    return engine_check(&values->engine, err);
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
        .conv = (enum conv_engine)v->engine.conv,
        .precision = (enum precision)v->engine.precision,
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
                   .bn_sync = v->bn_sync,
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

const struct command train_table = {
    .name = "train",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct train_values),
};
