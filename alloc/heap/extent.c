/* extent.c: see extent.h. */
#include "extent.h"
#include "demand.h"
#include "../os/base.h"
#include "../os/mutex.h"
#include "../os/pages.h"
#include "../os/process.h"
#include "../util/bits.h"
#include "../util/conf.h"
#include "../util/diag.h"

#define RESERVE_CHUNKS ((size_t)16) /* 64 MiB: a thousand of them fill 64 GiB, far from the map limit */

/* A process of fewer live chunks is small, and the unused part of a huge page would make it fat. From
 * 32 MiB on that is a sixteenth. */
#define HUGEPAGE_FROM_CHUNKS ((size_t)8)

static struct mutex lock;
/* Under the lock: */
static struct tree all;      /* by address */
static struct tree kinds[3]; /* free ones, by size and birth */
static struct list_node dirty_list = {&dirty_list, &dirty_list}; /* by age, oldest first */
static struct extent *spare_nodes;                               /* linked by by_size.left */
static uint32_t reserves;                                        /* serial of the newest */
static struct demand demand;                                     /* in chunks */
static uint64_t freed_serials;                                   /* given out */
static uint32_t generation;                                      /* counts restarts */
static size_t reserved_chunks, live_chunks, extents;
static size_t live_peak;                                         /* the most live_chunks ever */
static uint64_t npurges, nmadvises, chunks_purged, chunks_made;  /* see struct extent_figures */
static size_t live_bytes; /* read by the program through a pointer, whenever it likes */
static _Atomic size_t dirty_chunks; /* read anywhere */

static struct extent *from_address_node(const struct tree_node *node)
{
    return CONTAINER_OF(node, struct extent, by_address);
}

static struct extent *from_size_node(const struct tree_node *node)
{
    return CONTAINER_OF(node, struct extent, by_size);
}

/* The order of choice in one word: length, then birth. */
static uint64_t size_key(size_t nchunks, uint64_t birth)
{
    return (uint64_t)nchunks << 44 | birth;
}

/* After live_chunks changed. */
static void note_live(void)
{
    live_peak = live_chunks > live_peak ? live_chunks : live_peak;
    __atomic_store_n(&live_bytes, live_chunks * CHUNK_SIZE, __ATOMIC_RELAXED);
}

/* A thread that a fork left behind was at work on the trees: forget them all. What was live stays
 * usable (the registry and the chunk headers know it); huge blocks from before are never reused. */
static void restart(void)
{
    all.root = kinds[EXTENT_DIRTY].root = kinds[EXTENT_CLEAN].root = NULL;
    list_init(&dirty_list);
    spare_nodes = NULL;
    live_chunks = extents = 0;
    note_live();
    generation++;
    atomic_store_explicit(&dirty_chunks, 0, RELAXED);
}

static void enter(void)
{
    if (!mutex_lock(&lock)) {
        restart();
    }
}

static struct extent *node_new(void)
{
    struct extent *node = spare_nodes;
    if (!node) {
        return base_alloc(sizeof *node);
    }
    spare_nodes = node->by_size.left ? from_size_node(node->by_size.left) : NULL;
    return node;
}

static void node_release(struct extent *node)
{
    node->by_size.left = spare_nodes ? &spare_nodes->by_size : NULL;
    spare_nodes = node;
}

/* Into the list of dirty extents, sorted by the order of freeing; nearly always as the youngest. */
static void link_by_age(struct extent *e)
{
    struct list_node *at = &dirty_list;
    while (at->prev != &dirty_list &&
           CONTAINER_OF(at->prev, struct extent, age)->freed_serial > e->freed_serial) {
        at = at->prev;
    }
    list_insert_before(at, &e->age);
}

static void link_free(struct extent *e, enum extent_state state)
{
    e->state = state;
    e->by_size.key = size_key(e->nchunks, e->birth);
    tree_insert(&kinds[state], &e->by_size);
    if (state == EXTENT_DIRTY) {
        count_add(&dirty_chunks, e->nchunks);
        link_by_age(e);
    }
}

static void unlink_free(struct extent *e)
{
    tree_remove(&kinds[e->state], &e->by_size);
    if (e->state == EXTENT_DIRTY) {
        count_add(&dirty_chunks, -e->nchunks);
        list_remove(&e->age);
    }
}

