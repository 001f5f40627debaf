#include "tests/support/own_folder.h"

#include "tests/support/test_files.h"

char folder[256];

int folder_setup(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

int folder_teardown(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}
