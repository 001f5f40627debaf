#define _GNU_SOURCE
#include "core/base/file_map.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/descriptors.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

struct file_pages {
    int fd; /* -1 between two readings where the file is opened each time */
    bool each_time;
    char *path;
    dev_t device;
    ino_t inode;
    struct timespec modified;
    size_t page;    /* bytes */
    uint8_t *there; /* a bit for each page: it was read */
};

static bool is_there(const struct file_pages *pages, size_t page)
{
    return pages->there[page / 8] >> (page % 8) & 1;
}

static void mark(const struct file_pages *pages, size_t first, size_t end, bool there)
{
    for (size_t i = first; i < end; i++) {
        uint8_t bit = (uint8_t)(1u << (i % 8));
        pages->there[i / 8] = (uint8_t)(there ? pages->there[i / 8] | bit : pages->there[i / 8] & ~bit);
    }
}

static void pages_free(struct file_pages *pages)
{
    if (!pages)
        return;
    if (pages->fd >= 0)
        close(pages->fd);
    memory_free(pages->there);
    memory_free(pages->path);
    memory_free(pages);
}

static bool is_same(const struct stat *info, const struct file_pages *pages, size_t size)
{
    return (size_t)info->st_size == size && info->st_dev == pages->device && info->st_ino == pages->inode &&
           info->st_mtim.tv_sec == pages->modified.tv_sec && info->st_mtim.tv_nsec == pages->modified.tv_nsec;
}

static enum status say_changed(const struct file_pages *pages, struct error *err)
{
    return error_set(err, ERR_IO, "%s: was changed while it was read; put the right file back and start again",
                     pages->path);
}

static void reading_end(struct file_pages *pages)
{
    if (!pages->each_time || pages->fd < 0)
        return;
    close(pages->fd);
    pages->fd = -1;
}

/* Between this and reading_end the file is open. */
static enum status reading_begin(const struct file_map *map, struct error *err)
{
    struct file_pages *pages = map->pages;
    struct stat info;
    if (pages->fd >= 0)
        return OK;
    enum status status = file_open_regular(&pages->fd, &info, pages->path, err);
    if (status != OK)
        return status;
    descriptor_give_back(); /* see pages_create */
    if (is_same(&info, pages, map->size))
        return OK;
    reading_end(pages);
    return say_changed(pages, err);
}

static enum status pages_create(struct file_pages **out, size_t *size, const char *path, bool each_time,
                                struct error *err)
{
    void *memory, *there;
    struct stat info;
    enum status status = memory_alloc(&memory, 1, sizeof **out, "a file", err);
    if (status != OK)
        return status;
    struct file_pages *pages = memory;
    *pages = (struct file_pages){.fd = -1, .each_time = each_time, .page = (size_t)sysconf(_SC_PAGESIZE)};
    status = memory_strdup(&pages->path, path, err);
    if (status == OK)
        status = file_open_regular(&pages->fd, &info, path, err);
    if (status == OK) {
        descriptor_give_back(); /* it stays open for the whole run and is one of DESCRIPTORS_KEPT */
        pages->device = info.st_dev;
        pages->inode = info.st_ino;
        pages->modified = info.st_mtim;
        *size = (size_t)info.st_size;
        status = memory_alloc(&there, *size / pages->page / 8 + 1, 1, "a file", err);
    }
    if (status != OK) {
        pages_free(pages);
        return status;
    }
    pages->there = there;
    reading_end(pages);
    *out = pages;
    return OK;
}

