#include "tests/support/test.h"

#include <string.h>

#include "core/base/crc32.h"

static void known_sums(void **state)
{
    (void)state;
    static const unsigned char zeros[32];
    assert_int_equal(crc32_add(0, "", 0), 0);
    assert_int_equal(crc32_add(0, "123456789", 9), 0xCBF43926u);
    assert_int_equal(crc32_add(0, "The quick brown fox jumps over the lazy dog", 43), 0x414FA339u);
    assert_int_equal(crc32_add(0, zeros, sizeof zeros), 0x190A55ADu);
}

/* One bit at a time, as the definition has it. */
static uint32_t plain(const unsigned char *bytes, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size * 8; i++) {
        uint32_t bit = bytes[i / 8] >> (i % 8) & 1;
        crc = (crc & 1) != bit ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

static void every_length_start_and_cut(void **state)
{
    (void)state;
    unsigned char bytes[80];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 151 + 7);
    for (size_t from = 0; from < 17; from++)
        for (size_t size = 0; from + size <= sizeof bytes; size++) {
            uint32_t expected = plain(bytes + from, size);
            assert_int_equal(crc32_add(0, bytes + from, size), expected);
            for (size_t cut = 0; cut <= size; cut += 5)
                assert_int_equal(crc32_add(crc32_add(0, bytes + from, cut), bytes + from + cut, size - cut), expected);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(every_length_start_and_cut),
    };
    return cmocka_run_group_tests_name("crc32", tests, NULL, NULL);
}
