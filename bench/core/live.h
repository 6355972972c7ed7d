/* live.h: the oracle of live bytes, as requested by the workload.
 *
 * Each worker counts in its own cache line and adds its change to one shared counter when that has
 * grown by LIVE_FLUSH either way:
 *
 *     worker   delta +17 KiB   top +31 KiB  --flush-->  total    peak = max(total before + top)
 *
 * With one worker the peak is exact. With more it may be off by LIVE_FLUSH for each other worker,
 * whose unflushed change is unknown at that moment.
 */
#ifndef ASHLAR_BENCH_LIVE_H
#define ASHLAR_BENCH_LIVE_H

#include <stdatomic.h>
#include <stdint.h>

#define LIVE_FLUSH ((int64_t)64 << 10)

/* Shared by all workers. */
struct live {
    _Alignas(128) atomic_llong total; /* bytes live, without what the workers hold back */
    _Alignas(128) atomic_llong peak;  /* highest total seen */
};

/* One a worker. */
struct live_delta {
    int64_t delta;       /* change since the last flush */
    int64_t top;         /* highest delta since the last flush, never below 0 */
    struct live *shared; /* where to flush */
};

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
