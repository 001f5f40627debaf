/* freezetune weights: pretrained weights, downloaded, checked and converted once. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/model/published.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "cli/shell/table.h"
#include "core/base/file.h"
#include "core/base/memory.h"

enum { SHA256_DIGITS = 64, NAME_MOST = 128 };

struct values {
    const char *sha256;
    int format;
    bool quiet;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_STRING, "sha256", struct values, sha256, .placeholder = "SUM",
               .help = "expect these 64 digits as the SHA-256 of a file that is named by its URL"),
    OPTION_ROW("Common", OPTION_CHOICE, "format", struct values, format, .choices = table_formats, .initial = "table",
               .help = "print the list in this format"),
    OPTION_ROW("Output", OPTION_FLAG, "quiet", struct values, quiet, .help = "print no progress, remarks or warnings"),
};

static bool is_there(const char *path, struct stat *info)
{
    return path_stat(info, path) == 0 && S_ISREG(info->st_mode) && info->st_size > 0;
}

/* ---- get --------------------------------------------------------------------------------------------------------- */

static const char *name_at(const void *context, size_t i)
{
    (void)context;
    return published[i].name;
}

static enum status refuse_name(const char *name, struct error *err)
{
    size_t count = 0;
    while (published[count].name)
        count++;
    const char *meant = name_nearest(name, name_at, NULL, count);
    return error_set(err, ERR_USAGE, meant ? "%s: not known: did you mean %s?" : "%s: not known: %s", name,
                     meant ? meant : "freezetune weights list shows the names");
}

/* Makes NAME.safetensors unless it is there, and prints its path. */
static enum status get(const char *name, const char *url, const char *file, const char *sha256, struct error *err)
{
    char *out = NULL;
    struct stat info;
    bool stopped = false;
    enum status status = path_weights_named(&out, name, err);
    if (status == OK && !is_there(out, &info))
        status = published_get(&stopped, out, url, file, sha256, err);
    if (status == OK && !stopped)
        puts(out);
    memory_free(out);
    return status;
}

static enum status get_known(const struct published *weights, struct error *err)
{
    char *url;
    enum status status = published_url(&url, weights, err);
    if (status != OK)
        return status;
    status = get(weights->name, url, weights->file, weights->sha256, err);
    memory_free(url);
    return status;
}

/* The sum is part of the name, so that two files never take each other's place. */
static enum status get_url(const char *url, const char *sha256, struct error *err)
{
    char file[NAME_MOST], name[NAME_MOST + 16], sum[SHA256_DIGITS + 1];
    const char *last = strrchr(url, '/') + 1;
    size_t length = strcspn(last, "?#");
    if (!sha256)
        return error_set(err, ERR_USAGE, "%s: a URL needs --sha256, so that what comes is what was meant", url);
    if (strlen(sha256) != SHA256_DIGITS || strspn(sha256, "0123456789abcdefABCDEF") != SHA256_DIGITS)
        return error_set(err, ERR_USAGE, "--sha256 %s: must be 64 hexadecimal digits", sha256);
    for (size_t i = 0; i <= SHA256_DIGITS; i++)
        sum[i] = (char)tolower((unsigned char)sha256[i]);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)last[i]) && !strchr("._-+", last[i]))
            length = 0;
    if (length == 0 || last[0] == '.' || length >= sizeof file)
        return error_set(err, ERR_USAGE, "%s: ends in no plain file name", url);
    snprintf(file, sizeof file, "%.*s", (int)length, last);
    snprintf(name, sizeof name, "%.*s-%.8s", (int)(strchr(file, '.') ? strrchr(file, '.') - file : (int)length), file,
             sum);
    return get(name, url, file, sum, err);
}

static enum status get_any(const char *name, const struct values *v, struct error *err)
{
    if (strncmp(name, "https://", 8) == 0 || strncmp(name, "http://", 7) == 0)
        return get_url(name, v->sha256, err);
    const struct published *weights = published_find(name);
    if (!weights)
        return refuse_name(name, err);
    if (v->sha256)
        return error_set(err, ERR_USAGE, "--sha256 only applies to a URL: the sum of %s is known", name);
    return get_known(weights, err);
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

enum { COLUMNS = 5 };

static const struct column columns[COLUMNS] = {{"name", COLUMN_TEXT, 0, 0},
                                               {"there", COLUMN_TEXT, 0, 0},
                                               {"megabytes", COLUMN_NUMBER, 0, 1},
                                               {"sha256", COLUMN_TEXT, 8, 3},
                                               {"url", COLUMN_TEXT, 20, 2}};

static enum status list_row(struct table *table, const struct published *weights, struct error *err)
{
    char *url = NULL, *path = NULL, size[NUMBER_TEXT];
    struct stat info;
    enum status status = published_url(&url, weights, err);
    if (status == OK)
        status = path_weights_named(&path, weights->name, err);
    if (status == OK) {
        snprintf(size, sizeof size, "%u", weights->megabytes);
        const char *const cells[COLUMNS] = {weights->name, is_there(path, &info) ? "yes" : "no", size, weights->sha256,
                                            url};
        status = table_row(table, cells, err);
    }
    memory_free(path);
    memory_free(url);
    return status;
}

static enum status list(enum table_format format, struct error *err)
{
    struct table table;
    enum status status = OK;
    table_start(&table, stdout, format, columns, COLUMNS);
    for (const struct published *at = published; at->name && status == OK; at++)
        status = list_row(&table, at, err);
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

/* ---- path -------------------------------------------------------------------------------------------------------- */

/* The folder, or the file that get makes or has made. */
static enum status print_path(const char *name, struct error *err)
{
    char *path;
    if (name && !published_find(name))
        return refuse_name(name, err);
    enum status status = path_weights_named(&path, name, err);
    if (status != OK)
        return status;
    puts(path);
    memory_free(path);
    return OK;
}

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    const char *what = args->operands[0], *name = args->operand_count > 1 ? args->operands[1] : NULL;
    bool is_get = strcmp(what, "get") == 0, is_list = strcmp(what, "list") == 0, is_path = strcmp(what, "path") == 0;
    if (!is_get && !is_list && !is_path)
        return error_set(err, ERR_USAGE, "%s: must be get, list or path", what);
    if (is_list && name)
        return error_set(err, ERR_USAGE, "%s: list takes no name", name);
    if (!is_get && v->sha256)
        return error_set(err, ERR_USAGE, "--sha256 only applies to weights get");
    if (!is_list && arguments_given(args, "format"))
        return error_set(err, ERR_USAGE, "--format only applies to weights list");
    if (v->quiet)
        remarks_silence();
    if (is_list)
        return list((enum table_format)v->format, err);
    return is_path ? print_path(name, err) : get_any(name ? name : "resnet50", v, err);
}

const struct command cmd_weights = {
    .name = "weights",
    .summary = "download, check and convert pretrained weights: get, list, path",
    .usage = "get|list|path [options] [NAME|URL]",
    .description =
        "get makes NAME.safetensors (default: resnet50, which train finds by itself) from torchvision's file and prints its "
        "path; it does nothing when that is there. The file comes from the torch hub cache, or is downloaded by curl or "
        "wget; a download that broke off goes on with the next call. Its SHA-256 is checked before it is opened: all of "
        "it for ResNet-50, the eight digits that torch.hub checks for the others. A URL needs --sha256. list shows the names "
        "and which are there; path prints the folder, or with NAME the file.",
    .examples = "  freezetune weights get\n"
                "  freezetune train --weights \"$(freezetune weights get resnet18)\"\n"
                "  freezetune weights list\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 1,
    .operands_most = 2,
    .run = run,
};
