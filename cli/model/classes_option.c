#include "cli/model/classes_option.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/model/class_labels.h"
#include "cli/model/label_text.h"
#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "models/imagenet_classes.h"

/* Where the names come from, for errors: "--classes names.txt", or "--classes" alone. */
struct source {
    char where[300];
    enum status wrong;
};

/* *labels = the names as JSON. */
static enum status read_source(struct source *source, cJSON **labels, const char *option, struct error *err)
{
    struct stat info;
    const char *why;
    uint8_t *text = NULL;
    size_t size;
    char shown[200];
    struct error reason;
    enum status status;
    *source = (struct source){.where = "--classes", .wrong = ERR_USAGE};
    if (stat(option, &info) == 0) {
        snprintf(source->where, sizeof source->where, "--classes %s", text_escape(shown, sizeof shown, option));
        source->wrong = ERR_DATA;
        status = file_read(&text, &size, option, LABEL_TEXT_MOST, &reason);
        if (status != OK)
            return error_set(err, status, "--classes %s", reason.text);
        status = label_text_parse(labels, &why, (const char *)text, size, &reason);
        memory_free(text);
    } else if (option[0] == '[' || option[0] == '{') {
        status = label_text_parse(labels, &why, option, strlen(option), &reason);
    } else if (strchr(option, ',')) {
        status = label_text_split(labels, &why, option, &reason);
    } else {
        return error_set(err, ERR_NOINPUT, "--classes %s: there is no such file; a list has commas: a,b,c",
                         text_escape(shown, sizeof shown, option));
    }
    if (status != OK)
        return error_set(err, status == ERR_DATA ? source->wrong : status, "%s: %s", source->where, reason.text);
    return why ? error_set(err, source->wrong, "%s: %s", source->where, why) : OK;
}

static enum status check_count(const struct source *source, const cJSON *labels, size_t outputs, const char *path,
                               struct error *err)
{
    char shown[200];
    int count = cJSON_GetArraySize(labels);
    text_escape(shown, sizeof shown, path);
    if (outputs == 0)
        return error_set(err, source->wrong, "%s: the network of %s has no last layer whose outputs could be named",
                         source->where, shown);
    if ((size_t)count == outputs)
        return OK;
    return error_set(err, source->wrong, "%s: %d name%s, but the network of %s has %zu output%s: name each of them",
                     source->where, count, count == 1 ? "" : "s", shown, outputs, outputs == 1 ? "" : "s");
}

static enum status check_repeated(const struct source *source, const struct class_names *names, struct error *err)
{
    size_t output, earlier;
    bool found;
    char shown[200];
    enum status status = class_labels_repeated(&found, &output, &earlier, names, err);
    if (status == OK && found)
        status = error_set(err, source->wrong, "%s: '%s' names both output %zu and output %zu: names must differ",
                           source->where, text_escape(shown, sizeof shown, names->names[output]), earlier, output);
    return status;
}

enum status classes_override(struct model_info *info, const char *option, const char *path, struct error *err)
{
    struct source source;
    struct class_names names = {0};
    cJSON *root = NULL;
    const char *why = NULL;
    if (!option)
        return OK;
    enum status status = read_source(&source, &root, option, err);
    const cJSON *labels = label_text_member(root);
    if (status == OK)
        status = check_count(&source, labels, info->classes.count, path, err);
    if (status == OK)
        status = class_labels_read(&names, &why, labels, info->classes.count, false, err);
    if (status == OK && why)
        status = error_set(err, source.wrong, "%s: %s", source.where, why);
    if (status == OK)
        status = check_repeated(&source, &names, err);
    cJSON_Delete(root);
    if (status != OK) {
        class_names_free(&names);
        return status;
    }
    class_names_free(&info->classes);
    info->classes = names;
    info->own_classes = true;
    info->classes_from = NULL;
    info->config_unused = false;
    return OK;
}

void classes_warn_unused(const char *weights)
{
    char *path;
    if (path_beside(&path, weights, "config.json", NULL) != OK)
        return;
    warn("%s: has no class names for the outputs of this network; give them with --classes", path);
    memory_free(path);
}

void classes_remark(const struct model_info *info, const char *path)
{
    size_t outputs = info->classes.count;
    if (info->config_unused)
        classes_warn_unused(path);
    if (info->classes_from)
        remark("classes: names from %s beside %s", info->classes_from, path);
    else if (!info->own_classes && outputs != IMAGENET_CLASSES)
        remark("classes: %s has no class names: its %zu outputs are called 0 to %zu; --classes names them", path,
               outputs, outputs - 1);
}