static uint64_t reserve_of(const struct extent *e)
{
    return e->birth >> BIRTH_INDEX_BITS;
}

static bool same_reserve(const struct extent *a, const struct extent *b)
{
    return reserve_of(a) == reserve_of(b);
}

/* Enters the tree of all, by its address. */
static void link_address(struct extent *e)
{
    e->by_address.key = e->addr;
    tree_insert(&all, &e->by_address);
    extents++;
}

static struct extent *next_of(const struct extent *e)
{
    uintptr_t end = e->addr + e->nchunks * CHUNK_SIZE;
    struct tree_node *node = tree_at_least(&all, end);
    struct extent *next = node ? from_address_node(node) : NULL;
    bool adjacent = next && next->addr == end && same_reserve(next, e);
    return adjacent ? next : NULL;
}

static struct extent *previous_of(const struct extent *e)
{
    struct tree_node *node = tree_at_most(&all, e->addr - 1);
    struct extent *previous = node ? from_address_node(node) : NULL;
    bool adjacent = previous && previous->addr + previous->nchunks * CHUNK_SIZE == e->addr &&
                    same_reserve(previous, e);
    return adjacent ? previous : NULL;
}

/* Cuts e, which is in no tree of its kind, after `nchunks`. The rest becomes free in `state`. False
 * where there is no node for the rest. */
static bool cut(struct extent *e, size_t nchunks, enum extent_state state)
{
    if (e->nchunks == nchunks) {
        return true;
    }
    struct extent *rest = node_new();
    if (!rest) {
        return false;
    }
    *rest = (struct extent){.addr = e->addr + nchunks * CHUNK_SIZE,
                            .nchunks = e->nchunks - nchunks,
                            .birth = e->birth + nchunks,
                            .freed_ms = e->freed_ms,
                            .freed_serial = e->freed_serial,
                            .generation = generation};
    e->nchunks = nchunks;
    link_address(rest);
    link_free(rest, state);
    return true;
}

/* Makes `e`, which is in no tree of its kind, free in `state`, joined with neighbours of that kind. */
static void release(struct extent *e, enum extent_state state)
{
    struct extent *previous = previous_of(e), *next = next_of(e);
    if (next && next->state == state) {
        unlink_free(next);
        tree_remove(&all, &next->by_address);
        e->nchunks += next->nchunks;
        extents--;
        node_release(next);
    }
    if (previous && previous->state == state) {
        unlink_free(previous);
        tree_remove(&all, &e->by_address);
        previous->nchunks += e->nchunks;
        previous->freed_ms = e->freed_ms;
        previous->freed_serial = e->freed_serial;
        extents--;
        node_release(e);
        e = previous;
    }
    link_free(e, state);
}

/* A new reserve of at least nchunks as one clean extent in no tree of its kind, or NULL. */
static struct extent *reserve(size_t nchunks)
{
    struct extent *e = node_new();
    if (!e) {
        return NULL;
    }
    size_t want = nchunks > RESERVE_CHUNKS ? nchunks : RESERVE_CHUNKS;
    void *addr = pages_map(want * CHUNK_SIZE, CHUNK_SIZE);
    if (!addr && want > nchunks) { /* an address space limit: take no more than is needed */
        want = nchunks;
        addr = pages_map(want * CHUNK_SIZE, CHUNK_SIZE);
    }
    if (addr && (uintptr_t)addr + want * CHUNK_SIZE > (uintptr_t)1 << ADDRESS_BITS) {
        pages_unmap(addr, want * CHUNK_SIZE); /* beyond what the registry covers */
        addr = NULL;
    }
    if (!addr) {
        node_release(e);
        return NULL;
    }
    *e = (struct extent){
        .addr = (uintptr_t)addr,
        .nchunks = want,
        .birth = (uint64_t)++reserves << BIRTH_INDEX_BITS,
        .generation = generation};
    reserved_chunks += want;
    link_address(e);
    e->state = EXTENT_CLEAN;
    return e;
}

static struct extent *best_fit(enum extent_state state, size_t nchunks)
{
    struct tree_node *node = tree_at_least(&kinds[state], size_key(nchunks, 0));
    return node ? from_size_node(node) : NULL;
}

/* The free extent to cut from, taken out of its tree, or NULL. Memory that is still backed comes
 * first, unless that would cut up a piece more than twice as long as the clean one that fits. */
