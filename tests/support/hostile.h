/* Malformed weight files: each must be refused with ERR_DATA and one line that names the byte, within 0.1 s of
 * processor time and 16 MiB beside the mapped file; or, where it is as good as any other, be read as what it says. A
 * pickle may take 36 bytes of memory for each of its own, 150 MiB at the most (pickle_read.h), and, of a megabyte and
 * more, 0.04 s a MB (0.027 was the most measured). A reader that asks for more memory does not get it, and its error is
 * another. (A sanitizer is held to the time alone: it takes memory of its own.) */
#ifndef FREEZETUNE_HOSTILE_H
#define FREEZETUNE_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum { HOSTILE_MEMORY = 16 << 20 };

/* `err` holds ERR_DATA and one line, which begins with the path and names a byte, which is returned. */
size_t hostile_assert_message(const struct error *err, const char *path);

/* The file is refused, and the error holds `wanted`. Returns the byte that it names. */
size_t hostile_assert_refused(const void *bytes, size_t size, const char *wanted);

/* Refused with a good message; or read, and then what it holds, written as safetensors, is read again as the same. True
 * when it was read. */
bool hostile_refused_or_rewritten(const void *bytes, size_t size);

/* The same for a file that was damaged in a place that its sums watch over: it is refused or holds exactly what `good`
 * holds. True when it was read. */
bool hostile_refused_or_same(const void *bytes, size_t size, const char *good);

/* No file so far took more processor time to open than it may. */
void hostile_assert_bounded(void);

#endif
