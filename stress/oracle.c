/* oracle.c: the shadow-heap fuzz. Every door in random order with sizes that hurt; after each
 * operation the block must be aligned, large enough, zero where promised, overlap no other live
 * block and hold what was written; in the end nothing is left.
 *
 *     each thread     64 Ki / threads slots of its own, and a market of slots where blocks change
 *                     hands, so that any thread frees and reallocates what any other allocated
 *
 * With one thread a run is a function of its seed: the REPRO line repeats it exactly.
 */
#include "memory.h"
#include "scenario.h"
#include "shadow.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LIVE_MAX = 64 << 10, MARKET = 512 };
static const size_t live_bytes_max = (size_t)1 << 30; /* of all threads, before untouched pages */

struct entry {
    char *block;      /* NULL: free slot */
    size_t size;      /* requested */
    size_t alignment; /* asked for, 0 if none */
    uint64_t key;     /* of its tags */
};

/* Blocks on their way from one thread to another. The entry is copied out under the flag. */
static struct offer {
    atomic_flag busy;
    struct entry entry;
} * market;

struct worker {
    unsigned thread;
    uint64_t step;
    struct entry *slots;
    size_t nslots;
    size_t live_bytes;
    uint64_t digest; /* of the places of all blocks within their chunks */
    struct rng rng;
};

static const struct doors *door;

static void enter(struct worker *w, struct entry *e, char *block, size_t size, size_t alignment)
{
    const void *other = NULL;
    size_t usable = door->usable_size(block);
    RUN_EXPECT(w->thread, usable >= size, "block %p of %zu bytes has usable size %zu",
               (void *)block, size, usable);
    RUN_EXPECT(w->thread, (uintptr_t)block % (alignment > 16 ? alignment : 16) == 0,
               "block %p is not aligned to %zu", (void *)block, alignment);
    RUN_EXPECT(w->thread, shadow_insert(block, usable, &other),
               "block %p (%zu usable bytes) overlaps the live block %p", (void *)block, usable,
               other);
    *e = (struct entry){block, size, alignment,
                        mix64(the_run.seed ^ mix64(w->thread + 1) ^ w->step)};
    tag_write(block, size, e->key, the_run.full);
    w->live_bytes += size;
    w->digest = mix64(w->digest ^ (uintptr_t)block % SIZES_CHUNK ^ usable << 24);
}

/* Checks the tags and takes the block out of the shadow heap; it is about to be freed. */
static void leave(struct worker *w, struct entry *e)
{
    size_t offset, usable = door->usable_size(e->block);
    RUN_EXPECT(w->thread, tag_holds(e->block, e->size, e->size, e->key, the_run.full, &offset),
               "block %p of %zu bytes was changed at offset %zu", (void *)e->block, e->size,
               offset);
    RUN_EXPECT(w->thread, shadow_remove(e->block, usable),
               "block %p has another usable size (%zu) than when it was handed out",
               (void *)e->block, usable);
    w->live_bytes -= e->size < w->live_bytes ? e->size : w->live_bytes;
}

static size_t draw_alignment(struct worker *w)
{
    uint64_t kind = rng_below(&w->rng, 100);
    unsigned lg = kind < 80 ? (unsigned)(kind % 8) + 3 : kind < 99 ? (unsigned)(kind % 6) + 11 : 22;
    return (size_t)1 << lg;
}

static char *allocate(struct worker *w, size_t *size, size_t *alignment)
{
    void *block = NULL;
    uint64_t kind = rng_below(&w->rng, 20);
    *alignment = 0;
    if (kind < 10) {
        run_note(w->thread, w->step, "malloc", NULL, *size, 0);
        return door->malloc(*size);
    }
    if (kind < 14) {
        size_t count = 1 + rng_below(&w->rng, 8), each = *size / count + 1, offset;
        *size = each * count;
        run_note(w->thread, w->step, "calloc", NULL, count, each);
        block = door->calloc(count, each);
        RUN_EXPECT(w->thread,
                   block == NULL || tag_is_zero(block, *size, w->step, the_run.full, &offset),
                   "calloc(%zu, %zu) gave %p, which is not zero at offset %zu", count, each, block,
                   offset);
        return block;
    }
    if (kind == 14) {
        run_note(w->thread, w->step, "realloc-of-null", NULL, *size, 0);
        return door->realloc(NULL, *size > 0 ? *size : 1);
    }
    if (kind == 15) {
        *alignment = 4096;
        run_note(w->thread, w->step, "valloc", NULL, *size, 0);
        return rng_below(&w->rng, 2) ? door->valloc(*size) : door->pvalloc(*size);
    }
    *alignment = draw_alignment(w);
    run_note(w->thread, w->step, "aligned", NULL, *alignment, *size);
    switch (kind % 3) {
    case 0:
        return door->aligned_alloc(*alignment, *size);
    case 1:
        return door->memalign(*alignment, *size);
    default:
        *alignment = *alignment < sizeof(void *) ? sizeof(void *) : *alignment;
        return door->posix_memalign(&block, *alignment, *size) == 0 ? block : NULL;
    }
}

static void step_allocate(struct worker *w, struct entry *e)
{
    size_t size = sizes_draw(&w->rng), alignment;
    char *block = allocate(w, &size, &alignment);
    RUN_EXPECT(w->thread, block != NULL, "no memory for %zu bytes (errno %d)", size, errno);
    enter(w, e, block, size, alignment);
}

static void step_free(struct worker *w, struct entry *e)
{
    leave(w, e);
    run_note(w->thread, w->step, "free", e->block, e->size, e->alignment);
    errno = EDOM;
    if (rng_below(&w->rng, 4) != 0)
        door->free(e->block);
    else if (e->alignment != 0)
        door->free_aligned_sized(e->block, e->alignment, e->size);
    else
        door->free_sized(e->block, e->size);
    RUN_EXPECT(w->thread, errno == EDOM, "free of %p set errno to %d", (void *)e->block, errno);
    e->block = NULL;
}