static struct extent *take(size_t nchunks)
{
    struct extent *dirty = best_fit(EXTENT_DIRTY, nchunks);
    struct extent *clean = best_fit(EXTENT_CLEAN, nchunks);
    struct extent *e = !dirty || (clean && dirty->nchunks > 2 * nchunks &&
                                  clean->nchunks < dirty->nchunks)
                           ? clean
                           : dirty;
    if (e) {
        unlink_free(e);
        return e;
    }
    return reserve(nchunks);
}

/* Cuts the part before the first multiple of `alignment` off e and returns the aligned rest, which is
 * in no tree of its kind; NULL where there is no node for it. */
static struct extent *align(struct extent *e, size_t alignment)
{
    size_t skip = (ROUND_UP(e->addr, alignment) - e->addr) >> LG_CHUNK;
    if (skip == 0) {
        return e;
    }
    enum extent_state state = e->state;
    if (!cut(e, skip, state)) {
        return NULL;
    }
    struct extent *rest = next_of(e);
    unlink_free(rest);
    rest->state = EXTENT_LIVE; /* so that the part before does not join it again */
    release(e, state);
    rest->state = state;
    return rest;
}

static struct extent *take_aligned(size_t nchunks, size_t alignment)
{
    struct extent *e = take(nchunks + (alignment >> LG_CHUNK) - 1);
    if (!e) {
        return NULL;
    }
    struct extent *aligned = align(e, alignment);
    if (!aligned || !cut(aligned, nchunks, aligned->state)) {
        release(aligned ? aligned : e, aligned ? aligned->state : e->state);
        return NULL;
    }
    return aligned;
}

/* A free extent without neighbours is its whole reserve. */
static struct extent *free_reserve(enum extent_state state)
{
    for (struct tree_node *node = tree_at_least(&kinds[state], 0); node;
         node = tree_at_least(&kinds[state], node->key + 1)) {
        struct extent *e = from_size_node(node);
        if (!previous_of(e) && !next_of(e)) {
            return e;
        }
    }
    return NULL;
}

/* Unmaps free reserves in the states `first` and behind. The lock is held. Returns chunks. */
static size_t unmap_free(enum extent_state first)
{
    size_t unmapped = 0;
    for (int state = (int)first; state <= EXTENT_CLEAN; state++) {
        struct extent *e;
        while ((e = free_reserve((enum extent_state)state))) {
            if (!pages_unmap((void *)e->addr, e->nchunks * CHUNK_SIZE)) {
                break; /* it stays ours, free */
            }
            unmapped += e->nchunks;
            chunk_kind_set(e->addr, e->nchunks, CHUNK_FOREIGN);
            unlink_free(e);
            tree_remove(&all, &e->by_address);
            extents--;
            node_release(e);
        }
    }
    reserved_chunks -= unmapped;
    return unmapped;
}

/* The lock is held. Returns chunks. */
static size_t purge(size_t keep_chunks, uint64_t before_ms)
{
    size_t purged = 0;
    while (count_read(&dirty_chunks) > keep_chunks) {
        struct extent *oldest = CONTAINER_OF(dirty_list.next, struct extent, age);
        if (oldest->freed_ms > before_ms ||
            !pages_purge((void *)oldest->addr, oldest->nchunks * CHUNK_SIZE)) {
            break;
        }
        purged += oldest->nchunks;
        nmadvises++;
        unlink_free(oldest);
        release(oldest, EXTENT_CLEAN);
    }
    npurges += purged > 0;
    chunks_purged += purged;
    if (purged && !conf.retain) {
        unmap_free(EXTENT_CLEAN);
    }
    return purged;
}

/* Untouched chunks were taken while others lie dirty, too short to serve: those would come on top. */
static void bound_beside(void)
{
    size_t most = demand_beside(&demand, live_chunks);
    if (conf_decay_ms() >= 0 && count_read(&dirty_chunks) > most) {
        demand_purged(&demand, purge(most, UINT64_MAX));
    }
}

/* Asks for huge pages for huge blocks in a process that is not small. Not for runs: they are touched and
 * purged in pieces, and on a virtual machine whose free huge pages go back to the host a first touch
 * costs the host's faults as well (stress-ng's malloc stressor: 6.0 s of system time with huge pages
 * for runs, 1.6 s without; glibc 1.3 s). */
