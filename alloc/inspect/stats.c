/* stats.c: see stats.h. */
#include "stats.h"
#include "../api/boot.h"
#include "../api/entry.h"
#include "../os/base.h"
#include "../os/pages.h"
#include "../prof/prof.h"
#include "../thread/thread.h"
#include "../util/conf.h"
#include "../util/diag.h"

#include <string.h>

static void add_arena(struct arena *arena, struct ashlar_stats *s, size_t *remote)
{
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        size_t size = size_class_bytes(class);
        s->allocated_bytes += count_read(&arena->bins[class].regions_out) * size;
        *remote += bin_remote_regions(&arena->bins[class], &arena->pool) * size;
    }
    s->allocated_bytes += atomic_load_explicit(&arena->large_bytes, RELAXED);
    s->active_bytes += count_read(&arena->pool.pages_used) << LG_PAGE;
    s->dirty_bytes += count_read(&arena->pool.pages_free[RUN_DIRTY]) << LG_PAGE;
    s->metadata_bytes += count_read(&arena->pool.nchunks) * (HEADER_PAGES << LG_PAGE);
}

static size_t mapped_bytes(const struct extent_figures *f)
{
    return f->reserved_bytes + pages_stuck_bytes() + base_mapped_bytes() + base_used_bytes();
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t read64(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, ACQUIRE);
}

/* What came back is read before (hence acquire) what went out, so that the difference is never below 0. A
 * cache that changes its arena takes its requests along: seen in the middle, their sum may be. */
static struct stats_class class_read(const struct class_counts *counts, uint64_t requests)
{
    struct stats_class c = {.nrequests = requests + read64(&counts->nrequests)};
    c.nrequests = (int64_t)c.nrequests < 0 ? 0 : c.nrequests;
    c.ndalloc = read64(&counts->ndalloc);
    c.nmalloc = read64(&counts->nmalloc);
    c.current = c.nmalloc - c.ndalloc;
    return c;
}

static void kind_add(struct stats_kind *kind, const struct stats_class *c, uint64_t bytes)
{
    kind->allocated += bytes;
    kind->nmalloc += c->nmalloc;
    kind->ndalloc += c->ndalloc;
    kind->nrequests += c->nrequests;
}

/* A sampled block of a small class lies in a run of its own, and counts to its class. */
static void bin_read(struct arena *arena, unsigned class, uint64_t requests, struct stats_bin *out)
{
    struct bin_figures f;
    struct stats_class own = class_read(&arena->counts[class], requests);
    bin_figures(&arena->bins[class], &arena->pool, class, &f);
    *out = (struct stats_bin){
        .curregs = f.regions + own.current,
        .nmalloc = f.nmalloc + own.nmalloc,
        .nrequests = own.nrequests,
        .nfills = f.nfills,
        .nflushes = f.nflushes,
        .nruns = f.nruns_made + own.nmalloc,
        .nreruns = f.nreruns,
        .curruns = f.runs + own.current,
        .nonfull_slabs = f.runs_nonfull,
        .lock = {.num_ops = f.lock_ops,
                 .num_wait = f.lock_slept,
                 .num_spin_acq = f.lock_spun,
                 .num_owner_switch = f.lock_switches,
                 .total_wait_time = f.lock_ns,
                 .max_wait_time = f.lock_ns_max,
                 .max_num_thds = f.lock_waiting_max},
    };
    out->ndalloc = out->nmalloc - out->curregs;
    out->allocated = out->curregs * size_class_bytes(class);
}

static void classes_read(struct arena *arena, struct stats_arena *out)
{
    uint64_t requests[RUN_CLASSES] = {0};
    out->tcache_bytes = thread_arena_totals(arena, requests);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        struct stats_bin *bin = &out->bins[class];
        bin_read(arena, class, requests[class], bin);
        kind_add(&out->small, &(struct stats_class){bin->nmalloc, bin->ndalloc, bin->nrequests, 0},
                 bin->allocated);
    }
    for (unsigned class = SMALL_CLASSES; class < RUN_CLASSES; class++) {
        struct stats_class *run = &out->lruns[class - SMALL_CLASSES];
        *run = class_read(&arena->counts[class], requests[class]);
        kind_add(&out->large, run, run->current * size_class_bytes(class));
    }
}

