/* A .pth file as torch.save wrote it before PyTorch 1.6, and still does when asked to:
 *
 *     | pickle: 0x1950a86a20f9469cfc6c | pickle: 1001 | pickle: {"little_endian": True, ...} | pickle: the object |
 *     | pickle: [keys of the storages] | for each key: number of values, 8 bytes; the values |
 */
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "weights/torch/torch_state.h"
#include "weights/torch/torch_states.h"
#include "weights/weight_formats.h"

static const uint8_t magic[] = {0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};
enum { PROTOCOL = 1001 };

struct cursor {
    const struct weight_file *file;
    struct error *err;
    size_t at;
};

/* As if the file had `size` bytes from here on. */
static enum status pickle_within(struct pickle *out, struct cursor *c, size_t size)
{
    *out = (struct pickle){0};
    enum status status = file_map_read(&c->file->map, c->at, size, c->err);
    return status == OK ? pickle_read(out, c->file->map.bytes + c->at, size, c->at, c->file->path, c->err) : status;
}

/* The pickle that begins here. Where it ends is not known before, and behind it may be a lot that nobody wants: all
 * that is left is read only where a piece is not enough. Free with pickle_free, also after a failure. */
static enum status next_pickle(struct pickle *out, struct cursor *c)
{
    enum { PIECE = 4 << 20 };
    size_t rest = c->file->map.size - c->at;
    enum status status = pickle_within(out, c, rest < PIECE ? rest : PIECE);
    if (status == ERR_DATA && rest > PIECE) {
        pickle_free(out);
        status = pickle_within(out, c, rest);
    }
    c->at += out->used;
    return status;
}

static bool names_numpy(const struct pickle *pickle)
{
    static const char name[] = "numpy.";
    const size_t size = sizeof name - 1;
    for (size_t i = 0; i + size <= pickle->used; i++)
        if (memcmp(pickle->bytes + i, name, size) == 0)
            return true;
    return false;
}

static enum status check_magic(struct cursor *c)
{
    struct pickle pickle;
    enum status status = next_pickle(&pickle, c);
    if (status == OK)
        status = torch_states_check(&pickle);
    size_t at = status == OK ? pickle.values[pickle.root].at : 0;
    if (status == OK && (pickle.used - at < sizeof magic || memcmp(pickle.bytes + at, magic, sizeof magic) != 0))
        status =
            pickle_fail(&pickle, at, "%s: nothing was run",
                        names_numpy(&pickle)
                            ? "this is a pickle of NumPy arrays, as detectron2 (.pkl) and Paddle (.pdparams) write "
                              "them, which is not read; load it in Python and save its arrays as tensors, with "
                              "torch.save or safetensors"
                            : "this is a pickle, but not a file of torch.save (its magic number is missing)");
    pickle_free(&pickle);
    return status;
}

static enum status check_protocol(struct cursor *c)
{
    struct pickle pickle;
    enum status status = next_pickle(&pickle, c);
    const struct pickle_value *root = status == OK ? pickle_get(&pickle, pickle.root) : NULL;
    if (root && (root->kind != PICKLE_INT || root->integer != PROTOCOL))
        status = pickle_fail(&pickle, root->at, "torch.save's protocol is not %d, the only one there is", PROTOCOL);
    pickle_free(&pickle);
    return status;
}

static enum status check_system(struct cursor *c)
{
    struct pickle pickle;
    enum status status = next_pickle(&pickle, c);
    bool little = false;
    const struct pickle_value *root = status == OK ? pickle_get(&pickle, pickle.root) : NULL;
    for (uint32_t i = root && root->kind == PICKLE_DICT ? root->first : PICKLE_NOTHING; i != PICKLE_NOTHING;
         i = pickle.links[i].next)
        if (pickle_text_is(&pickle, pickle_get(&pickle, pickle.links[i].key), "little_endian")) {
            const struct pickle_value *value = pickle_get(&pickle, pickle.links[i].value);
            little = value->kind == PICKLE_BOOL && value->integer;
        }
    if (status == OK && !little)
        status = pickle_fail(&pickle, root->at,
                             "the byte order is not said to be little; files of big-endian computers are not read");
    pickle_free(&pickle);
    return status;
}

