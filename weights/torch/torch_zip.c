/* A .pth file as torch.save has written it since PyTorch 1.6: a zip file with one folder, in which data.pkl is the
 * pickle and data/KEY the bytes of a storage. */
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/torch/torch_state.h"
#include "weights/torch/torch_states.h"
#include "weights/torch/zip_read.h"
#include "weights/weight_formats.h"

/* An archive that is being read: the names in it, without the folder. */
struct archive {
    struct zip zip;
    const char *folder; /* with its slash */
    size_t folder_length;
};

/* The entry of that name in the folder, or NULL. */
static const struct zip_entry *find(const struct archive *archive, const char *name, const char *more, size_t length)
{
    char path[ZIP_MAX_NAME];
    size_t name_length = strlen(name);
    if (length > sizeof path || archive->folder_length + name_length > sizeof path - length)
        return NULL;
    memcpy(path, archive->folder, archive->folder_length);
    memcpy(path + archive->folder_length, name, name_length);
    memcpy(path + archive->folder_length + name_length, more, length);
    return zip_find(&archive->zip, path, archive->folder_length + name_length + length);
}

static bool begins_with(const char *name, size_t length, const char *prefix)
{
    size_t size = strlen(prefix);
    return length >= size && memcmp(name, prefix, size) == 0;
}

/* By the end of its name. */
static bool is_weight_file(const struct zip_entry *entry)
{
    static const char *const ends[] = {".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".tar"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t size = strlen(ends[i]);
        if (entry->name_length > size && memcmp(entry->name + entry->name_length - size, ends[i], size) == 0)
            return true;
    }
    return false;
}

static enum status find_folder(struct archive *archive, const char *path, struct error *err)
{
    const struct zip *zip = &archive->zip;
    const struct zip_entry *first = zip->count ? &zip->entries[0] : NULL;
    const char *slash = first ? memchr(first->name, '/', first->name_length) : NULL;
    if (slash) {
        archive->folder = first->name;
        archive->folder_length = (size_t)(slash - first->name) + 1;
    }
    if (find(archive, "constants.pkl", "", 0))
        return zip_fail(zip, 0, NULL,
                        "this is a TorchScript archive (torch.jit.save), which holds a program; save the state_dict of "
                        "the model instead");
    bool torch = slash && find(archive, "data.pkl", "", 0);
    for (size_t i = 0; i < zip->count && !torch; i++)
        if (is_weight_file(&zip->entries[i]))
            return zip_fail(zip, 0, NULL,
                            "this is a zip archive with a weight file in it, not a weight file: unpack it first");
    if (!torch)
        return error_set(err, ERR_DATA,
                         "%.400s: byte 0: this is a zip file, but not one of torch.save: it has no data.pkl in its "
                         "folder" ZIP_PACKED_AGAIN,
                         path);
    return OK;
}

/* Every entry is one that torch.save writes; *storages = how many are data of storages. Names that begin with a dot are
 * PyTorch's notes to itself, of which newer versions have more. */
static enum status check_names(const struct archive *archive, size_t *storages)
{
    static const char *const known[] = {"data.pkl", "byteorder", "version"};
    *storages = 0;
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct zip_entry *entry = &archive->zip.entries[i];
        const char *name = entry->name + archive->folder_length;
        size_t length = entry->name_length - archive->folder_length;
        bool fine = false;
        if (entry->name_length > archive->folder_length &&
            memcmp(entry->name, archive->folder, archive->folder_length) == 0) {
            fine = length > 1 && name[0] == '.' && name[1] >= 'a' && name[1] <= 'z';
            for (size_t k = 0; k < sizeof known / sizeof *known; k++)
                fine = fine || (length == strlen(known[k]) && memcmp(name, known[k], length) == 0);
            bool data = begins_with(name, length, "data/");
            *storages += data;
            fine = fine || data;
        }
        if (!fine)
            return zip_fail(&archive->zip, entry->directory_at, entry,
                            "torch.save writes no such entry" ZIP_PACKED_AGAIN);
    }
    return OK;
}

static enum status check_byte_order(const struct archive *archive)
{
    const struct zip_entry *entry = find(archive, "byteorder", "", 0);
    enum status status = entry ? zip_read(&archive->zip, entry->data, entry->size) : OK;
    if (status != OK || !entry || (entry->size == 6 && memcmp(archive->zip.map->bytes + entry->data, "little", 6) == 0))
        return status;
    return zip_fail(&archive->zip, entry->data, entry,
                    "the byte order is not 'little'; files of big-endian computers are not read");
}

static enum status place_storages(struct torch_storages *storages, const struct archive *archive,
                                  const struct pickle *pickle, size_t entries)
{
    for (size_t i = 0; i < storages->count; i++) {
        struct torch_storage *storage = &storages->items[i];
        const struct zip_entry *entry = find(archive, "data/", storage->key, storage->key_length);
        if (!entry)
            return pickle_fail(pickle, storage->at, "a storage whose data is not in the file");
        if (storage->opaque && storage->bytes == 0)
            storage->bytes = entry->size;
        if (entry->size != storage->bytes)
            return zip_fail(&archive->zip, entry->data, entry, "%zu bytes, but %zu values of %s take %zu", entry->size,
                            storage->values, weight_dtype_name(storage->dtype), storage->bytes);
        storage->data = archive->zip.map->bytes + entry->data;
    }
    if (storages->count != entries)
        return zip_fail(&archive->zip, archive->zip.directory, NULL,
                        "data of %zu storages, of which %zu are used: torch.save writes no others", entries,
                        storages->count);
    return OK;
}

static enum status read_archive(struct weight_file *file, struct archive *archive, struct error *err)
{
    struct pickle pickle = {0};
    struct torch_storages storages = {0};
    size_t entries = 0;
    enum status status = find_folder(archive, file->path, err);
    if (status == OK)
        status = zip_check(&archive->zip);
    if (status == OK)
        status = check_names(archive, &entries);
    if (status == OK)
        status = check_byte_order(archive);
    if (status != OK)
        return status;
    const struct zip_entry *entry = find(archive, "data.pkl", "", 0);
    status = zip_read(&archive->zip, entry->data, entry->size);
    if (status == OK)
        status = pickle_read(&pickle, file->map.bytes + entry->data, entry->size, entry->data, file->path, err);
    if (status == OK && pickle.used != entry->size)
        status = pickle_fail(&pickle, pickle.used, "%zu bytes behind the end of the pickle", entry->size - pickle.used);
    if (status == OK)
        status = torch_states_check(&pickle);
    if (status == OK)
        status = torch_storages_find(&storages, &pickle);
    if (status == OK)
        status = place_storages(&storages, archive, &pickle, entries);
    if (status == OK)
        status = torch_state_read(file, &pickle, &storages, err);
    memory_free(storages.items);
    pickle_free(&pickle);
    return status;
}

static enum status read_file(struct weight_file *file, struct error *err)
{
    struct archive archive = {.folder = ""};
    enum status status = zip_open(&archive.zip, &file->map, file->path, err);
    if (status == OK)
        status = read_archive(file, &archive, err);
    zip_close(&archive.zip);
    return status;
}

static bool recognises(const struct weight_file *file)
{
    return file->map.size >= 4 && memcmp(file->map.bytes, "PK\3\4", 4) == 0;
}

const struct weight_format torch_zip_format = {recognises, read_file};
