#define _GNU_SOURCE
#include "weights/weight_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"
#include "core/base/text.h"

enum {
    DEEPEST = 3,          /* lightning_logs / version_0 / checkpoints */
    MOST_ENTRIES = 20000, /* that are looked at in all: a folder of photos is no place to search */
    LIST_TEXT = 300,
    LISTED_AT_AN_END = 3 /* of a long list the first and the last are shown */
};

static const char own[] = "best.safetensors";

struct name {
    char text[NAME_MAX + 1];
};

struct names {
    struct name *items;
    size_t count, room;
};

struct search {
    const char *root; /* the folder that was named */
    size_t entries;   /* looked at so far */
    struct error *err;
};

/* What a folder holds. */
struct found {
    char *file;           /* its weights, or NULL: none, or several */
    bool searched;        /* see weight_folder_locate */
    bool several;         /* the rest says which */
    const char *kind;     /* "runs" */
    char where[PATH_MAX]; /* the folder they are in */
    char list[LIST_TEXT];
};

/* Files that tell what is in a folder whose kind is not read. */
static const struct {
    const char *name, *what;
} strangers[] = {
    {"model.safetensors.index.json", "a model in several files, which is not read: load it and save it as one, with "
                                     "save_pretrained(..., max_shard_size=\"20GB\")"},
    {"pytorch_model.bin.index.json", "a model in several files, which is not read: load it and save it as one, with "
                                     "save_pretrained(..., max_shard_size=\"20GB\")"},
    {".metadata", "a distributed checkpoint of PyTorch, which is not read: turn it into one file, with "
                  "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pth`"},
    {"saved_model.pb", "a SavedModel of TensorFlow, which is not read"},
    {"tf_model.h5", "a model of TensorFlow, which is not read"},
    {"flax_model.msgpack", "a model of Flax, which is not read"},
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length > size && strcasecmp(text + length - size, end) == 0;
}

/* Any .bin or .tar may be anything: photos, features, a data set. */
static bool is_weights(const char *name)
{
    static const char *const ends[] = {".safetensors", ".pth", ".pt", ".ckpt", ".pth.tar", ".pt.tar", ".ckpt.tar"};
    static const char *const others[] = {"optimizer", "scheduler",     "scaler",
                                         "rng_state", "training_args", "random_states"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return ends_with(name, ".bin") && (strcasestr(name, "model") || strcasestr(name, "resnet"));
}

static bool is_letter(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

/* The word stands alone: model_best.pth.tar, not bestiary.pth. */
static bool is_best(const char *name)
{
    for (const char *at = strcasestr(name, "best"); at; at = strcasestr(at + 1, "best"))
        if ((at == name || !is_letter(at[-1])) && !is_letter(at[4]))
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    return strverscmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* "model_0.pth, model_1.pth, model_2.pth, ..., model_88.pth, model_89.pth, checkpoint.pth" */
static void list_names(char out[LIST_TEXT], const struct names *names)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < names->count && used < LIST_TEXT - 1; i++) {
        char shown[48];
        bool left_out = names->count > 2 * LISTED_AT_AN_END + 1 && i == LISTED_AT_AN_END;
        if (left_out)
            i = names->count - LISTED_AT_AN_END - 1;
        const char *text = left_out ? "..." : text_escape(shown, sizeof shown, names->items[i].text);
        used += (size_t)snprintf(out + used, LIST_TEXT - used, "%s%s", used ? ", " : "", text);
    }
    if (used >= LIST_TEXT)
        memcpy(out + LIST_TEXT - 4, "...", 4);
}

static enum status push(struct names *names, const char *text, struct error *err)
{
    void *items = names->items;
    enum status status = memory_grow(&items, &names->room, names->count + 1, sizeof *names->items, "a folder", err);
    names->items = items;
    if (status == OK)
        snprintf(names->items[names->count++].text, sizeof names->items->text, "%s", text);
    return status;
}

/* ---- a folder ---------------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat info;
    return path_stat(&info, path) == 0 && S_ISDIR(info.st_mode);
}

/* *out = the path of that file when it is there, else NULL. */
static enum status file_inside(char **out, const char *folder, const char *name, struct error *err)
{
    struct stat info;
    enum status status = path_join(out, folder, name, err);
    if (status == OK && (path_stat(&info, *out) != 0 || S_ISDIR(info.st_mode))) {
        memory_free(*out);
        *out = NULL;
    }
    return status;
}

/* Opens a folder, with what passes tried again. One below the folder that was named, and that may not be read, holds
 * nothing for us; any other failure could make another file the only one. */
static enum status open_folder(DIR **out, const char *path, int depth, struct error *err)
{
    struct retry retry = {0};
    while (!(*out = opendir(path)) && retry_after(&retry, errno))
        ;
    if (*out || (depth > 0 && (errno == EACCES || errno == ENOENT)))
        return OK;
    return error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_NOINPUT,
                     "%.400s: the folder cannot be read: %s", path, strerror(errno));
}

