/* extent.c: see extent.h. */
#include "extent.h"
#include "../os/base.h"
#include "../os/pages.h"
#include "../os/process.h"
#include "../util/bits.h"
#include "../util/conf.h"
#include "../util/diag.h"

#define RESERVE_CHUNKS ((size_t)16) /* 64 MiB: a thousand of them fill 64 GiB, far from the map limit */

/* A process of fewer live chunks is small, and the unused part of a huge page would make it fat. From
 * 32 MiB on that is a sixteenth. */
#define HUGEPAGE_FROM_CHUNKS ((size_t)8)

struct extents extents_shared = {
    .dirty_list = {&extents_shared.dirty_list, &extents_shared.dirty_list},
};

/* Of all sets: */
static _Atomic size_t live_bytes; /* read by the program through a pointer, whenever it likes */
static _Atomic size_t live_bytes_peak;

static struct mutex sets_lock;
static _Atomic(struct extents *) hooked_sets; /* by next; only grows; written under sets_lock */

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

/* The set after `set` in the list that starts with the shared one; NULL behind the last. */
static struct extents *next_set(const struct extents *set)
{
    return set == &extents_shared ? atomic_load_explicit(&hooked_sets, ACQUIRE) : set->next;
}

/* Counts chunks that become live, or (a change below 0) are no longer. */
static void count_live(struct extents *set, size_t change)
{
    size_t bytes = change * CHUNK_SIZE;
    size_t now = atomic_fetch_add_explicit(&live_bytes, bytes, RELAXED) + bytes;
    size_t peak = atomic_load_explicit(&live_bytes_peak, RELAXED);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&live_bytes_peak, &peak, now, RELAXED,
                                                                RELAXED)) {
    }
    set->live_chunks += change;
    set->chunks_made += change <= EXTENT_CHUNKS_MAX ? change : 0;
}

/* A thread that a fork left behind was at work on the trees: forget them all. What was live stays
 * usable (the registry and the chunk headers know it); huge blocks from before are never reused. */
static void restart(struct extents *set)
{
    set->all.root = set->kinds[EXTENT_DIRTY].root = set->kinds[EXTENT_CLEAN].root = NULL;
    list_init(&set->dirty_list);
    set->spare_nodes = NULL;
    count_live(set, -set->live_chunks);
    set->count = 0;
    set->generation++;
    atomic_store_explicit(&set->dirty_chunks, 0, RELAXED);
}

static void enter(struct extents *set)
{
    if (!mutex_lock(&set->lock)) {
        restart(set);
    }
}

static void leave(struct extents *set)
{
    mutex_unlock(&set->lock);
}

void extents_init_hooked(struct extents *set, unsigned arena, const chunk_hooks_t *hooks)
{
    set->hooked = true;
    set->hooked_arena = arena;
    set->hooks = *hooks;
    list_init(&set->dirty_list);
    (void)mutex_lock(&sets_lock); /* one store: a fork in the middle leaves nothing to mend */
    set->next = atomic_load_explicit(&hooked_sets, RELAXED);
    atomic_store_explicit(&hooked_sets, set, RELEASE);
    mutex_unlock(&sets_lock);
}

void extents_set_hooks(struct extents *set, const chunk_hooks_t *hooks)
{
    enter(set);
    set->hooks = *hooks;
    leave(set);
}

chunk_hooks_t extents_get_hooks(struct extents *set)
{
    enter(set);
    chunk_hooks_t hooks = set->hooked ? set->hooks : hooks_default;
    leave(set);
    return hooks;
}

static struct extent *node_new(struct extents *set)
{
    struct extent *node = set->spare_nodes;
    if (!node) {
        return base_alloc(sizeof *node);
    }
    set->spare_nodes = node->by_size.left ? from_size_node(node->by_size.left) : NULL;
    return node;
}

static void node_release(struct extent *node)
{
    struct extents *set = node->set;
    node->by_size.left = set->spare_nodes ? &set->spare_nodes->by_size : NULL;
    set->spare_nodes = node;
}

