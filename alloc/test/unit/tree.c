/* tree.c (test): the treap against a sorted array, its depth, and broken trees for the check. */
#include "../../util/tree.h"
#include "../../util/prng.h"
#include "unit.h"

#define ITEMS 1000u

struct item {
    struct tree_node node;
    bool in;
};

static struct item items[ITEMS]; /* ascending by key */

static void set_keys(uint64_t first, uint64_t step)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i] = (struct item){.node = {.key = first + i * step}};
    }
}

static void insert_all(struct tree *tree)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        tree_insert(tree, &items[i].node);
    }
}

static unsigned depth(const struct tree_node *node)
{
    if (!node) {
        return 0;
    }
    unsigned left = depth(node->left), right = depth(node->right);
    return 1 + (left > right ? left : right);
}

static void empty_tree(void)
{
    struct tree tree = {NULL};
    REQUIRE(!tree_at_least(&tree, 0));
    REQUIRE(!tree_at_most(&tree, UINT64_MAX));
    REQUIRE(tree_check(&tree, 0));
}

/* Looks for the keys of the items, which are even, and for the odd ones between them. */
static void require_lookups(const struct tree *tree)
{
    for (unsigned k = 0; k < 2 * ITEMS; k += 7) {
        const struct tree_node *least = NULL, *most = NULL;
        for (unsigned i = (k + 1) / 2; i < ITEMS && !least; i++) {
            least = items[i].in ? &items[i].node : NULL;
        }
        for (unsigned i = k / 2 + 1; i > 0 && !most; i--) {
            most = items[i - 1].in ? &items[i - 1].node : NULL;
        }
        REQUIRE(tree_at_least(tree, k) == least);
        REQUIRE(tree_at_most(tree, k) == most);
    }
}

static void like_a_sorted_array(void)
{
    struct tree tree = {NULL};
    uint64_t state = 1;
    size_t count = 0;
    set_keys(0, 2);
    for (unsigned step = 0; step < 20000; step++) {
        struct item *item = &items[prng_next(&state) % ITEMS];
        if (item->in) {
            tree_remove(&tree, &item->node);
            count--;
        } else {
            tree_insert(&tree, &item->node);
            count++;
        }
        item->in = !item->in;
        if (step % 500 == 0) {
            REQUIRE(tree_check(&tree, count));
            require_lookups(&tree);
        }
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        if (items[i].in) {
            tree_remove(&tree, &items[i].node);
        }
    }
    REQUIRE(!tree.root);
}

static void the_ends_of_the_range(void)
{
    struct tree tree = {NULL};
    static struct item ends[] = {{.node = {.key = 0}}, {.node = {.key = UINT64_MAX}}};
    tree_insert(&tree, &ends[1].node);
    tree_insert(&tree, &ends[0].node);
    REQUIRE(tree_check(&tree, 2));
    REQUIRE(tree_at_least(&tree, 0) == &ends[0].node);
    REQUIRE(tree_at_least(&tree, 1) == &ends[1].node);
    REQUIRE(tree_at_most(&tree, UINT64_MAX) == &ends[1].node);
    REQUIRE(tree_at_most(&tree, UINT64_MAX - 1) == &ends[0].node);
}

/* The shape follows from the keys alone, whatever came in first. */
static void shape_is_independent_of_order(void)
{
    static struct tree_node shape[ITEMS];
    struct tree tree = {NULL};
    set_keys(100, 1);
    insert_all(&tree);
    struct tree_node *root = tree.root;
    for (unsigned i = 0; i < ITEMS; i++) {
        shape[i] = items[i].node;
    }
    tree.root = NULL;
    for (unsigned i = 0; i < ITEMS; i++) {
        tree_insert(&tree, &items[(i * 387 + 5) % ITEMS].node);
    }
    REQUIRE(tree.root == root);
    for (unsigned i = 0; i < ITEMS; i++) {
        REQUIRE(items[i].node.left == shape[i].left && items[i].node.right == shape[i].right);
    }
}

/* Keys are addresses and lengths with a birth: rows with any power of two between them. None may line
 * up with the hash. 2 ln 1000 = 14 is expected of a node, and near 25 of the deepest of 1000; rows in
 * the highest bits alone come to 77, one that lines up to 1000. */
static void depth_stays_low(void)
{
    for (unsigned lg = 0; lg <= 54; lg++) {
        for (uint64_t odd = 1; odd <= 5; odd += 2) {
            struct tree tree = {NULL};
            set_keys(lg % 2 ? UINT64_C(0x7f31c2800000) : 0, odd << lg);
            if (items[ITEMS - 1].node.key < items[0].node.key) {
                continue; /* wrapped */
            }
            insert_all(&tree);
            REQUIRE(tree_check(&tree, ITEMS));
            REQUIRE(depth(tree.root) <= 100);
        }
    }
}

static void check_sees_what_is_broken(void)
{
    struct tree tree = {NULL};
    set_keys(1000, 2);
    insert_all(&tree);
    REQUIRE(tree_check(&tree, ITEMS));
    REQUIRE(!tree_check(&tree, ITEMS - 1) && !tree_check(&tree, ITEMS + 1));
    struct tree_node *root = tree.root, *old = root->left;
    root->left = root->right; /* T1: larger keys on the left */
    root->right = old;
    REQUIRE(!tree_check(&tree, ITEMS));
    root->right = root->left;
    root->left = old;
    /* T2: a child above its parent, the keys still in order. */
    struct tree_node *child = root->left;
    root->left = child->right;
    child->right = root;
    tree.root = child;
    REQUIRE(!tree_check(&tree, ITEMS));
    child->right = root->left;
    root->left = child;
    tree.root = root;
    REQUIRE(tree_check(&tree, ITEMS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(empty_tree),
        UNIT(like_a_sorted_array),
        UNIT(the_ends_of_the_range),
        UNIT(shape_is_independent_of_order),
        UNIT(depth_stays_low),
        UNIT(check_sees_what_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
