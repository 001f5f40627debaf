/* Everything that a training run is made of, from the options to the moment before the first step. */
#ifndef FREEZETUNE_RUN_SETUP_H
#define FREEZETUNE_RUN_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/model/head_map.h"
#include "cli/model/model_file.h"
#include "cli/run/data_paths.h"
#include "cli/run/run_disk.h"
#include "cli/run/train_options.h"
#include "core/base/threads.h"
#include "core/data/dataset.h"
#include "core/data/scan.h"
#include "core/net/net.h"
#include "core/train/checkpoint.h"
#include "core/train/train.h"
#include "weights/bind.h"
#include "weights/freeze_proof.h"
#include "weights/weight_file.h"

struct run_setup {
    const struct train_values *values; /* borrowed */
    struct train_options options;
    struct pool *pool;
    struct data_paths paths; /* of the photos */
    char *cache;             /* folder of the feature cache, or NULL */
    struct dataset dataset;
    struct scan_report scan;
    bool *changed;     /* of a run that is resumed: photos with another content (record_photos_check), or NULL */
    bool photos_stale; /* its record of the photos is not up to date */
    char *weights;     /* absolute path, or NULL: random */
    char weights_hash[33];
    struct weight_file *file;    /* NULL: random. After the proof for its names and texts alone (weight_file_let_go) */
    struct loaded_param *loaded; /* [params_count] of the net, as loaded from it */
    struct net *net;
    int freeze_until;         /* the option, as a number: options.freeze is that of the first epoch */
    size_t file_classes;      /* outputs of the weight file's last layer */
    bool head_drawn;          /* the last layer is re-initialised */
    enum head_fate head;      /* what became of the file's (train_head.h) */
    char *classes;            /* of --classes, as JSON, so that --resume needs no file; owned, or NULL */
    const char *classes_from; /* the file beside the weights that names their classes, or NULL */
    bool config_unused;       /* config.json beside them names none (model_file.h) */
    bool photos_said;         /* the file, or an option, says how photos are prepared */
    bool photos_oblong;       /* its own processor leaves them oblong (model_card.h) */
    struct run_disk disk;
    struct train *train;
};

/* Opens the photos, looks at them, opens the weights, declares and loads the network, plans. `weights_hash` is what the
 * weight file's must be, or NULL. Prints nothing. Free with run_setup_close, also after an error. */
MUST_CHECK enum status run_setup_open(struct run_setup *out, const struct train_values *values,
                                      const char *weights_hash, struct error *err);
void run_setup_close(struct run_setup *setup);

/* The plan of a run over the same photos and weights with another freeze point (sweep): for train_destroy, and not to
 * be trained. Between run_setup_open and run_setup_prepare. Errors of freeze_parse, unfreezing_parse and
 * train_create. */
MUST_CHECK enum status run_setup_plan(struct train **out, struct run_disk *disk, const struct run_setup *setup,
                                      const char *freeze_until, struct error *err);
/* The folder that the run writes to, or will make: that of --resume, of --out, or "runs". Borrowed. */
const char *run_setup_folder(const struct run_setup *setup);

/* Allocates what the run needs and tells the loaders of the photos whose content the scan found bad. */
MUST_CHECK enum status run_setup_prepare(struct run_setup *setup, struct error *err);

struct run_proof {
    struct frozen_proof frozen; /* what was found equal */
    bool weights_changed;       /* the weight file is not what it was when it was loaded, or is gone */
};

/* Compares all that stayed frozen to the end, bit by bit, in memory and in the model file `best`: with what was loaded
 * (its hashes) and with the file that it was loaded from, as long as that is still the same; or with the random weights
 * of the seed, for which the network in memory is OVERWRITTEN with these. ERR_PROMISE when something differs. */
MUST_CHECK enum status run_prove(struct run_proof *out, const struct run_setup *setup, const char *best,
                                 struct error *err);

#endif
