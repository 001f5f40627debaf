#include "core/train/sum_tree.h"

#include <assert.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct sum_node sum_tree_node(size_t first, size_t end, size_t pieces)
{
    size_t span = 1;
    assert(first < end && end <= pieces);
    while (span < pieces && first % (2 * span) == 0 && smaller(first + 2 * span, pieces) <= end)
        span *= 2;
    return (struct sum_node){first, smaller(first + span, pieces)};
}

size_t sum_tree_nodes(size_t first, size_t end, size_t pieces)
{
    size_t count = 0;
    for (; first < end; count++)
        first = sum_tree_node(first, end, pieces).end;
    return count;
}

/* Up the tree while the node's other half is there: on its left, in the list, or on its right, where no leaf is. */
size_t sum_tree_merges(size_t from, struct sum_node node, size_t pieces)
{
    size_t first = node.first, span = 1, merges = 0;
    while (first + span < node.end)
        span *= 2;
    for (; span < pieces; span *= 2) {
        if (first & span) {
            if (first - span < from)
                break;
            first -= span;
            merges++;
        } else if (first + span < pieces) {
            break;
        }
    }
    return merges;
}

/* While a node's leaves come, the nodes before it in the list are held, and within it a vector for each bit of the
 * number of its leaves that have come, but for the last leaf, which needs none. */
size_t sum_tree_live(size_t first, size_t end, size_t pieces)
{
    size_t most = 0;
    for (size_t before = 0; first < end; before++) {
        struct sum_node node = sum_tree_node(first, end, pieces);
        size_t within = 1;
        for (size_t leaves = node.end - node.first; leaves >= 4; leaves /= 2)
            within++;
        most = before + within > most ? before + within : most;
        first = node.end;
    }
    return most;
}
