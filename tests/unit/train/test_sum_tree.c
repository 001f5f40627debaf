/* The nodes of the sum, against a definition that is recursive; and that no cutting changes an addition. */
#include "core/train/sum_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/test.h"

enum { MOST = 40, TEXT = 1024 };

/* A vector that says which additions made it: "((0+1)+2)". */
struct formula {
    char text[TEXT];
};

static struct formula leaf_formula(size_t leaf)
{
    struct formula formula;
    snprintf(formula.text, sizeof formula.text, "%zu", leaf);
    return formula;
}

static struct formula sum_formula(const struct formula *left, const struct formula *right)
{
    struct formula sum;
    int length = snprintf(sum.text, sizeof sum.text, "(%.500s+%.500s)", left->text, right->text);
    assert_in_range(length, 1, TEXT - 1);
    return sum;
}

/* From the root down: the left half is the largest power of two below the number of leaves. */
static struct formula defined(size_t first, size_t end)
{
    if (end - first == 1)
        return leaf_formula(first);
    size_t half = 1;
    while (2 * half < end - first)
        half *= 2;
    struct formula left = defined(first, first + half), right = defined(first + half, end);
    return sum_formula(&left, &right);
}

struct list {
    struct formula sums[MOST];
    struct sum_node nodes[MOST];
    size_t count, most; /* held, now and ever; one that merges at once is not */
};

static void append(struct list *list, size_t from, struct sum_node node, const struct formula *sum, size_t pieces)
{
    size_t merges = sum_tree_merges(from, node, pieces);
    assert_in_range(merges, 0, list->count);
    list->sums[list->count] = *sum;
    list->nodes[list->count++] = node;
    if (list->count - (merges > 0) > list->most)
        list->most = list->count - (merges > 0);
    for (; merges > 0; merges--) {
        list->count--;
        list->sums[list->count - 1] = sum_formula(&list->sums[list->count - 1], &list->sums[list->count]);
        assert_int_equal(list->nodes[list->count - 1].end, list->nodes[list->count].first);
        list->nodes[list->count - 1].end = list->nodes[list->count].end;
    }
}

static void add_block(struct list *list, size_t first, size_t end, size_t pieces)
{
    *list = (struct list){.count = 0};
    for (size_t leaf = first; leaf < end; leaf++) {
        struct formula formula = leaf_formula(leaf);
        append(list, first, (struct sum_node){leaf, leaf + 1}, &formula, pieces);
    }
}

static void all_leaves_in_turn_make_the_definition(void **state)
{
    (void)state;
    static struct list list;
    for (size_t pieces = 1; pieces <= MOST; pieces++) {
        struct formula wanted = defined(0, pieces);
        add_block(&list, 0, pieces, pieces);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.sums[0].text, wanted.text);
    }
    assert_string_equal(defined(0, 7).text, "(((0+1)+(2+3))+((4+5)+6))");
}

/* Every block of every number of pieces: which nodes remain, and how many vectors were held. */
static void a_block_is_the_largest_nodes_inside_it(void **state)
{
    (void)state;
    static struct list list;
    for (size_t pieces = 1; pieces <= MOST; pieces++)
        for (size_t first = 0; first < pieces; first++)
            for (size_t end = first + 1; end <= pieces; end++) {
                add_block(&list, first, end, pieces);
                assert_int_equal(sum_tree_nodes(first, end, pieces), list.count);
                assert_int_equal(sum_tree_live(first, end, pieces), list.most);
                for (size_t i = 0, at = first; i < list.count; at = list.nodes[i++].end) {
                    struct sum_node node = sum_tree_node(at, end, pieces);
                    assert_true(node.first == list.nodes[i].first && node.end == list.nodes[i].end);
                    assert_string_equal(list.sums[i].text, defined(node.first, node.end).text);
                }
                size_t bits = 0;
                while ((size_t)1 << bits < pieces)
                    bits++;
                assert_in_range(list.count, 1, bits > 0 ? 2 * bits : 1);
            }
}

static void vectors_that_one_process_holds(void **state)
{
    (void)state;
    static const size_t wanted[][2] = {{1, 1}, {2, 1}, {3, 1}, {4, 2}, {7, 2}, {8, 3}, {15, 3}, {16, 4}, {1000, 9}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_int_equal(sum_tree_live(0, wanted[i][0], wanted[i][0]), wanted[i][1]);
    assert_int_equal(sum_tree_live(3, 3, 8), 0);
    assert_int_equal(sum_tree_nodes(3, 3, 8), 0);
}

/* Blocks cut at random places, some of them empty, each added by itself; then all their nodes in order. */
static void any_cutting_makes_the_same_additions(void **state)
{
    (void)state;
    static struct list block, all;
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 3000; i++) {
        size_t pieces = 1 + rng_below(&rng, MOST), blocks = 1 + rng_below(&rng, 8), first = 0;
        all = (struct list){.count = 0};
        for (size_t b = 0; b < blocks; b++) {
            size_t end = b + 1 == blocks ? pieces : first + rng_below(&rng, (uint32_t)(pieces - first) + 1);
            add_block(&block, first, end, pieces);
            for (size_t n = 0; n < block.count; n++)
                append(&all, 0, block.nodes[n], &block.sums[n], pieces);
            first = end;
        }
        assert_int_equal(all.count, 1);
        assert_string_equal(all.sums[0].text, defined(0, pieces).text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_leaves_in_turn_make_the_definition),
        cmocka_unit_test(a_block_is_the_largest_nodes_inside_it),
        cmocka_unit_test(vectors_that_one_process_holds),
        cmocka_unit_test(any_cutting_makes_the_same_additions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