static void step_realloc(struct worker *w, struct entry *e)
{
    size_t offset, size = sizes_draw(&w->rng), count = 1 + rng_below(&w->rng, 4);
    if (rng_below(&w->rng, 3) == 0) /* a small change, as a growing buffer makes it */
        size = e->size + e->size / 8 + 1;
    size = size / count * count + count;
    size_t old_size = e->size;
    leave(w, e);
    run_note(w->thread, w->step, "realloc", e->block, old_size, size);
    char *block = count == 1 ? door->realloc(e->block, size)
                             : door->reallocarray(e->block, count, size / count);
    RUN_EXPECT(w->thread, block != NULL, "realloc of %p from %zu to %zu bytes failed (errno %d)",
               (void *)e->block, old_size, size, errno);
    size_t kept = old_size < size ? old_size : size;
    RUN_EXPECT(w->thread, tag_holds(block, old_size, kept, e->key, the_run.full, &offset),
               "realloc from %p to %p, %zu to %zu bytes, lost the contents at offset %zu",
               (void *)e->block, (void *)block, old_size, size, offset);
    enter(w, e, block, size, 0);
}

/* A realloc that must fail leaves everything as it is. */
static void step_impossible(struct worker *w, struct entry *e)
{
    size_t size = SIZE_MAX / 2 + 1 + (size_t)rng_below(&w->rng, SIZE_MAX / 2);
    run_note(w->thread, w->step, "impossible", e->block, size, 0);
    errno = 0;
    void *block = door->realloc(e->block, size);
    RUN_EXPECT(w->thread, block == NULL && errno == ENOMEM,
               "realloc to %zu bytes gave %p and errno %d", size, block, errno);
    leave(w, e);
    enter(w, e, e->block, e->size, e->alignment);
}

static void step_trade(struct worker *w, struct entry *e)
{
    struct offer *offer = &market[rng_below(&w->rng, MARKET)];
    if (atomic_flag_test_and_set_explicit(&offer->busy, memory_order_acquire))
        return; /* someone trades here; not worth waiting */
    struct entry mine = *e;
    *e = offer->entry;
    offer->entry = mine;
    atomic_flag_clear_explicit(&offer->busy, memory_order_release);
}

static void one_step(struct worker *w)
{
    w->rng = rng_at(the_run.seed, w->thread, w->step);
    struct entry *e = &w->slots[rng_below(&w->rng, w->nslots)];
    uint64_t kind = rng_below(&w->rng, 100);
    if (rng_below(&w->rng, 20000) == 0) {
        run_note(w->thread, w->step, "purge", NULL, 0, 0);
        doors_purge(door);
    }
    if (kind < 8)
        step_trade(w, e);
    else if (e->block == NULL)
        step_allocate(w, e);
    else if (w->live_bytes > live_bytes_max / the_run.threads || kind < 70)
        step_free(w, e);
    else if (kind < 99)
        step_realloc(w, e);
    else
        step_impossible(w, e);
}

static void *work(void *arg)
{
    struct worker w = {.thread = (unsigned)(uintptr_t)arg};
    w.nslots = LIVE_MAX / the_run.threads;
    w.slots = memory_map(w.nslots * sizeof *w.slots);
    for (; run_goes_on(&the_run, w.step); w.step++)
        one_step(&w);
    for (size_t i = 0; i < w.nslots; i++, w.step++) {
        if (w.slots[i].block != NULL) {
            w.rng = rng_at(the_run.seed, w.thread, w.step);
            step_free(&w, &w.slots[i]);
        }
    }
    memory_unmap(w.slots, w.nslots * sizeof *w.slots);
    if (the_run.threads == 1) /* the same in every run of this seed and as many operations */
        printf("digest of all places: %016llx\n", (unsigned long long)w.digest);
    atomic_fetch_add(&the_run.operations, w.step);
    return NULL;
}

static int run_oracle(struct run *run)
{
    door = run->door;
    shadow_start();
    market = memory_map(MARKET * sizeof *market);
    door->free(door->malloc(1));
    struct ashlar_stats before = doors_stats(door);
    run_threads(run, run->threads, work);
    struct worker w = {.thread = RUN_THREADS_MAX - 1};
    for (int i = 0; i < MARKET; i++, w.step++) {
        w.rng = rng_at(run->seed, w.thread, w.step);
        if (market[i].entry.block != NULL)
            step_free(&w, &market[i].entry);
    }
    RUN_EXPECT(0, shadow_count() == 0, "%zu blocks are left in the shadow heap", shadow_count());
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold");
    doors_purge(door);
    struct ashlar_stats after = doors_stats(door);
    RUN_EXPECT(0, after.allocated_bytes == before.allocated_bytes,
               "allocated was %zu bytes at the start and is %zu after the last free",
               before.allocated_bytes, after.allocated_bytes);
    RUN_EXPECT(0, after.mallocs - after.frees == before.mallocs - before.frees,
               "%llu mallocs and %llu frees do not cancel", (unsigned long long)after.mallocs,
               (unsigned long long)after.frees);
    RUN_EXPECT(0, after.active_bytes <= before.active_bytes + (1u << 20) && after.dirty_bytes == 0,
               "%zu bytes active and %zu dirty after the last free and a purge", after.active_bytes,
               after.dirty_bytes);
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold after the purge");
    return RUN_PASS;
}

const struct scenario scenario_oracle = {
    .name = "oracle",
    .summary = "every door in random order, against a shadow heap, tags and the figures",
    .default_secs = 60,
    .default_threads = 4,
    .run = run_oracle,
};
