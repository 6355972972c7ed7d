/* demand.c: see demand.h. */
#include "demand.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void demand_purged(struct demand *d, size_t n)
{
    d->purged += n;
}

void demand_taken(struct demand *d, size_t n, size_t in_use)
{
    size_t again = smaller(n, d->purged);
    d->purged -= again;
    d->regret += 2 * again; /* a fault costs more than a page kept: learn in half the mistakes */
    d->peak = larger(d->peak, in_use);
}

size_t demand_beside(const struct demand *d, size_t in_use)
{
    size_t peak = larger(larger(d->peak, d->peak_before), in_use);
    return peak + peak / 16 - in_use;
}

static void age(struct demand *d, size_t in_use, uint64_t period_ms, uint64_t now_ms)
{
    if (now_ms - d->began_ms < period_ms) {
        return;
    }
    d->began_ms = now_ms;
    d->regret /= 2;
    d->purged = 0; /* what comes back after a whole period was rightly given away */
    d->peak_before = d->peak;
    d->peak = in_use;
}

size_t demand_keep(struct demand *d, size_t in_use, size_t least, int64_t period_ms,
                   uint64_t now_ms)
{
    if (period_ms <= 0) {
        return period_ms == 0 ? 0 : SIZE_MAX;
    }
    age(d, in_use, (uint64_t)period_ms, now_ms);
    size_t peak = larger(d->peak, d->peak_before);
    peak += peak / 8; /* not every free piece fits again: what is backed exceeds what was in use */
    size_t wanted = smaller(d->regret, peak > in_use ? peak - in_use : 0);
    return larger(larger(least, in_use / 4), wanted);
}
