#include "tests/support/test.h"

#include "core/base/crc32c.h"

/* RFC 3720, appendix B.4, but for the first two. */
static void known_sums(void **state)
{
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(crc32c("", 0), 0);
    assert_int_equal(crc32c("123456789", 9), 0xE3069283u);
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x8A9136AAu);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0xFF;
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x62A8AB43u);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x46DD794Eu);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x113FDB5Cu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_sums)};
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
