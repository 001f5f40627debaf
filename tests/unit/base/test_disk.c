/* Which file system a path is on that is there, or not yet. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/disk.h"

static struct disk look(const char *path)
{
    struct disk disk = {0};
    struct error err;
    enum status status = disk_look(&disk, path, &err);
    if (status != OK)
        fail_msg("%s", err.text);
    return disk;
}

static void what_is_not_there_is_on_the_disk_of_the_nearest_folder(void **state)
{
    (void)state;
    const uint64_t here = look(".").device, root = look("/").device;
    assert_int_equal(look("nowhere").device, here);
    assert_int_equal(look("nowhere/below/it").device, here);
    assert_int_equal(look("./nowhere").device, here);
    assert_int_equal(look("/nowhere-at-all/below").device, root);
    assert_true(look("/").free > 0);
}

/* It is the folder one is in. */
static void an_empty_path_is_here(void **state)
{
    (void)state;
    assert_int_equal(look("").device, look(".").device);
}

static void what_lies_below_a_file_is_an_error(void **state)
{
    (void)state;
    struct disk disk;
    struct error err;
    assert_int_equal(disk_look(&disk, "/dev/null/below", &err), ERR_IO);
    assert_non_null(strstr(err.text, "/dev/null/below: cannot say how much space is left"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_there_is_on_the_disk_of_the_nearest_folder),
        cmocka_unit_test(an_empty_path_is_here),
        cmocka_unit_test(what_lies_below_a_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
