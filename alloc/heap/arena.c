/* arena.c: see arena.h. */
#include "arena.h"
#include "../os/base.h"
#include "../os/process.h"
#include "../util/conf.h"
#include "../util/diag.h"

#include <string.h>

#define ARENAS_PER_CPU 4u

static struct mutex arenas_lock;
static _Atomic(struct arena *) arenas[ARENA_INDICES];
static _Atomic unsigned narenas; /* one more than the highest index */
/* Written under arenas_lock: */
static _Atomic unsigned narenas_limit; /* 0: not computed yet */
static _Atomic(struct arena *) oversize;
static unsigned nliving;

static void enter(void)
{
    /* The table only grows, one store at a time: a fork in the middle leaves nothing to mend. */
    (void)mutex_lock(&arenas_lock);
}

static void leave(void)
{
    mutex_unlock(&arenas_lock);
}

unsigned arena_count(void)
{
    return atomic_load_explicit(&narenas, ACQUIRE);
}

/* Destroyed ones too. */
static struct arena *at_index(unsigned index)
{
    return index < ARENA_INDICES ? atomic_load_explicit(&arenas[index], ACQUIRE) : NULL;
}

static enum arena_life life_of(struct arena *arena)
{
    return atomic_load_explicit(&arena->life, ACQUIRE);
}

struct arena *arena_get(unsigned index)
{
    struct arena *arena = at_index(index);
    return arena && life_of(arena) == ARENA_LIVE ? arena : NULL;
}

/* Of phycpu the second half of the CPUs are the siblings of the first. */
static unsigned percpu_arenas(void)
{
    unsigned cpus = process_cpu_limit();
    return conf.percpu_arena == PERCPU_PHYCPU ? (cpus + 1) / 2 : cpus;
}

/* Looked up when the second thread comes, for a process of one thread needs no file for this, or when
 * somebody asks. */
static unsigned limit(void)
{
    unsigned n = narenas_limit;
    if (!n) {
        unsigned cpus = process_cpus();
        n = conf.narenas ? (unsigned)conf.narenas : (cpus > 1 ? ARENAS_PER_CPU * cpus : 1);
        if (conf.percpu_arena != PERCPU_DISABLED) {
            n = percpu_arenas();
        }
        n = n < ARENAS_MAX ? n : ARENAS_MAX;
        narenas_limit = n; /* once: it is read without the lock */
    }
    return n;
}

static void set_life(struct arena *arena, enum arena_life life)
{
    nliving += (unsigned)(life == ARENA_LIVE) - (unsigned)(life_of(arena) == ARENA_LIVE);
    purge_set_arenas(nliving ? nliving : 1);
    atomic_store_explicit(&arena->life, life, RELEASE);
}

