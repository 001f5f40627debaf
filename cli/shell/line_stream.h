/* Lines of a descriptor, each as soon as it is there: nothing waits for a full buffer, and a signal (signals.h) ends it
 * at once. */
#ifndef FREEZETUNE_LINE_STREAM_H
#define FREEZETUNE_LINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum { LINE_STREAM_LONGEST = 4096 }; /* bytes, the terminating NUL among them */

struct line_stream {
    int fd;
    char separator; /* '\n' or '\0' */
    bool ended;
    char bytes[8192];
    size_t from, to; /* what has been read and not handed out */
    char line[LINE_STREAM_LONGEST];
    size_t length;
    bool too_long; /* the line is longer: this is its beginning, the rest was dropped */
};

/* The descriptor is borrowed; it may block. */
void line_stream_start(struct line_stream *stream, int fd, char separator);

/* The next line, without its separator and with a NUL behind it, in stream->line; waits for it. *there: false at the
 * end and when a signal came. A last line without separator counts. ERR_IO when reading fails. */
MUST_CHECK enum status line_stream_next(struct line_stream *stream, bool *there, struct error *err);

#endif
