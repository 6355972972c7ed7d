/* extent.c (test): the reserve after each step, written as it is drawn in extent.h:
 *
 *     "L1 D2 C13 | ..."     a live chunk, two free dirty ones, thirteen free clean ones | next reserve
 */
#include "../../heap/extent.h"
#include "../../os/base.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct picture {
    char text[8192];
    size_t len;
    uint64_t reserve;
};

static void draw(const struct extent *e, void *context)
{
    struct picture *p = context;
    uint64_t reserve = e->birth >> BIRTH_INDEX_BITS;
    const char *gap = p->len == 0 ? "" : reserve != p->reserve ? " | " : " ";
    p->reserve = reserve;
    p->len += (size_t)snprintf(p->text + p->len, sizeof p->text - p->len, "%s%c%zu", gap,
                               "LDC"[e->state], e->nchunks);
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

static struct extent *take(size_t nchunks)
{
    struct extent *e = extent_alloc(&extents_shared, 0, nchunks, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(e && e->nchunks == nchunks && e->state == EXTENT_LIVE);
    return e;
}

static void purge_all(void)
{
    extent_purge(&extents_shared, 0, UINT64_MAX);
}

/* Looks at four pages of each chunk; the random work writes into the first. */
static bool reads_as_zero(const struct extent *e)
{
    for (size_t at = 0; at < e->nchunks * CHUNK_SIZE; at += CHUNK_SIZE / 4) {
        if (*(const uint64_t *)(e->addr + at)) {
            return false;
        }
    }
    return true;
}

static void first_one_makes_a_reserve(void)
{
    struct extent *e = take(1);
    REQUIRE_PICTURE("L1 C15");
    REQUIRE((e->addr & CHUNK_MASK) == 0 && e->zeroed && !e->sample);
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.reserved_bytes, 16 * CHUNK_SIZE);
    REQUIRE_EQUAL(f.live_chunks, 1);
    REQUIRE_EQUAL(f.dirty_chunks, 0);
}

static void larger_ones_get_their_own_reserve(void)
{
    take(17);
    REQUIRE_PICTURE("L17");
    take(16);
    REQUIRE_PICTURE("L17 | L16");
    take(3);
    REQUIRE_PICTURE("L17 | L16 | L3 C13");
}

static void freed_is_dirty_and_taken_first(void)
{
    struct extent *a = take(2);
    uintptr_t addr = a->addr;
    memset((void *)addr, 1, 2 * CHUNK_SIZE);
    extent_free(a);
    REQUIRE_PICTURE("D2 C14");
    struct extent *b = take(1);
    REQUIRE_PICTURE("L1 D1 C14");
    REQUIRE(b->addr == addr && !b->zeroed);
    struct extent *c = take(1);
    REQUIRE_PICTURE("L1 L1 C14");
    REQUIRE(!c->zeroed);
    REQUIRE(take(1)->zeroed);
}

static void a_clean_one_is_not_dirtied_for_a_small_rest(void)
{
    struct extent *a = take(9), *b = take(2);
    take(5);
    extent_free(b);
    purge_all();
    extent_free(a);
    REQUIRE_PICTURE("D9 C2 L5");
    take(2); /* the dirty piece is more than twice as long, the clean one fits */
    REQUIRE_PICTURE("D9 L2 L5");
    take(2);
    REQUIRE_PICTURE("L2 D7 L2 L5");
}

static void joins_neighbours_of_its_kind(void)
{
    struct extent *a = take(1), *b = take(2), *c = take(3);
    extent_free(a);
    extent_free(c);
    REQUIRE_PICTURE("D1 L2 D3 C10");
    extent_free(b);
    REQUIRE_PICTURE("D6 C10"); /* both sides; clean stays apart */
    purge_all();
    REQUIRE_PICTURE("C16");
}

static void best_fit_then_first_born(void)
{
    struct extent *all[8];
    for (int i = 0; i < 8; i++) {
        all[i] = take(i % 4 == 0 ? 3 : 1); /* 3 1 1 1 3 1 1 1 */
    }
    take(4);
    extent_free(all[6]);
    extent_free(all[4]);
    extent_free(all[2]);
    extent_free(all[0]);
    REQUIRE_PICTURE("D3 L1 D1 L1 D3 L1 D1 L1 L4");
    take(1);
    REQUIRE_PICTURE("D3 L1 L1 L1 D3 L1 D1 L1 L4");
    take(2);
    REQUIRE_PICTURE("L2 D1 L1 L1 L1 D3 L1 D1 L1 L4");
    take(1);
    REQUIRE_PICTURE("L2 L1 L1 L1 L1 D3 L1 D1 L1 L4");
}

static void reserves_are_not_joined(void)
{
    /* Even where the system puts them side by side. */
    struct extent *a = take(16), *b = take(16);
    extent_free(a);
    extent_free(b);
    REQUIRE_PICTURE("D16 | D16");
    struct extent *c = take(16), *d = take(16);
    REQUIRE(!extent_grow(c, 17) && !extent_grow(d, 17));
    REQUIRE_PICTURE("L16 | L16");
}

/* A chunk of every reserve lies at a multiple of 32 chunks only by luck: both ends must be kept. */
static void alignment(void)
{
    for (size_t align = 2; align <= 64; align *= 2) {
        struct extent *e[3];
        for (size_t i = 0; i < 3; i++) {
            e[i] = extent_alloc(&extents_shared, 0, i + 1, align * CHUNK_SIZE, CHUNK_HUGE);
            REQUIRE(e[i] && e[i]->addr % (align * CHUNK_SIZE) == 0 && e[i]->nchunks == i + 1);
            REQUIRE(extent_check());
        }
        for (size_t i = 0; i < 3; i++) {
            extent_free(e[i]);
            REQUIRE(extent_check());
        }
    }
    purge_all();
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 0);
    REQUIRE_EQUAL(f.dirty_chunks, 0);
    const char *text = picture(); /* each reserve is one clean piece again */
    REQUIRE(!strstr(text, "D") && !strstr(text, "L"));
    for (const char *at = text; (at = strchr(at, 'C')) != NULL; at++) {
        REQUIRE(at == text || at[-2] == '|');
    }
}

