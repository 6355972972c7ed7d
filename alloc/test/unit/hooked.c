/* hooked.c (test): a set of extents that comes from chunk hooks, written as in extent.c, with how a clean
 * extent reads:
 *
 *     "L1 D2 Z1 N1 U3"     live, dirty, clean and zero, clean and not zero, uncommitted
 *
 * The memory is that of hookmem.h, which crashes when anything is touched that is not ours.
 */
#include "../../heap/extent.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "hookmem.h"

#include <errno.h>
#include <stdio.h>

enum { CHUNKS = 16, ARENA = 7 };

static struct extents set;

static void boot(void)
{
    conf.thp = THP_NEVER;
    conf.dirty_decay_ms = -1; /* it purges when it is told */
    hookmem_init(pages_map((CHUNKS + 1) * CHUNK_SIZE, CHUNK_SIZE), CHUNKS, MADV_DONTNEED, ARENA);
    extents_init_hooked(&set, ARENA, &hookmem_hooks);
}

struct picture {
    char text[4096];
    size_t len;
};

static char letter(const struct extent *e)
{
    return e->state == EXTENT_LIVE    ? 'L'
           : e->state == EXTENT_DIRTY ? 'D'
           : !e->committed            ? 'U'
                                      : "NZ"[e->zeroed];
}

static void draw(const struct extent *e, void *context)
{
    struct picture *p = context;
    if (e->set == &set) {
        p->len += (size_t)snprintf(p->text + p->len, sizeof p->text - p->len, "%s%c%zu",
                                   p->len ? " " : "", letter(e), e->nchunks);
    }
}

static const char *picture(void)
{
    static struct picture p;
    REQUIRE(extent_check());
    p = (struct picture){.len = 0};
    extent_each(draw, &p);
    return p.text;
}
#define REQUIRE_PICTURE(text) REQUIRE_SAME(picture(), text)

/* Writes to both ends of each chunk. */
static void scribble(const struct extent *e)
{
    for (size_t i = 0; i < e->nchunks; i++) {
        memset((void *)(e->addr + i * CHUNK_SIZE), 0x11, 8);
        memset((void *)(e->addr + (i + 1) * CHUNK_SIZE - 8), 0x11, 8);
    }
}

static struct extent *take(size_t nchunks)
{
    struct extent *e = extent_alloc(&set, ARENA, nchunks, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(e && e->nchunks == nchunks && e->state == EXTENT_LIVE && e->arena == ARENA);
    scribble(e);
    return e;
}

static void purge_all(void)
{
    (void)extent_purge(&set, 0, UINT64_MAX);
}

static void each_comes_when_it_is_needed(void)
{
    boot();
    REQUIRE_EQUAL(hookmem_given(), 0);
    struct extent *a = take(1), *b = take(3);
    REQUIRE_EQUAL(hookmem.calls[H_ALLOC], 2);
    REQUIRE_EQUAL(hookmem_given(), 4);
    REQUIRE(!a->zeroed && !b->zeroed); /* as the hook said */
    REQUIRE_PICTURE("L1 L3");
    REQUIRE(extent_find(a->addr) == a && extent_find(b->addr + 2 * CHUNK_SIZE) == b);
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 4);
    REQUIRE_EQUAL(f.reserved_bytes, 4 * CHUNK_SIZE);
}

static void freed_ones_are_used_again(void)
{
    boot();
    struct extent *a = take(2);
    uintptr_t addr = a->addr;
    extent_free(a);
    REQUIRE_PICTURE("D2");
    REQUIRE_EQUAL(take(1)->addr, addr);
    REQUIRE_EQUAL(hookmem.calls[H_SPLIT], 1);
    REQUIRE_PICTURE("L1 D1");
    take(1);
    REQUIRE_EQUAL(hookmem.calls[H_ALLOC], 1);
}

/* ---- the cascade ------------------------------------------------------------------------------- */

