/* The files of a run's folder that are written whole. Errors: ERR_CANTCREATE, ERR_IO, with a former file as it was. */
#ifndef FREEZETUNE_RECORD_FILES_H
#define FREEZETUNE_RECORD_FILES_H

#include "cli/run/run_setup.h"

/* config.json of a run, and that of a series (series.h) with the options of its command;
 * the training is that of a run. */
MUST_CHECK enum status write_series_config(const char *folder, const struct arguments *args,
                                           const struct run_setup *setup, struct error *err);
MUST_CHECK enum status write_config(const char *folder, const struct run_setup *setup, struct error *err);
/* The recorded options without paths, as text, owned by the caller (memory_free): the same for two runs that compute
 * the same from the same files, wherever these lie. ERR_SYSTEM without memory. */
MUST_CHECK enum status options_text(char **out, const struct run_setup *setup, struct error *err);
/* Rows are the right classes, columns the predicted ones. */
MUST_CHECK enum status write_confusion(const char *folder, const struct class_names *classes,
                                       const struct metrics *metrics, struct error *err);
/* file,class,predicted,probability,class_probability,right: in the order of the photos. */
MUST_CHECK enum status write_predictions(const char *folder, const struct dataset *dataset,
                                         const struct metrics *metrics, struct error *err);
/* list, file, reason. */
MUST_CHECK enum status write_bad_images(const char *folder, const struct run_setup *setup, struct error *err);

#endif