/* Into the list of dirty extents, sorted by the order of freeing; nearly always as the youngest. */
static void link_by_age(struct extent *e)
{
    struct list_node *head = &e->set->dirty_list, *at = head;
    while (at->prev != head &&
           CONTAINER_OF(at->prev, struct extent, age)->freed_serial > e->freed_serial) {
        at = at->prev;
    }
    list_insert_before(at, &e->age);
}

static void link_free(struct extent *e, enum extent_state state)
{
    e->state = state;
    e->by_size.key = size_key(e->nchunks, e->birth);
    tree_insert(&e->set->kinds[state], &e->by_size);
    if (state == EXTENT_DIRTY) {
        count_add(&e->set->dirty_chunks, e->nchunks);
        link_by_age(e);
    }
}

static void unlink_free(struct extent *e)
{
    tree_remove(&e->set->kinds[e->state], &e->by_size);
    if (e->state == EXTENT_DIRTY) {
        count_add(&e->set->dirty_chunks, -e->nchunks);
        list_remove(&e->age);
    }
}

static uint64_t reserve_of(const struct extent *e)
{
    return e->birth >> BIRTH_INDEX_BITS;
}

/* May they be neighbours? Without reserves any two may. */
static bool same_reserve(const struct extent *a, const struct extent *b)
{
    return a->set->hooked || reserve_of(a) == reserve_of(b);
}

/* Enters the tree of all, by its address. */
static void link_address(struct extent *e)
{
    e->by_address.key = e->addr;
    tree_insert(&e->set->all, &e->by_address);
    e->set->count++;
}

/* Leaves it, and is no extent any more. */
static void dissolve(struct extent *e)
{
    tree_remove(&e->set->all, &e->by_address);
    e->set->count--;
    node_release(e);
}

static size_t bytes_of(const struct extent *e)
{
    return e->nchunks * CHUNK_SIZE;
}

static struct extent *next_of(const struct extent *e)
{
    uintptr_t end = e->addr + bytes_of(e);
    struct tree_node *node = tree_at_least(&e->set->all, end);
    struct extent *next = node ? from_address_node(node) : NULL;
    bool adjacent = next && next->addr == end && same_reserve(next, e);
    return adjacent ? next : NULL;
}

static struct extent *previous_of(const struct extent *e)
{
    struct tree_node *node = tree_at_most(&e->set->all, e->addr - 1);
    struct extent *previous = node ? from_address_node(node) : NULL;
    bool adjacent = previous && previous->addr + bytes_of(previous) == e->addr &&
                    same_reserve(previous, e);
    return adjacent ? previous : NULL;
}

/* ---- what the hooks say, where there are any --------------------------------------------------- */

static bool may_cut(const struct extent *e, size_t nchunks)
{
    const struct extents *set = e->set;
    return !set->hooked || hooks_split(&set->hooks, set->hooked_arena, (void *)e->addr, bytes_of(e),
                                       nchunks * CHUNK_SIZE, e->committed);
}

/* Two free neighbours in the same state. */
static bool may_join(const struct extent *first, const struct extent *second)
{
    const struct extents *set = first->set;
    return !set->hooked ||
           (first->committed == second->committed &&
            (first->state != EXTENT_CLEAN || first->zeroed == second->zeroed) &&
            hooks_merge(&set->hooks, set->hooked_arena, (void *)first->addr, bytes_of(first),
                        (void *)second->addr, bytes_of(second), first->committed));
}

/* So that the extent may be touched. */
static bool commit(struct extent *e)
{
    const struct extents *set = e->set;
    if (!e->committed && !hooks_commit(&set->hooks, set->hooked_arena, (void *)e->addr, bytes_of(e),
                                       0, bytes_of(e))) {
        return false;
    }
    e->committed = true;
    return true;
}

/* Gives back what lies behind a dirty extent in no tree of its kind. Of the system's memory that is its
 * pages, or false. Of the hooks' it is what the first of them does that is willing, and in the end
 * nothing; *gone says that they took it whole. */
