/* The tensors of `convert`: which are written, under which name, in which type, with which metadata (convert.h). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/model/convert.h"
#include "cli/model/model_file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "models/imagenet_classes.h"
#include "weights/names.h"
#include "weights/safetensors/safetensors.h"
#include "weights/torch/pth_write.h"
#include "weights/weight_cast.h"

enum { BLOCK = 8192 }; /* values cast at once */

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Is the entry rewritten, or the state of a run, which a model alone does not have? */
static bool is_own(const struct weight_metadata *entry)
{
    bool own = strcmp(entry->key, "format") == 0 || strncmp(entry->key, "freezetune.", 11) == 0;
    return own && !model_calibration_is_key(entry->key);
}

enum status convert_texts_make(struct convert_texts *out, const struct weight_file *file, const char *arch,
                               const struct model_info *info, struct error *err)
{
    struct convert_texts texts = {0};
    size_t others = weight_file_metadata_count(file);
    void *entries = NULL;
    enum status status =
        memory_alloc(&entries, MODEL_METADATA + 1 + others, sizeof *texts.entries, "the list of metadata", err);
    texts.entries = entries;
    if (status == OK && arch) {
        status = model_metadata(texts.entries, &texts.text, arch, &info->classes, &info->preprocess, err);
        texts.count = MODEL_METADATA;
        if (!info->own_classes && info->classes.count != IMAGENET_CLASSES)
            texts.entries[MODEL_CLASSES] = texts.entries[--texts.count];
        if (info->problem != PROBLEM_UNSAID)
            texts.entries[texts.count++] = (struct weight_metadata){model_key_problem, problem_names[info->problem]};
    } else if (status == OK) {
        texts.entries[texts.count++] = (struct weight_metadata){"format", "pt"};
    }
    if (status != OK) {
        convert_texts_free(&texts);
        return status;
    }
    for (size_t i = 0; i < others; i++) {
        struct weight_metadata entry = weight_file_metadata_at(file, i);
        if (arch ? !is_own(&entry) : strcmp(entry.key, "format") != 0)
            texts.entries[texts.count++] = entry;
    }
    *out = texts;
    return OK;
}

