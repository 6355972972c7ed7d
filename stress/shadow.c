/* shadow.c: see shadow.h. A stripe's tree is a treap: sorted by address, and a heap by priorities
 * that are a hash of the address, so it is balanced whatever the order of insertion. */
#include "shadow.h"
#include "memory.h"
#include "rng.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { LG_STRIPE = 20, NSTRIPES = 4096, NODES_AT_ONCE = 256 };

struct node {
    uintptr_t start, end; /* the part of the block within this stripe's megabyte */
    uintptr_t block;      /* where the block starts */
    struct node *left, *right;
    uint64_t priority; /* larger than those of the children */
};

static struct stripe {
    pthread_mutex_t lock;
    struct node *root;       /* of all megabytes that hash to this stripe */
    struct node *free_nodes; /* linked by `left` */
} * stripes;

static atomic_size_t live;

void shadow_start(void)
{
    stripes = memory_map(NSTRIPES * sizeof *stripes);
    for (int i = 0; i < NSTRIPES; i++)
        pthread_mutex_init(&stripes[i].lock, NULL);
}

static struct node *node_take(struct stripe *stripe)
{
    if (stripe->free_nodes == NULL) {
        struct node *nodes = memory_map(NODES_AT_ONCE * sizeof *nodes);
        for (int i = 0; i < NODES_AT_ONCE; i++) {
            nodes[i].left = stripe->free_nodes;
            stripe->free_nodes = &nodes[i];
        }
    }
    struct node *node = stripe->free_nodes;
    stripe->free_nodes = node->left;
    return node;
}

/* Splits the tree into those below `at` and the others. */
static void split(struct node *tree, uintptr_t at, struct node **below, struct node **others)
{
    while (tree != NULL) {
        if (tree->start < at) {
            *below = tree;
            below = &tree->right;
            tree = tree->right;
        } else {
            *others = tree;
            others = &tree->left;
            tree = tree->left;
        }
    }
    *below = *others = NULL;
}

static void insert_node(struct node **link, struct node *node)
{
    while (*link != NULL && (*link)->priority >= node->priority)
        link = node->start < (*link)->start ? &(*link)->left : &(*link)->right;
    split(*link, node->start, &node->left, &node->right);
    *link = node;
}

/* Joins two trees of which the first is all below the second. */
static struct node *join(struct node *a, struct node *b)
{
    struct node *root = NULL, **link = &root;
    while (a != NULL && b != NULL) {
        if (a->priority >= b->priority) {
            *link = a;
            link = &a->right;
            a = a->right;
        } else {
            *link = b;
            link = &b->left;
            b = b->left;
        }
    }
    *link = a != NULL ? a : b;
    return root;
}

/* A node that shares a byte with [start, end), or NULL. The nodes of a tree are disjoint, so their
 * starts and their ends have the same order. */
static const struct node *find_overlap(const struct node *tree, uintptr_t start, uintptr_t end)
{
    while (tree != NULL) {
        if (end <= tree->start)
            tree = tree->left;
        else if (start >= tree->end)
            tree = tree->right;
        else
            return tree;
    }
    return NULL;
}

static struct stripe *stripe_of(uintptr_t addr)
{
    return &stripes[mix64(addr >> LG_STRIPE) % NSTRIPES];
}

static uintptr_t piece_end(uintptr_t at, uintptr_t end)
{
    uintptr_t stripe_end = ((at >> LG_STRIPE) + 1) << LG_STRIPE;
    return stripe_end < end ? stripe_end : end;
}

static bool remove_pieces(uintptr_t block, uintptr_t end)
{
    for (uintptr_t at = block, to; at < end; at = to) {
        struct stripe *stripe = stripe_of(at);
        to = piece_end(at, end);
        pthread_mutex_lock(&stripe->lock);
        struct node **link = &stripe->root;
        while (*link != NULL && (*link)->start != at)
            link = at < (*link)->start ? &(*link)->left : &(*link)->right;
        struct node *node = *link;
        bool found = node != NULL && node->end == to && node->block == block;
        if (found) {
            *link = join(node->left, node->right);
            node->left = stripe->free_nodes;
            stripe->free_nodes = node;
        }
        pthread_mutex_unlock(&stripe->lock);
        if (!found)
            return false;
    }
    return true;
}

bool shadow_insert(const void *block, size_t size_bytes, const void **other)
{
    uintptr_t start = (uintptr_t)block, end = start + (size_bytes > 0 ? size_bytes : 1);
    for (uintptr_t at = start, to; at < end; at = to) {
        struct stripe *stripe = stripe_of(at);
        to = piece_end(at, end);
        pthread_mutex_lock(&stripe->lock);
        const struct node *overlap = find_overlap(stripe->root, at, to);
        if (overlap != NULL) {
            *other = (const void *)overlap->block;
            pthread_mutex_unlock(&stripe->lock);
            remove_pieces(start, at);
            return false;
        }
        struct node *node = node_take(stripe);
        *node = (struct node){at, to, start, NULL, NULL, mix64(at)};
        insert_node(&stripe->root, node);
        pthread_mutex_unlock(&stripe->lock);
    }
    atomic_fetch_add(&live, 1);
    return true;
}

bool shadow_remove(const void *block, size_t size_bytes)
{
    uintptr_t start = (uintptr_t)block, end = start + (size_bytes > 0 ? size_bytes : 1);
    if (!remove_pieces(start, end))
        return false;
    atomic_fetch_sub(&live, 1);
    return true;
}

size_t shadow_count(void)
{
    return atomic_load(&live);
}