static enum status note_entry(struct names *files, struct names *folders, const char *path, const struct dirent *entry,
                              struct error *err)
{
    char inside[PATH_MAX];
    int length = snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] == '.' || length < 0 || (size_t)length >= sizeof inside)
        return OK;
    bool unknown = entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK;
    if (entry->d_type == DT_DIR || (unknown && is_folder(inside)))
        return push(folders, entry->d_name, err);
    return is_weights(entry->d_name) ? push(files, entry->d_name, err) : OK;
}

/* What lies behind the last one looked at could be the file that is meant, or a second one. */
static enum status refuse_many(const struct search *s)
{
    return error_set(s->err, ERR_NOINPUT,
                     "%.400s: holds more than %d entries, too many to look for the weights among them: name the weight "
                     "file",
                     s->root, MOST_ENTRIES);
}

/* The weight files and the folders in it, hidden ones left out, each in the order of their numbers. */
static enum status look(struct names *files, struct names *folders, const char *path, int depth, struct search *s)
{
    DIR *dir;
    const struct dirent *entry = NULL;
    enum status status = open_folder(&dir, path, depth, s->err);
    while (dir && status == OK && (errno = 0, entry = readdir(dir)))
        status = s->entries++ == MOST_ENTRIES ? refuse_many(s) : note_entry(files, folders, path, entry, s->err);
    if (dir && status == OK && !entry && errno != 0)
        status = error_set(s->err, ERR_IO, "%.400s: the folder cannot be read: %s", path, strerror(errno));
    if (dir)
        closedir(dir);
    if (files->count)
        qsort(files->items, files->count, sizeof *files->items, compare);
    if (folders->count)
        qsort(folders->items, folders->count, sizeof *folders->items, compare);
    return status;
}

/* The file with a name that says all. */
static enum status find_known(struct found *out, const char *path, struct search *s)
{
    static const char *const names[] = {own, "model.safetensors", "pytorch_model.bin"};
    enum status status = OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == OK && !out->file; i++)
        status = file_inside(&out->file, path, names[i], s->err);
    if (status != OK || out->file)
        return status;
    char *data = NULL;
    status = path_join(&data, path, "data", s->err);
    if (status == OK && is_folder(data))
        status = file_inside(&out->file, path, "data.pkl", s->err);
    memory_free(data);
    out->searched = out->file != NULL;
    return status;
}

static void note_several(struct found *out, const char *kind, const char *path, const struct names *names)
{
    out->several = true;
    out->kind = kind;
    snprintf(out->where, sizeof out->where, "%s", path);
    list_names(out->list, names);
}

