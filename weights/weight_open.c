/* Opening: which format a file has, and what it is when it has none. */
#define _GNU_SOURCE
#include <string.h>

#include "core/base/memory.h"
#include "weights/weight_folder.h"
#include "weights/weight_formats.h"

/* The first that recognises the file reads it. A safetensors file may begin with the bytes of any other, as the low
 * ones of its header's length, and the pickle of an unpacked .pth begins as a legacy file: these two come before the
 * others. */
static const struct weight_format *const formats[] = {
    &safetensors_format,
    &torch_zip_format,
    &torch_folder_format,
    &torch_legacy_format,
};

/* ---- what is no weight file -------------------------------------------------------------------------------------- */

/* Files that are given instead of weights by mistake, by their bytes. */
static const struct {
    size_t at;
    const char *bytes;
    size_t size;
    const char *text;
} strangers[] = {
    {0, "version https://git-lfs", 23, "a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'"},
    {0, "\xfd\x37zXZ", 5, "an xz archive; unpack it first"},
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

static enum status refuse(const struct weight_file *file, struct error *err)
{
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
    return text ? error_set(err, ERR_DATA, "%.400s: byte 0: this is %s", file->path, text) : OK;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum status read_any(struct weight_file *file, struct error *err)
{
    if (file->map.size == 0)
        return error_set(err, ERR_DATA, "%.400s: byte 0: the file is empty", file->path);
    size_t beginning = file->map.size < WEIGHT_FORMAT_BEGINNING ? file->map.size : WEIGHT_FORMAT_BEGINNING;
    enum status status = file_map_read(&file->map, 0, beginning, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->recognises(file))
            return formats[i]->read(file, err);
    status = refuse(file, err);
    /* Bytes that nobody knows: a safetensors file with a damaged header is the likeliest, and its reader says where. */
    return status == OK ? safetensors_format.read(file, err) : status;
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
