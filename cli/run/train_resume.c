/* From RUN/config.json back to a command line. */
#include <stdio.h>
#include <string.h>

#include "cli/run/recorded_options.h"
#include "core/base/file.h"
#include "core/base/memory.h"

/* Options that may stand beside --resume: none of them changes what comes out. */
static const char *const free_options[] = {
    "resume",     "data",       "labels", "val-labels",      "weights",     "threads",   "loader-threads",
    "time-limit", "save-every", "cache",  "cache-dir",       "cache-limit", "dry-run",   "json",
    "profile",    "format",     "quiet",  "keep-last",       "tensorboard", "no-report", "accept-changed-photos",
    "list",       "run",        "finish", "resume-or-start", NULL};

bool train_option_is_free(const char *name)
{
    for (const char *const *at = free_options; *at; at++)
        if (strcmp(name, *at) == 0)
            return true;
    return false;
}

static enum status check_given(const struct arguments *given, struct error *err)
{
    for (size_t i = 0; i < command_option_count(given->command); i++) {
        const char *name = command_option(given->command, i)->name;
        if (given->given[i] && !train_option_is_free(name))
            return error_set(err, ERR_USAGE,
                             "--%s cannot be changed when a run is resumed; start a new run instead, with --weights "
                             "RUN/best.safetensors to build on this one",
                             name);
    }
    return OK;
}

/* A run of sweep, or a whole sweep, is not train's to go on with, and the other way round. */
static enum status check_command(const cJSON *root, const struct arguments *given, struct error *err)
{
    const struct train_values *values = given->values;
    const cJSON *made = cJSON_GetObjectItemCaseSensitive(root, "command");
    const char *command = cJSON_IsString(made) ? made->valuestring : "train";
    if (strcmp(command, given->command->name) == 0)
        return OK;
    return error_set(err, ERR_USAGE, "--resume %s: was created by %s; resume it with freezetune %s --resume %s",
                     values->resume, command, command, values->resume);
}

static void take_hash(char out[33], const cJSON *root, const char *key)
{
    const cJSON *hash = cJSON_GetObjectItemCaseSensitive(root, key);
    if (cJSON_IsString(hash))
        snprintf(out, 33, "%s", hash->valuestring);
}

/* ---- beside what was given --------------------------------------------------------------------------------------- */

/* --resume-or-start: a job's script gives all options each time, and they must be those of the run. */
static enum status check_same(const struct arguments *given, const cJSON *options, struct error *err)
{
    const struct train_values *values = given->values;
    for (size_t i = 0; i < command_option_count(given->command); i++) {
        const struct option *option = command_option(given->command, i);
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(options, option->name);
        if (given->given[i] && !train_option_is_free(option->name) &&
            !recorded_is(option, given->values, item, values->resume))
            return error_set(err, ERR_USAGE,
                             "--%s is not what %s was started with, and cannot be changed when a run is resumed; start "
                             "a new run instead, or leave the option out",
                             option->name, values->resume);
    }
    return OK;
}

static enum status add_given(struct resumed *out, const struct arguments *given, struct error *err)
{
    const struct train_values *values = given->values;
    enum status status = OK;
    for (size_t i = 0; i < command_option_count(given->command) && status == OK; i++) {
        const struct option *option = command_option(given->command, i);
        if (given->given[i] && train_option_is_free(option->name) && strcmp(option->name, "resume") != 0 &&
            strcmp(option->name, "resume-or-start") != 0)
            status = recorded_add_given(out, option, given->values, err);
    }
    return status == OK ? recorded_add_text(out, "resume", values->resume, err) : status;
}

static enum status take_options(struct resumed *out, const cJSON *root, const struct arguments *given, const char *path,
                                struct error *err)
{
    static const char advice[] = "continue with the version that started the run (\"versions\" names it)";
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(root, "options"), *item;
    enum status status = recorded_reserve(out, given->command, options, err);
    cJSON_ArrayForEach(item, options)
    {
        if (status == OK)
            status = recorded_blame(recorded_check(given->command, item, advice, err), path, err);
        if (status == OK)
            status = recorded_add(out, item, err);
    }
    if (status == OK)
        status = add_given(out, given, err);
    take_hash(out->weights_hash, root, "weights_hash");
    take_hash(out->photos, root, "photos");
    return status == OK ? recorded_parse(out, given->command, path, err) : status;
}

enum status train_options_resume(struct resumed *out, const struct arguments *given, struct error *err)
{
    const struct train_values *values = given->values;
    struct resumed resumed = {0};
    char *path = NULL;
    cJSON *root = NULL;
    enum status status = values->resume_or_start ? OK : check_given(given, err);
    if (status == OK)
        status = path_join(&path, values->resume, "config.json", err);
    if (status == OK)
        status = recorded_read(&root, path, "so there is no run to resume", err);
    if (status == OK)
        status = check_command(root, given, err);
    if (status == OK && values->resume_or_start)
        status = check_same(given, cJSON_GetObjectItemCaseSensitive(root, "options"), err);
    if (status == OK)
        status = take_options(&resumed, root, given, path, err);
    cJSON_Delete(root);
    memory_free(path);
    if (status == OK)
        *out = resumed;
    else
        resumed_free(&resumed);
    return status;
}

void resumed_free(struct resumed *resumed)
{
    arguments_free(&resumed->arguments);
    for (size_t i = 0; i < resumed->count; i++)
        memory_free(resumed->texts[i]);
    memory_free(resumed->texts);
    *resumed = (struct resumed){0};
}
