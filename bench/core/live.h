/* live.h: the oracle of live bytes, as requested by the workload.
 *
 * Each worker counts in its own cache line and adds its change to one shared counter when that has
 * grown by LIVE_FLUSH either way:
 *
 *     worker   delta +17 KiB   top +31 KiB  --flush-->  total    peak = max(total before + top)
 *
 * With one worker the peak is exact. With more it may be off by LIVE_FLUSH for each other worker,
 * whose unflushed change is unknown at that moment.
 *
 * When ASHLAR_LIVE_FD names a descriptor (by convention 4) of a file that can be mapped shared and
 * holds a struct live, zero-filled, the counters lie in that file: who has the file mapped too
 * reads live bytes while the process runs, without a call into it, and so at the moment at which he
 * reads its resident memory. The layout is that of struct live: three numbers of 8 bytes in host
 * byte order, total at 0, peak at 128, pid at 256.
 */
#ifndef ASHLAR_BENCH_LIVE_H
#define ASHLAR_BENCH_LIVE_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_FLUSH ((int64_t)64 << 10)

/* Shared by all workers. */
struct live {
    _Alignas(128) atomic_llong total; /* bytes live, without what the workers hold back */
    _Alignas(128) atomic_llong peak;  /* highest total seen */
    _Alignas(128) atomic_llong pid;   /* who counts here; 0: nobody yet */
};

static_assert(offsetof(struct live, peak) == 128 && offsetof(struct live, pid) == 256,
              "a sampler outside reads these places");

/* One a worker. */
struct live_delta {
    int64_t delta;       /* change since the last flush */
    int64_t top;         /* highest delta since the last flush, never below 0 */
    struct live *shared; /* where to flush */
};

/* The shared counters: those of ASHLAR_LIVE_FD when it is set, else the process's own. A descriptor
 * that cannot serve ends the process with EXIT_USAGE. */
struct live *live_open(void);

/* Adds the delta to the shared counter. Cold: once in 64 KiB. */
void live_flush(struct live_delta *live);

static inline void live_add(struct live_delta *live, uint64_t size_bytes)
{
    live->delta += (int64_t)size_bytes;
    live->top = live->delta > live->top ? live->delta : live->top;
    if (live->delta >= LIVE_FLUSH) {
        live_flush(live);
    }
}

static inline void live_sub(struct live_delta *live, uint64_t size_bytes)
{
    live->delta -= (int64_t)size_bytes;
    if (live->delta <= -LIVE_FLUSH) {
        live_flush(live);
    }
}

#endif