static struct arena *arena_new(unsigned index, bool apart)
{
    struct arena *arena = base_alloc(sizeof *arena);
    if (arena) {
        arena->index = index;
        arena->life = ARENA_DEAD;
        arena->pool.apart = apart;
        pool_init(&arena->pool, index);
        for (unsigned class = 0; class < SMALL_CLASSES; class++) {
            bin_init(&arena->bins[class]);
        }
        atomic_store_explicit(&arenas[index], arena, RELEASE);
        if (index >= arena_count()) {
            atomic_store_explicit(&narenas, index + 1, RELEASE);
        }
        set_life(arena, ARENA_LIVE);
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

/* The lock is held. */
static struct arena *made_at(unsigned index)
{
    struct arena *arena = arena_get(index);
    return arena ? arena : arena_new(index, false);
}

/* The arena with the fewest threads; *unmade is the lowest index without one. */
static struct arena *least_used(unsigned *unmade)
{
    unsigned count = arena_count();
    struct arena *best = NULL;
    *unmade = count;
    for (unsigned i = 0; i < count; i++) {
        struct arena *arena = at_index(i);
        if (!arena) {
            *unmade = i < *unmade ? i : *unmade;
        } else if (!arena_is_explicit(arena) &&
                   (!best || threads_in(arena) < threads_in(best))) {
            best = arena;
        }
    }
    return best;
}

struct arena *arena_join(void)
{
    enter();
    unsigned unmade;
    struct arena *best = least_used(&unmade);
    if ((!best || threads_in(best) > 0) && (unmade == 0 || unmade < limit())) {
        struct arena *fresh = arena_new(unmade, false);
        best = fresh ? fresh : best;
    }
    if (best) {
        best->nthreads = threads_in(best) + 1;
    }
    leave();
    return best;
}

bool arena_enter(struct arena *arena)
{
    enter();
    bool alive = life_of(arena) == ARENA_LIVE;
    if (alive) {
        arena->nthreads = threads_in(arena) + 1;
    }
    leave();
    return alive;
}

unsigned arena_threads(struct arena *arena)
{
    enter();
    unsigned n = threads_in(arena);
    leave();
    return n;
}

unsigned arena_limit(void)
{
    unsigned known = atomic_load_explicit(&narenas_limit, RELAXED);
    if (known) {
        return known; /* without the lock: a hook may ask */
    }
    enter();
    unsigned n = limit();
    leave();
    return n;
}

struct arena *arena_obtain(unsigned index)
{
    struct arena *arena = arena_get(index);
    if (arena) {
        return arena;
    }
    enter();
    arena = index < limit() ? made_at(index) : NULL;
    leave();
    return arena;
}

struct arena *arena_of_cpu(void)
{
    unsigned n = atomic_load_explicit(&narenas_limit, RELAXED);
    return arena_obtain(process_cpu() % (n ? n : arena_limit()));
}

struct arena *arena_unhooked(void)
{
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        if (arena && !arena_is_explicit(arena) && pool_extents(&arena->pool) == &extents_shared) {
            return arena;
        }
    }
    return NULL;
}

/* ---- explicit arenas --------------------------------------------------------------------------- */

/* One that was destroyed, or a new one behind all others; NULL when there is no room. */
static struct arena *explicit_arena(void)
{
    unsigned from = limit(), count = arena_count();
    for (unsigned i = from; i < count; i++) {
        struct arena *arena = at_index(i);
        if (arena && life_of(arena) == ARENA_DEAD) {
            return arena;
        }
    }
    count = count > from ? count : from;
    return count < ARENA_INDICES ? arena_new(count, true) : NULL;
}

static void copy_setting(struct setting *to, const struct setting *from)
{
    atomic_store_explicit(&to->changed, atomic_load_explicit(&from->changed, RELAXED), RELAXED);
}

/* Gives the arena extents of its own, with these hooks. */
static bool own_extents(struct arena *arena, const chunk_hooks_t *hooks)
{
    struct extents *own = base_alloc(sizeof *own);
    if (!own) {
        return false;
    }
    extents_init_hooked(own, arena->index, hooks);
    arena->own = own;
    return true;
}

static void take_chunks_from(struct arena *arena, struct extents *set)
{
    atomic_store_explicit(&arena->pool.extents, set, RELEASE);
}

/* Sees to it that the arena has extents of its own where these hooks want them. *exchange: it had. */
static bool see_to_extents(struct arena *arena, const chunk_hooks_t *hooks, bool *exchange)
{
    *exchange = arena->own != NULL;
    if (!arena->own && !hooks_are_default(hooks) && !own_extents(arena, hooks)) {
        return false;
    }
    if (arena->own) {
        copy_setting(&arena->own->decay_ms, &arena->pool.decay_ms);
        copy_setting(&arena->own->lg_dirty_mult, &arena->pool.lg_dirty_mult);
    }
    return true;
}

static void use_hooks(struct arena *arena, const chunk_hooks_t *hooks, bool exchange)
{
    if (exchange) {
        extents_set_hooks(arena->own, hooks);
    }
    take_chunks_from(arena, hooks_are_default(hooks) ? &extents_shared : arena->own);
}

bool arena_set_hooks(struct arena *arena, const chunk_hooks_t *hooks)
{
    bool exchange;
    enter();
    bool done = see_to_extents(arena, hooks, &exchange);
    leave();
    if (done) {
        use_hooks(arena, hooks, exchange); /* unlocked: a hook that runs has its extents, and may want us */
    }
    return done;
}

chunk_hooks_t arena_hooks(struct arena *arena)
{
    return extents_get_hooks(pool_extents(&arena->pool));
}

/* A new explicit arena without a name, settings and hooks. The lock is held. */
static struct arena *create(void)
{
    static const struct setting as_the_option_says;
    struct arena *arena = explicit_arena();
    if (arena) {
        arena->name[0] = '\0';
        copy_setting(&arena->pool.decay_ms, &as_the_option_says);
        copy_setting(&arena->pool.lg_dirty_mult, &as_the_option_says);
        take_chunks_from(arena, &extents_shared);
    }
    return arena;
}

struct arena *arena_create(const chunk_hooks_t *hooks)
{
    enter();
    struct arena *arena = create();
    if (arena) {
        bool exchange, whole = !hooks || see_to_extents(arena, hooks, &exchange);
        if (hooks && whole) {
            use_hooks(arena, hooks, exchange); /* those of a dead arena run nowhere */
        }
        set_life(arena, whole ? ARENA_LIVE : ARENA_DEAD);
        arena = whole ? arena : NULL;
    }
    leave();
    return arena;
}

/* With extents of its own, so that those can go back at once while others decay. The hooks are the
 * default ones: chunks come from the system as they are needed. */
struct arena *arena_oversize(void)
{
    struct arena *arena = atomic_load_explicit(&oversize, ACQUIRE);
    if (arena) {
        return arena;
    }
    enter();
    arena = atomic_load_explicit(&oversize, RELAXED);
    if (!arena && (arena = create())) {
        bool whole = own_extents(arena, &hooks_default);
        set_life(arena, whole ? ARENA_LIVE : ARENA_DEAD);
        if (whole) {
            memcpy(arena->name, "oversize", sizeof "oversize");
            take_chunks_from(arena, arena->own);
            purge_set_decay(&arena->pool, 0);
        }
        arena = whole ? arena : NULL;
        atomic_store_explicit(&oversize, arena, RELEASE);
    }
    leave();
    return arena;
}

bool arena_is_of_program(struct arena *arena)
{
    return arena_is_explicit(arena) && arena != atomic_load_explicit(&oversize, ACQUIRE);
}

struct reset {
    uint64_t blocks;
    void (*sampled)(void *sample);
};

static void end_run(struct run *run, void *context)
{
    struct reset *r = context;
    enum page_state state = page_word_state(page_word(run_addr(run)));
    if (state == PAGE_SAMPLED) {
        r->sampled(run->sample);
    }
    r->blocks += state != PAGE_SMALL && state != PAGE_NONE;
}

static void end_huge(struct extents *set, unsigned arena, struct reset *r)
{
    uintptr_t from = 0;
    for (struct extent *e; (e = extent_huge_of(set, arena, from));) {
        from = e->addr + CHUNK_SIZE; /* before the extent is another's */
        if (e->sample) {
            r->sampled(e->sample);
            e->sample = NULL;
        }
        r->blocks++;
        arena_huge_free(e);
    }
}

static void trim_bins(struct arena *arena)
{
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        bin_trim(&arena->bins[class], &arena->pool, class);
    }
}

