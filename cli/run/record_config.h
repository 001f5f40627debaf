/* What RUN/config.json says of the photos of a run, read for a model that lies in RUN. */
#ifndef FREEZETUNE_RECORD_CONFIG_H
#define FREEZETUNE_RECORD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/model/model_file.h"
#include "cli/shell/engine_options.h"
#include "core/base/error.h"
#include "core/data/dataset.h"

struct record_config {
    char *folder;              /* RUN, as far as it was named; NULL: the model lies in no run's folder */
    char *data;                /* --data, absolute; with labels and without it, the folder of the labels file */
    bool based;                /* --data was given, or there are no labels */
    char *labels, *val_labels; /* absolute, or NULL */
    double val_split;
    unsigned folds, fold; /* 0: none */
    uint64_t seed;
    int group_by;                      /* enum group_by */
    size_t limit;                      /* photos a class; 0: all */
    uint64_t count;                    /* photos of both lists */
    char photos[33];                   /* checkpoint_photos of both lists; "" in a run of an older version */
    int exif, decode, conv, precision; /* as struct engine_options has them */
};

/* A model that was copied out of its run's folder, or lies beside another program's config.json, or has other classes
 * than the run, has no record: that is no error. ERR_SYSTEM without memory, ERR_IO when config.json cannot be read.
 * Free with record_config_free, also after an error. */
MUST_CHECK enum status record_config_read(struct record_config *out, const struct model *model, struct error *err);

/* How the run listed its photos, which are in `data` now: record->data, or where they have moved to. Borrows. */
struct dataset_source record_config_source(const struct record_config *record, const char *data);

/* A run's own photos are prepared as the run prepared them, but for what the command line says. */
void record_config_prepare(struct engine_options *engine, const struct record_config *record,
                           const struct arguments *args);
void record_config_free(struct record_config *record);

#endif
