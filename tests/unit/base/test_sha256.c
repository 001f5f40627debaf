#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"

/* The examples of FIPS 180-4's page at NIST, and a million times "a". */
static void known_sums(void **state)
{
    (void)state;
    char hex[65];
    sha256_hex(hex, "", 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex(hex, "abc", 3);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(hex, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *many = malloc(1000000);
    assert_non_null(many);
    memset(many, 'a', 1000000);
    sha256_hex(hex, many, 1000000);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(many);
}

/* Around the lengths where the padding needs another block: the sum of all sums, from Python's hashlib. */
static void every_length_of_the_last_block(void **state)
{
    (void)state;
    char all[130 * 64 + 1], hex[65];
    unsigned char bytes[130];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + 1);
    for (size_t size = 0; size < sizeof bytes; size++) {
        sha256_hex(hex, bytes, size);
        memcpy(all + 64 * size, hex, 64);
    }
    sha256_hex(hex, all, sizeof all - 1);
    assert_string_equal(hex, "8dd2e424ee01611eec3c4062311abfe5b5aa17b5a8f0ada6afd00e2f46d548e4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(every_length_of_the_last_block),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
