/* threadchurn.c: threads come and go, each leaving its cache full and blocks in other hands.
 *
 * After the first thousand the figures may not grow by a byte a thread: what a dead thread cached
 * is back, its slots are used again, and blocks that outlived it are freed by others.
 */
#include "memory.h"
#include "scenario.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

enum {
    WARM_UP = 1000,
    INHERITED = 64,
    CLASSES = 128,
    STACK = 64 << 10,
    HEADER_BYTES = 80 << 10,
    RESERVE_BYTES = 64 << 20
};

struct parcel {
    size_t size;
    uint64_t key; /* the tags follow behind this header */
};

/* What threads leave behind; each thread frees what it finds in its place. */
static _Atomic(struct parcel *) inherited[INHERITED];
static atomic_uint detached_alive;
static const struct doors *door;

static void release(unsigned ring, struct parcel *parcel)
{
    size_t offset;
    if (parcel == NULL)
        return;
    RUN_EXPECT(ring, tag_holds(parcel + 1, parcel->size, parcel->size, parcel->key, true, &offset),
               "block %p of a dead thread was changed at offset %zu", (void *)parcel, offset);
    door->free(parcel);
}

/* One block of each class that a cache holds, freed again: the cache is full when the thread dies.
 */
static void fill_cache(unsigned ring, uint64_t step)
{
    void *blocks[CLASSES];
    int count = 0;
    for (size_t size = 16; size <= (1u << 20) && count < CLASSES;
         size = sizes_next_class(size), count++) {
        blocks[count] = door->malloc(size);
        RUN_EXPECT(ring, blocks[count] != NULL, "no memory for %zu bytes (errno %d)", size, errno);
        *(uint64_t *)blocks[count] = step;
    }
    for (int i = 0; i < count; i++) {
        RUN_EXPECT(ring, *(uint64_t *)blocks[i] == step, "block %p was changed", blocks[i]);
        door->free(blocks[i]);
    }
}

static void live_and_die(unsigned ring, uint64_t step)
{
    struct rng rng = rng_at(the_run.seed, 0, step);
    run_note(ring, step, "thread", NULL, 0, 0);
    fill_cache(ring, step);
    for (int i = 0; i < 4; i++) {
        size_t size = (size_t)rng_log(&rng, 11);
        struct parcel *parcel = door->malloc(sizeof *parcel + size);
        RUN_EXPECT(ring, parcel != NULL, "no memory for %zu bytes (errno %d)", size, errno);
        *parcel = (struct parcel){size, mix64(step * 4 + (uint64_t)i)};
        tag_write(parcel + 1, size, parcel->key, true);
        release(ring, atomic_exchange(&inherited[rng_below(&rng, INHERITED)], parcel));
    }
}

struct mortal {
    unsigned ring;
    uint64_t step;
};

static void *joined(void *arg)
{
    struct mortal *mortal = arg;
    live_and_die(mortal->ring, mortal->step);
    return NULL;
}

static struct mortal detached_mortals[RUN_THREADS_MAX];

static void *detached(void *arg)
{
    joined(arg);
    atomic_fetch_sub(&detached_alive, 1);
    return NULL;
}

/* Starts and joins threads; one in eight is detached and only awaited by a counter. */
static void churn(uint64_t from, uint64_t count)
{
    pthread_attr_t attr;
    pthread_t threads[RUN_THREADS_MAX / 2];
    struct mortal mortals[RUN_THREADS_MAX / 2];
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    for (uint64_t done = 0; done < count; done += the_run.threads) {
        pthread_t thread;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        if (done % 8 == 0 && atomic_load(&detached_alive) == 0) {
            detached_mortals[0] = (struct mortal){RUN_THREADS_MAX - 1, from + done};
            atomic_fetch_add(&detached_alive, 1);
            int code = pthread_create(&thread, &attr, detached, &detached_mortals[0]);
            RUN_EXPECT(0, code == 0, "cannot create a thread: %s", strerror(code));
        }
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE);
        for (unsigned i = 0; i < the_run.threads; i++) {
            mortals[i] = (struct mortal){i, from + done + i};
            int code = pthread_create(&threads[i], &attr, joined, &mortals[i]);
            RUN_EXPECT(i, code == 0, "cannot create a thread: %s", strerror(code));
        }
        for (unsigned i = 0; i < the_run.threads; i++)
            pthread_join(threads[i], NULL);
    }
    while (atomic_load(&detached_alive) != 0)
        sched_yield();
    for (int i = 0; i < INHERITED; i++)
        release(0, atomic_exchange(&inherited[i], NULL));
    pthread_attr_destroy(&attr);
}

