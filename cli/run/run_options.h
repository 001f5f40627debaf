/* The options in which runs differ, out of their config.json. */
#ifndef FREEZETUNE_RUN_OPTIONS_H
#define FREEZETUNE_RUN_OPTIONS_H

#include <stddef.h>
#include <stdio.h>

#include "cli/run/run_list.h"
#include "cli/shell/json.h"

/* Names, borrowed from the list's options. */
struct run_options {
    const char **names;
    size_t count;
};

/* Those that may change the result, but for the freeze point and the network, which stand by themselves. An option that
 * one run has and another has not differs, unless its value says no more than that: null, false, an empty list. */
MUST_CHECK enum status run_options_differing(struct run_options *out, const struct run_list *list, struct error *err);
void run_options_free(struct run_options *options);

/* "lr 0.01, optimizer adam"; raw, the names and texts are from outside. */
void run_options_text(FILE *out, const struct run_options *options, const struct listed_run *run);
/* {"lr": 0.01, "optimizer": "adam"} */
void run_options_json(struct json *json, const char *key, const struct run_options *options,
                      const struct listed_run *run);

#endif
