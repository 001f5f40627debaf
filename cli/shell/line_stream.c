#define _POSIX_C_SOURCE 200809L
#include "cli/shell/line_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/shell/signals.h"

/* A signal that comes between the question for it and poll, or that another thread takes, is seen after this time. */
enum { LOOK_AGAIN = 200 }; /* ms */

void line_stream_start(struct line_stream *stream, int fd, char separator)
{
    *stream = (struct line_stream){.fd = fd, .separator = separator};
}

/* Reads what is there, at least one byte, and waits for that; signals are looked for meanwhile, which read, being
 * restarted, would not do. */
static enum status fill(struct line_stream *stream, struct error *err)
{
    struct pollfd waiting = {.fd = stream->fd, .events = POLLIN};
    int ready = 0;
    while (ready == 0 && !signals_stop()) {
        ready = poll(&waiting, 1, LOOK_AGAIN);
        if (ready < 0 && (errno == EINTR || errno == EAGAIN))
            ready = 0;
    }
    if (signals_stop())
        return OK;
    ssize_t got = read(stream->fd, stream->bytes, sizeof stream->bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return OK;
    if (got < 0)
        return error_set(err, ERR_IO, "reading the list of photos failed: %s", strerror(errno));
    stream->ended = got == 0;
    stream->from = 0;
    stream->to = (size_t)got;
    return OK;
}

/* Takes bytes up to the separator or to the end of what was read; true when the line is whole. */
static bool take(struct line_stream *stream)
{
    const char *begin = stream->bytes + stream->from;
    size_t have = stream->to - stream->from;
    const char *end = memchr(begin, stream->separator, have);
    size_t length = end ? (size_t)(end - begin) : have, room = sizeof stream->line - 1 - stream->length;
    size_t kept = length < room ? length : room;
    memcpy(stream->line + stream->length, begin, kept);
    stream->length += kept;
    stream->line[stream->length] = '\0';
    stream->too_long = stream->too_long || kept < length;
    stream->from += length + (end != NULL);
    return end != NULL;
}

enum status line_stream_next(struct line_stream *stream, bool *there, struct error *err)
{
    enum status status = OK;
    bool whole = false;
    stream->length = 0;
    stream->line[0] = '\0';
    stream->too_long = false;
    while (status == OK && !whole && !stream->ended && !signals_stop()) {
        if (stream->from == stream->to)
            status = fill(stream, err);
        if (status == OK && stream->from < stream->to)
            whole = take(stream);
    }
    *there = status == OK && !signals_stop() && (whole || stream->length > 0);
    return status;
}
