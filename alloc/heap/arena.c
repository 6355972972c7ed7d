/* arena.c: see arena.h. */
#include "arena.h"
#include "../os/base.h"
#include "../os/process.h"
#include "../util/conf.h"

#define ARENAS_PER_CPU 4u

static struct mutex arenas_lock;
static _Atomic(struct arena *) arenas[ARENAS_MAX];
static _Atomic unsigned narenas;
static unsigned narenas_limit; /* under arenas_lock; 0: not computed yet */

static void enter(void)
{
    /* The table only grows, one store at a time: a fork in the middle leaves nothing to mend. */
    (void)mutex_lock(&arenas_lock);
}

unsigned arena_count(void)
{
    return atomic_load_explicit(&narenas, ACQUIRE);
}

struct arena *arena_get(unsigned index)
{
    return atomic_load_explicit(&arenas[index], ACQUIRE);
}

/* Looked up when the second thread comes, for a process of one thread needs no file for this, or when
 * somebody asks. */
static unsigned limit(void)
{
    if (!narenas_limit) {
        unsigned cpus = process_cpus();
        narenas_limit = conf.narenas ? (unsigned)conf.narenas
                                     : (cpus > 1 ? ARENAS_PER_CPU * cpus : 1);
        narenas_limit = narenas_limit < ARENAS_MAX ? narenas_limit : ARENAS_MAX;
    }
    return narenas_limit;
}

static struct arena *arena_new(unsigned index)
{
    struct arena *arena = base_alloc(sizeof *arena);
    if (arena) {
        arena->index = index;
        pool_init(&arena->pool, index);
        for (unsigned class = 0; class < SMALL_CLASSES; class++) {
            bin_init(&arena->bins[class]);
        }
        atomic_store_explicit(&arenas[index], arena, RELEASE);
        atomic_store_explicit(&narenas, index + 1, RELEASE);
        purge_set_arenas(index + 1);
    }
    return arena;
}

static unsigned threads_in(struct arena *arena)
{
    uint32_t epoch = process_epoch();
    if (arena->nthreads_epoch != epoch) {
        arena->nthreads_epoch = epoch;
        arena->nthreads = 0;
    }
    return arena->nthreads;
}

struct arena *arena_join(void)
{
    enter();
    unsigned made = arena_count();
    struct arena *best = NULL;
    for (unsigned i = 0; i < made; i++) {
        struct arena *arena = arena_get(i);
        if (!best || threads_in(arena) < threads_in(best)) {
            best = arena;
        }
    }
    if ((!best || threads_in(best) > 0) && (made == 0 || made < limit())) {
        struct arena *fresh = arena_new(made);
        best = fresh ? fresh : best;
    }
    if (best) {
        best->nthreads = threads_in(best) + 1;
    }
    mutex_unlock(&arenas_lock);
    return best;
}

unsigned arena_threads(struct arena *arena)
{
    enter();
    unsigned n = threads_in(arena);
    mutex_unlock(&arenas_lock);
    return n;
}

unsigned arena_limit(void)
{
    enter();
    unsigned n = limit();
    mutex_unlock(&arenas_lock);
    return n;
}

void arena_rejoin(struct arena *arena)
{
    enter();
    arena->nthreads = threads_in(arena) + 1;
    mutex_unlock(&arenas_lock);
}

void arena_leave(struct arena *arena)
{
    enter();
    if (threads_in(arena) > 0) {
        arena->nthreads--;
    }
    mutex_unlock(&arenas_lock);
}

unsigned arena_fill(struct arena *arena, unsigned class, void **out, unsigned want)
{
    return bin_fill(&arena->bins[class], &arena->pool, class, out, want);
}

/* Moves the regions of `arena` to the front; returns how many there are. */
static unsigned partition(void **regions, unsigned n, const struct arena *arena)
{
    unsigned front = 0;
    for (unsigned i = 0; i < n; i++) {
        if (arena_of((uintptr_t)regions[i]) == arena) {
            void *region = regions[i];
            regions[i] = regions[front];
            regions[front++] = region;
        }
    }
    return front;
}

void arena_flush(struct arena *mine, unsigned class, void **regions, unsigned n)
{
    unsigned own = partition(regions, n, mine);
    if (own) {
        bin_flush(&mine->bins[class], &mine->pool, class, regions, own);
    }
    for (unsigned at = own; at < n;) {
        struct arena *other = arena_of((uintptr_t)regions[at]);
        unsigned theirs = partition(regions + at, n - at, other);
        for (unsigned i = at; i + 1 < at + theirs; i++) {
            *(void **)regions[i] = regions[i + 1];
        }
        bin_flush_remote(&other->bins[class], &other->pool, class, regions[at],
                         regions[at + theirs - 1], theirs);
        at += theirs;
    }
}

static void count_one(_Atomic uint64_t *count)
{
    atomic_fetch_add_explicit(count, 1, RELAXED);
}

