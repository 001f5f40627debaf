/* What the terminal can do. stdout carries results and is never coloured; all of this is about stderr. */
#ifndef FREEZETUNE_TERM_H
#define FREEZETUNE_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Is stderr a terminal that can move its cursor (TERM is set and not "dumb")? */
bool term_live(void);

/* Live, and NO_COLOR is unset or empty (no-color.org). */
bool term_color(void);

/* Columns of the terminal behind `stream`, else $COLUMNS, else 80; within 40..400. A size of 0 or less is not known. */
int term_width(FILE *stream);

/* Columns that a line on `stream` may take: term_width where it is a terminal, else 0, which is no limit. */
size_t term_limit(FILE *stream);

/* Columns that the text takes: one for a character, two for wide East Asian ones and emoji, none for combining marks,
 * by utf8proc; in a build without it one for each. A byte that is not UTF-8 counts as one. */
size_t text_width(const char *text);

/* SGR sequences for stderr, "" without colour: term_style(TERM_BOLD) ... term_style(TERM_PLAIN). */
enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GREEN, TERM_YELLOW, TERM_RED };
const char *term_style(enum term_style style);

#endif
