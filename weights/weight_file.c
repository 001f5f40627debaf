#define _GNU_SOURCE
#include "weights/weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/weight_file_private.h"
#include "weights/weight_folder.h"

/* What people have in hand instead of a weight file, by its bytes. */
static const struct {
    size_t at;
    const char *bytes;
    size_t size;
    const char *text;
} strangers[] = {
    {0, "version https://git-lfs", 23, "a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'"},
    {0,
     "\xfd"
     "7zXZ",
     5, "an xz archive; unpack it first"},
    {0, "\x1f\x8b", 2, "a gzip archive; unpack it first"},
    {0, "\x89HDF", 4, "an HDF5 file (Keras?), which is not read"},
    {0, "\x93NUMPY", 6, "a NumPy array (.npy), which is not read"},
    {0, "GGUF", 4, "a GGUF file, which is not read"},
    {0, "PK\5\6", 4, "an empty zip file"},
    {257, "ustar", 5,
     "a tar archive; PyTorch's tar format of before 2018 is not read: load it in PyTorch and save it again"},
};

/* How pickles of protocols 0 and 1 begin: torch.save's magic number; dictionaries, lists and names with their memo. */
static bool is_old_pickle(const struct weight_file *file)
{
    static const char *const begins[] = {
        "L119547037146038801333356L", "(dp", "(lp", "(dq", "(lq", "}q", "]q", "ccollections\n", "cnumpy", "ctorch"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (file->map.size > strlen(begins[i]) && memcmp(file->map.bytes, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static bool begins_with(const struct weight_file *file, size_t at, const void *bytes, size_t size)
{
    return file->map.size >= at + size + 8 && memcmp(file->map.bytes + at, bytes, size) == 0;
}

/* OpenVINO's: an XML declaration, then the element of the network. An error of a server is XML as well. */
static bool is_openvino(const struct weight_file *file)
{
    enum { LOOKED_AT = 200 };
    for (size_t i = 0; i < LOOKED_AT; i++)
        if (begins_with(file, i, "<net ", 5))
            return true;
    return false;
}

/* A protobuf that begins as ONNX's ModelProto: ir_version, then the name of the producer, its domain, the graph or the
 * operator sets. */
static bool is_onnx(const struct weight_file *file)
{
    const uint8_t *bytes = file->map.bytes;
    return bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 0x40 &&
           (bytes[2] == 0x12 || bytes[2] == 0x1a || bytes[2] == 0x22 || bytes[2] == 0x3a || bytes[2] == 0x42);
}

/* What a text is, by its first letter, or NULL when the file begins with bytes of another kind. */
static const char *text_kind(const struct weight_file *file)
{
    enum { LOOKED_AT = 64 };
    char first = ' ';
    for (size_t i = 0; i < file->map.size && i < LOOKED_AT; i++) {
        char letter = (char)file->map.bytes[i];
        bool space = letter == ' ' || (letter >= '\t' && letter <= '\r');
        if (!space && (letter < ' ' || letter > '~'))
            return NULL;
        first = first == ' ' && !space ? letter : first;
    }
    if (first == '<' && is_openvino(file))
        return "OpenVINO's description of a network, which is not read; give the weights it was made of";
    if (first == '<')
        return "a web page, not a weight file; the download went wrong";
    return first == '{' ? "a JSON text, not a weight file" : "a text, not a weight file";
}

enum { COUNT_TEXT = 32 };

/* 1,234,567 */
static const char *grouped(char out[COUNT_TEXT], uint64_t value)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), end = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[end++] = ',';
        out[end++] = digits[i];
    }
    out[end] = '\0';
    return out;
}

enum status weight_file_truncated(const char *path, size_t size, uint64_t expected, bool at_least, const char *missing,
                                  struct error *err)
{
    char there[COUNT_TEXT], wanted[COUNT_TEXT];
    grouped(there, size);
    if (expected == 0)
        return error_set(err, ERR_DATA, "%.400s: truncated: %s bytes, %s is missing; download it again", path, there,
                         missing);
    return error_set(err, ERR_DATA, "%.400s: truncated: %s bytes, expected %s%s; download it again", path, there,
                     at_least ? "at least " : "", grouped(wanted, expected));
}

/* The formats are told apart by their first bytes. A safetensors file may begin with any of them, as the low bytes of
 * its header's length, but no other file has a 0 and a brace behind them. */
static enum status read_any(struct weight_file *file, struct error *err)
{
    enum { LOOKED_AT = 4096 };
    const uint8_t *bytes = file->map.bytes;
    if (file->map.size == 0)
        return error_set(err, ERR_DATA, "%.400s: byte 0: the file is empty", file->path);
    enum status status = file_map_read(&file->map, 0, file->map.size < LOOKED_AT ? file->map.size : LOOKED_AT, err);
    if (status != OK)
        return status;
    bool zip = file->map.size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
    if (file->map.size < 9 ? !zip : bytes[7] == 0 && bytes[8] == '{')
        return safetensors_read(file, err);
    if (zip)
        return torch_zip_read(file, err);
    if (bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
        return torch_folder_is(file) ? torch_folder_read(file, err) : torch_legacy_read(file, err);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (begins_with(file, strangers[i].at, strangers[i].bytes, strangers[i].size))
            return error_set(err, ERR_DATA, "%.400s: byte %zu: this is %s", file->path, strangers[i].at,
                             strangers[i].text);
    if (is_onnx(file))
        return error_set(err, ERR_DATA,
                         "%.400s: byte 0: this is an ONNX file: convert writes it, nothing here reads it; give the "
                         "file that it was made of",
                         file->path);
    if (is_old_pickle(file))
        return error_set(
            err, ERR_DATA,
            "%.400s: byte 0: this is a pickle of protocol 0 or 1, the default of Python 2, which is not read; "
            "load it in Python and save its weights with torch.save",
            file->path);
    const char *text = text_kind(file);
    if (text)
        return error_set(err, ERR_DATA, "%.400s: byte 0: this is %s", file->path, text);
    return safetensors_read(file, err);
}

enum status weight_file_open(struct weight_file **out, const char *path, struct error *err)
{
    return weight_file_open_choice(out, path, NULL, err);
}

enum status weight_file_open_choice(struct weight_file **out, const char *path, const struct weight_choice *choice,
                                    struct error *err)
{
    void *fresh;
    enum status status = memory_alloc(&fresh, 1, sizeof(struct weight_file), "a weight file", err);
    if (status != OK)
        return status;
    struct weight_file *file = fresh;
    if (choice)
        file->choice = *choice; /* borrowed while it is opened */
    status = weight_folder_locate(&file->path, &file->searched, path, err);
    if (status == OK)
        status = file_map_open(&file->map, file->path, err);
    if (status == OK)
        status = read_any(file, err);
    if (status == OK)
        status = weight_file_rename(file, err);
    if (status != OK) {
        weight_file_close(file);
        return status;
    }
    file->choice = (struct weight_choice){0};
    *out = file;
    return OK;
}

void weight_file_close(struct weight_file *file)
{
    if (!file)
        return;
    weight_file_left_free(file);
    memory_free(file->key);
    memory_free(file->prefix);
    memory_free(file->by_name);
    memory_free(file->metadata_text);
    memory_free(file->metadata);
    memory_free(file->tensors);
    memory_free(file->copies);
    memory_free(file->renamed);
    memory_free(file->text);
    weight_file_let_go(file);
    memory_free(file->path);
    memory_free(file);
}

enum status weight_file_add(struct weight_file *file, const struct weight_tensor *tensor, struct error *err)
{
    void *list = file->tensors;
    enum status status = memory_grow(&list, &file->capacity, file->count + 1, sizeof *tensor, "a list of tensors", err);
    file->tensors = list;
    if (status == OK)
        file->tensors[file->count++] = *tensor;
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct weight_tensor *const *)a)->name, (*(const struct weight_tensor *const *)b)->name);
}