void convert_texts_free(struct convert_texts *texts)
{
    memory_free(texts->entries);
    memory_free(texts->text);
    *texts = (struct convert_texts){0};
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* A file under construction, of either format. */
struct sink {
    struct safetensors_writer *safetensors;
    struct pth_writer *pth;
};

static enum status sink_append(const struct sink *sink, const void *data, size_t bytes, struct error *err)
{
    return sink->pth ? pth_append(sink->pth, data, bytes, err)
                     : safetensors_append(sink->safetensors, data, bytes, err);
}

/* A num_batches_tracked that the file does not have. */
static const int64_t zero = 0;
static const struct weight_tensor no_batches = {.dtype = WEIGHT_I64, .data = &zero, .bytes = sizeof zero};

/* In pieces: a tensor may be larger than memory. */
static enum status append_bytes(const struct sink *sink, const struct weight_tensor *from,
                                const struct weight_file *file, struct error *err)
{
    enum { PIECE = 1 << 22 };
    enum status status = OK;
    for (size_t at = 0; at < from->bytes && status == OK; at += PIECE) {
        size_t bytes = from->bytes - at < PIECE ? from->bytes - at : PIECE;
        const struct weight_tensor part = weight_tensor_part(from, at, bytes);
        status = weight_tensor_fetch(&part, file, err);
        if (status == OK)
            status = sink_append(sink, part.data, bytes, err);
        weight_tensor_drop(&part, file);
    }
    return status;
}

static enum status append_tensor(const struct sink *sink, const struct weight_tensor *from, enum weight_dtype dtype,
                                 void *block, const struct weight_file *file, struct error *err)
{
    size_t values = weight_tensor_values(from), size = weight_dtype_bits(dtype) / 8;
    enum status status = OK;
    if (dtype == from->dtype)
        return append_bytes(sink, from, file, err);
    for (size_t i = 0; i < values && status == OK; i += BLOCK) {
        size_t count = values - i < BLOCK ? values - i : BLOCK;
        status = weight_cast(block, dtype, from, i, count, file, err);
        if (status == OK)
            status = sink_append(sink, block, count * size, err);
    }
    weight_tensor_drop(from, file);
    return status;
}

/* The tensors that go over: from[i] becomes to[i]. */
struct selection {
    const struct weight_tensor **from;
    struct weight_tensor *to;
    char (*names)[WEIGHT_NAME_MAX];    /* new ones, by place in `to`; NULL when they stay */
    char (*counters)[WEIGHT_NAME_MAX]; /* names of added counters, by place in `to`; NULL without */
    size_t count;
};

static struct weight_tensor describe(const struct weight_tensor *from, const struct convert_rules *rules)
{
    struct weight_tensor to = *from;
    if (rules->cast && weight_dtype_is_float(from->dtype)) {
        to.dtype = rules->dtype;
        to.bytes = weight_tensor_values(from) * (weight_dtype_bits(to.dtype) / 8);
    }
    return to;
}

/* Adds the count of batches of the BatchNorm whose running_var has just been selected, when the file has none. */
static void add_counter(struct selection *selection, const struct weight_file *file)
{
    static const char variance[] = "running_var";
    const char *name = selection->to[selection->count - 1].name;
    size_t length = strlen(name), end = sizeof variance - 1;
    char *counter = selection->counters[selection->count];
    if (length < end || strcmp(name + length - end, variance) != 0)
        return;
    int made = snprintf(counter, WEIGHT_NAME_MAX, "%.*snum_batches_tracked", (int)(length - end), name);
    if (made >= WEIGHT_NAME_MAX || weight_file_find(file, counter))
        return;
    selection->from[selection->count] = &no_batches;
    selection->to[selection->count] = no_batches;
    selection->to[selection->count++].name = counter;
}

static enum status rename_tensors(struct selection *selection, const struct weight_file *file, struct error *err)
{
    void *names;
    enum status status = memory_alloc(&names, selection->count, WEIGHT_NAME_MAX, "the names of tensors", err);
    if (status != OK)
        return status;
    selection->names = names;
    for (size_t i = 0; i < selection->count; i++) {
        char shown[200];
        if (!name_to_hugging_face(selection->names[i], selection->to[i].name))
            return error_set(err, ERR_DATA, "%.400s: tensor '%s' has no name in Hugging Face's ResNet",
                             weight_file_path(file), text_escape(shown, sizeof shown, selection->to[i].name));
        selection->to[i].name = selection->names[i];
    }
    return OK;
}

static enum status select_tensors(struct selection *out, const struct weight_file *file,
                                  const struct convert_rules *rules, struct error *err)
{
    void *from = NULL, *to = NULL, *counters = NULL;
    size_t count = weight_file_count(file), room = rules->counters ? 2 * count : count;
    enum status status = memory_alloc(&from, room, sizeof *out->from, "the list of tensors", err);
    if (status == OK)
        status = memory_alloc(&to, room, sizeof *out->to, "the list of tensors", err);
    if (status == OK && rules->counters)
        status = memory_alloc(&counters, room, sizeof *out->counters, "the names of tensors", err);
    *out = (struct selection){.from = from, .to = to, .counters = counters};
    for (size_t i = 0; i < count && status == OK; i++) {
        const struct weight_tensor *tensor = weight_file_at(file, i);
        if (rules->ignore && strncmp(tensor->name, rules->ignore, strlen(rules->ignore)) == 0)
            continue;
        out->from[out->count] = tensor;
        out->to[out->count++] = describe(tensor, rules);
        if (out->counters)
            add_counter(out, file);
    }
    return status == OK && rules->hugging_face ? rename_tensors(out, file, err) : status;
}

static enum status write_file(const char *path, const struct selection *selection, const struct weight_file *file,
                              enum convert_format format, const struct convert_texts *texts, void *block,
                              struct error *err)
{
    struct sink sink = {0};
    enum status status =
        format == CONVERT_PTH
            ? pth_create(&sink.pth, path, selection->to, selection->count, texts->entries, texts->count, err)
            : safetensors_create(&sink.safetensors, path, selection->to, selection->count, texts->entries, texts->count,
                                 err);
    for (size_t i = 0; i < selection->count && status == OK; i++)
        status = append_tensor(&sink, selection->from[i], selection->to[i].dtype, block, file, err);
    if (status == OK)
        status = weight_file_check(file, err);
    if (status == OK)
        return sink.pth ? pth_finish(sink.pth, err) : safetensors_finish(sink.safetensors, err);
    pth_discard(sink.pth);
    safetensors_discard(sink.safetensors);
    return status;
}

/* PyTorch's name of the one float type among the tensors, or NULL. */
static const char *common_dtype(const struct selection *selection)
{
    static const char *const names[WEIGHT_DTYPES] = {
        [WEIGHT_F16] = "float16", [WEIGHT_BF16] = "bfloat16", [WEIGHT_F32] = "float32", [WEIGHT_F64] = "float64"};
    const char *common = NULL;
    for (size_t i = 0; i < selection->count; i++) {
        const char *name = names[selection->to[i].dtype];
        if (name && common && name != common)
            return NULL;
        common = name ? name : common;
    }
    return common;
}

enum status convert_tensors(struct convert_result *out, const char *path, const struct weight_file *file,
                            const struct convert_rules *rules, const struct convert_texts *texts, struct error *err)
{
    struct selection selection = {0};
    void *block = NULL;
    enum status status = select_tensors(&selection, file, rules, err);
    if (status == OK)
        status = memory_alloc(&block, BLOCK, sizeof(double), "a block of values", err);
    if (status == OK)
        status = write_file(path, &selection, file, rules->format, texts, block, err);
    if (status == OK) {
        *out = (struct convert_result){.ignored = weight_file_count(file), .dtype = common_dtype(&selection)};
        out->tensors = selection.count;
        for (size_t i = 0; i < selection.count; i++) {
            out->bytes += selection.to[i].bytes;
            out->ignored -= selection.from[i] != &no_batches;
        }
    }
    memory_free(block);
    memory_free(selection.from);
    memory_free(selection.to);
    memory_free(selection.names);
    memory_free(selection.counters);
    return status;
}
