/* One line of text that grows, for what is to be said of folders. Too long a line is cut. */
#ifndef FREEZETUNE_LINE_H
#define FREEZETUNE_LINE_H

#include <stddef.h>

#include "core/base/error.h"

struct line {
    char bytes[1024];
    size_t used;
};

void line_add(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);

/* The next of a list of folders, "a/, b/, c/ and 4 more": *listed counts them, from 0. */
void line_list(struct line *line, size_t *listed, const char *name);
void line_list_end(struct line *line, size_t listed);

/* A copy, owned by the caller (memory_free); *out is untouched when the line is empty. */
MUST_CHECK enum status line_take(char **out, const struct line *line, struct error *err);

#endif
