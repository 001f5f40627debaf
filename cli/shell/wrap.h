/* Text that fits a terminal: lines wrapped at blanks, cells and paths shortened. Where a stream is no terminal
 * (term_limit is 0) nothing of this happens: scripts see whole lines.
 *
 * The second line of a wrapped one begins below the text that follows its label, or two columns further in:
 *
 *   memory  653 MB: weights 102 MB, network 430 MB,      photos: /data/flowers: 150 to train on,
 *           optimizer 96 MB                                50 to validate, 5 classes
 */
#ifndef FREEZETUNE_WRAP_H
#define FREEZETUNE_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct wrap {
    size_t width;  /* columns of a line; 0: no limit */
    size_t column; /* where the cursor stands */
    size_t indent; /* where the next lines begin; WRAP_LABEL: as drawn above, for each line of the text by its own */
    bool command;  /* for a shell: lines end in " \", so that what is copied still runs */
};
#define WRAP_LABEL ((size_t)-1)

/* Writes `text` (safe for a terminal) in lines of at most width columns (text_width). Breaks at blanks, rather at two
 * of them than at one, never between a number and its unit; a word that is longer than a line is broken behind a slash,
 * bar or comma, or where the line ends. Line feeds in the text stay; none is added at the end. */
void text_wrap(FILE *out, const char *text, struct wrap wrap);

/* Lines that are put together piece by piece:
 *
 *   struct lines lines;
 *   FILE *out = lines_start(&lines, stdout);
 *   fprintf(out, ...);
 *   lines_end(&lines);
 *
 * lines_start returns `out` itself where it is no terminal, and where there is no memory. */
struct lines {
    FILE *out, *kept; /* kept: NULL without a limit */
    char *text;
    size_t size;
    bool command;
};
FILE *lines_start(struct lines *lines, FILE *out);
void lines_end(struct lines *lines);
/* The same for a command that a user may copy. */
FILE *lines_start_command(struct lines *lines, FILE *out);

/* One line, wrapped; a line feed is added. */
void say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `text` in at most `width` columns (width 0: whole): cut at its end, "a long na...", or at its beginning,
 * ".../val/cat.jpg". `size` is at least strlen(text) + 4. Returns out. */
char *text_shorten(char *out, size_t size, const char *text, size_t width);
char *text_shorten_left(char *out, size_t size, const char *text, size_t width);

/* A path within a line on `stream`: escaped, and on a terminal shortened on the left to half of the line. out holds
 * PATH_SHOWN bytes. */
enum { PATH_SHOWN = 4100 };
char *path_shown(char out[PATH_SHOWN], const char *path, FILE *stream);

#endif