/* Free chunks. */
static void extents_read(struct extents *set, struct stats_arena *out)
{
    struct extent_figures f;
    extents_figures(set, &f);
    out->pdirty += f.dirty_chunks * CHUNK_PAGES;
    out->retained +=
        stats_minus(f.reserved_bytes, (f.live_chunks + f.dirty_chunks) * CHUNK_SIZE);
    out->npurge += f.npurges;
    out->nmadvise += f.nmadvises;
    out->purged += f.chunks_purged * CHUNK_PAGES;
}

static void chunks_read(struct arena *arena, struct stats_arena *out)
{
    for (unsigned class = 0; class < HUGE_CLASSES; class++) {
        struct stats_class *c = &out->hchunks[class];
        c->ndalloc = read64(&arena->huge[class].ndalloc);
        c->nmalloc = c->nrequests = read64(&arena->huge[class].nmalloc);
        c->current = c->nmalloc - c->ndalloc;
        kind_add(&out->huge, c, 0);
    }
    out->huge.allocated = atomic_load_explicit(&arena->huge_bytes, RELAXED);
    out->pactive += out->huge.allocated >> LG_PAGE;
    out->mapped += out->huge.allocated;
    if (arena->index == 0) { /* those that arenas share */
        extents_read(&extents_shared, out);
    }
    if (arena->own) {
        extents_read(arena->own, out);
    }
}

COLD void stats_arena_read(struct arena *arena, struct stats_arena *out)
{
    struct pool_figures f;
    memset(out, 0, sizeof *out);
    classes_read(arena, out);
    pool_figures(&arena->pool, &f);
    out->nthreads = arena_threads(arena);
    out->pactive = f.pages_used;
    out->pdirty = f.pages_dirty;
    out->mapped = f.chunks * CHUNK_SIZE;
    out->npurge = f.npurges;
    out->nmadvise = f.nmadvises;
    out->purged = f.pages_purged;
    out->metadata_mapped = f.chunks * (HEADER_PAGES << LG_PAGE);
    out->metadata_allocated = sizeof *arena;
    out->decay_ms = pool_decay_ms(&arena->pool);
    out->lg_dirty_mult = pool_lg_dirty_mult(&arena->pool);
    chunks_read(arena, out);
    uint64_t allocated = out->small.allocated + out->large.allocated + out->huge.allocated;
    out->pactive = larger(out->pactive, (allocated + PAGE_MASK) >> LG_PAGE);
    out->resident = ((out->pactive + out->pdirty) << LG_PAGE) + out->metadata_mapped;
    out->mapped = larger(out->mapped, out->resident);
}

static void add_words(void *sum, const void *more, size_t bytes)
{
    uint64_t *to = sum;
    const uint64_t *from = more;
    for (size_t i = 0; i < bytes / sizeof *to; i++) {
        to[i] += from[i];
    }
}

static void add_bin(struct stats_bin *sum, const struct stats_bin *more)
{
    uint64_t longest = larger(sum->lock.max_wait_time, more->lock.max_wait_time);
    uint64_t most = larger(sum->lock.max_num_thds, more->lock.max_num_thds);
    add_words(sum, more, sizeof *sum);
    sum->lock.max_wait_time = longest;
    sum->lock.max_num_thds = most;
}

COLD void stats_arena_add(struct stats_arena *sum, const struct stats_arena *arena)
{
    add_words(sum, arena, offsetof(struct stats_arena, bins));
    sum->decay_ms = arena->decay_ms;
    sum->lg_dirty_mult = arena->lg_dirty_mult;
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        add_bin(&sum->bins[class], &arena->bins[class]);
    }
    add_words(sum->lruns, arena->lruns, sizeof sum->lruns);
    add_words(sum->hchunks, arena->hchunks, sizeof sum->hchunks);
}