static void registry_follows(void)
{
    struct extent *e = extent_alloc(&extents_shared, 0, 2, CHUNK_SIZE, CHUNK_RUNS);
    uintptr_t runs = e->addr;
    REQUIRE_EQUAL(chunk_kind_at(runs), CHUNK_RUNS);
    REQUIRE_EQUAL(chunk_kind_at(runs + 2 * CHUNK_SIZE - 1), CHUNK_RUNS);
    REQUIRE_EQUAL(chunk_kind_at(runs + 2 * CHUNK_SIZE), CHUNK_FOREIGN); /* reserved, never used */
    extent_free(e);
    REQUIRE_EQUAL(chunk_kind_at(runs), CHUNK_FREE);
    e = take(3);
    uintptr_t huge = e->addr;
    REQUIRE_EQUAL(chunk_kind_at(huge + 2 * CHUNK_SIZE), CHUNK_HUGE);
    extent_shrink(e, 2);
    REQUIRE_EQUAL(chunk_kind_at(huge + CHUNK_SIZE), CHUNK_HUGE);
    REQUIRE_EQUAL(chunk_kind_at(huge + 2 * CHUNK_SIZE), CHUNK_FREE);
    REQUIRE(extent_grow(e, 3));
    REQUIRE(extent_grow(e, 5));
    REQUIRE_EQUAL(chunk_kind_at(huge + 4 * CHUNK_SIZE), CHUNK_HUGE);
    extent_free(e);
    REQUIRE_EQUAL(chunk_kind_at(huge), CHUNK_HUGE_FREED);
    REQUIRE_EQUAL(chunk_kind_at(huge + CHUNK_SIZE), CHUNK_FREE);
}