static bool give_back(struct extent *e, bool *gone)
{
    const struct extents *set = e->set;
    void *addr = (void *)e->addr;
    size_t size = bytes_of(e);
    if (!set->hooked) {
        e->zeroed = pages_purge(addr, size);
        return e->zeroed;
    }
    *gone = hooks_dalloc(&set->hooks, set->hooked_arena, addr, size, e->committed);
    if (*gone) {
        return true;
    }
    if (e->committed && hooks_decommit(&set->hooks, set->hooked_arena, addr, size, 0, size)) {
        e->committed = false;
    }
    e->zeroed = !e->committed || hooks_purge(&set->hooks, set->hooked_arena, addr, size, 0, size);
    return true;
}

/* It is not ours any more. */
static void forget(struct extent *e)
{
    chunk_kind_set(e->addr, e->nchunks, CHUNK_FOREIGN);
    e->set->reserved_chunks -= e->nchunks;
    dissolve(e);
}

bool extent_purge_pages(struct extent *e, uintptr_t addr, size_t len_bytes)
{
    struct extents *set = e->set;
    if (!set->hooked) {
        return pages_purge((void *)addr, len_bytes);
    }
    chunk_hooks_t hooks = extents_get_hooks(set);
    return hooks_purge(&hooks, set->hooked_arena, (void *)e->addr, bytes_of(e), addr - e->addr,
                       len_bytes);
}

/* ---- cutting and joining ----------------------------------------------------------------------- */

/* Cuts e, which is in no tree of its kind, after `nchunks`. The rest becomes free in `state`. False
 * where there is no node for the rest, or the hooks will not have it. */
static bool cut(struct extent *e, size_t nchunks, enum extent_state state)
{
    if (e->nchunks == nchunks) {
        return true;
    }
    struct extents *set = e->set;
    struct extent *rest = node_new(set);
    if (!rest) {
        return false;
    }
    rest->set = set;
    if (!may_cut(e, nchunks)) {
        node_release(rest);
        return false;
    }
    *rest = (struct extent){.addr = e->addr + nchunks * CHUNK_SIZE,
                            .nchunks = e->nchunks - nchunks,
                            .birth = e->birth + nchunks,
                            .freed_ms = e->freed_ms,
                            .freed_serial = e->freed_serial,
                            .set = set,
                            .generation = set->generation,
                            .zeroed = e->zeroed,
                            .committed = e->committed};
    e->nchunks = nchunks;
    link_address(rest);
    link_free(rest, state);
    return true;
}

/* Makes `e`, which is in no tree of its kind, free in `state`, joined with neighbours of that kind. */
static void release(struct extent *e, enum extent_state state)
{
    e->state = state;
    struct extent *previous = previous_of(e), *next = next_of(e);
    if (next && next->state == state && may_join(e, next)) {
        unlink_free(next);
        e->nchunks += next->nchunks;
        dissolve(next);
    }
    if (previous && previous->state == state && may_join(previous, e)) {
        unlink_free(previous);
        previous->nchunks += e->nchunks;
        previous->freed_ms = e->freed_ms;
        previous->freed_serial = e->freed_serial;
        dissolve(e);
        e = previous;
    }
    link_free(e, state);
}

/* ---- new memory -------------------------------------------------------------------------------- */

/* Does the registry cover the memory? */
static bool within_reach(const void *addr, size_t size_bytes)
{
    return (uintptr_t)addr + size_bytes <= (uintptr_t)1 << ADDRESS_BITS;
}

