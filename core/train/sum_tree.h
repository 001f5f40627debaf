/* The order in which the gradients of a batch's pieces are added. It depends on the number of pieces alone, not on how
 * they are dealt to processes: float addition is not associative, so another order would give other bytes.
 *
 * Leaves are the pieces 0..P-1. A node covers the leaves k * 2^j up to (k + 1) * 2^j, as far as there are any, and is
 * the sum of its two halves, left + right; where no leaf is in the right half it is the left half. The root covers all.
 * Leaf by leaf this is the pairwise sum of a binary counter: two halves merge as soon as both are there, and what
 * remains in the end is folded from the right. Seven pieces: ((0+1)+(2+3)) + ((4+5)+6).
 *
 * A block of consecutive leaves is a list of nodes: the largest ones that lie wholly inside it, at most 2 * log2(P).
 * The lists of consecutive blocks, one after the other, merge by the same rule into the list of them all. So any
 * cutting of 0..P-1 into blocks makes the same additions.
 *
 * Here are the nodes alone; the vectors are the caller's, in a list as long as that of the nodes (gradients.c,
 * gradient_exchange.c). Arguments: 0 <= first < end <= pieces.
 */
#ifndef FREEZETUNE_SUM_TREE_H
#define FREEZETUNE_SUM_TREE_H

#include <stddef.h>

struct sum_node {
    size_t first, end; /* its leaves, those that exist */
};

/* The most nodes of a list that begins at leaf 0, and one that is being appended to it. */
enum { SUM_TREE_DEPTH = 8 * sizeof(size_t) + 1 };

/* The largest node that begins at leaf `first` and has no leaf from `end` on: the next of a block's list, when those
 * before it end at `first`. */
struct sum_node sum_tree_node(size_t first, size_t end, size_t pieces);

/* How many nodes the block first..end-1 is; 0 where first == end. */
size_t sum_tree_nodes(size_t first, size_t end, size_t pieces);

/* A node has been appended to a list that begins at leaf `from`: how many times the last of the list is then added to
 * the one before it. */
size_t sum_tree_merges(size_t from, struct sum_node node, size_t pieces);

/* The most vectors that are held at once while the leaves first..end-1 come one by one, each borrowed: one that merges
 * at once is added to the vector before it and not kept. 0 where first == end. Alone, with all P: 1, 1, 1, 2 for P = 1
 * to 4, and log2(P) rounded down. */
size_t sum_tree_live(size_t first, size_t end, size_t pieces);

#endif
