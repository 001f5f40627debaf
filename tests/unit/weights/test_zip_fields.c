/* Malformed zip files. The good one is as torch.save writes it; each kind changes one field. */
#include "tests/support/test.h"

#include "core/base/byte_order.h"
#include "core/base/rng.h"
#include "tests/support/hostile.h"
#include "tests/support/own_folder.h"
#include "tests/support/pth_sample.h"

enum { SEEDS = 25 };

enum record { LOCAL, DESCRIPTOR, CENTRAL, ENDING64, LOCATOR, ENDING };

/* Every field of every record whose value means something. */
static const struct {
    enum record record;
    size_t at;
    unsigned size;
} fields[] = {
    {LOCAL, 0, 4},      {LOCAL, 4, 2},       {LOCAL, 6, 2},     {LOCAL, 8, 2},      {LOCAL, 10, 2},
    {LOCAL, 12, 2},     {LOCAL, 14, 4},      {LOCAL, 18, 4},    {LOCAL, 22, 4},     {LOCAL, 26, 2},
    {LOCAL, 28, 2},     {LOCAL, 30, 1},      {LOCAL, 38, 1},    {DESCRIPTOR, 0, 4}, {DESCRIPTOR, 4, 4},
    {DESCRIPTOR, 8, 4}, {DESCRIPTOR, 12, 4}, {CENTRAL, 0, 4},   {CENTRAL, 6, 2},    {CENTRAL, 8, 2},
    {CENTRAL, 10, 2},   {CENTRAL, 12, 2},    {CENTRAL, 14, 2},  {CENTRAL, 16, 4},   {CENTRAL, 20, 4},
    {CENTRAL, 24, 4},   {CENTRAL, 28, 2},    {CENTRAL, 30, 2},  {CENTRAL, 32, 2},   {CENTRAL, 34, 2},
    {CENTRAL, 42, 4},   {CENTRAL, 46, 1},    {CENTRAL, 54, 1},  {ENDING64, 0, 4},   {ENDING64, 4, 8},
    {ENDING64, 16, 4},  {ENDING64, 20, 4},   {ENDING64, 24, 8}, {ENDING64, 32, 8},  {ENDING64, 40, 8},
    {ENDING64, 48, 8},  {LOCATOR, 0, 4},     {LOCATOR, 4, 4},   {LOCATOR, 8, 8},    {LOCATOR, 16, 4},
    {ENDING, 0, 4},     {ENDING, 4, 2},      {ENDING, 6, 2},    {ENDING, 8, 2},     {ENDING, 10, 2},
    {ENDING, 12, 4},    {ENDING, 16, 4},     {ENDING, 20, 2},
};

static size_t record_place(const struct zip_places *places, enum record record, size_t entry)
{
    switch (record) {
    case LOCAL:
        return places->local[entry];
    case DESCRIPTOR:
        return places->descriptor[entry];
    case CENTRAL:
        return places->central[entry];
    case ENDING64:
        return places->ending64;
    case LOCATOR:
        return places->locator;
    default:
        return places->ending;
    }
}

/* By seed: one of the numbers that break readers, a neighbour, or any. */
static uint64_t other_value(uint64_t value, unsigned size, struct rng *rng, uint32_t seed)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       1ull << 31,
                                       1ull << 32,
                                       1ull << 53,
                                       1ull << 63,
                                       UINT64_MAX,
                                       UINT64_MAX - 0xF,
                                       (1ull << 53) + 1,
                                       0xFFFF,
                                       0x7FFFFFFF,
                                       UINT32_MAX,
                                       22,
                                       46};
    uint64_t mask = size == 8 ? UINT64_MAX : (1ull << (8 * size)) - 1, other;
    if (seed < sizeof numbers / sizeof *numbers)
        other = numbers[seed];
    else if (seed < 20)
        other = seed % 2 ? value + seed - 13 : value - (seed - 13);
    else
        other = (uint64_t)rng_u32(rng) << 32 | rng_u32(rng);
    return (other & mask) == value ? value ^ 1 : other & mask;
}