/* Of several files the one that is called the best. */
static enum status choose_file(struct found *out, const char *path, const struct names *files, struct search *s)
{
    size_t best = 0, count = 0;
    for (size_t i = 0; i < files->count; i++)
        if (is_best(files->items[i].text)) {
            best = i;
            count++;
        }
    if (files->count > 1 && count != 1) {
        note_several(out, "several weight files", path, files);
        return OK;
    }
    out->searched = true;
    return path_join(&out->file, path, files->items[best].text, s->err);
}

static enum status search_folder(struct found *out, const char *path, int depth, struct search *s);

/* Of several folders the only one that holds something. Runs of ours are always named:
 * the next one would be another. */
static enum status choose_folder(struct found *out, const char *path, const struct names *folders, int depth,
                                 struct search *s)
{
    struct names holding = {0};
    struct found *inside = NULL;
    void *memory;
    bool runs = false;
    enum status status = memory_alloc(&memory, 1, sizeof *inside, "a folder", s->err);
    if (status != OK)
        return status;
    inside = memory;
    for (size_t i = 0; i < folders->count && status == OK; i++) {
        char *below;
        *inside = (struct found){0};
        status = path_join(&below, path, folders->items[i].text, s->err);
        if (status != OK)
            break;
        status = search_folder(inside, below, depth + 1, s);
        runs = runs || (inside->file && !inside->searched && ends_with(inside->file, own));
        if (status == OK && (inside->file || inside->several))
            status = push(&holding, folders->items[i].text, s->err);
        if (status == OK && holding.count == 1 && (inside->file || inside->several)) {
            *out = *inside;
            out->searched = true;
            inside->file = NULL;
        }
        memory_free(inside->file);
        memory_free(below);
    }
    if (status == OK && (holding.count > 1 || runs)) {
        memory_free(out->file);
        out->file = NULL;
        note_several(out, runs ? "runs" : "several folders with weights", path, &holding);
    }
    memory_free(holding.items);
    memory_free(memory);
    return status;
}

/* Fills *out, which is empty; out->file is the caller's, also after a failure. */
static enum status search_folder(struct found *out, const char *path, int depth, struct search *s)
{
    struct names files = {0}, folders = {0};
    enum status status = find_known(out, path, s);
    if (status != OK || out->file)
        return status;
    status = look(&files, &folders, path, depth, s);
    if (status == OK && files.count > 0)
        status = choose_file(out, path, &files, s);
    else if (status == OK && depth < DEEPEST)
        status = choose_folder(out, path, &folders, depth, s);
    memory_free(files.items);
    memory_free(folders.items);
    return status;
}

static enum status refuse(const struct found *found, const char *path, struct error *err)
{
    if (found->several)
        return error_set(err, ERR_NOINPUT, "%.400s: holds %s (%s): name one of them, %.200s/NAME", found->where,
                         found->kind, found->list, found->where);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        char inside[PATH_MAX];
        struct stat info;
        int length = snprintf(inside, sizeof inside, "%s/%s", path, strangers[i].name);
        if (length > 0 && (size_t)length < sizeof inside && path_stat(&info, inside) == 0 && S_ISREG(info.st_mode))
            return error_set(err, ERR_NOINPUT, "%.400s: the folder holds %s", path, strangers[i].what);
    }
    return error_set(err, ERR_NOINPUT,
                     "%.400s: a folder without weights: neither a run's best.safetensors, nor model.safetensors, "
                     "pytorch_model.bin or another .safetensors, .pth, .pt, .ckpt or .bin file",
                     path);
}

enum status weight_folder_locate(char **out, bool *searched, const char *path, struct error *err)
{
    struct search s = {.root = path, .err = err};
    *searched = false;
    if (!is_folder(path))
        return memory_strdup(out, path, err);
    struct found *found;
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof *found, "a folder", err);
    if (status != OK)
        return status;
    found = memory;
    status = search_folder(found, path, 0, &s);
    if (status == OK && !found->file)
        status = refuse(found, path, err);
    if (status == OK) {
        *out = found->file;
        *searched = found->searched;
    } else {
        memory_free(found->file);
    }
    memory_free(memory);
    return status;
}
