/* Text from outside (file names, class names, metadata) made safe for a terminal, a table or a log line. */
#ifndef FREEZETUNE_TEXT_H
#define FREEZETUNE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character at `text` when a terminal may be shown it; 0 when it is no valid UTF-8 or a control
 * character: of ASCII, DEL, U+0080 to U+009F, which terminals obey as well, those that turn the order of the text
 * (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), U+2028, U+2029 and U+FEFF. */
size_t text_safe_length(const char *text);

/* The rule by which all of the program's text is made safe: the character at `text`, which is not at its end, as \n,
 * \t, \\, \xNN (each byte of what is not safe) or as it is, without a NUL behind it. Returns the bytes written and sets
 * how many were *taken. `printf %b` of a shell undoes it. */
enum { TEXT_PIECE = 5 };
size_t text_escape_next(char out[TEXT_PIECE], size_t *taken, const char *text);

/* Writes `text` with backslashes and what is not safe as \n, \t, \\ or \xNN; the rest
 * stays. At most `size` bytes with the terminator; a longer text ends in "...". Returns out. */
char *text_escape(char *out, size_t size, const char *text);

/* The same, but backslashes stay as they are: for whole lines, of which parts may have gone through text_escape. */
char *text_printable(char *out, size_t size, const char *text);

/* The length in bytes (1..4) of the valid UTF-8 character at `text`, 0 if it is none (RFC 3629). */
size_t text_utf8_length(const char *text);
/* The number of that character. */
uint32_t text_code_point(const char *text, size_t length);
/* Whether bytes[size], which need no NUL behind them, are valid UTF-8 without a NUL among them. */
bool text_is_utf8(const void *bytes, size_t size);

/* Whether a text in this JSON holds a zero byte (\u0000), at which a C string would end early. */
bool text_json_has_nul(const char *json);

/* The whole of `text` as a number: false on an empty text, trailing bytes, overflow, or NaN. No leading blanks. */
bool text_to_double(double *out, const char *text);
bool text_to_long(long long *out, const char *text);

#endif
