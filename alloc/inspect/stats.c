/* stats.c: see stats.h. */
#include "stats.h"
#include "../api/boot.h"
#include "../api/door.h"
#include "../os/base.h"
#include "../os/pages.h"
#include "../prof/prof.h"
#include "../thread/thread.h"
#include "../util/conf.h"
#include "../util/diag.h"

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

/* Chunks that are live and that no arena cuts into runs. */
size_t stats_huge_bytes(void)
{
    struct extent_figures f;
    size_t chunks = 0;
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
    s.mapped_bytes =
        f.reserved_bytes + pages_stuck_bytes() + base_mapped_bytes() + base_used_bytes();
    s.mallocs = t.mallocs;
    s.frees = t.frees;
    s.nthreads = t.ncaches;
    s.allocated_bytes = s.allocated_bytes < s.active_bytes ? s.allocated_bytes : s.active_bytes;
    *out = s;
}

EXPORT size_t ashlar_purge(void)
{
    boot();
    if (tcache_self != &tcache_none) {
        tcache_flush_all(tcache_self);
    }
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

__attribute__((destructor)) static void at_exit(void)
{
    if (atomic_load_explicit(&boot_done, ACQUIRE) && conf.stats_print) {
        stats_print(boot_exit_fd);
    }
}
