/* tree.c: see tree.h. */
#include "tree.h"

/* The high bits of a product depend on all bits of the key: enough to shuffle, and one multiplication.
 * (The factor is 2^64 over the golden ratio.) */
static uint64_t priority(const struct tree_node *node)
{
    uint64_t product = node->key * UINT64_C(0x9e3779b97f4a7c15);
    return (product ^ product >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Splits the subtree at `at` into the nodes below and above the key. */
static void split(struct tree_node *at, uint64_t key, struct tree_node **below,
                  struct tree_node **above)
{
    while (at) {
        if (at->key < key) {
            *below = at;
            below = &at->right;
            at = at->right;
        } else {
            *above = at;
            above = &at->left;
            at = at->left;
        }
    }
    *below = *above = NULL;
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
    uint64_t mine = priority(node);
    struct tree_node **link = &tree->root;
    while (*link && priority(*link) >= mine) {
        link = node->key < (*link)->key ? &(*link)->left : &(*link)->right;
    }
    split(*link, node->key, &node->left, &node->right);
    *link = node;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node **link = &tree->root;
    while (*link != node) {
        ASSERT(*link);
        link = node->key < (*link)->key ? &(*link)->left : &(*link)->right;
    }
    struct tree_node *low = node->left, *high = node->right;
    while (low && high) { /* zip the two sides together, the higher priority on top */
        if (priority(low) >= priority(high)) {
            *link = low;
            link = &low->right;
            low = low->right;
        } else {
            *link = high;
            link = &high->left;
            high = high->left;
        }
    }
    *link = low ? low : high;
}

/* The keys of the subtree lie in [low, high]. */
static bool check_subtree(const struct tree_node *at, uint64_t low, uint64_t high, size_t *count)
{
    if (!at) {
        return true;
    }
    ++*count;
    bool ordered = at->key >= low && at->key <= high;
    bool heap = (!at->left || priority(at->left) <= priority(at)) &&
                (!at->right || priority(at->right) <= priority(at));
    return ordered && heap && (!at->left || at->key > 0) &&
           check_subtree(at->left, low, at->key - 1, count) &&
           (!at->right || at->key < UINT64_MAX) &&
           check_subtree(at->right, at->key + 1, high, count);
}

bool tree_check(const struct tree *tree, size_t count)
{
    size_t seen = 0;
    return check_subtree(tree->root, 0, UINT64_MAX, &seen) && seen == count;
}