static enum status map_open(struct file_map *out, const char *path, bool each_time, struct error *err)
{
    struct file_map map = {0};
    enum status status = pages_create(&map.pages, &map.size, path, each_time, err);
    if (status != OK)
        return status;
    if (map.size > 0) {
        /* Addresses alone, which nobody can look at before file_map_read. */
        void *bytes = mmap(NULL, map.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (bytes == MAP_FAILED) {
            pages_free(map.pages);
            return error_set(err, ERR_SYSTEM, "%s: no room for %zu bytes: %s", path, map.size, strerror(errno));
        }
        map.bytes = bytes;
    }
    *out = map;
    return OK;
}

enum status file_map_open(struct file_map *out, const char *path, struct error *err)
{
    return map_open(out, path, false, err);
}

enum status file_map_open_each_time(struct file_map *out, const char *path, struct error *err)
{
    return map_open(out, path, true, err);
}

void file_map_close(struct file_map *map)
{
    if (map->bytes && map->pages)
        munmap((void *)map->bytes, map->size);
    pages_free(map->pages);
    *map = (struct file_map){0};
}

/* All `size` bytes, or an error. */
static enum status read_all(uint8_t *to, const struct file_pages *pages, size_t at, size_t size, struct error *err)
{
    size_t have = 0;
    for (struct retry retry = {0}; have < size;) {
        ssize_t got = pread(pages->fd, to + have, size - have, (off_t)(at + have));
        if (got < 0 && retry_after(&retry, errno))
            continue;
        if (got < 0)
            return error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_IO,
                             "%s: reading failed at byte %zu: %s", pages->path, at + have, strerror(errno));
        if (got == 0)
            return error_set(err, ERR_IO,
                             "%s: shrank while it was read: it ends at byte %zu now; put the whole file back and start "
                             "again",
                             pages->path, at + have);
        have += (size_t)got;
    }
    return OK;
}

/* Pages first..end-1, none of which is there. */
static enum status read_pages(const struct file_map *map, size_t first, size_t end, struct error *err)
{
    const struct file_pages *pages = map->pages;
    size_t at = first * pages->page, size = end * pages->page;
    size = (size < map->size ? size : map->size) - at;
    uint8_t *to = (uint8_t *)map->bytes + at;
    if (mprotect(to, size, PROT_READ | PROT_WRITE) != 0)
        return error_set(err, ERR_SYSTEM, "%s: no memory for %zu bytes of it: %s", pages->path, size, strerror(errno));
    enum status status = read_all(to, pages, at, size, err);
    if (status == OK)
        mark(pages, first, end, true);
    return status;
}

enum status file_map_read(const struct file_map *map, size_t at, size_t size, struct error *err)
{
    const struct file_pages *pages = map->pages;
    enum status status = OK;
    if (!pages || size == 0)
        return OK;
    assert(at <= map->size && size <= map->size - at);
    size_t end = (at + size - 1) / pages->page + 1;
    status = reading_begin(map, err);
    for (size_t i = at / pages->page; i < end && status == OK;) {
        size_t first = i;
        while (i < end && !is_there(pages, i))
            i++;
        if (i > first)
            status = read_pages(map, first, i, err);
        else
            i++;
    }
    reading_end(map->pages);
    return status;
}

void file_map_drop(const struct file_map *map, size_t at, size_t size)
{
    const struct file_pages *pages = map->pages;
    if (!pages || size == 0)
        return;
    size_t first = (at + pages->page - 1) / pages->page, end = (at + size) / pages->page;
    if (at + size == map->size)
        end = (map->size - 1) / pages->page + 1;
    if (first >= end)
        return;
    void *begin = (uint8_t *)map->bytes + first * pages->page;
    size_t bytes = (end - first) * pages->page;
    if (madvise(begin, bytes, MADV_DONTNEED) != 0)
        return; /* then they stay, and stay valid */
    mark(pages, first, end, false);
    (void)mprotect(begin, bytes, PROT_NONE); /* who looks at them all the same shall not see zeros */
}

enum status file_map_scan(const struct file_map *map, file_map_take *take, void *context, struct error *err)
{
    enum { PIECE = 1 << 18 };
    void *piece;
    if (!map->pages) {
        take(context, map->bytes, map->size);
        return OK;
    }
    enum status status = memory_alloc(&piece, PIECE, 1, "a piece of a file", err);
    if (status != OK)
        return status;
    status = reading_begin(map, err);
    for (size_t at = 0; at < map->size && status == OK; at += PIECE) {
        size_t size = map->size - at < PIECE ? map->size - at : PIECE;
        status = read_all(piece, map->pages, at, size, err);
        if (status == OK)
            take(context, piece, size);
    }
    reading_end(map->pages);
    memory_free(piece);
    return status;
}

enum status file_map_check(const struct file_map *map, struct error *err)
{
    const struct file_pages *pages = map->pages;
    struct stat info;
    if (!pages)
        return OK;
    enum status status = reading_begin(map, err);
    if (status != OK)
        return status;
    if (file_stat(&info, pages->fd) != 0)
        status = error_set(err, ERR_IO, "%s: %s", pages->path, strerror(errno));
    else if (!is_same(&info, pages, map->size))
        status = say_changed(pages, err);
    reading_end(map->pages);
    return status;
}