uint64_t arena_reset(struct arena *arena, void (*sampled)(void *sample))
{
    struct reset r = {0, sampled};
    ASSERT(arena_is_explicit(arena));
    trim_bins(arena); /* what others freed is no block any more */
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        r.blocks += count_read(&arena->bins[class].regions_out);
        bin_forget_runs(&arena->bins[class], &arena->pool); /* or a look at figures finds runs that go */
    }
    pool_each_used(&arena->pool, end_run, &r);
    pool_reset(&arena->pool);
    trim_bins(arena); /* which see that their runs are gone */
    atomic_store_explicit(&arena->large_bytes, 0, RELAXED);
    for (unsigned class = 0; class < RUN_CLASSES; class++) {
        struct class_counts *c = &arena->counts[class];
        atomic_store_explicit(&c->ndalloc, atomic_load_explicit(&c->nmalloc, RELAXED), RELAXED);
    }
    end_huge(&extents_shared, arena->index, &r);
    if (arena->own) {
        end_huge(arena->own, arena->index, &r);
        purge_bound_extents(arena->own);
    }
    purge_bound_extents(&extents_shared);
    return r.blocks;
}

bool arena_destroy(struct arena *arena)
{
    ASSERT(arena_is_explicit(arena));
    enter();
    bool done = life_of(arena) == ARENA_LIVE && threads_in(arena) == 0;
    if (done) {
        set_life(arena, ARENA_DYING);
    }
    leave();
    if (done) {
        if (arena->own) {
            extents_abandon(arena->own); /* hooks are called: without the lock */
        }
        enter();
        set_life(arena, ARENA_DEAD);
        leave();
    }
    return done;
}

