#define _GNU_SOURCE
#include "core/data/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/data/photo_file.h"
#include "core/data/walk.h"

void photo_list_free(struct photo_list *list)
{
    memory_free(list->root);
    memory_free(list->part);
    memory_free(list->names);
    memory_free(list->photos);
    memory_free(list->other);
    memory_free(list->note);
    for (size_t i = 0; i < list->unread_count; i++)
        memory_free(list->unread[i].reason);
    memory_free(list->unread);
    *list = (struct photo_list){0};
}

void class_names_free(struct class_names *classes)
{
    for (size_t i = 0; i < classes->count; i++)
        memory_free(classes->names[i]);
    memory_free(classes->names);
    *classes = (struct class_names){0};
}

uint32_t class_names_find(const struct class_names *classes, const char *name)
{
    size_t low = 0, high = classes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(classes->names[middle], name);
        if (order == 0)
            return (uint32_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return PHOTO_NO_CLASS;
}

const char *photo_name(const struct photo_list *list, size_t photo)
{
    return list->names + list->photos[photo].name;
}

bool photo_path(char *out, size_t size, const struct photo_list *list, size_t photo)
{
    const char *name = photo_name(list, photo);
    size_t root = list->root ? strlen(list->root) : 0, length = strlen(name);
    bool slash = root > 0 && list->root[root - 1] != '/';
    if (root + slash + length >= size)
        return false;
    if (root)
        memcpy(out, list->root, root);
    if (slash)
        out[root] = '/';
    memcpy(out + root + slash, name, length + 1);
    return true;
}

static enum status check_class(const char *dir, const char *name, const struct class_names *known, struct error *err)
{
    char shown[300];
    if (!text_is_utf8(name, strlen(name)))
        return error_set(err, ERR_DATA, "%s: the name of class folder '%s' is not UTF-8: rename it", dir,
                         text_escape(shown, sizeof shown, name));
    if (known && class_names_find(known, name) == PHOTO_NO_CLASS)
        return error_set(err, ERR_DATA,
                         "%s: class '%s' is not among the %zu classes that are known: remove or rename it", dir,
                         text_escape(shown, sizeof shown, name), known->count);
    return OK;
}

/* Takes over the folder names as classes; or takes *known. */
static enum status class_names_set(struct class_names *out, const struct walk_names *folders, struct error *err)
{
    void *names;
    enum status status = memory_alloc(&names, folders->count, sizeof *out->names, "the class names", err);
    if (status != OK)
        return status;
    *out = (struct class_names){.names = names};
    for (; status == OK && out->count < folders->count; out->count += status == OK)
        status = memory_strdup(&out->names[out->count], walk_names_get(folders, out->count), err);
    if (status != OK)
        class_names_free(out);
    return status;
}

/* "holds no photo": why? Writes what lies there instead. */
static const char *what_lies_there(char *out, size_t size, size_t others, size_t hidden)
{
    if (others > 0)
        snprintf(out, size, "its %zu file%s", others, others == 1 ? " is not a photo" : "s are not photos");
    else if (hidden > 0)
        snprintf(out, size, "there are only hidden files or system folders in it (%zu)", hidden);
    else
        snprintf(out, size, "it is empty");
    return out;
}

/* The photos of a class folder, or of the part of it that is listed. */
static enum status walk_class(struct photo_list *list, const char *name, uint32_t class, struct error *err)
{
    char *below;
    if (!list->part)
        return walk_photos(list, name, class, err);
    enum status status = path_join(&below, name, list->part, err);
    if (status == OK)
        status = walk_photos(list, below, class, err);
    memory_free(below);
    return status;
}

/* Lists the photos of one class folder after the others. */
static enum status list_class(struct photo_list *list, const char *name, uint32_t class, bool must_hold,
                              struct error *err)
{
    size_t before = list->count, others = list->others, hidden = list->hidden;
    char shown[300], why[100];
    enum status status = walk_class(list, name, class, err);
    if (status == OK && must_hold && list->count == before)
        status = error_set(err, ERR_DATA, "%s: class folder '%s' holds no photo, %s: add photos or remove it",
                           list->root, text_escape(shown, sizeof shown, name),
                           what_lies_there(why, sizeof why, list->others - others, list->hidden - hidden));
    return status;
}

/* Files beside the class folders. */
static enum status count_beside(struct photo_list *list, const struct walk_names *files, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < files->count; i++) {
        char *path;
        const char *name = walk_names_get(files, i);
        status = path_join(&path, list->root, name, err);
        if (status != OK)
            break;
        if (photo_file_is(path))
            list->stray++;
        else if (list->others++ == 0)
            status = memory_strdup(&list->other, name, err);
        memory_free(path);
    }
    return status;
}