static void finds_what_covers_an_address(void)
{
    struct extent *a = take(2), *b = take(1);
    REQUIRE(extent_find(a->addr) == a);
    REQUIRE(extent_find(a->addr + 2 * CHUNK_SIZE - 1) == a);
    REQUIRE(extent_find(b->addr) == b);
    REQUIRE(!extent_find(b->addr + CHUNK_SIZE)); /* free */
    REQUIRE(!extent_find(a->addr - 1) && !extent_find(0) && !extent_find(UINTPTR_MAX));
    uintptr_t addr = a->addr;
    extent_free(a);
    REQUIRE(!extent_find(addr));
}

static void grows_in_place(void)
{
    struct extent *a = take(2), *b = take(1), *c = take(3);
    extent_free(b);
    REQUIRE_PICTURE("L2 D1 L3 C10");
    REQUIRE(!extent_grow(a, 4)); /* too short, and nothing has changed */
    REQUIRE_PICTURE("L2 D1 L3 C10");
    REQUIRE(extent_grow(a, 3));
    REQUIRE_PICTURE("L3 L3 C10");
    REQUIRE(!extent_grow(a, 4)); /* a live neighbour */
    REQUIRE(extent_grow(c, 5));
    REQUIRE_PICTURE("L3 L5 C8");
    REQUIRE(extent_grow(c, 13));
    REQUIRE_PICTURE("L3 L13");
    REQUIRE(!extent_grow(c, 14)); /* the end of the reserve */
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 16);
}

static void shrinks_in_place(void)
{
    struct extent *a = take(6), *b = take(2);
    extent_shrink(a, 5);
    REQUIRE_PICTURE("L5 D1 L2 C8");
    extent_shrink(a, 2);
    REQUIRE_PICTURE("L2 D4 L2 C8");
    extent_shrink(b, 1);
    REQUIRE_PICTURE("L2 D4 L1 D1 C8");
    extent_free(b);
    extent_free(a);
    REQUIRE_PICTURE("D8 C8");
}

static void purges_oldest_first(void)
{
    struct extent *all[7];
    for (int i = 0; i < 7; i++) {
        all[i] = take((size_t)i % 2 + 1); /* 1 2 1 2 1 2 1 */
    }
    faults.clock_ms = 1000;
    extent_free(all[4]);
    faults.clock_ms = 1010;
    extent_free(all[0]);
    faults.clock_ms = 1020;
    extent_free(all[2]);
    REQUIRE_PICTURE("D1 L2 D1 L2 D1 L2 L1 C6");
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 999), 0);
    REQUIRE_EQUAL(extent_purge(&extents_shared, 3, UINT64_MAX), 0); /* there are no more than three */
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 1000), CHUNK_SIZE);
    REQUIRE_PICTURE("D1 L2 D1 L2 C1 L2 L1 C6");
    REQUIRE_EQUAL(extent_purge(&extents_shared, 1, UINT64_MAX), CHUNK_SIZE);
    REQUIRE_PICTURE("C1 L2 D1 L2 C1 L2 L1 C6");
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 1019), 0);
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 1020), CHUNK_SIZE);
    REQUIRE_PICTURE("C1 L2 C1 L2 C1 L2 L1 C6");
}