static bool wants_huge_pages(enum chunk_kind kind)
{
    return conf.thp == THP_ALWAYS || (conf.thp == THP_DEFAULT && kind == CHUNK_HUGE &&
                                      live_chunks >= HUGEPAGE_FROM_CHUNKS);
}

struct extent *extent_alloc(size_t nchunks, size_t alignment, enum chunk_kind kind)
{
    if (nchunks + (alignment >> LG_CHUNK) > EXTENT_CHUNKS_MAX || nchunks > EXTENT_CHUNKS_MAX) {
        return NULL;
    }
    enter();
    struct extent *e = take_aligned(nchunks, alignment);
    if (e) {
        e->zeroed = e->state == EXTENT_CLEAN;
        e->state = EXTENT_LIVE;
        e->sample = NULL;
        live_chunks += nchunks;
        chunks_made += nchunks;
        note_live();
        demand_taken(&demand, e->zeroed ? nchunks : 0, live_chunks);
        if (e->zeroed && wants_huge_pages(kind)) {
            pages_hint_huge((void *)e->addr, nchunks * CHUNK_SIZE, true);
        }
        chunk_kind_set(e->addr, nchunks, kind);
    }
    if (e && e->zeroed) {
        bound_beside();
    }
    mutex_unlock(&lock);
    return e;
}

/* Notes that the extent becomes dirty now. */
static void stamp(struct extent *e)
{
    e->freed_ms = process_now_ms();
    e->freed_serial = ++freed_serials;
}

void extent_free(struct extent *e)
{
    enter();
    bool huge = chunk_kind_at(e->addr) == CHUNK_HUGE;
    chunk_kind_set(e->addr, e->nchunks, CHUNK_FREE);
    if (huge) {
        chunk_kind_set(e->addr, 1, CHUNK_HUGE_FREED);
    }
    if (e->generation == generation) { /* else a fork left it in no tree: it is not used again */
        live_chunks -= e->nchunks;
        note_live();
        stamp(e);
        release(e, EXTENT_DIRTY);
    }
    mutex_unlock(&lock);
}

struct extent *extent_find(uintptr_t addr)
{
    enter();
    struct tree_node *node = tree_at_most(&all, addr);
    struct extent *e = node ? from_address_node(node) : NULL;
    bool inside = e && e->state == EXTENT_LIVE && addr < e->addr + e->nchunks * CHUNK_SIZE;
    mutex_unlock(&lock);
    return inside ? e : NULL;
}

bool extent_grow(struct extent *e, size_t nchunks)
{
    enter();
    struct extent *next = e->generation == generation ? next_of(e) : NULL;
    size_t more = nchunks - e->nchunks;
    bool done = next && next->state != EXTENT_LIVE && next->nchunks >= more;
    if (done) {
        enum extent_state state = next->state;
        unlink_free(next);
        done = cut(next, more, state);
        if (done) {
            tree_remove(&all, &next->by_address);
            extents--;
            chunk_kind_set(next->addr, more, CHUNK_HUGE);
            node_release(next);
            e->nchunks = nchunks;
            live_chunks += more;
            chunks_made += more;
            note_live();
            demand_taken(&demand, state == EXTENT_CLEAN ? more : 0, live_chunks);
        } else {
            link_free(next, state);
        }
    }
    mutex_unlock(&lock);
    return done;
}

void extent_shrink(struct extent *e, size_t nchunks)
{
    enter();
    size_t before = e->nchunks;
    stamp(e);
    if (e->generation == generation && cut(e, nchunks, EXTENT_DIRTY)) {
        live_chunks -= before - nchunks;
        note_live();
        struct extent *rest = next_of(e);
        chunk_kind_set(rest->addr, rest->nchunks, CHUNK_FREE);
        unlink_free(rest);
        release(rest, EXTENT_DIRTY);
    } /* else no node, or a fork left it in no tree: the block keeps its tail, which is free with it later */
    mutex_unlock(&lock);
}

size_t extent_purge(size_t keep_chunks, uint64_t before_ms)
{
    enter();
    size_t purged = purge(keep_chunks, before_ms);
    mutex_unlock(&lock);
    return purged * CHUNK_SIZE;
}

void extent_purge_excess(size_t least_chunks)
{
    if (count_read(&dirty_chunks) <= least_chunks && conf_decay_ms() != 0) {
        return;
    }
    enter();
    size_t most = demand_keep(&demand, live_chunks, least_chunks, conf_decay_ms(),
                              process_now_ms());
    if (count_read(&dirty_chunks) > most) {
        demand_purged(&demand, purge(most - most / 8, UINT64_MAX));
    }
    mutex_unlock(&lock);
}

