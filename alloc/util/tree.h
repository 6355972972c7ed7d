/* tree.h: an ordered set of 64-bit keys as an intrusive treap: a search tree by key that is a heap by
 * priority.
 *
 * The priority is a hash of the key, so the shape is random in effect, the same for the same keys, and
 * nothing needs rebalancing. Expected depth 2 ln n. The owner packs its whole order into the key
 * (say length, then birth), so that a comparison is one instruction.
 *
 * Invariants   T1  an in-order walk is strictly ascending by key
 *              T2  no node's priority is above its parent's                       (tree_check)
 */
#ifndef ASHLAR_UTIL_TREE_H
#define ASHLAR_UTIL_TREE_H

#include "common.h"

struct tree_node {
    struct tree_node *left;  /* smaller keys */
    struct tree_node *right; /* larger keys */
    uint64_t key;            /* unique in its tree; constant while in it */
};

struct tree {
    struct tree_node *root; /* NULL: empty */
};

/* The node, its key set, must not be in the tree, and no node with an equal key either. */
void tree_insert(struct tree *tree, struct tree_node *node);

/* The node must be in the tree. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The node of the least key that is not below `key`, or NULL. */
INLINE struct tree_node *tree_at_least(const struct tree *tree, uint64_t key)
{
    struct tree_node *found = NULL;
    for (struct tree_node *at = tree->root; at;) {
        if (at->key >= key) {
            found = at;
            at = at->left;
        } else {
            at = at->right;
        }
    }
    return found;
}

/* The node of the greatest key that is not above `key`, or NULL. */
INLINE struct tree_node *tree_at_most(const struct tree *tree, uint64_t key)
{
    struct tree_node *found = NULL;
    for (struct tree_node *at = tree->root; at;) {
        if (at->key <= key) {
            found = at;
            at = at->right;
        } else {
            at = at->left;
        }
    }
    return found;
}

/* T1 and T2, and that there are exactly `count` nodes. */
bool tree_check(const struct tree *tree, size_t count);

#endif
