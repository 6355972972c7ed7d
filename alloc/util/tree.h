/* tree.h: an ordered set as an intrusive treap: a search tree by key that is a heap by priority.
 *
 * The priority is a hash that the owner derives from an identity of its own (never from an address),
 * so the shape is random in effect and the same on every run. Expected depth 2 ln n; no rebalancing
 * state is kept in the nodes beyond two pointers.
 *
 * Invariants   T1  an in-order walk is strictly ascending by compare
 *              T2  no node's priority is above its parent's                       (tree_check)
 */
#ifndef ASHLAR_UTIL_TREE_H
#define ASHLAR_UTIL_TREE_H

#include "common.h"

struct tree_node {
    struct tree_node *left;  /* smaller keys */
    struct tree_node *right; /* larger keys */
};

struct tree {
    struct tree_node *root;                                               /* NULL: empty */
    int (*compare)(const struct tree_node *a, const struct tree_node *b); /* total order, 0: same */
    uint64_t (*priority)(const struct tree_node *node);
};

/* The node must not be in the tree, and no node with an equal key either. */
void tree_insert(struct tree *tree, struct tree_node *node);

/* The node must be in the tree. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The least node that is not below the key, or NULL. `key` is a node never inserted. */
struct tree_node *tree_at_least(const struct tree *tree, const struct tree_node *key);

/* The greatest node that is not above the key, or NULL. */
struct tree_node *tree_at_most(const struct tree *tree, const struct tree_node *key);

/* T1 and T2, and that there are exactly `count` nodes. */
bool tree_check(const struct tree *tree, size_t count);

#endif
