#define _POSIX_C_SOURCE 200809L
#include "cli/run/run_disk.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/run/record_outputs.h"
#include "cli/shell/numbers.h"
#include "core/base/disk.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/confusion.h"
#include "core/train/ema.h"

/* ---- the arithmetic ---------------------------------------------------------------------------------------------- */

/* Bytes of a line or a row, on the generous side: log.jsonl, metrics.csv, predictions_val.csv (two names of classes and
 * one of a file), a tensor in a file's header, confusion.csv (two names of classes). */
enum {
    STEP_LINE = 150,
    EPOCH_LINES = 700,
    PREDICTION_ROW = 200,
    TENSOR_HEADER = 160,
    CELL_ROW = 100,
    FILE_MOST_ELSE = 64 << 10
};

/* confusion.csv */
static uint64_t confusion_file_bytes(uint64_t classes, uint64_t val)
{
    return classes <= CONFUSION_MATRIX_CLASSES ? classes * classes * 4 : val * CELL_ROW;
}

/* In the metadata of a model file. */
static uint64_t class_text_bytes(const struct class_names *classes)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < classes->count; i++)
        bytes += strlen(classes->names[i]) + sizeof "\"\", ";
    return bytes;
}

/* report.html: its photos, and the rest. Photos of a few pixels take less. */
static uint64_t page_bytes(size_t val)
{
    enum { PAGE_PHOTOS = 150, PAGE_PHOTO = 8000, PAGE_ELSE = 40000 };
    return (uint64_t)(val < PAGE_PHOTOS ? val : PAGE_PHOTOS) * PAGE_PHOTO + PAGE_ELSE;
}

struct run_disk run_disk_of(struct net *net, const struct dataset *dataset, const struct train_options *options)
{
    struct freeze freeze = options->freeze;
    size_t batch = options->loader.batch, epochs = options->schedule.epochs, classes = dataset->classes.count;
    freeze.until = unfreezing_until(&options->unfreezing, freeze.until, SIZE_MAX);
    freeze_apply(net, &freeze);
    uint64_t header =
        FILE_MOST_ELSE + class_text_bytes(&dataset->classes) + (uint64_t)net->params_count * TENSOR_HEADER;
    struct run_disk disk = {.best = (uint64_t)net_floats(net) * sizeof(float) + header};
    disk.last = disk.best + optimizer_bytes(net, &options->optimizer) + header;
    if (options->recipe.ema > 0)
        disk.last += ema_bytes(net, &freeze);
    disk.rest = (uint64_t)epochs * (EPOCH_LINES + (options->usable / batch + 1) * STEP_LINE) +
                (uint64_t)dataset->val.count * PREDICTION_ROW + page_bytes(dataset->val.count) +
                confusion_file_bytes(classes, dataset->val.count) +
                record_outputs_csv_bytes(dataset->val.count, classes) + FILE_MOST_ELSE;
    disk.passing = record_outputs_csv_bytes(dataset->val.count, classes) + /* while it is replaced */
                   record_outputs_waiting_bytes(dataset->val.count, classes);
    return disk;
}

uint64_t run_disk_over(const struct run_disk *disk, size_t runs)
{
    return runs * (disk->best + disk->rest + (disk->keep_last ? disk->last : 0));
}

uint64_t run_disk_most(const struct run_disk *disk, size_t runs)
{
    uint64_t larger = disk->best > disk->last ? disk->best : disk->last;
    return run_disk_over(disk, runs - 1) + disk->best + disk->last + larger + disk->rest + disk->passing;
}

uint64_t run_disk_missing(const struct run_disk *disk, size_t runs, uint64_t there)
{
    uint64_t larger = disk->best > disk->last ? disk->best : disk->last, most = run_disk_most(disk, runs);
    /* However much is there, a file still needs its second copy. */
    return most > there + larger ? most - there : larger;
}

/* ---- the disk ---------------------------------------------------------------------------------------------------- */

/* The size of folder/name, 0 where there is none. */
static uint64_t file_bytes(const char *folder, const char *name)
{
    char *path;
    struct stat info;
    if (path_join(&path, folder, name, NULL) != OK)
        return 0;
    bool found = stat(path, &info) == 0 && S_ISREG(info.st_mode);
    memory_free(path);
    return found ? (uint64_t)info.st_size : 0;
}

enum status run_disk_check(const struct run_disk *disk, size_t runs, const char *folder, struct error *err)
{
    struct disk where;
    struct error unknown;
    char more[NUMBER_TEXT], left[NUMBER_TEXT], first[NUMBER_TEXT];
    uint64_t there = file_bytes(folder, "best.safetensors") + file_bytes(folder, "last.safetensors");
    uint64_t missing = run_disk_missing(disk, runs, there);
    enum status status = disk_look(&where, folder, &unknown);
    if (status == ERR_SYSTEM)
        return error_set(err, status, "%s", unknown.text);
    if (status != OK || where.free >= missing)
        return OK;
    const char *choose = there > 0 ? "move the run to another disk" : "choose a folder on another disk with --out";
    return error_set(err, ERR_CANTCREATE, "%s: %s takes up to %s more on this disk, and %s are free: free %s, or %s",
                     folder, runs == 1 ? "the run" : "training", number_bytes(more, missing),
                     number_bytes(left, where.free), number_bytes(first, missing - where.free), choose);
}
