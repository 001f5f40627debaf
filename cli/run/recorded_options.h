/* The options of a config.json, and those of a command line beside them: both become texts, "--lr=0.01", that are
 * parsed as one command line. The file is from outside: hostile until checked. */
#ifndef FREEZETUNE_RECORDED_OPTIONS_H
#define FREEZETUNE_RECORDED_OPTIONS_H

#include <cjson/cJSON.h>

#include "cli/run/train_options.h"

/* The file's object, with an object "options" of at most 1000 keys in it (cJSON_Delete). ERR_NOINPUT where it cannot be
 * opened, with `missing` behind it, ERR_DATA where it is something else. */
MUST_CHECK enum status recorded_read(cJSON **out, const char *path, const char *missing, struct error *err);

/* An option of the command, with a value as train_options_record writes it? ERR_USAGE, naming the key; `advice` follows
 * where it is unknown. */
MUST_CHECK enum status recorded_check(const struct command *command, const cJSON *item, const char *advice,
                                      struct error *err);

/* Room in out->texts for all of `options` and all of a command line. Before the next three. */
MUST_CHECK enum status recorded_reserve(struct resumed *out, const struct command *command, const cJSON *options,
                                        struct error *err);
/* One option more: recorded, after recorded_check; given, in the struct of values; or as text, NULL for a flag. */
MUST_CHECK enum status recorded_add(struct resumed *out, const cJSON *item, struct error *err);
MUST_CHECK enum status recorded_add_given(struct resumed *out, const struct option *option, const void *values,
                                          struct error *err);
MUST_CHECK enum status recorded_add_text(struct resumed *out, const char *name, const char *text, struct error *err);

/* Parses the texts into out->arguments. What is wrong with an option is wrong with the file: ERR_DATA. */
MUST_CHECK enum status recorded_parse(struct resumed *out, const struct command *command, const char *path,
                                      struct error *err);
/* ERR_USAGE as ERR_DATA, with the path in front of its text; others as they are. */
enum status recorded_blame(enum status status, const char *path, struct error *err);

/* Does the run in `folder`, which has recorded `item` (or NULL) for the option, have the value that was given? */
bool recorded_is(const struct option *option, const void *values, const cJSON *item, const char *folder);

#endif