/* A new reserve of at least nchunks as one clean extent in no tree of its kind, or NULL. */
static struct extent *reserve(struct extents *set, size_t nchunks)
{
    struct extent *e = node_new(set);
    if (!e) {
        return NULL;
    }
    e->set = set;
    size_t want = nchunks > RESERVE_CHUNKS ? nchunks : RESERVE_CHUNKS;
    void *addr = pages_map(want * CHUNK_SIZE, CHUNK_SIZE);
    if (!addr && want > nchunks) { /* an address space limit: take no more than is needed */
        want = nchunks;
        addr = pages_map(want * CHUNK_SIZE, CHUNK_SIZE);
    }
    if (addr && !within_reach(addr, want * CHUNK_SIZE)) {
        pages_unmap(addr, want * CHUNK_SIZE);
        addr = NULL;
    }
    if (!addr) {
        node_release(e);
        return NULL;
    }
    *e = (struct extent){
        .addr = (uintptr_t)addr,
        .nchunks = want,
        .birth = (uint64_t)++set->reserves << BIRTH_INDEX_BITS,
        .set = set,
        .generation = set->generation,
        .zeroed = true,
        .committed = true};
    set->reserved_chunks += want;
    link_address(e);
    e->state = EXTENT_CLEAN;
    return e;
}

static COLD _Noreturn void given_twice(const struct extents *set, const void *addr)
{
    hooks_stay_suspended();
    diag_abort("the alloc hook of arena %u returned %p, which is in use already",
               (uint64_t)set->hooked_arena, addr);
}

/* Exactly nchunks from the hooks, at `at` where that is not NULL, as a clean extent in no tree of its kind
 * that may be touched; or NULL. */
