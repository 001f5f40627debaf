/* freezetune cache: the features that runs have kept on disk, or will. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/report/cache_folder.h"
#include "cli/run/cache_fill.h"
#include "cli/run/train_line.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "cli/shell/table.h"
#include "core/base/disk.h"
#include "core/base/memory.h"
#include "core/features/feature_file.h"

/* Begins with the values of train, whose options are those of fill too. */
struct values {
    struct train_values train;
    const char *part;
    int format;
    double older_than;
    long long keep;
};

static const struct option options[] = {
    OPTION_ROW("Cache", OPTION_STRING, "cache-dir", struct values, train.cache_dir, .placeholder = "DIR",
               .shown = "~/.cache/freezetune", .help = "use the cache in this folder"),
    OPTION_ROW("Cache", OPTION_STRING, "part", struct values, part, .placeholder = "I/N", .shown = "1/1",
               .help =
                   "fill: compute part I of N of the features, as other machines with the same folder do the others"),
    OPTION_ROW("Cache", OPTION_FLOAT, "older-than", struct values, older_than, .placeholder = "DAYS", .high = 1e6,
               .help = "clear: remove only files that were not used for this many days"),
    OPTION_ROW("Cache", OPTION_SIZE, "keep", struct values, keep, .placeholder = "SIZE", .high = 1e18,
               .help = "clear: remove the least recently used files until at most this much is left"),
    OPTION_ROW("Output", OPTION_CHOICE, "format", struct values, format, .choices = table_formats, .initial = "table",
               .help = "list: print the list in this format"),
    {.name = "out"},
    {.name = "resume"},
    {.name = "resume-or-start"},
    {.name = "dry-run"},
    {.name = "json"},
    {.name = "profile"},
    {.name = "no-report"},
};

/* ---- list -------------------------------------------------------------------------------------------------------- */

enum { COLUMNS = 8 };

/* For people, and for programs. */
static const struct column columns[2][COLUMNS] = {
    {{"key", COLUMN_TEXT, 0, 0},
     {"arch", COLUMN_TEXT, 0, 3},
     {"cut", COLUMN_TEXT, 0, 2},
     {"pixels", COLUMN_NUMBER, 0, 5},
     {"dtype", COLUMN_TEXT, 0, 6},
     {"entries", COLUMN_NUMBER, 0, 4},
     {"size", COLUMN_NUMBER, 0, 0},
     {"last used", COLUMN_TEXT, 0, 1}},
    {{"key", COLUMN_TEXT, 0, 0},
     {"arch", COLUMN_TEXT, 0, 0},
     {"cut", COLUMN_TEXT, 0, 0},
     {"pixels", COLUMN_NUMBER, 0, 0},
     {"dtype", COLUMN_TEXT, 0, 0},
     {"entries", COLUMN_NUMBER, 0, 0},
     {"bytes", COLUMN_NUMBER, 0, 0},
     {"last_used", COLUMN_TEXT, 0, 0}},
};

