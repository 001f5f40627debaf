/* Which view an epoch sees, and the hash of its features. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/features/feature_distinct.h"
#include "core/features/feature_key.h"
#include "core/net/freeze.h"
#include "core/net/init.h"
#include "core/ops/cpu.h"
#include "models/resnet.h"
#include "tests/support/emulator.h"
#include "tests/support/test_files.h"

static void expect(enum augment augment, size_t views, size_t epoch, uint32_t number, enum augment seen)
{
    struct photo_view view = photo_view_of(augment, views, epoch);
    if (view.number != number || view.augment != seen)
        fail_msg("%s, %zu views, epoch %zu: view %u of kind %d", augment_names[augment], views, epoch, view.number,
                 (int)view.augment);
}

static void views_go_round(void **state)
{
    (void)state;
    for (size_t epoch = 0; epoch < 7; epoch++) {
        expect(AUGMENT_NONE, 1, epoch, 0, AUGMENT_NONE);
        expect(AUGMENT_NONE, 0, epoch, 0, AUGMENT_NONE);
        expect(AUGMENT_FLIP, 2, epoch, epoch % 2, epoch % 2 ? AUGMENT_MIRROR : AUGMENT_NONE);
        expect(AUGMENT_FLIP, 3, epoch, epoch % 3 % 2, epoch % 3 % 2 ? AUGMENT_MIRROR : AUGMENT_NONE);
        expect(AUGMENT_FLIP, 1, epoch, 0, AUGMENT_NONE);
        expect(AUGMENT_FLIP, 0, epoch, (uint32_t)epoch, AUGMENT_FLIP);
        expect(AUGMENT_STANDARD, 0, epoch, (uint32_t)epoch, AUGMENT_STANDARD);
        expect(AUGMENT_STANDARD, 4, epoch, epoch % 4, epoch % 4 ? AUGMENT_STANDARD : AUGMENT_NONE);
    }
    assert_int_equal(photo_views_default(AUGMENT_NONE), 1);
    assert_int_equal(photo_views_default(AUGMENT_FLIP), 2);
    assert_int_equal(photo_views_default(AUGMENT_STANDARD), 0);
}

static void different_views_are_counted(void **state)
{
    (void)state;
    assert_int_equal(photo_views_seen(AUGMENT_NONE, 3, 5), 1);
    assert_int_equal(photo_views_seen(AUGMENT_FLIP, 2, 5), 2);
    assert_int_equal(photo_views_seen(AUGMENT_FLIP, 6, 5), 2);
    assert_int_equal(photo_views_seen(AUGMENT_FLIP, 2, 1), 1);
    assert_int_equal(photo_views_seen(AUGMENT_FLIP, 0, 5), 5);
    assert_int_equal(photo_views_seen(AUGMENT_STANDARD, 4, 3), 3);
    assert_int_equal(photo_views_seen(AUGMENT_STANDARD, 4, 30), 4);
}

static bool same_id(struct feature_id a, struct feature_id b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void an_id_says_what_the_pixels_come_from(void **state)
{
    (void)state;
    const struct hash128 content = {5, 6}, other = {5, 7};
    const struct photo_view plain = {0, AUGMENT_NONE}, mirrored = {1, AUGMENT_MIRROR}, drawn = {1, AUGMENT_STANDARD},
                            second = {2, AUGMENT_STANDARD};
    struct feature_id id = feature_id_of(content, plain, 1, 3);
    assert_int_equal(id.view, 0);
    assert_int_equal(id.view_seed, 0);
    /* Seed and number decide what is drawn, and nothing else. */
    assert_true(same_id(id, feature_id_of(content, plain, 2, 4)));
    assert_false(same_id(id, feature_id_of(other, plain, 1, 3)));
    assert_false(same_id(id, feature_id_of(content, mirrored, 1, 3)));
    assert_true(same_id(feature_id_of(content, mirrored, 1, 3), feature_id_of(content, mirrored, 2, 4)));
    const struct augment_extras none = {0}, some = {.jitter = {{0.4}}};
    assert_true(feature_draw(1, &none) != feature_draw(2, &none));
    assert_true(feature_draw(1, &none) != feature_draw(1, &some));
    id = feature_id_of(content, drawn, 1, 3);
    assert_true(same_id(id, feature_id_of(content, drawn, 1, 3)));
    assert_false(same_id(id, feature_id_of(content, drawn, 2, 3)));
    assert_false(same_id(id, feature_id_of(content, drawn, 1, 4)));
    assert_false(same_id(id, feature_id_of(content, second, 1, 3)));
    assert_false(same_id(id, feature_id_of(content, mirrored, 1, 3)));
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */
struct keyed {
    struct net *net;
    size_t cut;
    struct feature_ground ground;
};