void arena_set_name(struct arena *arena, const char *name)
{
    enter();
    size_t len = strnlen(name, ARENA_NAME_BYTES - 1);
    memcpy(arena->name, name, len);
    arena->name[len] = '\0';
    leave();
}

void arena_get_name(struct arena *arena, char name[ARENA_NAME_BYTES])
{
    enter();
    memcpy(name, arena->name, ARENA_NAME_BYTES);
    leave();
}

/* ---- threads ----------------------------------------------------------------------------------- */

void arena_rejoin(struct arena *arena)
{
    enter();
    arena->nthreads = threads_in(arena) + 1;
    leave();
}

void arena_leave(struct arena *arena)
{
    enter();
    if (threads_in(arena) > 0) {
        arena->nthreads--;
    }
    leave();
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

void arena_flush_apart(struct arena *arena, unsigned class, void *region)
{
    bin_flush(&arena->bins[class], &arena->pool, class, &region, 1);
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

static void count_huge(struct arena *arena, size_t nchunks, bool freed)
{
    struct huge_counts *c = &arena->huge[huge_class_of(nchunks)];
    count_one(freed ? &c->ndalloc : &c->nmalloc);
    atomic_fetch_add_explicit(&arena->huge_bytes, (freed ? -nchunks : nchunks) * CHUNK_SIZE, RELAXED);
}

void *arena_huge_alloc(struct arena *arena, size_t size, size_t alignment, bool *zeroed)
{
    void *block = huge_alloc(pool_extents(&arena->pool), arena->index, size, alignment, zeroed);
    if (block) {
        count_huge(arena, ROUND_UP(size ? size : 1, CHUNK_SIZE) >> LG_CHUNK, false);
    }
    return block;
}

void arena_huge_free(struct extent *extent)
{
    count_huge(at_index(extent->arena), extent->nchunks, true);
    huge_free(extent);
}

bool arena_huge_resize(struct extent *extent, size_t size)
{
    size_t before = extent->nchunks;
    bool done = huge_resize(extent, size);
    if (extent->nchunks != before) {
        count_huge(at_index(extent->arena), before, true);
        count_huge(at_index(extent->arena), extent->nchunks, false);
    }
    return done;
}

void arena_decay(struct arena *arena)
{
    purge_tick(&arena->pool);
}

void arena_decay_now(struct arena *arena)
{
    trim_bins(arena);
    purge_decay_pool(&arena->pool);
    purge_decay_extents(pool_extents(&arena->pool));
}

size_t arena_purge(struct arena *arena)
{
    trim_bins(arena);
    if (pool_extents(&arena->pool) != &extents_shared) {
        pool_trim(&arena->pool); /* its hooks may want the chunk whole */
    }
    size_t given_back = pool_purge(&arena->pool, 0, UINT64_MAX);
    return given_back + (arena->own ? extent_purge(arena->own, 0, UINT64_MAX) : 0);
}

size_t arena_purge_all(void)
{
    size_t given_back = 0;
    if (hooks_running) {
        return 0; /* the locks of the arena that the hook serves are held */
    }
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        if (arena) {
            trim_bins(arena);
            given_back += pool_purge(&arena->pool, 0, UINT64_MAX);
        }
    }
    return given_back + extent_purge_all();
}

bool arena_reclaim(void)
{
    struct extent_figures before, after;
    if (hooks_running) {
        return false; /* see arena_purge_all */
    }
    extent_figures(&before);
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        if (arena) {
            trim_bins(arena);
            pool_trim(&arena->pool);
        }
    }
    (void)extent_purge_all(); /* so that free neighbours join to whole reserves */
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
        b.arena = b.extent ? at_index(b.extent->arena) : NULL;
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
