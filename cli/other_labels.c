#include "cli/other_labels.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "cli/class_labels.h"
#include "cli/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { MAX_BYTES = 1 << 24 };

static const char *const keys[] = {"classes", "class_to_idx", "names", "id2label", "label_names", NULL};

static enum status take(struct class_names *out, bool *found, const cJSON *labels, size_t outputs, struct error *err)
{
    const char *why;
    enum status status = class_labels_read(out, &why, labels, outputs, err);
    *found = status == OK && !why;
    return status;
}

/* A name would end at its zero byte: another one. */
static enum status refuse_zero(struct class_names *out, bool *found, const char *path, const char *key,
                               struct error *err)
{
    class_names_free(out);
    *found = false;
    return error_set(err, ERR_DATA, "%.400s: %s: a text holds a zero byte (\\u0000)", path, key);
}

static enum status read_metadata(struct class_names *out, bool *found, const struct weight_file *file, size_t outputs,
                                 struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; keys[i] && status == OK && !*found; i++) {
        const char *text = weight_file_metadata_find(file, keys[i]);
        cJSON *labels = text ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
        if (labels)
            status = take(out, found, labels, outputs, err);
        if (*found && text_json_has_nul(text))
            status = refuse_zero(out, found, weight_file_path(file), keys[i], err);
        cJSON_Delete(labels);
    }
    return status;
}

static enum status read_config(struct class_names *out, bool *found, const char *path, const char *text, size_t size,
                               size_t outputs, struct error *err)
{
    cJSON *root = strlen(text) == size ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
    enum status status = OK;
    for (size_t i = 0; keys[i] && status == OK && !*found && cJSON_IsObject(root); i++) {
        const cJSON *labels = cJSON_GetObjectItemCaseSensitive(root, keys[i]);
        if (labels)
            status = take(out, found, labels, outputs, err);
        if (*found && text_json_has_nul(text))
            status = refuse_zero(out, found, path, keys[i], err);
    }
    cJSON_Delete(root);
    return status;
}

enum status other_labels_lines(struct class_names *out, bool *found, const char *text, size_t size, size_t outputs,
                               struct error *err)
{
    cJSON *list = NULL;
    char *copy;
    *found = false;
    if (strlen(text) != size)
        return OK;
    enum status status = memory_strdup(&copy, text, err);
    if (status != OK)
        return status;
    bool made = (list = cJSON_CreateArray()) != NULL;
    for (char *line = copy; made && *line;) {
        size_t length = strcspn(line, "\n"), name = length;
        char *next = line + length + (line[length] == '\n');
        while (name > 0 && strchr("\r\t ", line[name - 1]))
            name--;
        line[name] = '\0';
        cJSON *item = cJSON_CreateString(line);
        made = item && cJSON_AddItemToArray(list, item);
        line = next;
    }
    status = made ? take(out, found, list, outputs, err) : error_memory(err, "the class names", size);
    cJSON_Delete(list);
    memory_free(copy);
    return status;
}

static enum status read_lines(struct class_names *out, bool *found, const char *path, const char *text, size_t size,
                              size_t outputs, struct error *err)
{
    (void)path;
    return other_labels_lines(out, found, text, size, outputs, err);
}

typedef enum status reader(struct class_names *out, bool *found, const char *path, const char *text, size_t size,
                           size_t outputs, struct error *err);

static enum status read_beside(struct class_names *out, bool *found, const struct weight_file *file, const char *name,
                               reader *read, size_t outputs, struct error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t size;
    struct error reason;
    enum status status = path_beside(&path, weight_file_path(file), name, err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, MAX_BYTES, &reason);
    if (status == OK)
        status = read(out, found, path, (const char *)text, size, outputs, err);
    else if (status == ERR_NOINPUT || status == ERR_DATA)
        status = OK; /* none, or something else */
    else
        status = error_set(err, status, "%s", reason.text);
    memory_free(text);
    memory_free(path);
    return status;
}

enum status other_labels_read(struct class_names *out, bool *found, const struct weight_file *file, size_t outputs,
                              struct error *err)
{
    static const struct {
        const char *name;
        reader *read;
    } beside[] = {{"config.json", read_config}, {"classes.txt", read_lines}, {"labels.txt", read_lines}};
    *found = false;
    if (outputs == 0)
        return OK;
    enum status status = read_metadata(out, found, file, outputs, err);
    for (size_t i = 0; i < sizeof beside / sizeof *beside && status == OK && !*found; i++)
        status = read_beside(out, found, file, beside[i].name, beside[i].read, outputs, err);
    return status;
}