static struct hash128 key_of(const struct keyed *keyed)
{
    struct hash128 *params;
    struct error err = {0};
    assert_int_equal(param_hashes(&params, keyed->net, &err), OK);
    struct hash128 key = feature_key(keyed->net, keyed->cut, params, &keyed->ground);
    memory_free(params);
    return key;
}

static bool same(struct hash128 a, struct hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static void every_weight_before_the_cut_changes_the_key(void **state)
{
    (void)state;
    static const struct resnet_shape shape = {"tiny18", false, {1, 1, 1, 1}, 4};
    struct keyed keyed = {.ground = {.preprocess = preprocess_imagenet()}};
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&keyed.net, &shape, 3, &err), OK);
    net_init(keyed.net, 1);
    const struct freeze freeze = {6, BN_EVAL, BN_BATCH};
    keyed.cut = freeze_cut(keyed.net, &freeze);
    struct hash128 key = key_of(&keyed);
    size_t before = 0;
    for (size_t i = 0; i < keyed.net->params_count; i++) {
        struct param *param = &keyed.net->params[i];
        if (param->count == 0) {
            param->batches++;
            assert_true(same(key_of(&keyed), key));
            continue;
        }
        float kept = param->data[param->count - 1];
        param->data[param->count - 1] += 1e-3f;
        assert_int_equal(same(key_of(&keyed), key), param->child > 6);
        before += param->child <= 6;
        param->data[param->count - 1] = kept;
    }
    assert_true(before > 20);
    assert_true(same(key_of(&keyed), key));
    net_destroy(keyed.net);
}

static void every_part_of_the_ground_changes_the_key(void **state)
{
    (void)state;
    static const struct resnet_shape shape = {"tiny18", false, {1, 1, 1, 1}, 4};
    struct keyed keyed = {.ground = {.preprocess = preprocess_imagenet()}};
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&keyed.net, &shape, 3, &err), OK);
    const struct freeze freeze = {6, BN_EVAL, BN_BATCH}, deeper = {7, BN_EVAL, BN_BATCH};
    keyed.cut = freeze_cut(keyed.net, &freeze);
    struct hash128 key = key_of(&keyed);
    assert_string_equal(feature_cut_name(keyed.net, keyed.cut), "layer2");
    for (int change = 0; change < 13; change++) {
        struct keyed other = keyed;
        other.ground.preprocess.resize += change == 0;
        other.ground.preprocess.crop += change == 1;
        other.ground.preprocess.mean[2] += change == 2 ? 1e-3f : 0;
        other.ground.preprocess.std[0] += change == 3 ? 1e-3f : 0;
        other.ground.image.ignore_exif ^= change == 4;
        other.ground.conv = change == 5 ? CONV_EXACT : change == 11 ? CONV_IM2COL : CONV_FAST;
        other.ground.precision = change == 12 ? PRECISION_BF16 : PRECISION_F32;
        other.ground.fast ^= change == 7;
        other.ground.preprocess.fit = change == 8 ? FIT_SQUASH : FIT_SHORT;
        other.ground.preprocess.center = change == 9 ? CENTER_FLOOR : CENTER_ROUND;
        other.ground.preprocess.interpolation = change == 10 ? INTERPOLATION_LANCZOS : INTERPOLATION_BILINEAR;
        other.cut = change == 6 ? freeze_cut(keyed.net, &deeper) : keyed.cut;
        assert_false(same(key_of(&other), key));
    }
    net_destroy(keyed.net);
}

static void own_key(char hex[33], enum precision precision)
{
    static const struct resnet_shape shape = {"tiny18", false, {1, 1, 1, 1}, 4};
    struct keyed keyed = {.ground = {.preprocess = preprocess_imagenet(), .precision = precision}, .cut = 3};
    assert_int_equal(resnet_create_shape(&keyed.net, &shape, 3, NULL), OK);
    net_init(keyed.net, 1);
    hash_hex(hex, key_of(&keyed));
    net_destroy(keyed.net);
}