/* What is left of an old extent stays old. */
static void a_cut_keeps_its_age(void)
{
    struct extent *a = take(4), *b = take(1), *c = take(2), *d = take(1);
    faults.clock_ms = 1000;
    extent_free(a);
    faults.clock_ms = 2000;
    extent_free(c);
    extent_shrink(take(4), 3); /* from a: its last chunk is freed now */
    REQUIRE_PICTURE("L3 D1 L1 D2 L1 C8");
    faults.clock_ms = 3000;
    extent_free(b);
    REQUIRE_PICTURE("L3 D4 L1 C8"); /* joined: as young as the youngest */
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 2999), 0);
    struct extent *e = take(3);
    REQUIRE(e->addr == a->addr + 3 * CHUNK_SIZE);
    extent_free(d);
    REQUIRE_PICTURE("L3 L3 D2 C8");
    extent_free(e);
    faults.clock_ms = 4000;
    struct extent *f = take(2);
    extent_free(a);
    REQUIRE_PICTURE("D3 L2 D3 C8");
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 3000), 3 * CHUNK_SIZE); /* the rest that f left, freed at 3000 */
    REQUIRE_PICTURE("D3 L2 C11");
    extent_free(f);
}

static void older_ones_behind_a_cut(void)
{
    struct extent *a = take(3), *b = take(1), *c = take(2);
    take(1);
    faults.clock_ms = 1000;
    extent_free(a);
    faults.clock_ms = 2000;
    extent_free(c);
    REQUIRE_PICTURE("D3 L1 D2 L1 C9");
    struct extent *d = take(2);
    REQUIRE(d->addr == c->addr);
    extent_free(d);
    d = take(3);
    faults.clock_ms = 2500;
    extent_shrink(d, 1);
    REQUIRE_PICTURE("L1 D2 L1 D2 L1 C9");
    struct extent *e = take(1); /* leaves one chunk of 2500 behind a list with one of 2000 */
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, 2000), 2 * CHUNK_SIZE);
    REQUIRE_PICTURE("L1 L1 D1 L1 C2 L1 C9");
    extent_free(e);
    extent_free(b);
}

static void the_least_may_stay(void)
{
    struct extent *e = take(10);
    conf.dirty_decay_ms = 10000;
    extent_free(e);
    extent_purge_excess(&extents_shared, 10);
    REQUIRE_PICTURE("D10 C6");
    extent_purge_excess(&extents_shared, 9); /* a piece is purged whole */
    REQUIRE_PICTURE("C16");
}

static void decay_zero_and_never(void)
{
    conf.dirty_decay_ms = -1;
    extent_free(take(16));
    extent_purge_excess(&extents_shared, 0);
    REQUIRE_PICTURE("D16");
    conf.dirty_decay_ms = 0;
    extent_purge_excess(&extents_shared, 4);
    REQUIRE_PICTURE("C16");
}

static void figures_are_exact(void)
{
    struct extent_figures f;
    const size_t *live = extent_live_bytes();
    REQUIRE_EQUAL(*live, 0);
    struct extent *a = take(3), *b = take(2);
    REQUIRE_EQUAL(*live, 5 * CHUNK_SIZE);
    extent_free(a);
    REQUIRE_EQUAL(*live, 2 * CHUNK_SIZE);
    REQUIRE(extent_grow(b, 4));
    REQUIRE_EQUAL(*live, 4 * CHUNK_SIZE);
    extent_shrink(b, 1);
    REQUIRE_EQUAL(*live, CHUNK_SIZE);
    purge_all();
    purge_all();
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 1);
    REQUIRE_EQUAL(extent_live_bytes_peak(), 5 * CHUNK_SIZE);
    REQUIRE_EQUAL(f.chunks_made, 7);
    REQUIRE_EQUAL(f.npurges, 1);
    REQUIRE_EQUAL(f.nmadvises, 2);
    REQUIRE_EQUAL(f.chunks_purged, 6);
}

/* retain:false: a reserve of which nothing is in use or dirty any more goes back to the system. */
static void not_retained(void)
{
    struct extent *a = take(16), *b = take(10);
    REQUIRE_PICTURE("L16 | L10 C6");
    extent_free(a);
    purge_all();
    REQUIRE_PICTURE("C16 | L10 C6"); /* the control: retained */
    a = take(16);
    conf.retain = false;
    extent_free(a);
    REQUIRE_PICTURE("D16 | L10 C6"); /* what was freed just now may be wanted again */
    purge_all();
    REQUIRE_PICTURE("L10 C6");
    extent_free(b);
    purge_all();
    REQUIRE_PICTURE("");
    take(1);
    REQUIRE_PICTURE("L1 C15");
}

