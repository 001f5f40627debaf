/* Text from outside (file names, class names, metadata) made safe for a terminal, a table or a log line. */
#ifndef FREEZETUNE_TEXT_H
#define FREEZETUNE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the character at `text` when a terminal may be shown it; 0 when it is a control character (of ASCII,
 * DEL, or U+0080 to U+009F, which terminals obey as well) or no valid UTF-8. */
size_t text_safe_length(const char *text);

/* Writes `text` with backslashes and what is not safe as \n, \t, \\ or \xNN; the rest
 * stays. At most `size` bytes with the terminator; a longer text ends in "...". Returns out. */
char *text_escape(char *out, size_t size, const char *text);

/* The same, but backslashes stay as they are: for whole lines, of which parts may have gone through text_escape. */
char *text_printable(char *out, size_t size, const char *text);

/* The length in bytes (1..4) of the valid UTF-8 character at `text`, 0 if it is none (RFC 3629). */
size_t text_utf8_length(const char *text);
/* Whether bytes[size], which need no NUL behind them, are valid UTF-8 without a NUL among them. */
bool text_is_utf8(const void *bytes, size_t size);

/* The whole of `text` as a number: false on an empty text, trailing bytes, overflow, or NaN. No leading blanks. */
bool text_to_double(double *out, const char *text);
bool text_to_long(long long *out, const char *text);

#endif