/* The key of this program where FREEZETUNE_CPU names the set, which is chosen once in a process. */
static void key_on(char hex[33], enum cpu_set set, enum precision precision)
{
    char self[512], command[1200];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(command, sizeof command, "FREEZETUNE_CPU=%s %s '%s' %s", cpu_set_name(set), emulator() ? emulator() : "",
             self, precision_names[precision]);
    FILE *stream = popen(command, "r");
    assert_non_null(stream);
    assert_int_equal(fread(hex, 1, 32, stream), 32);
    hex[32] = '\0';
    assert_int_equal(pclose(stream), 0);
}

static void the_instruction_set_changes_the_key(void **state)
{
    (void)state;
    char keys[CPU_SETS][33] = {{0}};
    int own = (int)cpu_set_get();
    own_key(keys[own], PRECISION_F32);
    for (int set = 0; set < own; set++)
        key_on(keys[set], (enum cpu_set)set, PRECISION_F32);
    for (int set = 0; set <= own; set++)
        for (int other = 0; other < set; other++)
            assert_string_not_equal(keys[set], keys[other]);
    print_message("# %d instruction sets\n", own + 1);
}

/* Pairs and tiles of bfloat16, which FREEZETUNE_CPU=avx512 goes without, concern bfloat16 alone. */
static void the_product_of_pairs_changes_the_key_of_bfloat16(void **state)
{
    (void)state;
    for (int precision = 0; precision < PRECISIONS; precision++) {
        char own[33], without[33];
        own_key(own, (enum precision)precision);
        key_on(without, cpu_set_get(), (enum precision)precision);
        bool other = precision == PRECISION_BF16 && cpu_multiplies_bf16();
        assert_int_equal(strcmp(own, without) != 0, other);
    }
    print_message("# %s\n", cpu_instructions());
}

/* Where anything is drawn, each photo draws its own. */
static void equal_photos_share_views_without_chance(void **state)
{
    (void)state;
    for (int augment = 0; augment_names[augment]; augment++)
        assert_int_equal(feature_view_shared((struct photo_view){1, (enum augment)augment}), augment == AUGMENT_NONE);
    assert_true(feature_view_shared((struct photo_view){1, AUGMENT_MIRROR}));
}

static void every_byte_of_a_photo_is_in_its_hash(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    static uint8_t bytes[SIZE];
    static char names[] = "a\0b\0none";
    struct photo photos[] = {{.name = 0}, {.name = 2}, {.name = 4}};
    char folder[256];
    test_folder_make(folder);
    const struct photo_list list = {.root = folder, .names = names, .photos = photos, .count = 3};
    test_write(test_path(folder, "a"), bytes, SIZE);
    struct hash128 a = photo_hash(&list, 0);
    assert_true(photo_hash_known(a));
    assert_false(photo_hash_known(photo_hash(&list, 2)));
    static const size_t places[] = {0, 1000, SIZE / 2, SIZE - 1};
    for (size_t i = 0; i < 4; i++) {
        bytes[places[i]] = 1;
        test_write(test_path(folder, "b"), bytes, SIZE);
        struct hash128 b = photo_hash(&list, 1);
        assert_true(a.high != b.high && a.low != b.low);
        bytes[places[i]] = 0;
    }
    test_write(test_path(folder, "b"), bytes, SIZE);
    struct hash128 same = photo_hash(&list, 1);
    assert_true(a.high == same.high && a.low == same.low);
    test_folder_remove(folder);
}

/* "f32", "bf16": writes its key in this precision, and tests nothing. */
int main(int argc, char **argv)
{
    for (int precision = 0; argc == 2 && precision < PRECISIONS; precision++)
        if (strcmp(argv[1], precision_names[precision]) == 0) {
            char hex[33];
            own_key(hex, (enum precision)precision);
            return fputs(hex, stdout) < 0;
        }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_go_round),
        cmocka_unit_test(different_views_are_counted),
        cmocka_unit_test(an_id_says_what_the_pixels_come_from),
        cmocka_unit_test(every_weight_before_the_cut_changes_the_key),
        cmocka_unit_test(every_part_of_the_ground_changes_the_key),
        cmocka_unit_test(the_instruction_set_changes_the_key),
        cmocka_unit_test(the_product_of_pairs_changes_the_key_of_bfloat16),
        cmocka_unit_test(equal_photos_share_views_without_chance),
        cmocka_unit_test(every_byte_of_a_photo_is_in_its_hash),
    };
    return cmocka_run_group_tests_name("photo view", tests, NULL, NULL);
}
