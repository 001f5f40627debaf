#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/predict_output.h"
#include "cli/report/report.h"

static char *names[] = {"ants", "bees", "cats"};
static const struct class_names classes = {names, 3};

struct text {
    char *bytes;
    size_t size;
    FILE *out;
};

static struct text *text_open(void)
{
    struct text *text = calloc(1, sizeof *text);
    text->out = open_memstream(&text->bytes, &text->size);
    assert_non_null(text->out);
    return text;
}

static void text_is(struct text *text, const char *expected)
{
    fclose(text->out);
    assert_string_equal(text->bytes, expected);
    free(text->bytes);
    free(text);
}

/* softmax of {0, ln 3, 0} is {0.2, 0.6, 0.2}. */
static const float logits[] = {0, 1.09861229f, 0};

static void predict_in_every_format(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "file  index  class  probability\n"
        "a\\n       1  bees        60.0 %\n"
        "          0  ants        20.0 %\n",
        "file\trank\tindex\tclass\tprobability\n"
        "a\\n\t1\t1\tbees\t0.6\n"
        "a\\n\t2\t0\tants\t0.2\n",
        "file,rank,index,class,probability\n"
        "a\\n,1,1,bees,0.6\n"
        "a\\n,2,0,ants,0.2\n",
        ("{\"file\": \"a\\n\", \"top\": [{\"index\": 1, \"class\": \"bees\", \"probability\": 0.6}, "
         "{\"index\": 0, \"class\": \"ants\", \"probability\": 0.2}]}\n"),
    };
    for (int format = 0; format < 4; format++) {
        struct predict_output output;
        struct error err;
        struct text *text = text_open();
        assert_int_equal(predict_output_start(&output, text->out, (enum table_format)format, &classes, 2, &err), OK);
        assert_int_equal(predict_output_photo(&output, "a\n", logits, &err), OK);
        predict_output_end(&output);
        predict_output_discard(&output);
        text_is(text, expected[format]);
    }
}

static void more_classes_than_there_are(void **state)
{
    (void)state;
    struct predict_output output;
    struct error err;
    struct text *text = text_open();
    assert_int_equal(predict_output_start(&output, text->out, TABLE_TSV, &classes, 5, &err), OK);
    assert_int_equal(output.top, 3);
    assert_int_equal(predict_output_photo(&output, "b", logits, &err), OK);
    predict_output_end(&output);
    text_is(text, "file\trank\tindex\tclass\tprobability\n"
                  "b\t1\t1\tbees\t0.6\nb\t2\t0\tants\t0.2\nb\t3\t2\tcats\t0.2\n");
}

/* Three ants, of which one is taken for a bee, surely, and one for a cat; one bee, right. */
static struct metrics counted(void)
{
    static const float all[] = {2, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, 0};
    static const int32_t labels[] = {0, 0, 0, 1};
    static const uint32_t photos[] = {0, 1, 2, 3};
    struct metrics metrics;
    struct error err;
    assert_int_equal(metrics_init(&metrics, 3, 4, &err), OK);
    metrics_add(&metrics, all, labels, photos, 4);
    return metrics;
}

static void reports(void **state)
{
    (void)state;
    struct metrics metrics = counted();
    struct error err;
    char root[] = "", list_names[] = "a\0b\0c\0d";
    struct photo list[] = {{0, 0}, {2, 0}, {4, 0}, {6, 1}};
    struct photo_list photos = {.root = root, .names = list_names, .photos = list, .count = 4};

    struct text *text = text_open();
    assert_int_equal(report_classes(text->out, &metrics, &classes, &err), OK);
    text_is(text, "class  photos  right  predicted  precision   recall      F1\n"
                  "ants        3      1          1    100.0 %   33.3 %  50.0 %\n"
                  "bees        1      1          2     50.0 %  100.0 %  66.7 %\n");

    struct confusion confusion;
    assert_int_equal(confusion_make(&confusion, &metrics, &err), OK);
    text = text_open();
    assert_int_equal(report_confusion(text->out, &confusion, &classes, &err), OK);
    confusion_free(&confusion);
    text_is(text, "class  ants  bees  cats\n"
                  "ants      1     1     1\n"
                  "bees      0     1     0\n"
                  "cats      0     0     0\n");

    text = text_open();
    assert_int_equal(report_worst(text->out, &metrics, &classes, &photos, 1, &err), OK);
    text_is(text, "file  class  predicted  probability\n"
                  "b     ants   bees           100.0 %\n");
    metrics_free(&metrics);
}

static void many_classes_show_the_confusions(void **state)
{
    (void)state;
    enum { MANY = REPORT_MATRIX + 1 };
    char *many[MANY];
    char texts[MANY][16];
    struct error err;
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "c%d", i);
        many[i] = texts[i];
    }
    const struct class_names many_classes = {many, MANY};
    struct confusion_cell cells[] = {{0, 0, 100}, {1, 0, 2}, {3, 5, 2}, {16, 2, 7}};
    struct confusion confusion = {cells, 4};
    struct text *text = text_open();
    assert_int_equal(report_confusion(text->out, &confusion, &many_classes, &err), OK);
    text_is(text, "class  predicted  photos\n"
                  "c16    c2              7\n"
                  "c1     c0              2\n"
                  "c3     c5              2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predict_in_every_format),
        cmocka_unit_test(more_classes_than_there_are),
        cmocka_unit_test(reports),
        cmocka_unit_test(many_classes_show_the_confusions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
