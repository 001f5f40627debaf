#include "cli/model/other_labels.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "cli/model/class_labels.h"
#include "cli/model/label_text.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "weights/class_keys.h"

/* In the order in which they are looked at. config.json is Hugging Face's and timm's name for what they read
 * themselves; in any other, these keys are looked for. */
static const char *const beside[] = {
    "config.json",   "classes.txt",      "labels.txt",           "class_names.txt",          "classes.json",
    "labels.json",   "class_names.json", "class_to_idx.json",    "idx_to_class.json",        "class_indices.json",
    "id2label.json", "label_names.json", "imagenet_classes.txt", "imagenet_class_index.json"};

static enum status take(struct class_names *out, bool *found, const cJSON *labels, size_t outputs, struct error *err)
{
    const char *why;
    enum status status = class_labels_read(out, &why, labels, outputs, true, err);
    *found = status == OK && !why;
    return status;
}

/* A text of JSON, or names with commas between them, which scripts write into the metadata of a safetensors file. */
static enum status read_entry(struct class_names *out, bool *found, const char *text, size_t outputs, struct error *err)
{
    cJSON *labels = NULL;
    const char *why;
    size_t length = strlen(text);
    enum status status = OK;
    if (text[0] == '[' || text[0] == '{')
        status = label_text_parse(&labels, &why, text, length, err);
    else if (strchr(text, ','))
        status = label_text_split(&labels, &why, text, err);
    if (status == OK && labels)
        status = take(out, found, labels, outputs, err);
    cJSON_Delete(labels);
    return status;
}

/* "hyper_parameters.classes" ends in ".classes". */
static bool is_within(const char *key, const char *name)
{
    size_t length = strlen(key), tail = strlen(name);
    return length > tail && key[length - tail - 1] == '.' && strcmp(key + length - tail, name) == 0;
}

/* The keys themselves before those within another. */
static enum status read_metadata(struct class_names *out, bool *found, const struct weight_file *file, size_t outputs,
                                 struct error *err)
{
    struct error reason;
    enum status status = OK;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; class_keys[i]; i++)
            for (size_t k = 0; k < weight_file_metadata_count(file) && status == OK && !*found; k++) {
                struct weight_metadata entry = weight_file_metadata_at(file, k);
                bool own = strncmp(entry.key, "freezetune.", 11) == 0;
                if (pass == 0 ? strcmp(entry.key, class_keys[i]) == 0 : !own && is_within(entry.key, class_keys[i]))
                    status = read_entry(out, found, entry.value, outputs, &reason);
                if (status != OK)
                    return error_set(err, status, "%.400s: metadata %.100s: %s", weight_file_path(file), entry.key,
                                     reason.text);
            }
    return OK;
}

enum status other_labels_text(struct class_names *out, bool *found, const char *text, size_t size, bool keys_only,
                              size_t outputs, struct error *err)
{
    cJSON *root;
    const char *why;
    *found = false;
    enum status status = label_text_parse(&root, &why, text, size, err);
    if (status != OK)
        return status;
    /* The first key whose value fits: a file may have several, of which some are about something else. */
    for (size_t i = 0; class_keys[i] && status == OK && !*found && cJSON_IsObject(root); i++) {
        const cJSON *labels = cJSON_GetObjectItemCaseSensitive(root, class_keys[i]);
        if (labels)
            status = take(out, found, labels, outputs, err);
    }
    if (status == OK && !*found && !keys_only)
        status = take(out, found, root, outputs, err);
    cJSON_Delete(root);
    return status;
}

static enum status read_beside(struct class_names *out, bool *found, const struct weight_file *file, const char *name,
                               size_t outputs, struct error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t size;
    struct error reason;
    enum status status = path_beside(&path, weight_file_path(file), name, err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, LABEL_TEXT_MOST, &reason);
    if (status == OK)
        status =
            other_labels_text(out, found, (const char *)text, size, strcmp(name, "config.json") == 0, outputs, &reason);
    else if (status == ERR_NOINPUT || status == ERR_DATA)
        status = OK; /* none, or something else */
    else
        status = error_set(err, status, "%s", reason.text);
    if (text && status != OK)
        status = error_set(err, status, "%.400s: %s", path, reason.text);
    memory_free(text);
    memory_free(path);
    return status;
}

enum status other_labels_read(struct class_names *out, bool *found, const char **from, const struct weight_file *file,
                              size_t outputs, struct error *err)
{
    *found = false;
    *from = NULL;
    if (outputs == 0)
        return OK;
    enum status status = read_metadata(out, found, file, outputs, err);
    for (size_t i = 0; i < sizeof beside / sizeof *beside && status == OK && !*found; i++) {
        status = read_beside(out, found, file, beside[i], outputs, err);
        *from = *found ? beside[i] : NULL;
    }
    return status;
}
