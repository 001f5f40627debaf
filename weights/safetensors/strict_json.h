/* The letters of strict JSON (RFC 8259): marks, strings and whole numbers, for headers of weight files, where nothing
 * may be read in two ways. General JSON (configuration) is read by cJSON.
 *
 * Works on a private copy of the text with a NUL behind it. Strings are decoded in place: decoded text is never longer
 * than its source, so a string stays where it stood, and `base + (string - text)` is its place in the file.
 * Failures are ERR_DATA and name the file, the tensor and the byte.
 */
#ifndef FREEZETUNE_STRICT_JSON_H
#define FREEZETUNE_STRICT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct strict_json {
    char *text;
    size_t at, end;     /* text[end] is NUL; at <= end */
    size_t base;        /* where text begins in the file */
    const char *path;   /* the file */
    const char *tensor; /* the tensor being read, or NULL */
    struct error *err;
};

/* "path: tensor 'name', byte N: what", N = base + at. Returns ERR_DATA. */
enum status strict_fail(const struct strict_json *p, size_t at, const char *format, ...) PRINTF_LIKE(3, 4);
/* "... expected `expected`, found (what stands at p->at)". */
enum status strict_fail_expected(const struct strict_json *p, const char *expected);

/* All of these skip white space first. */
void strict_skip_space(struct strict_json *p);
/* Steps over `letter` if it is next. */
bool strict_accept(struct strict_json *p, char letter);
MUST_CHECK enum status strict_expect(struct strict_json *p, char letter);
/* After a member of an object or an item of a list: a comma (*more is true) or the closing mark. */
MUST_CHECK enum status strict_expect_next(struct strict_json *p, char closing, bool *more);
/* *out = the decoded string, NUL-terminated, in p->text. Escapes are decoded; invalid UTF-8, control bytes, halves of
 * surrogate pairs and NUL are refused. `expected` is for the error. */
MUST_CHECK enum status strict_string(struct strict_json *p, const char *expected, const char **out);
/* Digits only: no sign, no leading zero, no fraction, no exponent, at most 2^64-1, exactly. */
MUST_CHECK enum status strict_integer(struct strict_json *p, uint64_t *out);

#endif