static pthread_barrier_t meeting;

static void *meet(void *arg)
{
    struct mortal *mortal = arg;
    fill_cache(mortal->ring, mortal->step);
    pthread_barrier_wait(&meeting); /* each still holds its cache and its place in an arena */
    return NULL;
}

/* The largest moment comes first, whatever the scheduler does: as many threads alive as ever will
 * be, so that each arena and each cache that the churn can need is made before anything is
 * measured. */
static void all_at_once(void)
{
    unsigned count = the_run.threads + 1; /* with the detached one */
    pthread_t threads[RUN_THREADS_MAX / 2 + 1];
    struct mortal mortals[RUN_THREADS_MAX / 2 + 1];
    int code = pthread_barrier_init(&meeting, NULL, count);
    RUN_EXPECT(0, code == 0, "cannot make a barrier: %s", strerror(code));
    for (unsigned i = 0; i < count; i++) {
        mortals[i] = (struct mortal){i, i};
        code = pthread_create(&threads[i], NULL, meet, &mortals[i]);
        RUN_EXPECT(i, code == 0, "cannot create a thread: %s", strerror(code));
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&meeting);
}

static int run_threadchurn(struct run *run)
{
    door = run->door;
    door->free(door->malloc(1));
    struct ashlar_stats start = doors_stats(door);
    all_at_once();
    churn(0, WARM_UP);
    doors_purge(door); /* what queues hold for arenas is bounded, but by more than this looks for */
    struct ashlar_stats before = doors_stats(door);
    size_t resident_before = memory_resident_bytes();
    uint64_t count = WARM_UP;
    if (run->ops != 0) {
        churn(count, run->ops);
        count += run->ops;
    } else {
        for (; run_elapsed(run) < run->secs; count += 256)
            churn(count, 256);
    }
    doors_purge(door);
    struct ashlar_stats after = doors_stats(door);
    size_t resident_after = memory_resident_bytes();
    RUN_EXPECT(0, after.allocated_bytes == start.allocated_bytes,
               "allocated was %zu bytes at the start and is %zu after %llu threads",
               start.allocated_bytes, after.allocated_bytes, (unsigned long long)count);
    /* An arena may have met its largest moment only now: one more chunk's header each, and for all
     * together one more of the reserves that chunks are cut from. */
    size_t headers = before.narenas * (size_t)HEADER_BYTES;
    RUN_EXPECT(0, after.metadata_bytes <= before.metadata_bytes + headers,
               "metadata grew from %zu to %zu bytes in %llu threads", before.metadata_bytes,
               after.metadata_bytes, (unsigned long long)(count - WARM_UP));
    RUN_EXPECT(0, after.mapped_bytes <= before.mapped_bytes + headers + RESERVE_BYTES,
               "mapped grew from %zu to %zu bytes in %llu threads", before.mapped_bytes,
               after.mapped_bytes, (unsigned long long)(count - WARM_UP));
    RUN_EXPECT(0, after.nthreads <= before.nthreads + 1, "%u threads are still known",
               after.nthreads);
    RUN_EXPECT(0, resident_after <= resident_before + (4u << 20) || memory_is_shared(),
               "resident memory grew from %zu to %zu KiB", resident_before >> 10,
               resident_after >> 10);
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold");
    atomic_store(&run->operations, count);
    return RUN_PASS;
}

const struct scenario scenario_threadchurn = {
    .name = "threadchurn",
    .summary = "threads that exit with full caches and blocks in other hands leave nothing",
    .default_secs = 30,
    .default_threads = 8,
    .run = run_threadchurn,
};
