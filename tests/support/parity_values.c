#include "tests/support/test.h"

#include "tests/support/parity_values.h"

#include "core/base/memory.h"
#include "tests/support/compare.h"

int parity_values_open(struct fixture **fixture, struct pool **pool, const char *path)
{
    struct error err = {0};
    if (pool_create(pool, 2, &err) != OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    *fixture = fixture_open(path);
    return 0;
}

int parity_values_close(struct fixture *fixture, struct pool *pool)
{
    fixture_close(fixture);
    pool_destroy(pool);
    return 0;
}

void parity_values_expect(struct fixture *fixture, const char *kind, int number, const char *name, const float *found,
                          size_t count, double tolerance)
{
    struct fixture_tensor wanted = fixture_get(fixture, "%s.%d/%s", kind, number, name);
    struct comparison comparison = {0};
    compare_tensor(&comparison, name, found, count, wanted.values, wanted.count, tolerance);
    if (!compare_passed(&comparison))
        fail_msg("%s.%d/%s", kind, number, comparison.first_fault);
}

void *parity_values_zeros(size_t count, size_t size)
{
    void *memory;
    struct error err;
    if (memory_alloc(&memory, count, size, "a test's values", &err) != OK)
        fail_msg("%s", err.text);
    return memory;
}
