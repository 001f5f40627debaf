/* Where the bytes of tensors are: in the file, in one of the parts of an unpacked archive,
 * or in memory of their own. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "weights/weight_file_private.h"

enum status weight_file_map_part(struct weight_file *file, const struct file_map **out, const char *path,
                                 struct error *err)
{
    void *parts = file->parts;
    enum status status =
        memory_grow(&parts, &file->parts_capacity, file->parts_count + 1, sizeof *file->parts, "a weight file", err);
    file->parts = parts;
    if (status == OK)
        status = file_map_open_each_time(&file->parts[file->parts_count], path, err);
    if (status == OK)
        *out = &file->parts[file->parts_count++];
    return status;
}

static int by_address(const void *a, const void *b)
{
    const uint8_t *x = (*(const struct file_map *const *)a)->bytes, *y = (*(const struct file_map *const *)b)->bytes;
    return (x > y) - (x < y);
}

enum status weight_file_sort_parts(struct weight_file *file, struct error *err)
{
    void *list;
    if (file->parts_count == 0)
        return OK;
    enum status status = memory_alloc(&list, file->parts_count, sizeof *file->by_address, "a weight file", err);
    if (status != OK)
        return status;
    file->by_address = list;
    for (size_t i = 0; i < file->parts_count; i++)
        file->by_address[i] = &file->parts[i];
    qsort(file->by_address, file->parts_count, sizeof *file->by_address, by_address);
    return OK;
}

void weight_file_let_go(struct weight_file *file)
{
    memory_free(file->by_address);
    file->by_address = NULL;
    for (size_t i = 0; i < file->parts_count; i++)
        file_map_close(&file->parts[i]);
    memory_free(file->parts);
    file->parts = NULL;
    file->parts_count = file->parts_capacity = 0;
    file_map_close(&file->map);
}

size_t weight_file_bytes(const struct weight_file *file)
{
    size_t bytes = file->map.size;
    for (size_t i = 0; i < file->parts_count; i++)
        bytes += file->parts[i].size;
    return bytes;
}

/* Of one file its hash; of several the hash of theirs. */
enum status weight_file_hash(struct hash128 *out, const struct weight_file *file, struct error *err)
{
    struct hash128 pair[2];
    enum status status = hash_file(out, &file->map, err);
    for (size_t i = 0; i < file->parts_count && status == OK; i++) {
        pair[0] = *out;
        status = hash_file(&pair[1], &file->parts[i], err);
        if (status == OK)
            *out = hash_bytes(pair, sizeof pair, 0);
    }
    return status;
}

enum status weight_file_check(const struct weight_file *file, struct error *err)
{
    enum status status = file_map_check(&file->map, err);
    for (size_t i = 0; i < file->parts_count && status == OK; i++)
        status = file_map_check(&file->parts[i], err);
    return status;
}

static bool lies_in(size_t *at, const struct weight_tensor *tensor, const struct file_map *map)
{
    const uint8_t *begin = tensor->data;
    if (map->size == 0 || begin < map->bytes || begin >= map->bytes + map->size)
        return false;
    *at = (size_t)(begin - map->bytes);
    return true;
}

/* Which file the tensor's data lies in, and where; NULL when it is a copy, or empty. */
static const struct file_map *map_of(size_t *at, const struct weight_tensor *tensor, const struct weight_file *file)
{
    if (tensor->bytes == 0 || lies_in(at, tensor, &file->map))
        return tensor->bytes == 0 ? NULL : &file->map;
    size_t low = 0, high = file->by_address ? file->parts_count : 0; /* the last part that begins before it, or there */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->by_address[middle]->bytes <= (const uint8_t *)tensor->data)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && lies_in(at, tensor, file->by_address[low - 1]) ? file->by_address[low - 1] : NULL;
}

enum status weight_tensor_fetch(const struct weight_tensor *tensor, const struct weight_file *file, struct error *err)
{
    size_t at;
    const struct file_map *map = map_of(&at, tensor, file);
    return map ? file_map_read(map, at, tensor->bytes, err) : OK;
}

void weight_tensor_drop(const struct weight_tensor *tensor, const struct weight_file *file)
{
    size_t at;
    const struct file_map *map = map_of(&at, tensor, file);
    if (map)
        file_map_drop(map, at, tensor->bytes);
}

struct weight_tensor weight_tensor_part(const struct weight_tensor *tensor, size_t at, size_t bytes)
{
    struct weight_tensor part = *tensor;
    part.data = (const uint8_t *)tensor->data + at;
    part.bytes = bytes;
    return part;
}
