#include "tests/support/format_sample.h"

#include <stdlib.h>
#include <string.h>

#include "core/data/image.h"
#include "tests/support/own_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_files.h"

const char *format_fixture(const char *name)
{
    return test_path(FORMAT_FIXTURES, name);
}

const char *format_missing(const char *format)
{
    for (size_t i = 0; i < image_format_count(); i++)
        if (strcmp(image_format(i).name, format) == 0)
            return image_format(i).missing;
    fail_msg("no format %s", format);
    return NULL;
}

void format_need(const char *format)
{
    if (!format_missing(format))
        return;
    print_message("# skipped: %s: %s\n", format, format_missing(format));
    skip();
}

void format_assert_bad(const char *name, const void *bytes, size_t size, const char *reason, enum status probed)
{
    const char *path = test_path(folder, "bad");
    struct image image = {.height = 77};
    struct image_cost cost;
    struct error err = {0};
    uint8_t *exact = malloc(size ? size : 1); /* so that the sanitizer sees a read beyond */
    memcpy(exact, bytes, size);
    enum status status = image_decode(&image, exact, size, NULL, &err);
    free(exact);
    if (status != ERR_DATA || !strstr(err.text, reason) || strchr(err.text, '\n'))
        fail_msg("%s, %zu bytes: status %d, \"%s\", expected \"%s\"", name, size, status, err.text, reason);
    assert_int_equal(image.height, 77);
    assert_null(image.pixels);
    test_write(path, bytes, size);
    if (image_probe(path, NULL, &cost, &err) != probed)
        fail_msg("%s, %zu bytes: the probe says %s", name, size, probed == OK ? err.text : "OK");
}
