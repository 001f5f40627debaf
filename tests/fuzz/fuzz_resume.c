/* The files of a run or a sweep that --resume reads, but for the weights and the state (fuzz_safetensors, fuzz_state).
 * The first byte says which file the rest is, the others are not there:
 *
 *   0  config.json, of train           4  log.jsonl
 *   1  config.json, of sweep           5  photos.bin
 *   2  result.json                     6  photos.bin, its checksum made right: chance would never find it
 *   3  metrics.csv                     7  config.json, as predict and eval look at it beside a model
 *
 * A file that is accepted and written again reads as the same; every number of it is in its range.
 */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/run/record_config.h"
#include "cli/run/record_metrics.h"
#include "cli/run/record_result.h"
#include "cli/run/show_epochs.h"
#include "cli/run/train_options.h"
#include "cli/shell/growing_file.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/data/photo_stamp.h"

static char folder[64];

static void require(int truth)
{
    if (!truth)
        abort();
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    static const char *const names[] = {"config.json", "result.json", "metrics.csv", "log.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    rmdir(folder);
}

static void put_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    require(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* What an error says begins with the file. (A value in it may hold a newline: it is escaped when it is shown.) */
static void check_refused(enum status status, const struct error *err, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s", path_of(name));
    require(status == ERR_DATA && strncmp(err->text, path, strlen(path)) == 0);
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static void check_ranges(const struct arguments *arguments)
{
    for (size_t i = 0; i < command_option_count(arguments->command); i++) {
        const struct option *option = command_option(arguments->command, i);
        const void *at = (const char *)arguments->values + option->offset;
        double value = option->kind == OPTION_FLOAT                                ? *(const double *)at
                       : option->kind == OPTION_INT || option->kind == OPTION_SIZE ? (double)*(const long long *)at
                                                                                   : 0;
        bool word = option->kind == OPTION_FLOAT && option->choices && value < 0;
        bool number = option->kind == OPTION_FLOAT || option->kind == OPTION_INT || option->kind == OPTION_SIZE;
        require(!number || word || !arguments->given[i] || (value >= option->low && value <= option->high));
    }
}

/* The config.json that a run of these options would write, as text; owned by the caller (free). */
static char *record(size_t *size, const struct resumed *resumed)
{
    const struct train_values *values = resumed->arguments.values;
    const struct train_decided decided = {
        values->data,
        values->labels,
        values->val_labels,
        values->weights,
        values->classes,
        -1,
        values->head_lr_mult > 0 ? values->head_lr_mult : 1}; /* as run_setup_open decides where it was left open */
    char *text;
    FILE *out = open_memstream(&text, size);
    struct json json = json_start(out, true);
    json_open(&json, NULL, '{');
    json_text(&json, "command", resumed->arguments.command->name);
    train_options_record(&json, resumed->arguments.command, values, &decided);
    json_text(&json, "weights_hash", resumed->weights_hash);
    json_text(&json, "photos", resumed->photos);
    json_close(&json);
    json_end(&json);
    require(fclose(out) == 0);
    return text;
}

static enum status read_config(struct resumed *out, const struct command *command, struct error *err)
{
    char option[80];
    const char *const argv[] = {option};
    struct arguments given;
    snprintf(option, sizeof option, "--resume=%s", folder);
    require(arguments_parse(&given, command, 1, argv, err) == OK);
    enum status status = train_options_resume(out, &given, err);
    arguments_free(&given);
    return status;
}

static void feed_config(const struct command *command, const uint8_t *data, size_t size)
{
    struct resumed resumed;
    struct error err = {0};
    size_t lengths[2];
    char *texts[2];
    put_file("config.json", data, size);
    enum status status = read_config(&resumed, command, &err);
    if (status != OK) {
        require(status == ERR_USAGE || status == ERR_DATA);
        if (status == ERR_DATA)
            check_refused(status, &err, "config.json");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        train_values_complete(&resumed.arguments); /* what a run does with options that are not recorded */
        require(!resumed.arguments.help && resumed.arguments.operand_count == 0);
        check_ranges(&resumed.arguments);
        texts[i] = record(&lengths[i], &resumed);
        resumed_free(&resumed);
        put_file("config.json", texts[i], lengths[i]);
        if (i == 0)
            require(read_config(&resumed, command, &err) == OK);
    }
    require(lengths[0] == lengths[1] && memcmp(texts[0], texts[1], lengths[0]) == 0);
    free(texts[0]);
    free(texts[1]);
}

static void feed_train_config(const uint8_t *data, size_t size)
{
    feed_config(&cmd_train, data, size);
}

static void feed_sweep_config(const uint8_t *data, size_t size)
{
    feed_config(&cmd_sweep, data, size);
}

/* A run that a model of the classes "a" and "b" may come from. */
static void feed_record(const uint8_t *data, size_t size)
{
    char path[128], *names[] = {"a", "b"};
    struct record_config record;
    struct error err;
    put_file("config.json", data, size);
    snprintf(path, sizeof path, "%s/best.safetensors", folder);
    const struct model model = {.path = path, .info.classes = {names, 2}};
    require(record_config_read(&record, &model, &err) == OK);
    require(!record.folder == !record.data && record.fold <= record.folds && record.folds != 1);
    require(record.val_split >= 0 && record.val_split <= 1 && strlen(record.photos) <= 32);
    record_config_free(&record);
}

/* ---- result.json ------------------------------------------------------------------------------------------------- */

static void check_result(const struct record_result *result)
{
    require(result->freeze_until >= 0 && result->lr >= 0 && result->loss >= 0 && isfinite(result->loss));
    require(result->right <= result->photos && result->best_epoch <= result->epochs);
    require(result->macro_f1 >= 0 && result->macro_f1 <= 1 && result->seconds >= 0);
    require(record_result_accuracy(result) >= 0 && record_result_accuracy(result) <= 1);
}

static void feed_result(const uint8_t *data, size_t size)
{
    struct record_result result;
    struct error err = {0};
    char *states[2];
    uint8_t *texts[2];
    size_t lengths[2];
    bool there;
    put_file("result.json", data, size);
    enum status status = record_result_read(&result, &there, &states[0], folder, &err);
    require(there);
    if (status != OK) {
        check_refused(status, &err, "result.json");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        check_result(&result);
        require(record_result_write(folder, &result, states[i], &err) == OK);
        require(file_read(&texts[i], &lengths[i], path_of("result.json"), SIZE_MAX, &err) == OK);
        if (i == 0)
            require(record_result_read(&result, &there, &states[1], folder, &err) == OK);
    }
    require(lengths[0] == lengths[1] && memcmp(texts[0], texts[1], lengths[0]) == 0);
    require(!states[0] == !states[1] && (!states[0] || strcmp(states[0], states[1]) == 0));
    for (size_t i = 0; i < 2; i++) {
        memory_free(states[i]);
        memory_free(texts[i]);
    }
}

/* ---- metrics.csv and log.jsonl ----------------------------------------------------------------------------------- */

static void check_row(const struct metrics_row *row)
{
    const double shares[] = {row->train_accuracy, row->val_accuracy, row->val_top5, row->macro_f1};
    for (size_t i = 0; i < 4; i++)
        require(shares[i] >= 0 && shares[i] <= 1);
    require(row->epoch > 0 && row->seconds >= 0 && row->lr >= 0 && row->train_loss >= 0 && row->val_loss >= 0);
}

static void feed_metrics(const uint8_t *data, size_t size)
{
    struct metrics_row row, again;
    struct error err;
    char *text, line[512];
    put_file("metrics.csv", data, size);
    require(record_metrics_read(&text, folder, &err) == OK);
    for (const char *at = text; *at; at = record_metrics_next(at)) {
        if (!record_metrics_row(&row, at))
            continue;
        check_row(&row);
        snprintf(line, sizeof line, "%zu,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%zu,%zu,%d,%.17g,%zu,%zu\n",
                 row.epoch, row.lr, row.train_loss, row.train_accuracy, row.val_loss, row.val_accuracy, row.val_top5,
                 row.macro_f1, row.photos, row.left_out, row.best, row.seconds, row.missed, row.val_missed);
        require(record_metrics_row(&again, line));
        require(again.epoch == row.epoch && again.seconds == row.seconds && again.macro_f1 == row.macro_f1 &&
                again.missed == row.missed && again.val_missed == row.val_missed && again.best == row.best);
    }
    memory_free(text);
    FILE *out = fopen("/dev/null", "w");
    require(out && show_epochs(out, folder, 1, &err) == OK && fclose(out) == 0);
}

/* Cut to its first lines, the first byte of the rest says how many, and so again. */
static void feed_log(const uint8_t *data, size_t size)
{
    struct error err = {0};
    FILE *stream;
    uint8_t *text;
    size_t length, seen = 0, kept = 0, lines = size > 0 ? data[0] % 32 : 0;
    data += size > 0;
    size -= size > 0;
    while (kept < size && seen < lines)
        seen += data[kept++] == '\n';
    put_file("log.jsonl", data, size);
    enum status status = growing_file_open(&stream, folder, "log.jsonl", lines, &err);
    require((status == OK) == (seen == lines));
    if (status == OK) {
        growing_file_begins_with(stream, "epoch\n");
        require(ftello(stream) == (off_t)kept && fclose(stream) == 0);
    } else {
        check_refused(status, &err, "log.jsonl");
    }
    require(file_read(&text, &length, path_of("log.jsonl"), SIZE_MAX, &err) == OK);
    require(length == (status == OK ? kept : size) && memcmp(text, data, length) == 0);
    memory_free(text);
}

/* ---- photos.bin -------------------------------------------------------------------------------------------------- */

enum { TRAIN = 3, VAL = 2 };
static const char list[33] = "00112233445566778899aabbccddeeff";

static void feed_photos(const uint8_t *data, size_t size)
{
    struct photo_stamp stamps[TRAIN + VAL], *found = NULL;
    struct error err = {0};
    size_t count = 0;
    bool same = false, known = false;
    enum status status = photo_stamps_read(stamps, &same, data, size, list, TRAIN, VAL, &err);
    enum status again = photo_stamps_read_train(&found, &count, &known, data, size, list, &err);
    require(status == again && (status == OK || status == ERR_DATA));
    if (status == OK && same) {
        uint8_t *bytes = malloc(size);
        require(bytes && size == photo_stamps_size(TRAIN, VAL) && known && count == TRAIN);
        require(memcmp(found, stamps, TRAIN * sizeof *found) == 0);
        photo_stamps_write(bytes, list, stamps, TRAIN, VAL);
        require(memcmp(bytes, data, size) == 0);
        free(bytes);
    }
    memory_free(found);
}

static void feed_sealed_photos(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 8);
    require(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    uint64_t hash = hash_bytes(bytes, size, 0).low;
    for (size_t i = 0; i < 8; i++)
        bytes[size + i] = (uint8_t)(hash >> (8 * i));
    feed_photos(bytes, size + 8);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const feeds[])(const uint8_t *data,
                                 size_t size) = {feed_train_config, feed_sweep_config, feed_result,        feed_metrics,
                                                 feed_log,          feed_photos,       feed_sealed_photos, feed_record};
    if (size < 1)
        return 0;
    fuzz_folder_make(folder, remove_folder);
    feeds[data[0] % 8](data + 1, size - 1);
    return 0;
}