static void every_changed_field_is_refused(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    assert_true(hostile_refused_or_rewritten(file.data, file.length));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            struct rng rng = rng_stream(seed, RNG_TEST, 0, i);
            size_t entry = rng_below(&rng, (uint32_t)places.count);
            uint8_t *at = file.data + record_place(&places, fields[i].record, entry) + fields[i].at;
            uint64_t value = get_little(at, fields[i].size), other = other_value(value, fields[i].size, &rng, seed);
            /* All ones in the end record say: look into the zip64 record, where the same stands. */
            bool saturated = fields[i].record == ENDING && fields[i].at >= 4 && fields[i].at < 20 &&
                             other == (fields[i].size == 2 ? UINT16_MAX : UINT32_MAX);
            put_little(at, other, fields[i].size);
            if (hostile_refused_or_rewritten(file.data, file.length) != saturated)
                fail_msg("record %d, field at %zu: %llu instead of %llu was %s", fields[i].record, fields[i].at,
                         (unsigned long long)other, (unsigned long long)value, saturated ? "refused" : "read");
            put_little(at, value, fields[i].size);
        }
    bytes_free(&file);
}

/* Without a zip64 record the end record stands alone. */
static void every_changed_field_of_a_lone_end_record_is_refused(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS);
    assert_true(hostile_refused_or_rewritten(file.data, file.length));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].record != ENDING)
            continue;
        uint8_t *at = file.data + record_place(&places, ENDING, 0) + fields[i].at;
        uint64_t value = get_little(at, fields[i].size);
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            struct rng rng = rng_stream(seed, RNG_TEST, 1, i);
            put_little(at, other_value(value, fields[i].size, &rng, seed), fields[i].size);
            if (hostile_refused_or_rewritten(file.data, file.length))
                fail_msg("field at %zu of the end record: seed %u was read", fields[i].at, seed);
        }
        put_little(at, value, fields[i].size);
    }
    bytes_free(&file);
}

static void an_entry_beyond_the_directory_says_so(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS);
    uint8_t *at = file.data + places.central[0];
    uint64_t header = get_little(at + 42, 4);
    const uint64_t beyond[] = {INT32_MAX, get_little(file.data + places.ending + 16, 4) + 1};
    for (size_t i = 0; i < 2; i++) {
        put_little(at + 42, beyond[i], 4);
        hostile_assert_refused(file.data, file.length, "but the entries end at byte");
    }
    put_little(at + 42, header, 4);
    assert_true(hostile_refused_or_rewritten(file.data, file.length));
    bytes_free(&file);
}

/* The other checks behind these would refuse the files as well, with words that lead nowhere. */
static void places_that_are_wrong_are_told_as_such(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS);
    uint8_t *central = file.data + places.central[0], *last = file.data + places.local[places.count - 1];
    uint64_t header = get_little(central + 42, 4), extra = get_little(last + 28, 2);
    put_little(central + 42, header + 1, 4);
    hostile_assert_refused(file.data, file.length, "expected 0: there is a hole before it");
    put_little(central + 42, header, 4);
    uint8_t *name = file.data + places.central[places.count - 1] + 28;
    put_little(name, get_little(name, 2) + 1, 2);
    hostile_assert_refused(file.data, file.length, "an entry of the directory that is longer than the directory");
    put_little(name, get_little(name, 2) - 1, 2);
    put_little(last + 28, extra + 17, 2); /* the descriptor has 16 bytes */
    hostile_assert_refused(file.data, file.length, "it reaches into the directory");
    put_little(last + 28, extra, 2);
    assert_true(hostile_refused_or_rewritten(file.data, file.length));
    bytes_free(&file);
}

/* Without descriptors behind the data, sum and sizes stand in the local headers. */
static void sums_and_sizes_of_local_headers_are_compared(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, 0);
    assert_true(hostile_refused_or_rewritten(file.data, file.length));
    for (size_t entry = 0; entry < places.count; entry++)
        for (size_t field = 14; field <= 22; field += 4) {
            uint8_t *at = file.data + places.local[entry] + field;
            uint64_t value = get_little(at, 4);
            const uint64_t others[] = {value ^ 1, value + 256, 0};
            for (size_t i = 0; i < 3; i++) {
                put_little(at, others[i], 4);
                if (others[i] != value)
                    hostile_assert_refused(file.data, file.length, "the local header contradicts the directory");
            }
            put_little(at, value, 4);
        }
    bytes_free(&file);
}

