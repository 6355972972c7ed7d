/* live.c: the oracle of live bytes. See live.h. */
#include "live.h"

__attribute__((cold)) void live_flush(struct live_delta *live)
{
    struct live *shared = live->shared;
    const long long before = atomic_fetch_add(&shared->total, live->delta);
    const long long top = before + live->top;
    long long peak = atomic_load(&shared->peak);
    while (top > peak && !atomic_compare_exchange_weak(&shared->peak, &peak, top)) {
    }
    live->delta = 0;
    live->top = 0;
}
