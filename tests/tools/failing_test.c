/* A cmocka program whose second test fails: tests/cli/runner.bats looks at what is said about it. */
#include "tests/support/test.h"

static void good(void **state)
{
    (void)state;
}

static void bad(void **state)
{
    (void)state;
    fail_msg("the %s is %d", "answer", 43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad)};
    return cmocka_run_group_tests_name("failing", tests, NULL, NULL);
}
