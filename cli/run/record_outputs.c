#define _POSIX_C_SOURCE 200809L
#include "cli/run/record_outputs.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "cli/report/probabilities.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

static const char name[] = "probabilities_val.csv";

/* In front of the logits of a row. */
struct row_head {
    uint32_t photo;
    int32_t label;
};

static size_t row_bytes(size_t classes)
{
    return sizeof(struct row_head) + classes * sizeof(float);
}

static enum status failed(const struct outfile *file, int error, struct error *err)
{
    return error_set(err, ERR_IO, "%s: %s", file->temporary, strerror(error));
}

/* Empty, to be written from the start. */
static enum status start(struct record_outputs *outputs, int which, const char *folder, struct error *err)
{
    struct outfile *file = &outputs->files[which];
    enum status status = OK;
    outputs->rows[which] = 0;
    if (!outputs->open[which])
        status = outfile_open_in(file, folder, name, err);
    else if (fseeko(file->stream, 0, SEEK_SET) != 0)
        status = failed(file, errno, err);
    if (status == OK)
        outputs->open[which] = true;
    return status;
}

enum status record_outputs_add(struct record_outputs *outputs, const char *folder, const struct photo_batch *batch,
                               const float *logits, size_t classes, bool first, struct error *err)
{
    int which = !outputs->kept;
    struct outfile *file = &outputs->files[which];
    enum status status = first ? start(outputs, which, folder, err) : OK;
    if (status != OK)
        return status;
    for (size_t i = 0; i < batch->count; i++) {
        const struct row_head head = {batch->photos[i], batch->labels[i]};
        errno = 0;
        if (fwrite(&head, sizeof head, 1, file->stream) != 1 ||
            fwrite(logits + i * classes, sizeof *logits, classes, file->stream) != classes)
            return failed(file, errno, err);
    }
    outputs->rows[which] += batch->count;
    return OK;
}

void record_outputs_keep(struct record_outputs *outputs)
{
    outputs->kept = !outputs->kept;
}

/* bytes[size] from `at` on. */
static enum status read_at(uint8_t *bytes, const struct outfile *file, size_t size, off_t at, struct error *err)
{
    struct retry retry = {0};
    while (size > 0) {
        ssize_t count = pread(fileno(file->stream), bytes, size, at);
        if (count < 0 && retry_after(&retry, errno))
            continue;
        if (count <= 0)
            return error_set(err, ERR_IO, "%s: %s", file->temporary,
                             count < 0 ? strerror(errno) : "became shorter while it was used");
        bytes += count;
        size -= (size_t)count;
        at += count;
    }
    return OK;
}

static enum status write_rows(FILE *out, const struct outfile *waiting, size_t rows, uint8_t *row,
                              const struct photo_list *photos, const struct class_names *classes, struct error *err)
{
    size_t bytes = row_bytes(classes->count);
    enum status status = OK;
    for (size_t i = 0; i < rows && status == OK; i++) {
        struct row_head head;
        status = read_at(row, waiting, bytes, (off_t)(i * bytes), err);
        if (status != OK)
            break;
        memcpy(&head, row, sizeof head);
        probabilities_put_row(out, photo_name(photos, head.photo), classes->names[head.label],
                              (const float *)(row + sizeof head), classes->count);
    }
    return status;
}

enum status record_outputs_write(const struct record_outputs *outputs, const char *folder,
                                 const struct photo_list *photos, const struct class_names *classes, struct error *err)
{
    const struct outfile *waiting = &outputs->files[outputs->kept];
    struct outfile file;
    void *row = NULL;
    if (!outputs->open[outputs->kept])
        return OK;
    if (fflush(waiting->stream) != 0)
        return failed(waiting, errno, err);
    enum status status = memory_alloc(&row, row_bytes(classes->count), 1, "the outputs of a photo", err);
    if (status != OK)
        return status;
    status = outfile_open_in(&file, folder, name, err);
    if (status == OK) {
        probabilities_put_head(file.stream, classes);
        status = write_rows(file.stream, waiting, outputs->rows[outputs->kept], row, photos, classes, err);
        status = outfile_end(&file, status, err);
    }
    memory_free(row);
    return status;
}

void record_outputs_close(struct record_outputs *outputs)
{
    for (int i = 0; i < 2; i++)
        if (outputs->open[i])
            outfile_discard(&outputs->files[i]);
    *outputs = (struct record_outputs){0};
}

/* A row of the table: a file's name and a class's, and of each class a comma and at most 15 characters. */
enum { ROW_NAMES = 150, CELL = 16 };

uint64_t record_outputs_csv_bytes(uint64_t photos, uint64_t classes)
{
    return (photos + 1) * (ROW_NAMES + classes * CELL);
}

uint64_t record_outputs_waiting_bytes(uint64_t photos, uint64_t classes)
{
    return 2 * photos * row_bytes((size_t)classes);
}
