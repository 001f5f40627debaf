/* The pieces of a page: what strangers' text becomes, axes, and what the browser is told to allow. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/html/html_axis.h"
#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_matrix.h"
#include "cli/report/html/html_page.h"
#include "cli/report/html/html_png.h"
#include "cli/report/html/html_text.h"
#include "core/base/sha256.h"
#include "core/data/image.h"

static char *written;
static size_t written_size;

static FILE *begin(void)
{
    free(written);
    written = NULL;
    return open_memstream(&written, &written_size);
}

static const char *text_of(const char *text)
{
    FILE *out = begin();
    html_text(out, text);
    fclose(out);
    return written;
}

static const char *base64_of(const char *text, size_t size)
{
    FILE *out = begin();
    html_base64(out, text, size);
    fclose(out);
    assert_int_equal(written_size, html_base64_size(size));
    return written;
}

static void names_of_strangers_are_text(void **state)
{
    (void)state;
    assert_string_equal(text_of("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_string_equal(text_of("\"><svg onload=x>"), "&quot;&gt;&lt;svg onload=x&gt;");
    assert_string_equal(text_of("a'b&amp;"), "a&#39;b&amp;amp;");
    assert_string_equal(text_of("caf\xe9\xff.jpg"), "caf\\xe9\\xff.jpg");
    assert_string_equal(text_of("\xe2\x80\xae"
                                "gpj.exe\n"),
                        "\\xe2\\x80\\xaegpj.exe\\n");
    assert_string_equal(text_of("\xd9\x86\xd9\x85\xd9\x84 \xf0\x9f\x90\x9c"),
                        "\xd9\x86\xd9\x85\xd9\x84 \xf0\x9f\x90\x9c");
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    FILE *out = begin();
    html_short(out, "<\xc3\xa9<", 2);
    fclose(out);
    assert_string_equal(written, "&lt;\xc3\xa9...");
    out = begin();
    html_short(out, "<\xc3\xa9", 2);
    fclose(out);
    assert_string_equal(written, "&lt;\xc3\xa9");
}

static void json_never_ends_its_element(void **state)
{
    (void)state;
    static const char json[] = "{\"a\":\"</script><!--&\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\"}";
    FILE *out = begin();
    html_json(out, json, sizeof json - 1);
    fclose(out);
    assert_string_equal(written, "{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\\u2029\xe2\x80\xaa\"}");
}

/* RFC 4648, section 10. */
static void base64_is_the_standard_one(void **state)
{
    (void)state;
    assert_string_equal(base64_of("", 0), "");
    assert_string_equal(base64_of("f", 1), "Zg==");
    assert_string_equal(base64_of("fo", 2), "Zm8=");
    assert_string_equal(base64_of("foo", 3), "Zm9v");
    assert_string_equal(base64_of("foobar", 6), "Zm9vYmFy");
    assert_string_equal(base64_of("\xff\xfe\xfb", 3), "//77");
}

static void check_axis(struct axis axis, double low, double high, double step)
{
    assert_true(fabs(axis.low - low) < 1e-9);
    assert_true(fabs(axis.high - high) < 1e-9);
    assert_true(fabs(axis.step - step) < 1e-9);
}

static void axes_end_at_round_numbers(void **state)
{
    (void)state;
    check_axis(axis_nice(0, 1, 6, 0, 1), 0, 1, 0.2);
    check_axis(axis_nice(0.13, 0.87, 6, 0, 1), 0, 1, 0.2);
    check_axis(axis_nice(0, 2.3, 6, 0, 1), 0, 2.5, 0.5);
    check_axis(axis_nice(-3, 7, 6, 0, 1), -5, 10, 5);
    check_axis(axis_nice(0, 0, 6, 0, 1), 0, 1, 0.2);
    check_axis(axis_nice(NAN, INFINITY, 6, 0, 1), 0, 1, 0.2);
    check_axis(axis_whole(0, 10, 11, 0, 1), 0, 10, 1);
    check_axis(axis_whole(0, 30, 11, 0, 1), 0, 30, 5);
    check_axis(axis_whole(0, 2, 11, 0, 1), 0, 2, 1);
}

/* Whatever the data, there are at least two ticks and no more than were allowed, and all data lie on the axis. */
static void any_axis_has_few_ticks(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        double low = (i % 37 - 18) * pow(10, i % 11 - 5), high = low + (i % 53 + 1) * pow(10, i % 7 - 3);
        struct axis axis = axis_nice(low, high, 6, 100, 200);
        double tick, before = -INFINITY;
        size_t ticks = 0;
        for (; axis_tick(&tick, &axis, ticks); ticks++) {
            assert_true(tick > before);
            before = tick;
        }
        assert_in_range(ticks, 2, 6);
        assert_true(axis_at(&axis, low) > 100 - 1e-6 && axis_at(&axis, high) < 200 + 1e-6);
    }
}

static void a_logarithmic_axis_has_powers_of_ten(void **state)
{
    (void)state;
    struct axis axis = axis_log(3e-5, 0.2, 0, 100);
    double tick;
    size_t ticks = 0;
    for (; axis_tick(&tick, &axis, ticks); ticks++)
        assert_true(fabs(tick / pow(10, (double)ticks - 4) - 1) < 1e-9);
    assert_int_equal(ticks, 4); /* 0.0001 to 0.1 */
    assert_true(fabs(axis_at(&axis, sqrt(3e-5 * 0.2)) - 50) < 1e-9);
}