enum status weight_file_sort(struct weight_file *file, const struct weight_tensor *twice[2], struct error *err)
{
    void *list = file->by_name;
    twice[0] = twice[1] = NULL;
    enum status status = OK;
    if (!list)
        status = memory_alloc(&list, file->count, sizeof *file->by_name, "a list of tensors", err);
    if (status != OK)
        return status;
    file->by_name = list;
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    for (size_t i = 1; i < file->count && !twice[0]; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0) {
            twice[0] = file->by_name[i - 1];
            twice[1] = file->by_name[i];
        }
    return OK;
}

bool weight_file_is_hugging_face(const struct weight_file *file)
{
    return file->hugging_face;
}

const char *weight_file_path(const struct weight_file *file)
{
    return file->path;
}

bool weight_file_was_searched(const struct weight_file *file)
{
    return file->searched;
}

size_t weight_file_count(const struct weight_file *file)
{
    return file->count;
}

const struct weight_tensor *weight_file_at(const struct weight_file *file, size_t i)
{
    return &file->tensors[i];
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, (*(const struct weight_tensor *const *)entry)->name);
}

const struct weight_tensor *weight_file_find(const struct weight_file *file, const char *name)
{
    const struct weight_tensor *const *found =
        bsearch(name, file->by_name, file->count, sizeof *file->by_name, compare_name);
    return found ? *found : NULL;
}

size_t weight_file_metadata_count(const struct weight_file *file)
{
    return file->metadata_count;
}

struct weight_metadata weight_file_metadata_at(const struct weight_file *file, size_t i)
{
    return file->metadata[i];
}

const char *weight_file_metadata_find(const struct weight_file *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    return NULL;
}