static void wide_fields_may_not_contradict(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64 | ZIP_WITH_WIDE_ENTRIES);
    for (size_t entry = 0; entry < places.count; entry++) {
        size_t name = get_little(file.data + places.local[entry] + 26, 2);
        const size_t spots[] = {places.local[entry] + 30 + name + 4,    places.local[entry] + 30 + name + 12,
                                places.central[entry] + 46 + name + 4,  places.central[entry] + 46 + name + 12,
                                places.central[entry] + 46 + name + 20, places.descriptor[entry] + 8,
                                places.descriptor[entry] + 16};
        for (size_t i = 0; i < sizeof spots / sizeof *spots; i++)
            for (uint32_t seed = 0; seed < SEEDS; seed++) {
                struct rng rng = rng_stream(seed, RNG_TEST, 1, i);
                uint64_t value = get_little(file.data + spots[i], 8);
                uint64_t other = other_value(value, 8, &rng, seed);
                put_little(file.data + spots[i], other, 8);
                bool not_yet_packed = i == 1 && other == 0; /* what torch.save writes */
                assert_true(hostile_refused_or_rewritten(file.data, file.length) == not_yet_packed);
                put_little(file.data + spots[i], value, 8);
            }
    }
    assert_true(hostile_refused_or_rewritten(file.data, file.length));
    bytes_free(&file);
}

/* The packed size of a local header may be left 0 where a descriptor follows, and nowhere else; the size may not. */
static void sizes_are_said_somewhere(void **state)
{
    (void)state;
    for (int descriptors = 0; descriptors < 2; descriptors++) {
        struct bytes file = {0};
        struct zip_places places;
        pth_good_zip(&file, &places,
                     ZIP_WITH_WIDE_ENTRIES | ZIP_WITH_UNPACKED_WIDE | descriptors * ZIP_WITH_DESCRIPTORS);
        if (descriptors)
            assert_true(hostile_refused_or_rewritten(file.data, file.length));
        else
            hostile_assert_refused(file.data, file.length, "the local header contradicts the directory");
        size_t name = get_little(file.data + places.local[1] + 26, 2);
        put_little(file.data + places.local[1] + 30 + name + 4, 0, 8);
        hostile_assert_refused(file.data, file.length, "the local header contradicts the directory");
        bytes_free(&file);
    }
}

/* A directory of fewer entries than there are, in both end records. */
static void entries_that_are_not_counted_are_seen(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    for (size_t count = 0; count < places.count; count++) {
        put_little(file.data + places.ending64 + 24, count, 8);
        put_little(file.data + places.ending64 + 32, count, 8);
        put_little(file.data + places.ending + 8, count, 2);
        put_little(file.data + places.ending + 10, count, 2);
        hostile_assert_refused(file.data, file.length, "the directory goes on for");
    }
    bytes_free(&file);
}

/* An extra field in the directory that holds more than the wide forms, or other ones. */
static void extra_fields_of_the_directory_are_read_whole(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64 | ZIP_WITH_WIDE_ENTRIES);
    size_t name = get_little(file.data + places.central[1] + 28, 2), extra = places.central[1] + 46 + name;
    put_little(file.data + extra + 2, 16, 2); /* shorter than the field */
    hostile_assert_refused(file.data, file.length, "28 bytes of extra field");
    put_little(file.data + extra + 2, 24, 2);
    put_little(file.data + places.central[1] + 20, 6, 4); /* one wide form less is wanted */
    hostile_assert_refused(file.data, file.length, "28 bytes of extra field");
    put_little(file.data + extra + 2, 16, 2);
    hostile_assert_refused(file.data, file.length, "28 bytes of extra field");
    bytes_free(&file);
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_field_is_refused),
        cmocka_unit_test(every_changed_field_of_a_lone_end_record_is_refused),
        cmocka_unit_test(an_entry_beyond_the_directory_says_so),
        cmocka_unit_test(places_that_are_wrong_are_told_as_such),
        cmocka_unit_test(sums_and_sizes_of_local_headers_are_compared),
        cmocka_unit_test(wide_fields_may_not_contradict),
        cmocka_unit_test(sizes_are_said_somewhere),
        cmocka_unit_test(entries_that_are_not_counted_are_seen),
        cmocka_unit_test(extra_fields_of_the_directory_are_read_whole),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("zip, fields", tests, folder_setup, folder_teardown);
}