static void refused_memory_is_null(void)
{
    struct extent *a = take(3);
    faults.mmaps_left = 0;
    errno = EDOM;
    REQUIRE(!extent_alloc(&extents_shared, 0, 14, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE(!extent_alloc(&extents_shared, 0, 1000000, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE(!extent_alloc(&extents_shared, 0, 1, 32 * CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_PICTURE("L3 C13");
    take(13); /* what there is can still be had */
    extent_free(a);
    REQUIRE_PICTURE("D3 L13");
}

static void little_is_taken_when_much_is_refused(void)
{
    faults.mmap_bytes_max = 8 * CHUNK_SIZE;
    take(5);
    REQUIRE_PICTURE("L5");
    REQUIRE(!extent_alloc(&extents_shared, 0, 9, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE_PICTURE("L5");
}

static void too_much_is_null(void)
{
    REQUIRE(!extent_alloc(&extents_shared, 0, SIZE_MAX >> LG_CHUNK, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE(!extent_alloc(&extents_shared, 0, EXTENT_CHUNKS_MAX + 1, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE(!extent_alloc(&extents_shared, 0, SIZE_MAX, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE(!extent_alloc(&extents_shared, 0, 1, (size_t)1 << 63, CHUNK_HUGE));
    REQUIRE(!extent_alloc(&extents_shared, 0, SIZE_MAX, (size_t)1 << 63, CHUNK_HUGE));
    REQUIRE_PICTURE("");
}

/* Memory beyond the registry is no use: it goes back. */
static void addresses_beyond_the_registry(void)
{
    faults.mmap_gives = (uintptr_t)1 << ADDRESS_BITS;
    REQUIRE(!extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE(faults.munmaps >= 1);
    REQUIRE_PICTURE("");
}

static void refused_purge_keeps_all_dirty(void)
{
    struct extent *a = take(2);
    take(1);
    extent_free(take(3));
    extent_free(a);
    REQUIRE_PICTURE("D2 L1 D3 C10");
    faults.madvises_left = 0;
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, UINT64_MAX), 0);
    REQUIRE_PICTURE("D2 L1 D3 C10");
    faults.madvises_left = 1;
    REQUIRE_EQUAL(extent_purge(&extents_shared, 0, UINT64_MAX), 3 * CHUNK_SIZE);
    REQUIRE_PICTURE("D2 L1 C13");
}

/* Out of address space: reserves that are wholly free go back to the system. */
static void free_reserves_are_unmapped(void)
{
    struct extent *a = take(16), *b = take(10), *c = take(20);
    take(6);
    uintptr_t gone = a->addr;
    extent_free(a);
    extent_free(b);
    extent_free(c);
    REQUIRE_PICTURE("D16 | D10 L6 | D20");
    faults.munmaps_left = 1;
    REQUIRE(extent_unmap_free() > 0); /* one goes, the system refuses the other */
    REQUIRE(extent_check());
    faults_none();
    REQUIRE(extent_unmap_free() > 0);
    REQUIRE_PICTURE("D10 L6");
    REQUIRE_EQUAL(extent_unmap_free(), 0);
    REQUIRE_EQUAL(chunk_kind_at(gone), CHUNK_FOREIGN); /* whoever gets the address is no friend */
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.reserved_bytes, 16 * CHUNK_SIZE);
    REQUIRE_EQUAL(f.dirty_chunks, 10);
    take(16);
    REQUIRE_PICTURE("D10 L6 | L16");
    extent_free(take(17));
    purge_all();
    REQUIRE_EQUAL(extent_unmap_free(), 17 * CHUNK_SIZE); /* clean ones as well */
}

/* Takes all metadata memory; from then on each new piece of the map needs a node that is not there. */
static void no_more_nodes(void)
{
    faults.mmaps_left = 0;
    while (base_alloc(64)) {
    }
}

static void without_nodes_nothing_is_lost(void)
{
    struct extent *a = take(4), *b = take(4);
    no_more_nodes();
    REQUIRE(!extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE)); /* would cut C8 */
    REQUIRE_PICTURE("L4 L4 C8");
    extent_shrink(a, 2); /* stays as it was */
    REQUIRE_EQUAL(a->nchunks, 4);
    REQUIRE_PICTURE("L4 L4 C8");
    REQUIRE(!extent_grow(b, 5));
    REQUIRE_PICTURE("L4 L4 C8");
    REQUIRE(extent_grow(b, 12)); /* needs no node, and gives one back */
    REQUIRE_PICTURE("L4 L12");
    extent_shrink(b, 6); /* takes that one */
    REQUIRE_PICTURE("L4 L6 D6");
    REQUIRE(!extent_alloc(&extents_shared, 0, 1, 2 * CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE_PICTURE("L4 L6 D6");
    extent_free(b); /* joins: one spare node */
    REQUIRE_PICTURE("L4 D12");
    struct extent *c = take(5);
    REQUIRE_PICTURE("L4 L5 D7");
    extent_free(a);
    extent_free(c);
    purge_all();
    REQUIRE_PICTURE("C16");
}

/* Two cuts are needed, there is a node for one: the first is undone. */
static void half_of_an_aligned_cut_is_undone(void)
{
    struct extent *e[4];
    for (int i = 0; i < 4; i++) {
        e[i] = take(1);
    }
    extent_free(e[0]);
    extent_free(e[1]); /* joined: one spare node */
    no_more_nodes();
    char before[64];
    strcpy(before, picture());
    for (size_t align = 2; align <= 8; align *= 2) {
        struct extent *a = extent_alloc(&extents_shared, 0, 1, align * CHUNK_SIZE, CHUNK_HUGE);
        if (a) {
            REQUIRE_EQUAL(a->addr % (align * CHUNK_SIZE), 0);
            REQUIRE(extent_check());
            extent_free(a);
            purge_all();
        } else {
            REQUIRE_SAME(picture(), before);
        }
        strcpy(before, picture());
    }
}

/* A small process stays with small pages. */
static void huge_pages_for_many_chunks(void)
{
    unsigned live = 0;
    while (faults.hints == 0) {
        take(2);
        live += 2;
        REQUIRE(live <= 16);
    }
    REQUIRE(live >= 4);
    REQUIRE_EQUAL(faults.hint_bytes, 2 * CHUNK_SIZE);
    extent_free(take(1));
    REQUIRE_EQUAL(faults.hints, 2);
    take(1); /* dirty: it had its hint */
    REQUIRE_EQUAL(faults.hints, 2);
}

static void huge_pages_always_and_never(void)
{
    conf.thp = THP_NEVER;
    take(10);
    REQUIRE_EQUAL(faults.hints, 0);
    conf.thp = THP_ALWAYS;
    take(1);
    REQUIRE_EQUAL(faults.hints, 1);
}

/* Random work on a few dozen extents; each chunk carries the number of the one that holds it. Where a
 * multiple of more than a chunk lies in a reserve is the system's choice, so `aligned` work differs. */
#define HELD 40

static void random_work(unsigned steps, uint64_t seed, bool aligned, void (*each_step)(void))
{
    static struct extent *held[HELD];
    static uint32_t tags[HELD];
    uint64_t state = seed;
    uint32_t tag = 0;
    conf.thp = THP_NEVER; /* a huge page a touch would cost seconds */
    for (unsigned step = 0; step < steps; step++) {
        unsigned i = (unsigned)(prng_next(&state) % HELD);
        unsigned action = (unsigned)(prng_next(&state) % 8);
        struct extent *e = held[i];
        for (size_t c = 0; e && c < e->nchunks; c++) {
            REQUIRE_EQUAL(*(uint32_t *)(e->addr + c * CHUNK_SIZE), tags[i]);
        }
        if (!e) {
            size_t align = aligned && prng_next(&state) % 4 == 0 ? 4 * CHUNK_SIZE : CHUNK_SIZE;
            e = held[i] = extent_alloc(&extents_shared, 0, prng_next(&state) % 9 + 1, align, CHUNK_HUGE);
            REQUIRE(e && e->addr % align == 0);
            REQUIRE(!e->zeroed || reads_as_zero(e)); /* X4 */
        } else if (action < 4) {
            extent_free(e);
            e = held[i] = NULL;
        } else if (action < 6) {
            extent_grow(e, e->nchunks + prng_next(&state) % 3 + 1);
        } else if (e->nchunks > 1) {
            extent_shrink(e, prng_next(&state) % (e->nchunks - 1) + 1);
        }
        tags[i] = ++tag;
        for (size_t c = 0; e && c < e->nchunks; c++) {
            *(uint32_t *)(e->addr + c * CHUNK_SIZE) = tag;
        }
        if (prng_next(&state) % 16 == 0) {
            extent_purge(&extents_shared, prng_next(&state) % 8, UINT64_MAX);
        }
        if (each_step) {
            each_step();
        }
    }
}

static void require_check(void)
{
    static unsigned steps;
    if (++steps % 16 == 0) {
        REQUIRE(extent_check());
    }
}

static void random_work_keeps_the_invariants(void)
{
    random_work(3000, 1, true, require_check);
    REQUIRE(extent_check());
}

static void part_random_picture(void)
{
    random_work(1500, 2, false, NULL);
    dprintf(2, "%s\n", picture());
}

static void same_work_same_picture(void)
{
    unit_deterministic(part_random_picture);
}

/* The reserve map and the figures of a child, after a thread was lost within extent_alloc. */
static struct extent *old_huge, *old_other, *old_runs;

static void *into_the_stop(void *arg)
{
    extent_alloc(&extents_shared, 0, 20, CHUNK_SIZE, CHUNK_HUGE);
    return arg;
}

static void part_after_a_stranded_thread(void)
{
    struct extent_figures f;
    struct extent *fresh = take(2);
    REQUIRE(extent_check());
    uintptr_t addr = fresh->addr;
    REQUIRE(addr + 2 * CHUNK_SIZE <= old_huge->addr || addr >= old_huge->addr + 16 * CHUNK_SIZE);
    *(char *)old_huge->addr = 1; /* what was live is still good */
    extent_free(old_huge);
    REQUIRE(extent_check());
    extent_free(old_runs);
    REQUIRE(extent_check());
    REQUIRE(!extent_grow(old_other, 3));
    extent_shrink(old_other, 1);
    REQUIRE(extent_check());
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 2);
    extent_free(fresh);
    purge_all();
    REQUIRE(extent_check());
    for (int i = 0; i < 40; i++) {
        take(1);
    }
    REQUIRE(extent_check());
}

static void fork_in_the_middle(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    old_huge = take(2);
    old_other = take(2);
    old_runs = extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_RUNS);
    extent_free(take(3));
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

/* ---- controls --------------------------------------------------------------------------------- */

/* "L1 D2 L1 D3 C9", by address in parts[]. */
static struct extent *parts[16];
static unsigned nparts;

static void collect(const struct extent *e, void *context)
{
    (void)context;
    parts[nparts++] = (struct extent *)(uintptr_t)e;
}

static void build_parts(void)
{
    take(1);
    struct extent *b = take(2);
    take(1);
    struct extent *d = take(3);
    extent_free(b);
    extent_free(d);
    REQUIRE_PICTURE("L1 D2 L1 D3 C9");
    extent_each(collect, NULL);
    REQUIRE_EQUAL(nparts, 5);
}

static void check_sees_x1(void)
{
    build_parts();
    parts[2]->nchunks = 2; /* overlaps the one behind it */
    REQUIRE_REPORTS(extent_check(), "X1: ");
    parts[2]->nchunks = 1;
    REQUIRE(extent_check());
}

static void check_sees_x2(void)
{
    build_parts();
    parts[2]->state = EXTENT_DIRTY;
    REQUIRE_REPORTS(extent_check(), "X2: ");
    parts[2]->state = EXTENT_LIVE;
    REQUIRE(extent_check());
}

static void check_sees_x3(void)
{
    build_parts();
    struct list_node *before = parts[1]->age.prev;
    list_remove(&parts[1]->age); /* dirty, and in no list */
    REQUIRE_REPORTS(extent_check(), "X3: ");
    list_insert_before(before->next, &parts[1]->age);
    REQUIRE(extent_check());
    parts[0]->state = EXTENT_CLEAN; /* live chunks are counted too */
    REQUIRE_REPORTS(extent_check(), "X3: ");
    parts[0]->state = EXTENT_LIVE;
    REQUIRE(extent_check());
}

static void check_sees_x4(void)
{
    build_parts();
    uint64_t *clean = (uint64_t *)parts[4]->addr;
    *clean = 1;
    REQUIRE_REPORTS(extent_check(), "X4: ");
    *clean = 0;
    REQUIRE(extent_check());
}

static void check_sees_a_broken_tree(void)
{
    build_parts();
    for (unsigned i = 0; i < nparts; i++) {
        struct tree_node *node = &parts[i]->by_address, good = *node;
        if (node->left != node->right) {
            node->left = good.right;
            node->right = good.left;
            unit_capture();
            bool holds = extent_check();
            REQUIRE_CONTAINS(unit_captured(), "T1, T2: ");
            REQUIRE(!holds);
            *node = good;
        }
    }
    REQUIRE(extent_check());
    struct tree_node *sizes = &parts[1]->by_size;
    sizes->key++;
    parts[3]->by_size.key -= (uint64_t)2 << 44; /* D3 in the place of a D1 */
    REQUIRE_REPORTS(extent_check(), "T1, T2: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(first_one_makes_a_reserve),
        UNIT(larger_ones_get_their_own_reserve),
        UNIT(freed_is_dirty_and_taken_first),
        UNIT(a_clean_one_is_not_dirtied_for_a_small_rest),
        UNIT(joins_neighbours_of_its_kind),
        UNIT(best_fit_then_first_born),
        UNIT(reserves_are_not_joined),
        UNIT(alignment),
        UNIT(registry_follows),
        UNIT(finds_what_covers_an_address),
        UNIT(grows_in_place),
        UNIT(shrinks_in_place),
        UNIT(purges_oldest_first),
        UNIT(a_cut_keeps_its_age),
        UNIT(older_ones_behind_a_cut),
        UNIT(the_least_may_stay),
        UNIT(decay_zero_and_never),
        UNIT(figures_are_exact),
        UNIT(not_retained),
        UNIT(refused_memory_is_null),
        UNIT(little_is_taken_when_much_is_refused),
        UNIT(too_much_is_null),
        UNIT(addresses_beyond_the_registry),
        UNIT(refused_purge_keeps_all_dirty),
        UNIT(free_reserves_are_unmapped),
        UNIT(without_nodes_nothing_is_lost),
        UNIT(half_of_an_aligned_cut_is_undone),
        UNIT(huge_pages_for_many_chunks),
        UNIT(huge_pages_always_and_never),
        UNIT(random_work_keeps_the_invariants),
        UNIT(same_work_same_picture),
        UNIT(fork_in_the_middle),
        UNIT(check_sees_x1),
        UNIT(check_sees_x2),
        UNIT(check_sees_x3),
        UNIT(check_sees_x4),
        UNIT(check_sees_a_broken_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
