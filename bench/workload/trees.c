/* trees.c: binary trees that are built and thrown away beside one that stays.
 *
 *     long-lived    one tree of depth D, first to be built, last to be freed
 *     short-lived   for d = 4, 6, ... D: 2^(D-d+4) trees of depth d, one after the other
 *
 *          1          nodes are allocated from the top down (1 2 3 4 5 6 7) and freed in post-order
 *        2   5        (3 4 2 6 7 5 1). Each depth has about as many nodes as any other, so work
 *       3 4 6 7       moves from many small trees to few large ones.
 *
 * --ops scales that: each depth gets its share of the blocks, and the last tree of a depth may stay
 * incomplete. A tree is walked by its number of nodes, not by NULL pointers, and on the null heap,
 * where nodes overlap, it is the number alone that ends the walk.
 */
#include "core/worker.h"

enum { OPTION_DEPTH, OPTION_SIZE };

#define DEPTH_FIRST 4

static const struct option options[] = {
    [OPTION_DEPTH] = {"depth", OPTION_COUNT, "16", DEPTH_FIRST, 26, NULL, false,
                      "depth of the long-lived tree and of the largest others"},
    [OPTION_SIZE] = {"size", OPTION_BYTES, "32", 24, 65536, NULL, false, "bytes of a node"},
    {0},
};

struct node {
    uint64_t stamp; /* with --check */
    struct node *left, *right;
};

/* Nodes of a complete tree. */
static uint64_t nodes_of(uint64_t depth)
{
    return (UINT64_C(2) << depth) - 1;
}

/* Nodes of all the short-lived trees up to a depth, as published. */
static uint64_t nodes_up_to(uint64_t depth, uint64_t depth_last)
{
    uint64_t sum = 0;
    for (uint64_t d = DEPTH_FIRST; d <= depth; d += 2) {
        sum += (UINT64_C(1) << (depth_last - d + 4)) * nodes_of(d);
    }
    return sum;
}

/* Every worker has a long-lived tree of its own. */
static uint64_t default_ops(const struct run *run)
{
    const uint64_t depth = run->values[OPTION_DEPTH].lo;
    return run->nthreads * nodes_of(depth) + nodes_up_to(depth, depth);
}

static void setup(struct run *run)
{
    (void)run;
}

/* A tree of up to *left nodes; takes those that it has off *left, which is above 0. */
static struct node *build(struct worker *worker, size_t size_bytes, uint64_t depth, uint64_t *left)
{
    struct node *node = block_new(worker, size_bytes);
    --*left;
    if (depth > 0 && *left > 0) {
        node->left = build(worker, size_bytes, depth - 1, left);
    }
    if (depth > 0 && *left > 0) {
        node->right = build(worker, size_bytes, depth - 1, left);
    }
    return node;
}

/* Where a walk goes on. The null heap has written other nodes over this one. */
static struct node *follow(const struct worker *worker, struct node *node, struct node *child)
{
    return worker->run->null ? node : child;
}

/* Frees what `build` made of *left nodes. What a changed node points to is not followed. */
static void destroy(struct worker *worker, struct node *node, size_t size_bytes, uint64_t depth,
                    uint64_t *left)
{
    if (worker->check && !stamp_holds(worker, node, size_bytes)) {
        return;
    }
    --*left;
    if (depth > 0 && *left > 0) {
        destroy(worker, follow(worker, node, node->left), size_bytes, depth - 1, left);
    }
    if (depth > 0 && *left > 0) {
        destroy(worker, follow(worker, node, node->right), size_bytes, depth - 1, left);
    }
    block_end(worker, node, size_bytes);
}

/* Builds and frees trees of one depth, `left` nodes in all. */
static void short_lived(struct worker *worker, size_t size_bytes, uint64_t depth, uint64_t left)
{
    while (left > 0) {
        uint64_t unbuilt = left;
        struct node *root = build(worker, size_bytes, depth, &unbuilt);
        uint64_t built = left - unbuilt;
        left = unbuilt;
        destroy(worker, root, size_bytes, depth, &built);
    }
}

static void work(struct worker *worker)
{
    const uint64_t depth_last = worker->run->values[OPTION_DEPTH].lo;
    const size_t size = worker->run->values[OPTION_SIZE].lo;
    uint64_t rest = worker->ops;
    if (rest == 0) {
        return;
    }
    struct node *root = build(worker, size, depth_last, &rest);
    uint64_t long_lived = worker->ops - rest;
    const uint64_t whole = nodes_up_to(depth_last, depth_last);
    uint64_t done = 0;
    for (uint64_t depth = DEPTH_FIRST; depth <= depth_last; depth += 2) {
        const unsigned __int128 scaled = (unsigned __int128)rest * nodes_up_to(depth, depth_last);
        const uint64_t due = (uint64_t)(scaled / whole);
        short_lived(worker, size, depth, due - done);
        done = due;
    }
    destroy(worker, root, size, depth_last, &long_lived);
}

const struct workload workload_trees = {
    .name = "trees",
    .imitates = "syntax trees, documents, search trees: linked nodes that live and die together",
    .source = "binary-trees of the Computer Language Benchmarks Game, after GCBench (Boehm)",
    .blind_to = "nodes of several sizes, and trees that change while they live",
    .options = options,
    .presets =
        (const struct preset[]){
            {"benchmarks-game",
             "binary-trees of the Computer Language Benchmarks Game: argument 21; 144 MiB "
             "live, 20 s; its stretch tree of depth 22 is left out",
             "--depth 21 --size 24 --touch none"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--depth 16", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
