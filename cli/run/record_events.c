#include "cli/run/record_events.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/run/record_metrics.h"
#include "cli/run/run_setup.h"
#include "cli/run/tensorboard.h"
#include "cli/shell/growing_file.h"
#include "core/base/file.h"
#include "core/base/memory.h"

#define NAME "events.out.tfevents.freezetune"

enum { CURVES = 8, CURVE_BYTES = 40 };

/* ---- an epoch ---------------------------------------------------------------------------------------------------- */

/* The rate of each child that trains in the epoch, where the schedule has row->lr. */
static void put_rates(struct tensorboard_point *point, const struct metrics_row *row, const struct run_setup *t)
{
    const struct train_options *options = &t->options;
    int until = unfreezing_until(&options->unfreezing, options->freeze.until, row->epoch - 1);
    for (int child = until + 1; child <= (int)t->net->children; child++) {
        char tag[NET_NAME + 8];
        double factor = rates_child(&options->rates, t->net, child);
        snprintf(tag, sizeof tag, "lr/%s", t->net->child_names[child]);
        if (factor > 0)
            tensorboard_value(point, tag, factor * row->lr);
    }
}

static void put_epoch(struct bytes *out, const struct metrics_row *row, double time, const struct run_setup *t)
{
    const struct {
        const char *tag;
        double value;
    } curves[CURVES] = {{"loss/train", row->train_loss},         {"loss/val", row->val_loss},
                        {"accuracy/train", row->train_accuracy}, {"accuracy/val", row->val_accuracy},
                        {"accuracy/val_top5", row->val_top5},    {"macro_f1/val", row->macro_f1},
                        {"seconds/epoch", row->seconds},         {"lr/schedule", row->lr}};
    struct tensorboard_point point = tensorboard_begin(time, row->epoch, out->err);
    for (size_t i = 0; i < CURVES; i++)
        tensorboard_value(&point, curves[i].tag, curves[i].value);
    put_rates(&point, row, t);
    tensorboard_end(out, &point);
}

uint64_t record_events_bytes(const struct net *net, size_t epochs)
{
    return (uint64_t)(epochs + 1) * (CURVES + net->children) * CURVE_BYTES;
}

/* Takes a line of metrics.csv; one that is no row has no record. */
static void take_row(struct bytes *out, struct record_events *events, const char *line)
{
    struct metrics_row row;
    if (!record_metrics_row(&row, line))
        return;
    events->time += row.seconds;
    put_epoch(out, &row, events->time, events->setup);
}

enum status record_events_epoch(struct record_events *events, const char *row, struct error *err)
{
    struct bytes record = bytes_start("events", err);
    if (!events->stream)
        return OK;
    take_row(&record, events, row);
    enum status status = record.status;
    if (status == OK && record.length > 0)
        fwrite(record.data, 1, record.length, events->stream);
    bytes_free(&record);
    fflush(events->stream);
    return status;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum status path_of(char **out, const char *folder, const char *name, struct stat *info, bool *there,
                           struct error *err)
{
    enum status status = path_join(out, folder, name, err);
    if (status == OK)
        *there = path_stat(info, *out) == 0;
    return status;
}

bool record_events_exist(const char *folder)
{
    struct stat info;
    char *path = NULL;
    bool there = false;
    enum status status = path_of(&path, folder, NAME, &info, &there, NULL);
    memory_free(path);
    return status == OK && there;
}

/* *out: when the run began. */
static enum status begin_time(double *out, struct record_events *events, struct error *err)
{
    struct stat info;
    char *path = NULL;
    bool there;
    uint8_t head[TENSORBOARD_HEAD];
    *out = NAN;
    if (fread(head, 1, sizeof head, events->stream) == sizeof head)
        *out = tensorboard_head_time(head);
    rewind(events->stream);
    if (!isnan(*out))
        return OK;
    enum status status = path_of(&path, events->folder, "config.json", &info, &there, err);
    if (status == OK && !there)
        status = error_set(err, ERR_IO, "%s: cannot be looked at", path);
    if (status == OK)
        *out = (double)info.st_mtim.tv_sec + (double)info.st_mtim.tv_nsec * 1e-9;
    memory_free(path);
    return status;
}

/* Whether the file goes on with these bytes. */
static bool goes_on(FILE *stream, const struct bytes *expected)
{
    uint8_t piece[256];
    for (size_t at = 0; at < expected->length;) {
        size_t left = expected->length - at, size = left < sizeof piece ? left : sizeof piece;
        if (fread(piece, 1, size, stream) != size || memcmp(piece, expected->data + at, size) != 0)
            return false;
        at += size;
    }
    return true;
}

/* The next record: `expected` is what it should be. *good is the length of the file that is as it should be, and
 * *same whether it may go on. */
static enum status check_record(struct record_events *events, struct bytes *expected, bool *same, long long *good,
                                struct error *err)
{
    enum status status = expected->status;
    bool was = *same;
    if (status == OK && was)
        *same = goes_on(events->stream, expected);
    if (status == OK && *same)
        *good += (long long)expected->length;
    if (status == OK && was && !*same)
        status = growing_file_cut(events->stream, events->folder, NAME, *good, err);
    if (status == OK && !*same && expected->length > 0)
        fwrite(expected->data, 1, expected->length, events->stream);
    bytes_free(expected);
    return status;
}

/* Leaves the file with the records of these rows of metrics.csv. */
static enum status mend(struct record_events *events, const char *text, struct error *err)
{
    bool same = true;
    long long good = 0;
    struct bytes record = bytes_start("events", err);
    tensorboard_head(&record, events->time);
    enum status status = check_record(events, &record, &same, &good, err);
    for (const char *line = text; *line && status == OK; line = record_metrics_next(line)) {
        record = bytes_start("events", err);
        take_row(&record, events, line);
        status = check_record(events, &record, &same, &good, err);
    }
    if (status == OK && same)
        status = growing_file_cut(events->stream, events->folder, NAME, good, err);
    return status;
}

enum status record_events_open(struct record_events *out, const char *folder, const struct run_setup *setup,
                               struct error *err)
{
    char *text = NULL;
    *out = (struct record_events){.folder = folder, .setup = setup};
    enum status status = growing_file_begin(&out->stream, folder, NAME, err);
    if (status == OK)
        status = begin_time(&out->time, out, err);
    if (status == OK)
        status = record_metrics_read(&text, folder, err);
    if (status == OK)
        status = mend(out, text, err);
    if (status == OK)
        fflush(out->stream);
    memory_free(text);
    return status;
}

void record_events_close(struct record_events *events)
{
    if (events->stream)
        fclose(events->stream);
    events->stream = NULL;
}

enum status record_events_sync(struct record_events *events, struct error *err)
{
    return events->stream ? growing_file_sync(events->stream, events->folder, NAME, err) : OK;
}
