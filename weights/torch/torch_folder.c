#define _GNU_SOURCE
/* What unpacking a .pth file leaves: the folder of its archive, in which data.pkl is the pickle and data/KEY the bytes
 * of a storage. The sums of the archive are gone, and with them the promise that every byte is what was saved; sizes
 * are checked. Nothing outside the folder is opened: keys are plain names, and symbolic links are refused. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/torch/torch_state.h"
#include "weights/torch/torch_states.h"
#include "weights/weight_formats.h"

static const char pickle_name[] = "data.pkl";

/* "folder/name" of the folder that holds the pickle; false where that is too long for any file. */
static bool beside(char out[PATH_MAX], const struct weight_file *file, const char *name)
{
    size_t length = strlen(file->path) - strlen(pickle_name);
    int written = snprintf(out, PATH_MAX, "%.*s%s", (int)length, file->path, name);
    return written > 0 && written < PATH_MAX;
}

/* Whether it is there, itself and not by a link. */
static bool is_there(const struct weight_file *file, const char *name, mode_t kind)
{
    struct stat info;
    char path[PATH_MAX];
    return beside(path, file, name) && lstat(path, &info) == 0 && (info.st_mode & S_IFMT) == kind;
}

/* The pickle of an unpacked .pth: data.pkl with a folder data beside it. */
static bool recognises(const struct weight_file *file)
{
    size_t length = strlen(file->path), size = strlen(pickle_name);
    return torch_state_is_pickle(file) && length >= size && strcmp(file->path + length - size, pickle_name) == 0 &&
           (length == size || file->path[length - size - 1] == '/') && is_there(file, "data", S_IFDIR);
}

static enum status check_neighbours(const struct weight_file *file, struct error *err)
{
    uint8_t *text;
    size_t size;
    char path[PATH_MAX];
    if (is_there(file, "constants.pkl", S_IFREG))
        return error_set(
            err, ERR_DATA,
            "%.400s: byte 0: this is an unpacked TorchScript archive (torch.jit.save), which holds a program; "
            "save the state_dict of the model instead",
            file->path);
    if (!is_there(file, "byteorder", S_IFREG) || !beside(path, file, "byteorder"))
        return OK; /* before PyTorch 2.1 */
    enum status status = file_read(&text, &size, path, 64, err);
    bool read = status == OK;
    if (status == OK && (size != 6 || memcmp(text, "little", 6) != 0))
        status = error_set(err, ERR_DATA,
                           "%.400s: byte 0: the byte order is not 'little'; files of big-endian computers are not read",
                           path);
    if (read)
        memory_free(text);
    return status;
}

/* "data/KEY". What else a key might be, it leads out of the folder. */
static bool name_data(char out[80], const struct torch_storage *storage)
{
    char key[64];
    if (storage->key_length >= sizeof key)
        return false;
    for (size_t i = 0; i < storage->key_length; i++) {
        char letter = storage->key[i];
        if (!(letter >= '0' && letter <= '9') && !(letter >= 'a' && letter <= 'z') &&
            !(letter >= 'A' && letter <= 'Z') && letter != '_')
            return false;
    }
    memcpy(key, storage->key, storage->key_length);
    key[storage->key_length] = '\0';
    snprintf(out, 80, "data/%s", key);
    return true;
}

static enum status place_storage(struct weight_file *file, struct torch_storage *storage, const struct pickle *pickle,
                                 struct error *err)
{
    char name[80], path[PATH_MAX];
    if (!name_data(name, storage))
        return pickle_fail(pickle, storage->at, "the key of a storage is not a plain name: refused");
    if (!is_there(file, name, S_IFREG) || !beside(path, file, name))
        return pickle_fail(pickle, storage->at,
                           "the data of a storage, %s, is not a file in the folder: unpack the archive again", name);
    const struct file_map *part;
    enum status status = weight_file_map_part(file, &part, path, err);
    if (status == OK && storage->opaque && storage->bytes == 0)
        storage->bytes = part->size;
    if (status == OK && part->size < storage->bytes)
        status = weight_file_truncated(path, part->size, storage->bytes, false, NULL, err);
    else if (status == OK && part->size > storage->bytes)
        status = error_set(err, ERR_DATA, "%.400s: byte %zu: the storage ends here, but the file goes on for %zu bytes",
                           path, storage->bytes, part->size - storage->bytes);
    if (status == OK)
        storage->data = part->size > 0 ? part->bytes : file->map.bytes; /* an empty file is mapped nowhere */
    return status;
}

static enum status read_file(struct weight_file *file, struct error *err)
{
    struct pickle pickle = {0};
    struct torch_storages storages = {0};
    enum status status = check_neighbours(file, err);
    if (status == OK)
        status = file_map_read(&file->map, 0, file->map.size, err);
    if (status != OK)
        return status;
    status = pickle_read(&pickle, file->map.bytes, file->map.size, 0, file->path, err);
    if (status == OK && pickle.used != file->map.size)
        status =
            pickle_fail(&pickle, pickle.used, "%zu bytes behind the end of the pickle", file->map.size - pickle.used);
    if (status == OK)
        status = torch_states_check(&pickle);
    if (status == OK)
        status = torch_storages_find(&storages, &pickle);
    for (size_t i = 0; i < storages.count && status == OK; i++)
        status = place_storage(file, &storages.items[i], &pickle, err);
    if (status == OK)
        status = weight_file_sort_parts(file, err);
    if (status == OK)
        status = torch_state_read(file, &pickle, &storages, err);
    memory_free(storages.items);
    pickle_free(&pickle);
    return status;
}

const struct weight_format torch_folder_format = {recognises, read_file};