/* 2026-03-01 17:05 where the user is; for programs 2026-03-01T16:05:00Z. */
static void time_text(char *out, size_t size, int64_t seconds, bool people)
{
    time_t moment = (time_t)seconds;
    struct tm parts = {0};
    if (people ? !localtime_r(&moment, &parts) : !gmtime_r(&moment, &parts))
        snprintf(out, size, "?");
    else
        strftime(out, size, people ? "%Y-%m-%d %H:%M" : "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static enum status list_row(struct table *table, const struct cache_file *file, struct error *err)
{
    bool people = table->format == TABLE_TEXT;
    char pixels[NUMBER_TEXT], entries[NUMBER_TEXT], size[NUMBER_TEXT], used[NUMBER_TEXT];
    snprintf(pixels, sizeof pixels, "%d", file->about.image_size);
    snprintf(entries, sizeof entries, "%llu", (unsigned long long)file->entries);
    snprintf(size, sizeof size, "%llu", (unsigned long long)file->bytes);
    if (people) {
        number_count(entries, file->entries);
        number_bytes(size, file->bytes);
    }
    time_text(used, sizeof used, file->used, people);
    const char *const cells[COLUMNS] = {
        file->key, file->about.arch, file->about.cut, pixels, feature_dtype_names[file->about.dtype], entries, size,
        used};
    return table_row(table, cells, err);
}

static enum status list(const char *dir, const struct cache_folder *folder, enum table_format format, struct error *err)
{
    struct table table;
    enum status status = OK;
    uint64_t bytes = 0;
    struct disk disk;
    size_t ours = 0;
    char total[NUMBER_TEXT], left[NUMBER_TEXT];
    table_start(&table, stdout, format, columns[format != TABLE_TEXT], COLUMNS);
    for (size_t i = 0; i < folder->count && status == OK; i++) {
        const struct cache_file *file = &folder->files[i];
        if (file->header == FEATURE_HEADER_GOOD)
            status = list_row(&table, file, err);
        else if (file->header == FEATURE_HEADER_FOREIGN)
            remark("ignored: %s: is not a feature file", file->path);
        else
            warn("%s: %s; freezetune cache clear %s removes it", file->path, feature_header_text(file->header),
                 file->key);
        ours += file->header != FEATURE_HEADER_FOREIGN;
        bytes += file->header != FEATURE_HEADER_FOREIGN ? file->bytes : 0;
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    if (status == OK && format == TABLE_TEXT && disk_look(&disk, dir, NULL) == OK)
        remark("%zu file%s, %s in %s; %s are free there", ours, ours == 1 ? "" : "s", number_bytes(total, bytes), dir,
               number_bytes(left, disk.free));
    return status;
}

/* ---- clear ------------------------------------------------------------------------------------------------------- */

struct removed {
    size_t files, in_use;
    uint64_t bytes;
};

static enum status remove_file(struct removed *removed, const char *path, uint64_t bytes, struct error *err)
{
    bool in_use;
    enum status status = feature_file_remove(&in_use, path, err);
    if (status == OK && in_use) {
        warn("%s: kept, because a run uses it", path);
        removed->in_use++;
    } else if (status == OK) {
        removed->files++;
        removed->bytes += bytes;
    }
    return status;
}

static enum status clear_keys(struct removed *removed, const char *dir, const char *const *keys, size_t count,
                              struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < count; i++)
        if (!cache_key_valid(keys[i]))
            return error_set(err, ERR_USAGE, "%s: not a key; freezetune cache list shows the keys, 32 digits each",
                             keys[i]);
    for (size_t i = 0; i < count && status == OK; i++) {
        enum feature_header header;
        struct feature_store_about about;
        uint64_t bytes;
        int64_t used;
        char *path;
        status = cache_key_path(&path, dir, keys[i], err);
        if (status != OK)
            break;
        status = feature_file_look(&header, &about, &bytes, &used, path, err);
        if (status == OK)
            status = remove_file(removed, path, bytes, err);
        memory_free(path);
    }
    if (status == OK && removed->in_use)
        status = error_set(err, ERR_IO, "%zu of %zu files kept, because runs use them", removed->in_use, count);
    return status;
}

/* The longest unused first. --older-than and --keep together: what either of them would remove. */
static enum status clear_unused(struct removed *removed, const struct cache_folder *folder,
                                const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    bool all = !arguments_given(args, "older-than") && !arguments_given(args, "keep");
    double oldest = arguments_given(args, "older-than") ? (double)time(NULL) - v->older_than * 86400 : 0;
    uint64_t left = 0, keep = arguments_given(args, "keep") ? (uint64_t)v->keep : UINT64_MAX;
    for (size_t i = 0; i < folder->count; i++)
        left += folder->files[i].header == FEATURE_HEADER_FOREIGN ? 0 : folder->files[i].bytes;
    for (size_t i = folder->count; i-- > 0;) {
        const struct cache_file *file = &folder->files[i];
        size_t before = removed->files;
        if (file->header == FEATURE_HEADER_FOREIGN || !(all || (double)file->used < oldest || left > keep))
            continue;
        enum status status = remove_file(removed, file->path, file->bytes, err);
        if (status != OK && status != ERR_NOINPUT) /* somebody else was faster */
            return status;
        left -= removed->files > before ? file->bytes : 0;
    }
    return folder->unread == 0
               ? OK
               : error_set(err, ERR_IO, "files kept because they cannot be opened: %zu", folder->unread);
}

static enum status clear(const char *dir, const struct cache_folder *folder, const struct arguments *args,
                         struct error *err)
{
    struct removed removed = {0};
    char bytes[NUMBER_TEXT];
    bool keys = args->operand_count > 1;
    if (keys && (arguments_given(args, "older-than") || arguments_given(args, "keep")))
        return error_set(err, ERR_USAGE,
                         "--older-than and --keep choose among all files; they cannot be combined with KEY");
    enum status status = keys ? clear_keys(&removed, dir, args->operands + 1, args->operand_count - 1, err)
                              : clear_unused(&removed, folder, args, err);
    if (status != ERR_USAGE)
        printf("removed %zu file%s, %s\n", removed.files, removed.files == 1 ? "" : "s",
               number_bytes(bytes, removed.bytes));
    return status;
}

/* ---- fill -------------------------------------------------------------------------------------------------------- */

/* "2/4"; NULL is all. */
static enum status read_part(size_t *part, size_t *parts, const char *text, struct error *err)
{
    enum { MOST = 100000 };
    *part = *parts = 1;
    if (!text)
        return OK;
    char end;
    unsigned i, n;
    bool digits = strspn(text, "0123456789/") == strlen(text) && strlen(text) <= 13;
    if (!digits || sscanf(text, "%u/%u%c", &i, &n, &end) != 2 || i < 1 || i > n || n > MOST)
        return error_set(err, ERR_USAGE, "--part %s: must be I/N, such as 2/4 for the second of four parts", text);
    *part = i;
    *parts = n;
    return OK;
}

static enum status fill(const struct arguments *args, struct error *err)
{
    struct values *v = args->values;
    struct train_line line;
    size_t part, parts;
    enum status status = read_part(&part, &parts, v->part, err);
    if (status != OK)
        return status;
    v->train.dry_run = true; /* no folder of a run is looked at */
    status = train_line_open(&line, args, err);
    if (status == OK)
        status = cache_fill(line.args->values, part, parts, err);
    train_line_close(&line);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

enum action { LIST, CLEAR, PATH, FILL, ACTIONS };
static const char *const actions[] = {"list", "clear", "path", "fill"};

/* Which of them has a use for the option. */
static bool takes(enum action action, const char *name)
{
    static const struct {
        const char *name;
        enum action action;
    } rows[] = {{"format", LIST}, {"older-than", CLEAR}, {"keep", CLEAR}};
    if (strcmp(name, "cache-dir") == 0 || strcmp(name, "quiet") == 0)
        return true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(name, rows[i].name) == 0)
            return action == rows[i].action;
    return action == FILL;
}

static enum status check_options(enum action action, const struct arguments *args, struct error *err)
{
    for (size_t i = 0; i < command_option_count(args->command); i++) {
        const char *name = command_option(args->command, i)->name;
        if (!args->given[i] || takes(action, name))
            continue;
        enum action other = takes(LIST, name) ? LIST : takes(CLEAR, name) ? CLEAR : FILL;
        return error_set(err, ERR_USAGE, "--%s only applies to cache %s", name, actions[other]);
    }
    if (action != CLEAR && args->operand_count > 1)
        return error_set(err, ERR_USAGE, "%s: only clear takes keys", args->operands[1]);
    return OK;
}

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    struct cache_folder folder = {0};
    char *dir;
    enum action action = LIST;
    while (action < ACTIONS && strcmp(args->operands[0], actions[action]) != 0)
        action++;
    if (action == ACTIONS)
        return error_set(err, ERR_USAGE, "%s: must be list, clear, path or fill", args->operands[0]);
    enum status status = check_options(action, args, err);
    if (status != OK || action == FILL)
        return status == OK ? fill(args, err) : status;
    status = path_cache(&dir, v->train.cache_dir, err);
    if (status != OK)
        return status;
    if (action == PATH)
        puts(dir);
    else
        status = cache_folder_list(&folder, dir, err);
    if (status == OK && action == LIST)
        status = list(dir, &folder, (enum table_format)v->format, err);
    else if (status == OK && action == CLEAR)
        status = clear(dir, &folder, args, err);
    cache_folder_free(&folder);
    memory_free(dir);
    return status;
}

const struct command cmd_cache = {
    .name = "cache",
    .summary = "list, clear or fill the features that training keeps on disk",
    .usage = "list|clear|path|fill [options] [KEY...]",
    .description =
        "train keeps the output of the frozen children for each photo, so that later epochs and runs need not compute "
        "it again. list shows the files and their contents; clear removes all of them, or only those with the given "
        "keys, but never a file that a run is using; path prints the folder. Clearing the cache is safe: features that "
        "are needed again are computed again. fill takes the options of train and computes what that training would "
        "keep, without training; with --part several machines share the work, and one of them then trains.",
    .like = &train_table,
    .examples = "  freezetune cache list\n"
                "  freezetune cache clear --older-than 30\n"
                "  freezetune cache clear --keep 2G\n"
                "  freezetune cache fill --augment flip --cache-dir shared --part 1/4\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 1,
    .operands_most = SIZE_MAX,
    .run = run,
};