size_t extent_unmap_free(void)
{
    enter();
    size_t unmapped = unmap_free(EXTENT_DIRTY);
    mutex_unlock(&lock);
    return unmapped * CHUNK_SIZE;
}

void extent_figures(struct extent_figures *out)
{
    enter();
    out->reserved_bytes = reserved_chunks * CHUNK_SIZE;
    out->live_chunks = live_chunks;
    out->dirty_chunks = count_read(&dirty_chunks);
    out->npurges = npurges;
    out->nmadvises = nmadvises;
    out->chunks_purged = chunks_purged;
    out->chunks_made = chunks_made;
    out->live_peak = live_peak;
    mutex_unlock(&lock);
}

const size_t *extent_live_bytes(void)
{
    return &live_bytes;
}

static void each(const struct tree_node *node, void (*visit)(const struct extent *, void *),
                 void *context)
{
    if (node) {
        each(node->left, visit, context);
        visit(from_address_node(node), context);
        each(node->right, visit, context);
    }
}

/* Reserves lie at addresses that the system chose; visiting them by serial keeps the order the same
 * on every run. There are few. */
struct one_reserve {
    uint64_t serial;
    void (*visit)(const struct extent *extent, void *context);
    void *context;
};

static void visit_one_reserve(const struct extent *e, void *context)
{
    const struct one_reserve *r = context;
    if (reserve_of(e) == r->serial) {
        r->visit(e, r->context);
    }
}

void extent_each(void (*visit)(const struct extent *extent, void *context), void *context)
{
    enter();
    for (uint64_t serial = 1; serial <= reserves; serial++) {
        struct one_reserve r = {serial, visit, context};
        each(all.root, visit_one_reserve, &r);
    }
    mutex_unlock(&lock);
}

struct tally {
    bool ok;
    const struct extent *previous;
    size_t count, dirty, live, kinds[3];
};

static void check_one(const struct extent *e, void *context)
{
    struct tally *t = context;
    const struct extent *p = t->previous;
    bool follows = p && same_reserve(p, e);
    if (follows && p->addr + p->nchunks * CHUNK_SIZE != e->addr) {
        diag_line("X1: the extent at %p does not follow the one at %p", (void *)e->addr,
                  (void *)p->addr);
        t->ok = false;
    }
    if (follows && p->state != EXTENT_LIVE && p->state == e->state) {
        diag_line("X2: free extents at %p and %p were not joined", (void *)p->addr,
                  (void *)e->addr);
        t->ok = false;
    }
    if (e->state == EXTENT_CLEAN && *(const volatile uint64_t *)e->addr != 0) {
        diag_line("X4: the clean extent at %p does not read as zero", (void *)e->addr);
        t->ok = false;
    }
    t->previous = e;
    t->count++;
    t->kinds[e->state]++;
    t->dirty += e->state == EXTENT_DIRTY ? e->nchunks : 0;
    t->live += e->state == EXTENT_LIVE ? e->nchunks : 0;
}

bool extent_check(void)
{
    struct tally t = {.ok = true};
    extent_each(check_one, &t);
    enter();
    size_t listed = 0;
    for (struct list_node *n = dirty_list.next; n != &dirty_list; n = n->next) {
        listed += CONTAINER_OF(n, struct extent, age)->nchunks;
    }
    size_t counted = count_read(&dirty_chunks);
    if (listed != counted || t.dirty != counted || t.live != live_chunks) {
        diag_line("X3: dirty chunks: %u counted, %u listed, %u found; live: %u counted, %u found",
                  (uint64_t)counted, (uint64_t)listed, (uint64_t)t.dirty,
                  (uint64_t)live_chunks, (uint64_t)t.live);
        t.ok = false;
    }
    if (!tree_check(&all, t.count) ||
        !tree_check(&kinds[EXTENT_DIRTY], t.kinds[EXTENT_DIRTY]) ||
        !tree_check(&kinds[EXTENT_CLEAN], t.kinds[EXTENT_CLEAN])) {
        diag_line("T1, T2: a tree of extents is out of order");
        t.ok = false;
    }
    mutex_unlock(&lock);
    return t.ok;
}
