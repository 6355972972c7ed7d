/* tree.c: see tree.h. */
#include "tree.h"

/* Splits the subtree at `at` into the nodes below and above the node's key. */
static void split(const struct tree *tree, struct tree_node *at, const struct tree_node *key,
                  struct tree_node **below, struct tree_node **above)
{
    while (at) {
        if (tree->compare(at, key) < 0) {
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
    uint64_t priority = tree->priority(node);
    struct tree_node **link = &tree->root;
    while (*link && tree->priority(*link) >= priority) {
        link = tree->compare(node, *link) < 0 ? &(*link)->left : &(*link)->right;
    }
    split(tree, *link, node, &node->left, &node->right);
    *link = node;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node **link = &tree->root;
    while (*link != node) {
        ASSERT(*link);
        link = tree->compare(node, *link) < 0 ? &(*link)->left : &(*link)->right;
    }
    struct tree_node *low = node->left, *high = node->right;
    while (low && high) { /* zip the two sides together, the higher priority on top */
        if (tree->priority(low) >= tree->priority(high)) {
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

struct tree_node *tree_at_least(const struct tree *tree, const struct tree_node *key)
{
    struct tree_node *found = NULL;
    for (struct tree_node *at = tree->root; at;) {
        if (tree->compare(at, key) >= 0) {
            found = at;
            at = at->left;
        } else {
            at = at->right;
        }
    }
    return found;
}

struct tree_node *tree_at_most(const struct tree *tree, const struct tree_node *key)
{
    struct tree_node *found = NULL;
    for (struct tree_node *at = tree->root; at;) {
        if (tree->compare(at, key) <= 0) {
            found = at;
            at = at->right;
        } else {
            at = at->left;
        }
    }
    return found;
}

static bool check_subtree(const struct tree *tree, const struct tree_node *at,
                          const struct tree_node *low, const struct tree_node *high, size_t *count)
{
    if (!at) {
        return true;
    }
    ++*count;
    bool ordered = (!low || tree->compare(low, at) < 0) && (!high || tree->compare(at, high) < 0);
    bool heap = (!at->left || tree->priority(at->left) <= tree->priority(at)) &&
                (!at->right || tree->priority(at->right) <= tree->priority(at));
    return ordered && heap && check_subtree(tree, at->left, low, at, count) &&
           check_subtree(tree, at->right, at, high, count);
}

bool tree_check(const struct tree *tree, size_t count)
{
    size_t seen = 0;
    return check_subtree(tree, tree->root, NULL, NULL, &seen) && seen == count;
}