/* Eight bytes of count, then the values. */
static enum status place_storage(struct cursor *c, struct torch_storage *storage)
{
    size_t rest = c->file->map.size - c->at;
    if (rest < 8)
        return weight_file_truncated(c->file->path, c->file->map.size, c->at + 8 + storage->bytes, true, NULL, c->err);
    enum status status = file_map_read(&c->file->map, c->at, 8, c->err);
    if (status != OK)
        return status;
    uint64_t values = get_little64(c->file->map.bytes + c->at);
    if (values != storage->values)
        return error_set(c->err, ERR_DATA, "%.400s: byte %zu: a storage of %llu values, expected %zu", c->file->path,
                         c->at, (unsigned long long)values, storage->values);
    if (storage->opaque && storage->bytes == 0 && storage->values > 0)
        return error_set(c->err, ERR_DATA,
                         "%.400s: byte %zu: a storage of a type whose size is not known: save the weights alone",
                         c->file->path, c->at);
    if (storage->bytes > rest - 8)
        return weight_file_truncated(c->file->path, c->file->map.size, c->at + 8 + storage->bytes, true, NULL, c->err);
    storage->data = c->file->map.bytes + c->at + 8;
    c->at += 8 + storage->bytes;
    return OK;
}

/* The data of the storages follows in the order of the list of keys. */
static enum status place_storages(struct torch_storages *storages, struct cursor *c)
{
    struct pickle keys;
    size_t placed = 0;
    enum status status = next_pickle(&keys, c);
    const struct pickle_value *root = status == OK ? pickle_get(&keys, keys.root) : NULL;
    if (root && root->kind != PICKLE_LIST)
        status = pickle_fail(&keys, root->at, "expected the list of storages, found %s", pickle_kind_text(root));
    for (uint32_t i = status == OK ? root->first : PICKLE_NOTHING; i != PICKLE_NOTHING && status == OK;
         i = keys.links[i].next) {
        const struct pickle_value *key = pickle_get(&keys, keys.links[i].value);
        struct torch_storage *storage = NULL;
        if (key->kind == PICKLE_TEXT)
            storage = torch_storages_get(storages, (const char *)keys.bytes + key->begin, key->length);
        if (!storage || storage->data)
            status = pickle_fail(&keys, key->at, "a storage that %s", storage ? "is listed twice" : "no tensor uses");
        else
            status = place_storage(c, storage);
        placed++;
    }
    if (status == OK && placed != storages->count)
        status = pickle_fail(&keys, root->at, "%zu storages are listed, the tensors use %zu", placed, storages->count);
    if (status == OK && c->at != c->file->map.size)
        status =
            error_set(c->err, ERR_DATA, "%.400s: byte %zu: the storages end here, but the file goes on for %zu bytes",
                      c->file->path, c->at, c->file->map.size - c->at);
    pickle_free(&keys);
    return status;
}

static enum status read_file(struct weight_file *file, struct error *err)
{
    struct cursor c = {.file = file, .err = err};
    struct pickle pickle = {0};
    struct torch_storages storages = {0};
    enum status status = check_magic(&c);
    if (status == OK)
        status = check_protocol(&c);
    if (status == OK)
        status = check_system(&c);
    if (status == OK)
        status = next_pickle(&pickle, &c);
    if (status == OK)
        status = torch_states_check(&pickle);
    if (status == OK)
        status = torch_storages_find(&storages, &pickle);
    if (status == OK)
        status = place_storages(&storages, &c);
    if (status == OK)
        status = torch_state_read(file, &pickle, &storages, err);
    memory_free(storages.items);
    pickle_free(&pickle);
    return status;
}

const struct weight_format torch_legacy_format = {torch_state_is_pickle, read_file};
