#define _POSIX_C_SOURCE 200809L
#include "cli/report/predict_stream.h"

#include <string.h>
#include <unistd.h>

#include "cli/shell/signals.h"

enum status predict_stream_options(int *format, long long *top, const struct arguments *args, struct error *err)
{
    static const struct {
        const char *option, *reason;
    } refused[] = {{"out", "the answers go to stdout as they come"},
                   {"logits", "its file is written when the number of photos is known"},
                   {"features", "its file is written when the number of photos is known"},
                   {"cam", "its folder is written when all photos are done"},
                   {"batch-size", "a photo does not wait for others"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (arguments_given(args, refused[i].option))
            return error_set(err, ERR_USAGE, "--%s cannot be combined with --stream: %s", refused[i].option,
                             refused[i].reason);
    for (size_t i = 0; i < args->operand_count; i++)
        if (strcmp(args->operands[i], "-") != 0)
            return error_set(err, ERR_USAGE, "%s: --stream takes its photos from stdin alone; leave it out",
                             args->operands[i]);
    if (!arguments_given(args, "format"))
        *format = TABLE_JSONL;
    if (*format == TABLE_TEXT)
        return error_set(err, ERR_USAGE,
                         "--format table cannot be combined with --stream: its columns wait for the "
                         "last row; choose tsv, csv or jsonl");
    if (*format == TABLE_JSONL)
        return OK;
    if (arguments_given(args, "top-k") && *top > 1)
        return error_set(err, ERR_USAGE,
                         "--top-k %lld cannot be combined with --stream and a line for each photo; "
                         "choose --format jsonl",
                         *top);
    *top = 1;
    return OK;
}

void predict_stream_start(struct predict_stream *stream, bool null)
{
    *stream = (struct predict_stream){.photo = {.class = PHOTO_NO_CLASS}};
    line_stream_start(&stream->lines, STDIN_FILENO, null ? '\0' : '\n');
    stream->list = (struct photo_list){.names = stream->lines.line, .photos = &stream->photo, .count = 1};
}

/* The path in the line that was read, or NULL for an empty one; *reason: why it can be none, or NULL. */
static const char *find_path(struct predict_stream *stream, bool first, const char **reason)
{
    struct line_stream *lines = &stream->lines;
    char *path = lines->line;
    *reason = NULL;
    if (lines->too_long)
        *reason = "its path is too long";
    else if (strlen(path) != lines->length)
        *reason = "there is a zero byte in the line; lists that end paths with them take --null";
    else if (lines->separator == '\n')
        path = photo_line_path(path, lines->length, first);
    stream->photo.name = (uint64_t)(path - lines->line);
    return path[0] || *reason ? path : NULL;
}

static enum status write_bad(struct predict_stream *stream, struct predict_output *output, const char *path,
                             const char *reason, bool failed, struct error *err)
{
    stream->bad++;
    stream->failed += failed;
    return predict_output_error(output, path, reason, err);
}

/* The photo's answer. The loader's threads rest between two calls: the name in the list may change then. */
static enum status answer(struct predict_stream *stream, struct inference *inference, struct predict_output *output,
                          const char *path, struct error *err)
{
    const struct photo_batch *batch;
    const float *logits;
    loader_renew(inference->loader, 0);
    loader_start(inference->loader, NULL, 1, 0, 0, AUGMENT_NONE);
    enum status status = inference_next(inference, &batch, &logits, err);
    if (status != OK)
        return status;
    if (batch)
        return predict_output_photo(output, path, logits, err);
    struct photo_fault bad = loader_bad_get(inference->loader, 0);
    return write_bad(stream, output, path, bad.reason, bad.failed, err);
}

enum status predict_stream_run(struct predict_stream *stream, struct inference *inference,
                               struct predict_output *output, struct error *err)
{
    bool there = true;
    enum status status = OK;
    for (bool first = true; status == OK; first = false) {
        const char *reason;
        if (fflush(output->out) != 0 || ferror(output->out))
            break; /* said when the stream is closed */
        status = line_stream_next(&stream->lines, &there, err);
        if (status != OK || !there)
            break;
        const char *path = find_path(stream, first, &reason);
        if (!path)
            continue;
        stream->answered++;
        status =
            reason ? write_bad(stream, output, path, reason, false, err) : answer(stream, inference, output, path, err);
    }
    return status;
}
