#include "cli/run/record_metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { METRICS_MOST = 256 << 20, CELL_MOST = 64 };

/* The columns in their order, with the range of each. */
enum {
    EPOCH,
    LR,
    TRAIN_LOSS,
    TRAIN_ACCURACY,
    VAL_LOSS,
    VAL_ACCURACY,
    VAL_TOP5,
    MACRO_F1,
    PHOTOS,
    LEFT_OUT,
    BEST,
    SECONDS,
    COLUMNS_BEFORE, /* of earlier versions */
    MISSED = COLUMNS_BEFORE,
    VAL_MISSED,
    COLUMNS
};

#define COUNT_MOST 0x1p53 /* every whole number up to here is a double */

static const struct {
    bool whole;
    double most;
} ranges[COLUMNS] = {
    [EPOCH] = {true, COUNT_MOST},
    [LR] = {false, 1e6},
    [TRAIN_LOSS] = {false, 1e300},
    [TRAIN_ACCURACY] = {false, 1},
    [VAL_LOSS] = {false, 1e300},
    [VAL_ACCURACY] = {false, 1},
    [VAL_TOP5] = {false, 1},
    [MACRO_F1] = {false, 1},
    [PHOTOS] = {true, COUNT_MOST},
    [LEFT_OUT] = {true, COUNT_MOST},
    [BEST] = {true, 1},
    [SECONDS] = {false, 1e300},
    [MISSED] = {true, COUNT_MOST},
    [VAL_MISSED] = {true, COUNT_MOST},
};

const char record_metrics_head[] = "epoch,lr,train_loss,train_accuracy,val_loss,val_accuracy,val_top5,val_macro_f1,"
                                   "photos,left_out,best,seconds,unavailable,val_unavailable\n";

void record_metrics_write(char out[METRICS_ROW], const struct epoch_result *epoch, bool shorter)
{
    char more[64] = "";
    if (!shorter)
        snprintf(more, sizeof more, ",%zu,%zu", epoch->away, epoch->val_away);
    snprintf(out, METRICS_ROW, "%zu,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%zu,%zu,%d,%.3f%s\n", epoch->epoch + 1,
             epoch->lr, epoch->train_loss, epoch->train_accuracy, metrics_loss(epoch->val),
             metrics_accuracy(epoch->val), metrics_top5(epoch->val), metrics_macro_f1(epoch->val), epoch->images,
             epoch->left_out, epoch->best, epoch->seconds, more);
}

enum status record_metrics_read(char **text, const char *folder, struct error *err)
{
    char *path;
    uint8_t *bytes;
    size_t size;
    enum status status = path_join(&path, folder, "metrics.csv", err);
    if (status != OK)
        return status;
    status = file_read(&bytes, &size, path, METRICS_MOST, err);
    memory_free(path);
    if (status == OK)
        *text = (char *)bytes;
    return status;
}

/* The number in text[length]. */
static bool read_cell(double *out, const char *text, size_t length, size_t column)
{
    char cell[CELL_MOST];
    if (length >= sizeof cell)
        return false;
    memcpy(cell, text, length);
    cell[length] = '\0';
    return text_to_double(out, cell) && *out >= 0 && *out <= ranges[column].most &&
           (!ranges[column].whole || *out == floor(*out));
}

bool record_metrics_row(struct metrics_row *out, const char *line)
{
    double cells[COLUMNS] = {0};
    size_t column = 0;
    for (bool more = true; more; column++) {
        size_t length = strcspn(line, ",\n");
        if (column == COLUMNS || !read_cell(&cells[column], line, length, column))
            return false;
        more = line[length] == ',';
        line += length + more;
    }
    if ((column != COLUMNS && column != COLUMNS_BEFORE) || cells[EPOCH] < 1)
        return false;
    *out = (struct metrics_row){.epoch = (size_t)cells[EPOCH],
                                .lr = cells[LR],
                                .train_loss = cells[TRAIN_LOSS],
                                .train_accuracy = cells[TRAIN_ACCURACY],
                                .val_loss = cells[VAL_LOSS],
                                .val_accuracy = cells[VAL_ACCURACY],
                                .val_top5 = cells[VAL_TOP5],
                                .macro_f1 = cells[MACRO_F1],
                                .photos = (size_t)cells[PHOTOS],
                                .left_out = (size_t)cells[LEFT_OUT],
                                .best = cells[BEST] > 0,
                                .seconds = cells[SECONDS],
                                .missed = (size_t)cells[MISSED],
                                .val_missed = (size_t)cells[VAL_MISSED]};
    return true;
}

const char *record_metrics_next(const char *text)
{
    text += strcspn(text, "\n");
    return text + (*text == '\n');
}