void *arena_large_alloc(struct arena *arena, unsigned class, unsigned align_pages,
                        enum page_state state, bool *zeroed)
{
    struct run *run = large_alloc(&arena->pool, class, align_pages, state, zeroed);
    if (!run) {
        return NULL;
    }
    atomic_fetch_add_explicit(&arena->large_bytes, size_class_bytes(class), RELAXED);
    count_one(&arena->counts[class].nmalloc);
    return (void *)run_addr(run);
}

void arena_large_free(struct run *run)
{
    struct arena *arena = arena_of((uintptr_t)run);
    atomic_fetch_sub_explicit(&arena->large_bytes, size_class_bytes(run->class), RELAXED);
    count_one(&arena->counts[run->class].ndalloc);
    large_free(&arena->pool, run);
}

bool arena_large_resize(struct run *run, unsigned class)
{
    struct arena *arena = arena_of((uintptr_t)run);
    unsigned old = run->class;
    if (!large_resize(&arena->pool, run, class)) {
        return false;
    }
    atomic_fetch_add_explicit(&arena->large_bytes, size_class_bytes(class) - size_class_bytes(old),
                              RELAXED);
    count_one(&arena->counts[old].ndalloc);
    count_one(&arena->counts[class].nmalloc);
    return true;
}

void arena_decay(struct arena *arena)
{
    purge_tick(&arena->pool);
}

static void trim_bins(struct arena *arena)
{
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        bin_trim(&arena->bins[class], &arena->pool, class);
    }
}

size_t arena_purge(struct arena *arena)
{
    trim_bins(arena);
    return pool_purge(&arena->pool, 0, UINT64_MAX);
}

size_t arena_purge_all(void)
{
    size_t given_back = 0;
    for (unsigned i = 0; i < arena_count(); i++) {
        given_back += arena_purge(arena_get(i));
    }
    return given_back + extent_purge(0, UINT64_MAX);
}

bool arena_reclaim(void)
{
    struct extent_figures before, after;
    extent_figures(&before);
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        trim_bins(arena);
        pool_trim(&arena->pool);
    }
    extent_purge(0, UINT64_MAX); /* so that free neighbours join to whole reserves */
    extent_figures(&after);
    bool unmapped = extent_unmap_free() > 0;
    return unmapped || after.live_chunks < before.live_chunks;
}

/* The large or sampled run that covers the page at addr, whose word is 0: its start is the nearest
 * page before that has a word. Cold: asked only before ending the program. */
static struct run *covering_run(uintptr_t addr)
{
    struct chunk *chunk = chunk_of(addr);
    for (uintptr_t at = ROUND_DOWN(addr, PAGE_SIZE);
         at >= (uintptr_t)chunk + ((uintptr_t)HEADER_PAGES << LG_PAGE); at -= PAGE_SIZE) {
        uint64_t word = page_word(at);
        if (word) {
            struct run *run = run_of_word(word, at);
            bool inside = run->kind == RUN_USED && addr - run_addr(run) < (size_t)run->npages
                                                                              << LG_PAGE;
            return inside ? run : NULL;
        }
    }
    return NULL;
}

static struct block find_in_runs(uintptr_t addr)
{
    uint64_t word = page_word(addr);
    struct block b = {.kind = BLOCK_NONE};
    struct run *run = word ? run_of_word(word, addr) : covering_run(addr);
    if (!run) {
        return b;
    }
    enum page_state state = page_word_state(page_word(run_addr(run)));
    b.run = run;
    b.arena = arena_of(addr);
    if (state == PAGE_SMALL) {
        size_t size = size_classes[run->class].size_bytes;
        b.kind = BLOCK_SMALL;
        b.usable = size;
        b.start = run_addr(run) + (addr - run_addr(run)) / size * size;
        return b;
    }
    b.kind = state == PAGE_SAMPLED ? BLOCK_SAMPLED : BLOCK_LARGE;
    b.start = run_addr(run);
    b.usable = size_class_bytes(run->class);
    b.cached = state == PAGE_LARGE_CACHED;
    return b;
}

struct block block_find(uintptr_t addr)
{
    struct block b = {.kind = BLOCK_FOREIGN};
    switch (chunk_kind_at(addr)) {
    case CHUNK_FOREIGN:
        return b;
    case CHUNK_RUNS:
        return find_in_runs(addr);
    case CHUNK_HUGE:
        b.extent = extent_find(addr);
        b.kind = BLOCK_HUGE;
        b.start = b.extent ? b.extent->addr : addr;
        b.usable = b.extent ? huge_usable(b.extent) : 0;
        return b;
    case CHUNK_HUGE_FREED:
        b.kind = (addr & CHUNK_MASK) ? BLOCK_NONE : BLOCK_HUGE_FREED;
        return b;
    case CHUNK_FREE:
        break;
    }
    b.kind = BLOCK_NONE;
    return b;
}