/* The points of a line, read back from the page by the axes that it names. */
static void points_of_a_chart_map_back(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3}, y[] = {0.731, NAN, 0.125};
    const struct chart_line line = {.name = "val<", .x = x, .y = y, .count = 3};
    const struct chart chart = {.title = "Loss",
                                .x_name = "epoch",
                                .y_name = "",
                                .lines = &line,
                                .line_count = 1,
                                .x_low = 0,
                                .x_high = 3,
                                .y_high = 0,
                                .x_whole = true};
    FILE *out = begin();
    chart_write(out, &chart);
    fclose(out);
    double ax[4], ay[4], cx, cy;
    const char *at = strstr(written, "data-x=");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "data-x=\"%lf %lf %lf %lf\" data-y=\"%lf %lf %lf %lf\"", &ax[0], &ax[1], &ax[2], &ax[3],
                            &ay[0], &ay[1], &ay[2], &ay[3]),
                     8);
    size_t found = 0;
    for (at = strstr(written, "cx="); at; at = strstr(at + 1, "cx="), found++) {
        size_t i = found == 0 ? 0 : 2;
        assert_int_equal(sscanf(at, "cx=%lf cy=%lf", &cx, &cy), 2);
        assert_true(fabs(ax[0] + (cx - ax[2]) / (ax[3] - ax[2]) * (ax[1] - ax[0]) - x[i]) < 1e-5);
        assert_true(fabs(ay[0] + (cy - ay[2]) / (ay[3] - ay[2]) * (ay[1] - ay[0]) - y[i]) < 1e-5);
    }
    assert_int_equal(found, 2);
    assert_null(strstr(written, "nan"));
    assert_null(strstr(written, "val<"));
}

static void a_cell_of_the_matrix_is_a_link_where_it_has_photos(void **state)
{
    (void)state;
    static const uint64_t counts[] = {3, 1, 0, 2};
    static const bool linked[] = {true, true, false, false};
    static char ants[] = "<ants>", bees[] = "bees";
    static char *const names[] = {ants, bees};
    FILE *out = begin();
    matrix_write(out, counts, linked, names, 2);
    fclose(out);
    assert_non_null(
        strstr(written, "<a href=\"#c0-1\" title=\"&lt;ants&gt;, predicted as bees\">1 <small>25%</small></a>"));
    assert_non_null(strstr(written, "<span title=\"bees, right\">2 <small>100%</small></span>"));
    assert_non_null(strstr(written, "\">0</span>"));
    assert_null(strstr(written, "#c1-1"));
    assert_null(strstr(written, "<ants"));
}

/* The hash in the page is that of the script in the page, and the script is small. */
static void the_policy_allows_our_script_alone(void **state)
{
    (void)state;
    const struct page_head head = {.title = "a & b", .refresh = 20};
    FILE *out = begin();
    page_begin(out, &head);
    page_data(out, "{}", 2);
    page_end(out);
    fclose(out);
    char hash[PAGE_SCRIPT_HASH], policy[400], hex[65], expected[65] = "";
    page_script_hash(hash);
    snprintf(policy, sizeof policy,
             "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src %s; base-uri 'none'; "
             "form-action 'none'\"",
             hash);
    assert_non_null(strstr(written, policy));
    const char *script = strstr(written, "<script>") + 8;
    sha256_hex(hex, script, (size_t)(strstr(script, "</script>") - script));
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0, have = 0;
    for (const char *c = hash + 8; *c != '='; c++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *c) - digits);
        for (have += 6; have >= 4; have -= 4)
            snprintf(expected + strlen(expected), 2, "%x", bits >> (have - 4) & 15);
    }
    expected[64] = '\0';
    assert_string_equal(hex, expected);
    assert_non_null(strstr(written, "<title>a &amp; b</title>"));
    assert_non_null(strstr(written, "http-equiv=\"refresh\" content=\"20\""));
    assert_true(strlen(page_js) < 6144);
    for (const char *c = page_js; *c; c++)
        assert_true((unsigned char)*c < 128);
    for (const char *c = page_css; *c; c++)
        assert_true((unsigned char)*c < 128);
}

static void a_shade_is_a_png(void **state)
{
    (void)state;
    static const uint8_t opacity[] = {0, 90, 190, 255, 1, 2};
    uint8_t out[128];
    size_t size = png_shade_size(2, 3);
    assert_true(size < sizeof out);
    out[size] = 0x5A;
    png_shade(out, opacity, 2, 3);
    assert_int_equal(out[size], 0x5A);
    struct image image;
    struct error err;
    assert_int_equal(image_decode(&image, out, size, &(struct image_options){0}, &err), OK);
    assert_int_equal(image.height, 2);
    assert_int_equal(image.width, 3);
    assert_false(image.damaged);
    for (size_t i = 0; i < 6; i++) /* composited over white */
        assert_int_equal(image.pixels[3 * i], 255 - opacity[i]);
    image_free(&image);
}

static int let_go(void **state)
{
    (void)state;
    free(written);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_strangers_are_text),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(json_never_ends_its_element),
        cmocka_unit_test(base64_is_the_standard_one),
        cmocka_unit_test(axes_end_at_round_numbers),
        cmocka_unit_test(any_axis_has_few_ticks),
        cmocka_unit_test(a_logarithmic_axis_has_powers_of_ten),
        cmocka_unit_test(points_of_a_chart_map_back),
        cmocka_unit_test(a_cell_of_the_matrix_is_a_link_where_it_has_photos),
        cmocka_unit_test(a_shade_is_a_png),
        cmocka_unit_test(the_policy_allows_our_script_alone),
    };
    return cmocka_run_group_tests(tests, NULL, let_go);
}