static void dalloc_takes_it_back(void)
{
    boot();
    struct extent *a = take(2), *b = take(1);
    uintptr_t addr = a->addr;
    extent_free(a);
    purge_all();
    REQUIRE_PICTURE("L1");
    REQUIRE_EQUAL(hookmem_given(), 1);
    REQUIRE_EQUAL(chunk_kind_at(addr), CHUNK_FOREIGN);
    REQUIRE_EQUAL(hookmem.calls[H_DECOMMIT] + hookmem.calls[H_PURGE], 0);
    extent_free(b);
    purge_all();
    REQUIRE_PICTURE("");
    REQUIRE_EQUAL(hookmem_given(), 0);
}

static void else_decommit_and_commit_again(void)
{
    boot();
    hookmem.refuses[H_DALLOC] = true;
    extent_free(take(2));
    purge_all();
    REQUIRE_PICTURE("U2");
    REQUIRE_EQUAL(hookmem.calls[H_PURGE], 0);
    struct extent *a = extent_alloc(&set, ARENA, 1, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(a && a->zeroed && a->committed && *(uint64_t *)a->addr == 0);
    REQUIRE_EQUAL(hookmem.calls[H_COMMIT], 1);
    REQUIRE_PICTURE("L1 U1");
}

static void else_purge(void)
{
    boot();
    hookmem.refuses[H_DALLOC] = hookmem.refuses[H_DECOMMIT] = true;
    extent_free(take(2));
    purge_all();
    REQUIRE_PICTURE("Z2");
    struct extent *a = extent_alloc(&set, ARENA, 2, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(a && a->zeroed && *(uint64_t *)a->addr == 0);
}

static void else_it_stays_as_it_is(void)
{
    boot();
    hookmem.refuses[H_DALLOC] = hookmem.refuses[H_DECOMMIT] = hookmem.refuses[H_PURGE] = true;
    extent_free(take(2));
    purge_all();
    REQUIRE_PICTURE("N2");
    purge_all(); /* it is not asked for again and again */
    REQUIRE_EQUAL(hookmem.calls[H_PURGE], 1);
    struct extent *a = extent_alloc(&set, ARENA, 2, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(a && !a->zeroed && *(uint64_t *)a->addr != 0);
}

static void what_reads_otherwise_is_not_joined(void)
{
    boot();
    hookmem.refuses[H_DALLOC] = hookmem.refuses[H_DECOMMIT] = true;
    struct extent *a = take(1), *b = take(1), *c = take(1);
    extent_free(a);
    purge_all();
    hookmem.refuses[H_PURGE] = true;
    extent_free(b);
    purge_all();
    hookmem.refuses[H_DECOMMIT] = false;
    extent_free(c);
    purge_all();
    REQUIRE_PICTURE("Z1 N1 U1");
}

/* ---- hooks that fail --------------------------------------------------------------------------- */

static void alloc_that_fails(void)
{
    boot();
    take(15);
    REQUIRE(!extent_alloc(&set, ARENA, 2, CHUNK_SIZE, CHUNK_HUGE)); /* one is left */
    REQUIRE_PICTURE("L15");
    take(1);
    hookmem.refuses[H_ALLOC] = true;
    REQUIRE(!extent_alloc(&set, ARENA, 1, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE_PICTURE("L15 L1");
}

static void split_that_fails(void)
{
    boot();
    hookmem.refuses[H_SPLIT] = true;
    extent_free(take(3));
    struct extent *a = take(1); /* a new one of the right size */
    REQUIRE_PICTURE("D3 L1");
    extent_free(a);
    struct extent *b = take(4);
    extent_shrink(b, 2); /* it keeps its tail */
    REQUIRE_EQUAL(b->nchunks, 4);
    REQUIRE(extent_check());
}

static void merge_that_fails(void)
{
    boot();
    hookmem.refuses[H_MERGE] = true;
    struct extent *a = take(1), *b = take(1), *c = take(1);
    extent_free(b);
    REQUIRE(!extent_grow(a, 2));
    REQUIRE_PICTURE("L1 D1 L1");
    extent_free(a);
    extent_free(c);
    REQUIRE_PICTURE("D1 D1 D1"); /* X2 does not ask for more */
    hookmem.refuses[H_MERGE] = false;
    REQUIRE_EQUAL(take(1)->nchunks, 1);
}

static void commit_that_fails(void)
{
    boot();
    hookmem.gives_uncommitted = true;
    hookmem.refuses[H_COMMIT] = true;
    for (int i = 0; i < 40; i++) {
        REQUIRE(!extent_alloc(&set, ARENA, 1, CHUNK_SIZE, CHUNK_HUGE));
    }
    REQUIRE_EQUAL(hookmem_given(), 0); /* they were given back at once */
    hookmem.refuses[H_DALLOC] = true;
    for (int i = 0; i < 40; i++) {
        REQUIRE(!extent_alloc(&set, ARENA, 2, CHUNK_SIZE, CHUNK_HUGE));
    }
    REQUIRE(extent_check());
    hookmem.refuses[H_COMMIT] = false;
    take(2);
}

static void grows_in_place(void)
{
    boot();
    struct extent *a = take(2), *b = take(2);
    REQUIRE(!extent_grow(a, 3)); /* b is in the way */
    extent_free(b);
    REQUIRE(extent_grow(a, 3));
    REQUIRE_PICTURE("L3 D1");
    REQUIRE(!extent_grow(a, 6)); /* the neighbour is too short */
    REQUIRE(extent_grow(a, 4));
    unsigned long allocs = hookmem.calls[H_ALLOC];
    REQUIRE(extent_grow(a, 6)); /* where nothing is, the hooks are asked */
    REQUIRE_EQUAL(hookmem.calls[H_ALLOC], allocs + 1);
    REQUIRE_PICTURE("L6");
    scribble(a);
    REQUIRE(!extent_grow(a, CHUNKS + 1));
    extent_shrink(a, 1);
    REQUIRE_PICTURE("L1 D5");
    purge_all();
    REQUIRE_PICTURE("L1");
}

static void alignment_is_the_hooks_affair(void)
{
    boot();
    for (size_t align = 1; align <= 4; align *= 2) {
        struct extent *e = extent_alloc(&set, ARENA, 1, align * CHUNK_SIZE, CHUNK_HUGE);
        REQUIRE(e && e->addr % (align * CHUNK_SIZE) == 0);
    }
    REQUIRE(extent_check());
}

/* What a hook gives is believed only as far as that is safe. */
static void *misaligned(void *new_addr, size_t size, size_t alignment, bool *zero, bool *commit,
                        unsigned arena)
{
    char *chunk = hookmem_alloc(new_addr, size, alignment, zero, commit, arena);
    return chunk + PAGE_SIZE;
}

static void *the_same_again(void *new_addr, size_t size, size_t alignment, bool *zero, bool *commit,
                            unsigned arena)
{
    (void)new_addr, (void)size, (void)alignment, (void)zero, (void)commit, (void)arena;
    return (void *)hookmem.base;
}

static void part_misaligned(void)
{
    chunk_hooks_t hooks = hookmem_hooks;
    hooks.alloc = misaligned;
    extents_set_hooks(&set, &hooks);
    take(1);
}

static void part_twice(void)
{
    chunk_hooks_t hooks = hookmem_hooks;
    hooks.alloc = the_same_again;
    extents_set_hooks(&set, &hooks);
    take(1);
}

static void mistakes_of_hooks_end_the_program(void)
{
    char text[200];
    boot();
    snprintf(text, sizeof text,
             "ashlar: the alloc hook of arena 7 returned 0x%jx, asked for 4194304 bytes at a multiple "
             "of 0x400000\n",
             (uintmax_t)(hookmem.base + PAGE_SIZE));
    REQUIRE_ABORTS(part_misaligned, text);
    take(1);
    snprintf(text, sizeof text,
             "ashlar: the alloc hook of arena 7 returned 0x%jx, which is in use already\n",
             (uintmax_t)hookmem.base);
    REQUIRE_ABORTS(part_twice, text);
}

static void abandoned_ones_are_the_programs(void)
{
    boot();
    hookmem.refuses[H_DALLOC] = true;
    struct extent *a = take(1), *b = take(2);
    uintptr_t addr = a->addr;
    extent_free(a);
    purge_all();
    extent_free(b);
    extents_abandon(&set);
    REQUIRE_PICTURE("");
    REQUIRE_EQUAL(chunk_kind_at(addr), CHUNK_FOREIGN);
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.reserved_bytes, 0);
}

static void huge_ones_of_an_arena(void)
{
    boot();
    struct extent *a = take(1), *b = take(2);
    struct extent *runs = extent_alloc(&set, ARENA, 1, CHUNK_SIZE, CHUNK_RUNS);
    struct extent *other = extent_alloc(&extents_shared, 3, 1, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(runs && other);
    REQUIRE(extent_huge_of(&set, ARENA, 0) == a);
    REQUIRE(extent_huge_of(&set, ARENA, a->addr + 1) == b);
    REQUIRE(!extent_huge_of(&set, ARENA, b->addr + 1));
    REQUIRE(!extent_huge_of(&set, 3, 0));
    REQUIRE(extent_huge_of(&extents_shared, 3, 0) == other);
}

static void own_times(void)
{
    boot();
    conf.dirty_decay_ms = 1000;
    REQUIRE_EQUAL(extents_decay_ms(&set), 1000);
    setting_change(&set.decay_ms, 0);
    REQUIRE_EQUAL(extents_decay_ms(&set), 0);
    REQUIRE_EQUAL(extents_decay_ms(&extents_shared), 1000);
    extent_free(take(1));
    extent_purge_excess(&set, 4);
    REQUIRE_PICTURE(""); /* 0 keeps nothing */
}

static void keeps_errno(void)
{
    boot();
    errno = EDOM;
    struct extent *a = take(1);
    REQUIRE(!extent_alloc(&set, ARENA, CHUNKS, CHUNK_SIZE, CHUNK_HUGE));
    extent_free(a);
    purge_all();
    REQUIRE_EQUAL(errno, EDOM);
}

/* ---- each hook at each call -------------------------------------------------------------------- */

/* Live extents carry the number of their place in every chunk. */
static struct extent *held[8];

static void mark(unsigned i)
{
    for (size_t c = 0; c < held[i]->nchunks; c++) {
        *(uint64_t *)(held[i]->addr + c * CHUNK_SIZE) = i + 1;
    }
}

static void require_marks(void)
{
    for (unsigned i = 0; i < 8; i++) {
        for (size_t c = 0; held[i] && c < held[i]->nchunks; c++) {
            REQUIRE_EQUAL(*(uint64_t *)(held[i]->addr + c * CHUNK_SIZE), i + 1);
        }
    }
}

static void work(uint64_t seed, int steps)
{
    uint64_t state = seed;
    for (int step = 0; step < steps; step++) {
        unsigned i = (unsigned)(prng_next(&state) % 8);
        size_t n = prng_next(&state) % 3 + 1;
        uint64_t what = prng_next(&state) % 8;
        if (!held[i]) {
            held[i] = extent_alloc(&set, ARENA, n, CHUNK_SIZE, CHUNK_HUGE);
        } else if (what == 0 && held[i]->nchunks > 1) {
            extent_shrink(held[i], held[i]->nchunks - 1);
        } else if (what <= 2) {
            (void)extent_grow(held[i], held[i]->nchunks + n);
        } else {
            extent_free(held[i]);
            held[i] = NULL;
        }
        if (held[i]) {
            mark(i);
        }
        if (what == 7) {
            (void)extent_purge(&set, n, UINT64_MAX);
        }
        require_marks();
        REQUIRE(extent_check());
    }
    for (unsigned i = 0; i < 8; i++) {
        if (held[i]) {
            extent_free(held[i]);
            held[i] = NULL;
        }
    }
    purge_all();
}

/* The set is empty and the memory all free, as at the start. */
static void begin_again(const bool refuses[HOOKS], enum hook failing, unsigned long at)
{
    extents_abandon(&set);
    memcpy(hookmem.refuses, refuses, sizeof hookmem.refuses);
    memset(hookmem.calls, 0, sizeof hookmem.calls);
    memset(hookmem.fail_at, 0, sizeof hookmem.fail_at);
    hookmem.fail_at[failing] = at;
    for (size_t i = 0; i < CHUNKS; i++) {
        if (hookmem.state[i] != FREE) { /* what was abandoned; the rest need not be told again */
            hookmem_set(i, 1, FREE);
        }
    }
}

/* Refusing dalloc lets the hooks behind it have their turn. */
static void each_hook_fails_once_at_any_call(void)
{
    static const bool refusals[3][HOOKS] = {
        {false}, {[H_DALLOC] = true}, {[H_DALLOC] = true, [H_DECOMMIT] = true}};
    bool called[HOOKS] = {false};
    boot();
    for (unsigned r = 0; r < 3; r++) {
        for (int hook = 0; hook < HOOKS; hook++) {
            begin_again(refusals[r], (enum hook)hook, 0);
            work(5, 22);
            unsigned long calls = hookmem.calls[hook];
            called[hook] = called[hook] || calls;
            for (unsigned long n = 1; n <= calls; n++) {
                begin_again(refusals[r], (enum hook)hook, n);
                work(5, 22);
                REQUIRE(hookmem.calls[hook] >= n);
            }
        }
    }
    for (int hook = 0; hook < HOOKS; hook++) {
        REQUIRE(called[hook]);
    }
}

static void random_failures(void)
{
    boot();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t state = seed;
        for (int hook = 0; hook < HOOKS; hook++) {
            hookmem.refuses[hook] = prng_next(&state) % 3 == 0;
            hookmem.fail_at[hook] = hookmem.calls[hook] + prng_next(&state) % 20 + 1;
        }
        hookmem.gives_uncommitted = seed % 2;
        work(seed, 80);
    }
}

/* ---- forks and controls ------------------------------------------------------------------------ */

static void *into_the_stop(void *arg)
{
    take(1);
    return arg;
}

static void stop_here(void)
{
    if (faults.in_mmap) {
        faults.in_mmap();
    }
}

static void part_after_a_stranded_hook(void)
{
    hookmem.in_hook = NULL;
    take(1);
    REQUIRE(extent_check());
    purge_all();
}

/* A child finds the set locked by a thread that stands in a hook: it begins anew. */
static void fork_while_a_hook_runs(void)
{
    boot();
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    take(1);
    hookmem.in_hook = stop_here;
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_hook).exit, 0);
}

static void check_sees_broken_sets(void)
{
    boot();
    struct extent *a = take(2);
    take(1);
    a->nchunks = 3;
    REQUIRE_REPORTS(extent_check(), "X1: ");
    a->nchunks = 2;
    set.live_chunks++;
    REQUIRE_REPORTS(extent_check(), "X3: ");
    set.live_chunks--;
    hookmem.refuses[H_DALLOC] = hookmem.refuses[H_DECOMMIT] = true;
    uint64_t *first = (uint64_t *)a->addr;
    extent_free(a);
    purge_all();
    *first = 1;
    REQUIRE_REPORTS(extent_check(), "X4: ");
    *first = 0;
    REQUIRE(extent_check());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(each_comes_when_it_is_needed),
        UNIT(freed_ones_are_used_again),
        UNIT(dalloc_takes_it_back),
        UNIT(else_decommit_and_commit_again),
        UNIT(else_purge),
        UNIT(else_it_stays_as_it_is),
        UNIT(what_reads_otherwise_is_not_joined),
        UNIT(alloc_that_fails),
        UNIT(split_that_fails),
        UNIT(merge_that_fails),
        UNIT(commit_that_fails),
        UNIT(grows_in_place),
        UNIT(alignment_is_the_hooks_affair),
        UNIT(mistakes_of_hooks_end_the_program),
        UNIT(abandoned_ones_are_the_programs),
        UNIT(huge_ones_of_an_arena),
        UNIT(own_times),
        UNIT(keeps_errno),
        UNIT(each_hook_fails_once_at_any_call),
        UNIT(random_failures),
        UNIT(fork_while_a_hook_runs),
        UNIT(check_sees_broken_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
