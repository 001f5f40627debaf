/* Photos of formats that a build or a machine may not read. All of these end the test on failure. */
#ifndef FREEZETUNE_FORMAT_SAMPLE_H
#define FREEZETUNE_FORMAT_SAMPLE_H

#include <stddef.h>

#include "core/base/error.h"

#define FORMAT_FIXTURES "tests/fixtures/formats"

/* The path of a fixture; one of test_path's buffers. */
const char *format_fixture(const char *name);

/* Why photos of a format ("WebP") are not read here; NULL when they are. */
const char *format_missing(const char *format);

/* Skips the test, saying so, where a format is not read. */
void format_need(const char *format);

/* The decoder refuses these bytes with ERR_DATA and one line that holds `reason`; the probe returns `probed`. Needs the
 * folder of own_folder.h. `name` is for the message. */
void format_assert_bad(const char *name, const void *bytes, size_t size, const char *reason, enum status probed);

#endif
