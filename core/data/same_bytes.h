/* Files of the same bytes among many, without reading most of them.
 *
 * What image_probe says of a file tells nearly all of them apart: its size, and a hash of its head and end. Only files
 * that are alike in both are read whole. So a set of photos without copies costs nothing here.
 */
#ifndef FREEZETUNE_SAME_BYTES_H
#define FREEZETUNE_SAME_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/hash.h"
#include "core/base/threads.h"

struct same_file {
    uint64_t size, ends; /* as struct image_cost has them */
    uint32_t file;       /* the caller's number, different for each */
    bool hashed;         /* for same_bytes_keep alone, as is `hash` */
    struct hash128 hash;
};

/* The path of a file for opening, into out[size]; false when there is none. Called by several threads. */
typedef bool same_path(char *out, size_t size, const void *context, uint32_t file);

/* Keeps those of files[count] that have the same bytes as another one of them, and returns how many they are: files of
 * the same bytes stand together, in the order of their numbers. A file that can no longer be read is not kept. */
size_t same_bytes_keep(struct same_file *files, size_t count, same_path *path, const void *context, struct pool *pool);

/* Have two that were kept the same bytes? */
bool same_bytes(const struct same_file *a, const struct same_file *b);

#endif