static struct extent *obtain(struct extents *set, void *at, size_t nchunks, size_t alignment)
{
    size_t size = nchunks * CHUNK_SIZE;
    struct extent *e = node_new(set);
    if (!e) {
        return NULL;
    }
    e->set = set;
    struct hooked_chunk c = hooks_alloc(&set->hooks, set->hooked_arena, at, size, alignment);
    if (c.addr && !within_reach(c.addr, size)) {
        (void)hooks_dalloc(&set->hooks, set->hooked_arena, c.addr, size, c.committed);
        c.addr = NULL;
    }
    if (!c.addr) {
        node_release(e);
        return NULL;
    }
    for (size_t i = 0; i < nchunks; i++) {
        if (chunk_kind_at((uintptr_t)c.addr + i * CHUNK_SIZE) != CHUNK_FOREIGN) {
            given_twice(set, c.addr);
        }
    }
    *e = (struct extent){.addr = (uintptr_t)c.addr,
                         .nchunks = nchunks,
                         .birth = chunk_number((uintptr_t)c.addr),
                         .set = set,
                         .generation = set->generation,
                         .zeroed = c.zeroed,
                         .committed = c.committed};
    set->reserved_chunks += nchunks;
    link_address(e);
    e->state = EXTENT_CLEAN;
    if (commit(e)) {
        return e;
    }
    if (hooks_dalloc(&set->hooks, set->hooked_arena, c.addr, size, false)) {
        forget(e);
    } else {
        release(e, EXTENT_CLEAN);
    }
    return NULL;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

static struct extent *best_fit(const struct extents *set, enum extent_state state, size_t nchunks)
{
    struct tree_node *node = tree_at_least(&set->kinds[state], size_key(nchunks, 0));
    return node ? from_size_node(node) : NULL;
}

/* The free extent to cut from, taken out of its tree, or NULL. Memory that is still backed comes
 * first, unless that would cut up a piece more than twice as long as the clean one that fits. */
static struct extent *take(struct extents *set, size_t nchunks)
{
    struct extent *dirty = best_fit(set, EXTENT_DIRTY, nchunks);
    struct extent *clean = best_fit(set, EXTENT_CLEAN, nchunks);
    struct extent *e = !dirty || (clean && dirty->nchunks > 2 * nchunks &&
                                  clean->nchunks < dirty->nchunks)
                           ? clean
                           : dirty;
    if (e) {
        unlink_free(e);
    }
    return e;
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

/* Makes of e, in no tree of its kind, what was asked for; or frees it again and returns NULL. */
static struct extent *fit(struct extent *e, size_t nchunks, size_t alignment)
{
    struct extent *aligned = align(e, alignment);
    if (!aligned || !cut(aligned, nchunks, aligned->state) || !commit(aligned)) {
        release(aligned ? aligned : e, aligned ? aligned->state : e->state);
        return NULL;
    }
    return aligned;
}

/* Hooks that do not let a free extent be cut are asked for a new one of the right size. */
static struct extent *take_aligned(struct extents *set, size_t nchunks, size_t alignment)
{
    size_t need = nchunks + (alignment >> LG_CHUNK) - 1;
    struct extent *e = take(set, need);
    if (set->hooked) {
        struct extent *fitted = e ? fit(e, nchunks, alignment) : NULL;
        return fitted ? fitted : obtain(set, NULL, nchunks, alignment);
    }
    e = e ? e : reserve(set, need);
    return e ? fit(e, nchunks, alignment) : NULL;
}

/* A free extent of the shared set without neighbours is its whole reserve. */
static struct extent *free_reserve(enum extent_state state)
{
    const struct tree *kind = &extents_shared.kinds[state];
    for (struct tree_node *node = tree_at_least(kind, 0); node;
         node = tree_at_least(kind, node->key + 1)) {
        struct extent *e = from_size_node(node);
        if (!previous_of(e) && !next_of(e)) {
            return e;
        }
    }
    return NULL;
}

/* Unmaps free reserves in the states `first` and behind. The lock of the shared set is held. Returns
 * chunks. */
static size_t unmap_free(enum extent_state first)
{
    size_t unmapped = 0;
    for (int state = (int)first; state <= EXTENT_CLEAN; state++) {
        struct extent *e;
        while ((e = free_reserve((enum extent_state)state))) {
            if (!pages_unmap((void *)e->addr, bytes_of(e))) {
                break; /* it stays ours, free */
            }
            unmapped += e->nchunks;
            unlink_free(e);
            forget(e);
        }
    }
    return unmapped;
}

/* The lock is held. Returns chunks. */
static size_t purge(struct extents *set, size_t keep_chunks, uint64_t before_ms)
{
    size_t purged = 0;
    while (count_read(&set->dirty_chunks) > keep_chunks) {
        struct extent *oldest = CONTAINER_OF(set->dirty_list.next, struct extent, age);
        bool gone = false;
        if (oldest->freed_ms > before_ms) {
            break;
        }
        unlink_free(oldest);
        if (!give_back(oldest, &gone)) {
            link_free(oldest, EXTENT_DIRTY);
            break;
        }
        purged += oldest->nchunks;
        set->nmadvises++;
        if (gone) {
            forget(oldest);
        } else {
            release(oldest, EXTENT_CLEAN);
        }
    }
    set->npurges += purged > 0;
    set->chunks_purged += purged;
    if (purged && !conf.retain && !set->hooked) {
        unmap_free(EXTENT_CLEAN);
    }
    return purged;
}

void extents_abandon(struct extents *set)
{
    enter(set);
    (void)purge(set, 0, UINT64_MAX);
    for (struct tree_node *node; (node = tree_at_least(&set->kinds[EXTENT_CLEAN], 0));) {
        struct extent *e = from_size_node(node);
        (void)hooks_dalloc(&set->hooks, set->hooked_arena, (void *)e->addr, bytes_of(e),
                           e->committed);
        unlink_free(e);
        forget(e);
    }
    leave(set);
}

/* Untouched chunks were taken while others lie dirty, too short to serve: those would come on top. */
static void bound_beside(struct extents *set)
{
    size_t most = demand_beside(&set->demand, set->live_chunks);
    if (extents_decay_ms(set) >= 0 && count_read(&set->dirty_chunks) > most) {
        demand_purged(&set->demand, purge(set, most, UINT64_MAX));
    }
}

/* Asks for huge pages for huge blocks in a process that is not small. Not for runs: they are touched and
 * purged in pieces, and on a virtual machine whose free huge pages go back to the host a first touch
 * costs the host's faults as well (stress-ng's malloc stressor: 6.0 s of system time with huge pages
 * for runs, 1.6 s without; glibc 1.3 s). */
static bool wants_huge_pages(const struct extents *set, enum chunk_kind kind)
{
    return !set->hooked &&
           (conf.thp == THP_ALWAYS || (conf.thp == THP_DEFAULT && kind == CHUNK_HUGE &&
                                       set->live_chunks >= HUGEPAGE_FROM_CHUNKS));
}

struct extent *extent_alloc(struct extents *set, unsigned arena, size_t nchunks, size_t alignment,
                            enum chunk_kind kind)
{
    if (nchunks + (alignment >> LG_CHUNK) > EXTENT_CHUNKS_MAX || nchunks > EXTENT_CHUNKS_MAX) {
        return NULL;
    }
    enter(set);
    struct extent *e = take_aligned(set, nchunks, alignment);
    if (e) {
        bool clean = e->state == EXTENT_CLEAN;
        e->zeroed = clean && e->zeroed;
        e->state = EXTENT_LIVE;
        e->arena = arena;
        e->sample = NULL;
        count_live(set, nchunks);
        demand_taken(&set->demand, clean ? nchunks : 0, set->live_chunks);
        if (e->zeroed && wants_huge_pages(set, kind)) {
            pages_hint_huge((void *)e->addr, nchunks * CHUNK_SIZE, true);
        }
        chunk_kind_set(e->addr, nchunks, kind);
        if (clean) {
            bound_beside(set);
        }
    }
    leave(set);
    return e;
}

/* Notes that the extent becomes dirty now. */
static void stamp(struct extent *e)
{
    e->freed_ms = process_now_ms();
    e->freed_serial = ++e->set->freed_serials;
}

void extent_free(struct extent *e)
{
    struct extents *set = e->set;
    enter(set);
    bool huge = chunk_kind_at(e->addr) == CHUNK_HUGE;
    chunk_kind_set(e->addr, e->nchunks, CHUNK_FREE);
    if (huge) {
        chunk_kind_set(e->addr, 1, CHUNK_HUGE_FREED);
    }
    if (e->generation == set->generation) { /* else a fork left it in no tree: it is not used again */
        count_live(set, -e->nchunks);
        stamp(e);
        release(e, EXTENT_DIRTY);
    }
    leave(set);
}

static struct extent *find(struct extents *set, uintptr_t addr)
{
    enter(set);
    struct tree_node *node = tree_at_most(&set->all, addr);
    struct extent *e = node ? from_address_node(node) : NULL;
    bool inside = e && e->state == EXTENT_LIVE && addr < e->addr + bytes_of(e);
    leave(set);
    return inside ? e : NULL;
}

struct extent *extent_find(uintptr_t addr)
{
    struct extent *e = find(&extents_shared, addr);
    for (struct extents *set = next_set(&extents_shared); set && !e; set = next_set(set)) {
        /* What a hook asks for is not in the set that it serves, which this thread has locked. */
        e = mutex_is_mine(&set->lock) ? NULL : find(set, addr);
    }
    return e;
}

struct extent *extent_huge_of(struct extents *set, unsigned arena, uintptr_t addr)
{
    struct extent *found = NULL;
    enter(set);
    for (struct tree_node *node = tree_at_least(&set->all, addr); node && !found;
         node = tree_at_least(&set->all, node->key + 1)) {
        struct extent *e = from_address_node(node);
        bool huge = e->state == EXTENT_LIVE && chunk_kind_at(e->addr) == CHUNK_HUGE;
        found = huge && e->arena == arena ? e : NULL;
    }
    leave(set);
    return found;
}

/* Puts the free extent `next`, in no tree of its kind, behind the live one before it, if the hooks let it
 * be committed and be one with it; else frees it again. */
static bool append(struct extent *e, struct extent *next)
{
    enum extent_state state = next->state;
    next->state = EXTENT_LIVE; /* as the first one is */
    if (!commit(next) || !may_join(e, next)) {
        release(next, state);
        return false;
    }
    chunk_kind_set(next->addr, next->nchunks, CHUNK_HUGE);
    count_live(e->set, next->nchunks);
    e->nchunks += next->nchunks;
    demand_taken(&e->set->demand, state == EXTENT_CLEAN ? next->nchunks : 0, e->set->live_chunks);
    dissolve(next);
    return true;
}

/* By `more` chunks of the free neighbour, or where there is none by new ones from the hooks. */
static bool grow(struct extent *e, size_t more)
{
    struct extent *next = next_of(e);
    if (!next && e->set->hooked) {
        next = obtain(e->set, (void *)(e->addr + bytes_of(e)), more, CHUNK_SIZE);
        return next && append(e, next);
    }
    if (!next || next->state == EXTENT_LIVE || next->nchunks < more) {
        return false;
    }
    enum extent_state state = next->state;
    unlink_free(next);
    if (!cut(next, more, state)) {
        link_free(next, state);
        return false;
    }
    return append(e, next);
}

bool extent_grow(struct extent *e, size_t nchunks)
{
    struct extents *set = e->set;
    enter(set);
    bool done = e->generation == set->generation && grow(e, nchunks - e->nchunks);
    leave(set);
    return done;
}

void extent_shrink(struct extent *e, size_t nchunks)
{
    struct extents *set = e->set;
    enter(set);
    size_t before = e->nchunks;
    stamp(e);
    if (e->generation == set->generation && cut(e, nchunks, EXTENT_DIRTY)) {
        count_live(set, nchunks - before);
        struct extent *rest = next_of(e);
        chunk_kind_set(rest->addr, rest->nchunks, CHUNK_FREE);
        unlink_free(rest);
        release(rest, EXTENT_DIRTY);
    } /* else no node, or a fork left it in no tree: the block keeps its tail, which is free with it later */
    leave(set);
}

size_t extent_purge(struct extents *set, size_t keep_chunks, uint64_t before_ms)
{
    enter(set);
    size_t purged = purge(set, keep_chunks, before_ms);
    leave(set);
    return purged * CHUNK_SIZE;
}

void extent_purge_by_ratio(struct extents *set, int64_t lg_dirty_mult)
{
    if (lg_dirty_mult < 0 || count_read(&set->dirty_chunks) <= 1) {
        return;
    }
    enter(set);
    size_t most = set->live_chunks >> lg_dirty_mult;
    (void)purge(set, most > 1 ? most : 1, UINT64_MAX);
    leave(set);
}

size_t extent_purge_all(void)
{
    size_t purged = 0;
    for (struct extents *set = &extents_shared; set; set = next_set(set)) {
        purged += extent_purge(set, 0, UINT64_MAX);
    }
    return purged;
}

void extent_purge_excess(struct extents *set, size_t least_chunks)
{
    int64_t period_ms = extents_decay_ms(set);
    if (count_read(&set->dirty_chunks) <= least_chunks && period_ms != 0) {
        return;
    }
    enter(set);
    size_t most =
        demand_keep(&set->demand, set->live_chunks, least_chunks, period_ms, process_now_ms());
    if (count_read(&set->dirty_chunks) > most) {
        demand_purged(&set->demand, purge(set, most - most / 8, UINT64_MAX));
    }
    leave(set);
}

size_t extent_unmap_free(void)
{
    enter(&extents_shared);
    size_t unmapped = unmap_free(EXTENT_DIRTY);
    leave(&extents_shared);
    return unmapped * CHUNK_SIZE;
}

static void add_figures(struct extents *set, struct extent_figures *sum)
{
    enter(set);
    sum->reserved_bytes += set->reserved_chunks * CHUNK_SIZE;
    sum->live_chunks += set->live_chunks;
    sum->dirty_chunks += count_read(&set->dirty_chunks);
    sum->npurges += set->npurges;
    sum->nmadvises += set->nmadvises;
    sum->chunks_purged += set->chunks_purged;
    sum->chunks_made += set->chunks_made;
    leave(set);
}

void extents_figures(struct extents *set, struct extent_figures *out)
{
    *out = (struct extent_figures){0};
    add_figures(set, out);
}

void extent_figures(struct extent_figures *out)
{
    *out = (struct extent_figures){0};
    for (struct extents *set = &extents_shared; set; set = next_set(set)) {
        add_figures(set, out);
    }
}

const size_t *extent_live_bytes(void)
{
    return (const size_t *)&live_bytes;
}

size_t extent_live_bytes_peak(void)
{
    return atomic_load_explicit(&live_bytes_peak, RELAXED);
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

/* The lock is held. */
static void each_of(struct extents *set, void (*visit)(const struct extent *, void *), void *context)
{
    if (set->hooked) {
        each(set->all.root, visit, context);
        return;
    }
    for (uint64_t serial = 1; serial <= set->reserves; serial++) {
        struct one_reserve r = {serial, visit, context};
        each(set->all.root, visit_one_reserve, &r);
    }
}

void extent_each(void (*visit)(const struct extent *extent, void *context), void *context)
{
    for (struct extents *set = &extents_shared; set; set = next_set(set)) {
        enter(set);
        each_of(set, visit, context);
        leave(set);
    }
}

struct tally {
    bool ok;
    const struct extent *previous;
    size_t count, dirty, live, kinds[3];
};

/* With hooks there may be gaps, and free neighbours that they did not let join. */
static void check_neighbours(const struct extent *p, const struct extent *e, struct tally *t)
{
    uintptr_t end = p->addr + bytes_of(p);
    bool hooked = e->set->hooked;
    if (hooked ? end > e->addr : end != e->addr) {
        diag_line("X1: the extent at %p does not follow the one at %p", (void *)e->addr,
                  (void *)p->addr);
        t->ok = false;
    }
    if (!hooked && p->state != EXTENT_LIVE && p->state == e->state) {
        diag_line("X2: free extents at %p and %p were not joined", (void *)p->addr,
                  (void *)e->addr);
        t->ok = false;
    }
}

static void check_one(const struct extent *e, void *context)
{
    struct tally *t = context;
    if (t->previous && same_reserve(t->previous, e)) {
        check_neighbours(t->previous, e, t);
    }
    if (e->state == EXTENT_CLEAN && e->zeroed && e->committed &&
        *(const volatile uint64_t *)e->addr != 0) {
        diag_line("X4: the clean extent at %p does not read as zero", (void *)e->addr);
        t->ok = false;
    }
    t->previous = e;
    t->count++;
    t->kinds[e->state]++;
    t->dirty += e->state == EXTENT_DIRTY ? e->nchunks : 0;
    t->live += e->state == EXTENT_LIVE ? e->nchunks : 0;
}

static bool check_set(struct extents *set)
{
    struct tally t = {.ok = true};
    enter(set);
    each_of(set, check_one, &t);
    size_t listed = 0;
    for (struct list_node *n = set->dirty_list.next; n != &set->dirty_list; n = n->next) {
        listed += CONTAINER_OF(n, struct extent, age)->nchunks;
    }
    size_t counted = count_read(&set->dirty_chunks);
    if (listed != counted || t.dirty != counted || t.live != set->live_chunks) {
        diag_line("X3: dirty chunks: %u counted, %u listed, %u found; live: %u counted, %u found",
                  (uint64_t)counted, (uint64_t)listed, (uint64_t)t.dirty,
                  (uint64_t)set->live_chunks, (uint64_t)t.live);
        t.ok = false;
    }
    if (!tree_check(&set->all, t.count) ||
        !tree_check(&set->kinds[EXTENT_DIRTY], t.kinds[EXTENT_DIRTY]) ||
        !tree_check(&set->kinds[EXTENT_CLEAN], t.kinds[EXTENT_CLEAN])) {
        diag_line("T1, T2: a tree of extents is out of order");
        t.ok = false;
    }
    leave(set);
    return t.ok;
}

bool extent_check(void)
{
    bool ok = true;
    for (struct extents *set = &extents_shared; set; set = next_set(set)) {
        ok &= check_set(set);
    }
    return ok;
}
