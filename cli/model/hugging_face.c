#include "cli/model/hugging_face.h"

#include <string.h>

#include "cli/model/class_labels.h"
#include "cli/model/hf_preprocessor.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"

enum { MAX_BYTES = 1 << 24 };

static enum status wrong(const char *path, const char *key, const char *what, struct error *err)
{
    return error_set(err, ERR_DATA, "%.400s: %s: %s", path, key, what);
}

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool is_text(const cJSON *item, const char *text)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

const char *const problem_names[] = {[PROBLEM_UNSAID] = "",
                                     [PROBLEM_SINGLE_LABEL] = "single_label_classification",
                                     [PROBLEM_MULTI_LABEL] = "multi_label_classification",
                                     [PROBLEM_REGRESSION] = "regression",
                                     [PROBLEM_REGRESSION + 1] = NULL};

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static enum status read_labels(struct class_names *out, const cJSON *labels, const char *path, size_t outputs,
                               struct error *err)
{
    void *names;
    enum status status = memory_alloc(&names, outputs, sizeof *out->names, "the class names", err);
    if (status != OK)
        return status;
    *out = (struct class_names){.names = names, .count = outputs};
    size_t filled = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, labels)
    {
        long number = class_labels_number(item->string, outputs);
        if (number < 0 || !cJSON_IsString(item) || item->valuestring[0] == '\0' || out->names[number])
            return wrong(path, "id2label", "expected a name for each of the network's outputs, from \"0\" on", err);
        status = memory_strdup(&out->names[number], item->valuestring, err);
        if (status != OK)
            return status;
        filled++;
    }
    if (filled != outputs)
        return error_set(err, ERR_DATA, "%.400s: id2label: %zu names, the network has %zu outputs", path, filled,
                         outputs);
    return class_labels_distinguish(out, err);
}

static enum status read_problem(enum problem *out, const cJSON *item, const char *path, struct error *err)
{
    for (enum problem p = PROBLEM_UNSAID; item && !cJSON_IsNull(item); p++) {
        if (!problem_names[p])
            return wrong(path, "problem_type",
                         "unknown value: expected single_label_classification, multi_label_classification or "
                         "regression",
                         err);
        if (is_text(item, problem_names[p])) {
            *out = p;
            break;
        }
    }
    return OK;
}

static enum status read_config(struct class_names *out, bool *found, enum problem *problem, const cJSON *config,
                               const char *path, size_t outputs, struct error *err)
{
    const cJSON *type = get(config, "model_type"), *act = get(config, "hidden_act"), *labels = get(config, "id2label");
    if (type && !is_text(type, "resnet"))
        return OK;
    if (cJSON_IsTrue(get(config, "downsample_in_bottleneck")))
        return wrong(path, "downsample_in_bottleneck",
                     "true: the stride lies on the first convolution of a block, which is another network", err);
    if (cJSON_IsTrue(get(config, "downsample_in_first_stage")))
        return wrong(path, "downsample_in_first_stage", "true: the first stage has a stride, which is another network",
                     err);
    if (act && !is_text(act, "relu"))
        return wrong(path, "hidden_act", "not relu, so this is another network", err);
    enum status status = read_problem(problem, get(config, "problem_type"), path, err);
    if (status != OK)
        return status;
    if (!labels || outputs == 0) /* a body has no outputs that could be named */
        return OK;
    if (!cJSON_IsObject(labels))
        return wrong(path, "id2label", "not a JSON object", err);
    status = read_labels(out, labels, path, outputs, err);
    *found = status == OK;
    if (status != OK)
        class_names_free(out);
    return status;
}

enum status hugging_face_classes(struct class_names *out, bool *found, enum problem *problem, const char *text,
                                 size_t size, const char *path, size_t outputs, struct error *err)
{
    cJSON *config = json_text_parse(text, size);
    enum status status = OK;
    *found = false;
    *problem = PROBLEM_UNSAID;
    if (!cJSON_IsObject(config))
        status =
            error_set(err, ERR_DATA,
                      "%.400s: not a JSON object in UTF-8, or a text in it contains a NUL character (\\u0000)", path);
    else
        status = read_config(out, found, problem, config, path, outputs, err);
    cJSON_Delete(config);
    return status;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

/* A file beside `weights`; *text is NULL when there is none. */
static enum status read_beside(char **path, uint8_t **text, size_t *size, const char *weights, const char *name,
                               struct error *err)
{
    *text = NULL;
    enum status status = path_beside(path, weights, name, err);
    if (status != OK)
        return status;
    status = file_read(text, size, *path, MAX_BYTES, err);
    return status == ERR_NOINPUT ? OK : status;
}

enum status hugging_face_read(struct model_card *card, const char *weights, size_t outputs, struct error *err)
{
    struct model_card made = {0};
    char *path = NULL;
    uint8_t *text;
    size_t size;
    enum status status = read_beside(&path, &text, &size, weights, "config.json", err);
    if (status == OK && text)
        status = hugging_face_classes(&made.classes, &made.has_classes, &made.problem, (const char *)text, size, path,
                                      outputs, err);
    memory_free(text);
    memory_free(path);
    if (status != OK)
        return status;
    path = NULL;
    status = read_beside(&path, &text, &size, weights, "preprocessor_config.json", err);
    if (status == OK && text) {
        status = hf_preprocessor_parse(&made.preprocess, &made.oblong, (const char *)text, size, path, err);
        made.has_preprocess = status == OK;
    }
    memory_free(text);
    memory_free(path);
    if (status == OK)
        *card = made;
    else
        class_names_free(&made.classes);
    return status;
}