COLD void stats_heap_read(const struct stats_arena *sum, struct stats_heap *out)
{
    struct extent_figures f;
    struct thread_totals t;
    thread_totals(&t);
    extent_figures(&f);
    uint64_t held = sum->small.allocated + sum->large.allocated + sum->huge.allocated;
    *out = (struct stats_heap){
        .active = sum->pactive << LG_PAGE,
        .metadata = sum->metadata_mapped + base_used_bytes(),
        .allocated = stats_minus(held, t.small_cached_bytes + t.large_cached_bytes),
        .retained = sum->retained,
        .chunks_current = f.live_chunks,
        .chunks_total = f.chunks_made,
        .chunks_high = extent_live_bytes_peak() >> LG_CHUNK,
        .zero_reallocs = atomic_load_explicit(&entry_zero_reallocs, RELAXED),
    };
    out->resident = out->active + (sum->pdirty << LG_PAGE) + out->metadata;
    out->mapped = larger(mapped_bytes(&f), out->resident);
}

/* Chunks that are live and that no arena cuts into runs. */
size_t stats_huge_bytes(void)
{
    struct extent_figures f;
    size_t chunks = 0;
    if (hooks_running) {
        return 0;
    }
    extent_figures(&f);
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        chunks += arena ? count_read(&arena->pool.nchunks) : 0;
    }
    return stats_minus(f.live_chunks, chunks) * CHUNK_SIZE;
}

EXPORT void ashlar_stats_get(struct ashlar_stats *out)
{
    boot();
    struct ashlar_stats s = {0};
    if (hooks_running) { /* whose caller holds locks that the figures lie under */
        *out = s;
        return;
    }
    struct thread_totals t;
    struct extent_figures f;
    size_t remote = 0, huge;
    thread_totals(&t);
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        if (arena) {
            add_arena(arena, &s, &remote);
            s.narenas++;
        }
    }
    extent_figures(&f);
    huge = stats_huge_bytes();
    s.cached_bytes = t.small_cached_bytes + t.large_cached_bytes + remote;
    s.allocated_bytes = stats_minus(s.allocated_bytes, s.cached_bytes);
    s.allocated_bytes += huge;
    s.active_bytes += huge;
    s.dirty_bytes += f.dirty_chunks * CHUNK_SIZE;
    s.metadata_bytes += base_used_bytes();
    s.resident_bytes = s.active_bytes + s.dirty_bytes + s.metadata_bytes;
    s.mapped_bytes = larger(mapped_bytes(&f), s.resident_bytes);
    s.mallocs = t.mallocs;
    s.frees = t.frees;
    s.nthreads = t.ncaches;
    s.allocated_bytes = s.allocated_bytes < s.active_bytes ? s.allocated_bytes : s.active_bytes;
    *out = s;
}

EXPORT size_t ashlar_purge(void)
{
    boot();
    (void)thread_cache_flush();
    return arena_purge_all();
}

EXPORT void ashlar_prof_stats_get(struct ashlar_prof_stats *out)
{
    prof_stats(out);
}

EXPORT void ashlar_prof_dump(int fd)
{
    prof_dump(fd);
}

EXPORT const char *ashlar_version(void)
{
    return ASHLAR_VERSION;
}

void stats_print(int fd)
{
    struct ashlar_stats s;
    ashlar_stats_get(&s);
    diag_print(fd,
               "ashlar: mallocs=%u frees=%u allocated=%u cached=%u active=%u dirty=%u resident=%u "
               "mapped=%u metadata=%u arenas=%u threads=%u\n",
               s.mallocs, s.frees, (uint64_t)s.allocated_bytes, (uint64_t)s.cached_bytes,
               (uint64_t)s.active_bytes, (uint64_t)s.dirty_bytes, (uint64_t)s.resident_bytes,
               (uint64_t)s.mapped_bytes, (uint64_t)s.metadata_bytes, (uint64_t)s.narenas,
               (uint64_t)s.nthreads);
}