enum status folder_list(struct photo_list *out, struct class_names *classes, const char *dir, const char *part,
                        const struct class_names *known, struct error *err)
{
    struct photo_list list = {0};
    struct class_names found = {0};
    struct walk_names folders = {0}, files = {0};
    enum status status = memory_strdup(&list.root, dir, err);
    if (status == OK && part)
        status = memory_strdup(&list.part, part, err);
    if (status == OK)
        status = walk_folder(&folders, &files, &list.hidden, dir, err);
    if (status != OK)
        goto cleanup;
    status = count_beside(&list, &files, err);
    if (status == OK && folders.count == 0)
        status = error_set(err, ERR_DATA,
                           "%s: holds no class folders: put the photos of each class into a folder of its own, like "
                           "%s/cats and %s/dogs",
                           dir, dir, dir);
    for (size_t i = 0; status == OK && i < folders.count; i++)
        status = check_class(dir, walk_names_get(&folders, i), known, err);
    if (status == OK && !known)
        status = class_names_set(&found, &folders, err);
    for (size_t i = 0; status == OK && i < folders.count; i++) {
        const char *name = walk_names_get(&folders, i);
        status = list_class(&list, name, known ? class_names_find(known, name) : (uint32_t)i, !known, err);
    }
    if (status == OK && list.count == 0 && list.others > 0)
        status = error_set(err, ERR_DATA, "%s: its class folders hold no photos: none of the %zu files is a photo", dir,
                           list.others);
    else if (status == OK && list.count == 0)
        status = error_set(err, ERR_DATA, "%s: its class folders hold no photo: they are empty", dir);
cleanup:
    walk_names_free(&folders);
    walk_names_free(&files);
    if (status != OK) {
        photo_list_free(&list);
        class_names_free(&found);
        return status;
    }
    *out = list;
    if (classes)
        *classes = found;
    return OK;
}

enum status photo_list_add(struct photo_list *list, const char *path, struct error *err)
{
    struct stat info;
    if (path_stat(&info, path) != 0)
        return file_failure(path, errno, err);
    if (S_ISDIR(info.st_mode))
        return walk_photos(list, path, PHOTO_NO_CLASS, err);
    return photo_list_push(list, path, NULL, PHOTO_NO_CLASS, err);
}

static bool names_something(const char *path)
{
    struct stat info;
    return path_stat(&info, path) == 0;
}

/* A line as Windows writes it: what is there decides whether it is to be taken as it stands. Returns where the path
 * begins. */
static char *clean_line(char *line, size_t length, bool first)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* of UTF-8 */
    if (names_something(line))
        return line;
    if (first && strncmp(line, mark, strlen(mark)) == 0) {
        line += strlen(mark);
        length -= strlen(mark);
    }
    if (length > 0 && line[length - 1] == '\r' && !names_something(line))
        line[length - 1] = '\0';
    return line;
}

/* Turns backslashes if that makes it the path of something. */
static void turn_slashes(char *path)
{
    if (!strchr(path, '\\') || names_something(path))
        return;
    char *turned;
    if (memory_strdup(&turned, path, NULL) != OK)
        return; /* the path stays, and is said to name nothing */
    for (char *at = turned; (at = strchr(at, '\\'));)
        *at = '/';
    if (names_something(turned))
        memcpy(path, turned, strlen(path));
    memory_free(turned);
}

char *photo_line_path(char *line, size_t length, bool first)
{
    char *path = clean_line(line, length, first);
    turn_slashes(path);
    return path;
}

static enum status add_line(struct photo_list *list, const char *path, struct error *err)
{
    struct stat info;
    if (path_stat(&info, path) != 0 || !S_ISDIR(info.st_mode))
        return photo_list_push(list, path, NULL, PHOTO_NO_CLASS, err);
    struct error reason = {0};
    enum status status = walk_photos(list, path, PHOTO_NO_CLASS, list->forgiving ? &reason : err);
    if (list->forgiving && (status == ERR_NOINPUT || status == ERR_IO))
        return photo_list_push_unread(list, path, reason.text, err);
    if (list->forgiving && status != OK && err)
        *err = reason;
    return status;
}

/* A zero byte stands in a line. */
static enum status refuse_zeros(const char *line, struct error *err)
{
    bool utf16 = memcmp(line, "\xFF\xFE", 2) == 0 || memcmp(line, "\xFE\xFF", 2) == 0 || !line[0] != !line[1];
    return error_set(
        err, ERR_DATA,
        utf16 ? "the list of photos is UTF-16: save it as UTF-8"
              : "the list of photos contains a NUL byte: expected one path per line (use --null for NUL-terminated "
                "paths)");
}

enum status photo_list_add_stream(struct photo_list *list, FILE *stream, char separator, struct error *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    enum status status = OK;
    for (bool first = true; status == OK && (length = getdelim(&line, &room, separator, stream)) >= 0; first = false) {
        if (length > 0 && line[length - 1] == separator)
            line[--length] = '\0';
        if (strlen(line) != (size_t)length) {
            status = refuse_zeros(line, err);
            break;
        }
        char *path = separator == '\n' ? photo_line_path(line, (size_t)length, first) : line;
        if (path[0])
            status = add_line(list, path, err);
    }
    if (status == OK && ferror(stream))
        status = error_set(err, ERR_IO, "reading the list of photos failed: %s", strerror(errno));
    free(line);
    return status;
}
