/* --options FILE: the options of another run as defaults. */
#include <string.h>
#include <sys/stat.h>

#include "cli/run/recorded_options.h"
#include "core/base/file.h"
#include "core/base/memory.h"

/* FILE, or config.json in it where it is a folder. */
static enum status config_path(char **out, const char *given, struct error *err)
{
    struct stat info;
    bool folder = path_stat(&info, given) == 0 && S_ISDIR(info.st_mode);
    return folder ? path_join(out, given, "config.json", err) : memory_strdup(out, given, err);
}

/* An option of the command line is checked here and left out, for a list would be added to. A null says nothing: a
 * sweep without --limit, whose value is a list there, has one. */
static enum status add_recorded(struct resumed *out, const cJSON *options, const struct arguments *given,
                                struct error *err)
{
    static const char advice[] = "this command has none such that a run records; take it out of a copy of the file";
    const cJSON *item;
    enum status status = OK;
    cJSON_ArrayForEach(item, options)
    {
        if (cJSON_IsNull(item))
            continue;
        if (status == OK)
            status = recorded_check(given->command, item, advice, err);
        if (status == OK && !arguments_given(given, item->string))
            status = recorded_add(out, item, err);
    }
    return status;
}

/* All but --options itself, which has done its work. The operand of a command that has one (cache fill) stays. */
static enum status add_given(struct resumed *out, const struct arguments *given, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < command_option_count(given->command) && status == OK; i++) {
        const struct option *option = command_option(given->command, i);
        if (given->given[i] && strcmp(option->name, "options") != 0)
            status = recorded_add_given(out, option, given->values, err);
    }
    for (size_t i = 0; i < given->operand_count && status == OK; i++) {
        status = memory_strdup(&out->texts[out->count], given->operands[i], err);
        out->count += status == OK;
    }
    return status;
}

enum status train_options_file(struct resumed *out, const struct arguments *given, struct error *err)
{
    const struct train_values *values = given->values;
    char *path = NULL;
    cJSON *root = NULL;
    const cJSON *options = NULL;
    *out = (struct resumed){0};
    enum status status = config_path(&path, values->options, err);
    if (status == OK)
        status = recorded_read(&root, path, "so there are no options to take", err);
    if (status == OK) {
        options = cJSON_GetObjectItemCaseSensitive(root, "options");
        status = recorded_reserve(out, given->command, options, err);
    }
    if (status == OK)
        status = recorded_blame(add_recorded(out, options, given, err), path, err);
    if (status == OK)
        status = add_given(out, given, err);
    if (status == OK)
        status = recorded_parse(out, given->command, path, err);
    cJSON_Delete(root);
    memory_free(path);
    if (status != OK)
        resumed_free(out);
    return status;
}
