/* remote.c: the remote-free storm. Producers only allocate, consumers only free.
 *
 *     producer i ──ring of 4096 blocks──> consumer i        bursts on one side, naps on the other
 *
 * Tags show damage; memory may not grow beyond twice what is alive plus what caches may hold; after
 * the last free nothing is allocated.
 */
#include "memory.h"
#include "scenario.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <unistd.h>

enum { RING = 4096, CACHES_PER_THREAD = 8 << 20, CACHES_FIXED = 64 << 20 };

struct parcel {
    char *block;
    size_t size;
    uint64_t key;
};

static struct pipe {
    _Alignas(64) atomic_size_t head; /* parcels ever put in, by the producer */
    _Alignas(64) atomic_size_t tail; /* parcels ever taken out, by the consumer */
    atomic_bool closed;              /* the producer puts in no more */
    struct parcel parcels[RING];
} * pipes;

static const struct doors *door;
static atomic_size_t live_bytes, live_peak, resident_peak;

static void note_peak(atomic_size_t *peak, size_t value)
{
    size_t seen = atomic_load(peak);
    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, value))
        ;
}

static void produce(unsigned thread, struct pipe *pipe)
{
    uint64_t step = 0;
    for (; run_goes_on(&the_run, step); step++) {
        struct rng rng = rng_at(the_run.seed, thread, step);
        size_t size = (size_t)rng_log(&rng, rng_below(&rng, 500) == 0 ? 20 : 13);
        size_t head = atomic_load_explicit(&pipe->head, memory_order_relaxed);
        while (head - atomic_load_explicit(&pipe->tail, memory_order_acquire) == RING)
            usleep(50);
        if (rng_below(&rng, 20000) == 0)
            usleep((useconds_t)rng_below(&rng, 3000)); /* the consumer runs dry */
        run_note(thread, step, "malloc", NULL, size, 0);
        char *block = door->malloc(size);
        RUN_EXPECT(thread, block != NULL, "no memory for %zu bytes (errno %d)", size, errno);
        struct parcel parcel = {block, size, mix64(the_run.seed ^ mix64(step) ^ thread)};
        tag_write(block, size, parcel.key, the_run.full);
        pipe->parcels[head % RING] = parcel;
        note_peak(&live_peak, atomic_fetch_add(&live_bytes, size) + size);
        atomic_store_explicit(&pipe->head, head + 1, memory_order_release);
    }
    atomic_store(&pipe->closed, true);
    atomic_fetch_add(&the_run.operations, step);
}

static void consume(unsigned thread, struct pipe *pipe)
{
    for (uint64_t step = 0;; step++) {
        struct rng rng = rng_at(the_run.seed, thread, step);
        size_t offset, tail = atomic_load_explicit(&pipe->tail, memory_order_relaxed);
        while (tail == atomic_load_explicit(&pipe->head, memory_order_acquire)) {
            if (atomic_load(&pipe->closed) && tail == atomic_load(&pipe->head))
                return;
            usleep(20);
        }
        struct parcel parcel = pipe->parcels[tail % RING];
        run_note(thread, step, "free", parcel.block, parcel.size, 0);
        RUN_EXPECT(
            thread,
            tag_holds(parcel.block, parcel.size, parcel.size, parcel.key, the_run.full, &offset),
            "block %p of %zu bytes was changed at offset %zu", (void *)parcel.block, parcel.size,
            offset);
        atomic_fetch_sub(&live_bytes, parcel.size);
        door->free(parcel.block);
        atomic_store_explicit(&pipe->tail, tail + 1, memory_order_release);
        if (rng_below(&rng, 30000) == 0)
            usleep((useconds_t)rng_below(&rng, 5000)); /* the ring fills up */
        if (step % 4096 == 0)
            note_peak(&resident_peak, memory_resident_bytes());
    }
}

static void *work(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg;
    if (thread % 2 == 0)
        produce(thread, &pipes[thread / 2]);
    else
        consume(thread, &pipes[thread / 2]);
    return NULL;
}

static int run_remote(struct run *run)
{
    unsigned npairs = run->threads < 2 ? 1 : run->threads / 2;
    door = run->door;
    pipes = memory_map(npairs * sizeof *pipes);
    door->free(door->malloc(1));
    struct ashlar_stats before = doors_stats(door);
    size_t resident_start = memory_resident_bytes() + npairs * sizeof *pipes;
    run_threads(run, 2 * npairs, work);
    size_t grown = atomic_load(&resident_peak) > resident_start
                       ? atomic_load(&resident_peak) - resident_start
                       : 0;
    size_t bound =
        2 * atomic_load(&live_peak) + 2 * npairs * (size_t)CACHES_PER_THREAD + CACHES_FIXED;
    RUN_EXPECT(0, grown <= bound || memory_is_shared(),
               "resident memory grew to %zu MiB, more than %zu MiB for %zu alive", grown >> 20,
               bound >> 20, atomic_load(&live_peak));
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold");
    struct ashlar_stats after = doors_stats(door);
    RUN_EXPECT(0, after.allocated_bytes == before.allocated_bytes,
               "allocated was %zu bytes at the start and is %zu after the last free",
               before.allocated_bytes, after.allocated_bytes);
    RUN_EXPECT(0, after.mallocs - after.frees == before.mallocs - before.frees,
               "%llu mallocs and %llu frees do not cancel", (unsigned long long)after.mallocs,
               (unsigned long long)after.frees);
    return RUN_PASS;
}

const struct scenario scenario_remote = {
    .name = "remote",
    .summary = "producers only allocate, consumers only free; memory stays bounded",
    .default_secs = 30,
    .default_threads = 4,
    .run = run_remote,
};
