/* mallinfo.c: the questions that glibc's malloc answers, answered for this heap.
 *
 * Programs ask them to print or to trim, and a static link that found one of them only in the C
 * library would bring the C library's malloc along, and with it a second heap.
 *
 *     mallinfo      arena               hblkhd      uordblks     fordblks            keepcost
 *     here          mapped for runs     huge live   allocated    arena - in use      dirty
 *
 * The figures are those of ashlar_stats_get. What has no meaning here is 0.
 */
#include "stats.h"
#include "../api/door.h"
#include "../heap/arena.h"
#include "../util/diag.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>

EXPORT struct mallinfo2 mallinfo2(void)
{
    struct ashlar_stats s;
    ashlar_stats_get(&s);
    size_t huge = stats_huge_bytes();
    struct mallinfo2 info = {
        .arena = stats_minus(s.mapped_bytes, huge),
        .hblks = huge / CHUNK_SIZE,
        .hblkhd = huge,
        .uordblks = stats_minus(s.allocated_bytes, huge),
        .keepcost = s.dirty_bytes,
    };
    info.fordblks = stats_minus(info.arena, info.uordblks);
    return info;
}

static int at_most_int(size_t value)
{
    return value < INT_MAX ? (int)value : INT_MAX;
}

/* The older form, whose fields are int: a figure that does not fit stops at the largest. */
EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 wide = mallinfo2();
    return (struct mallinfo){
        .arena = at_most_int(wide.arena),
        .hblks = at_most_int(wide.hblks),
        .hblkhd = at_most_int(wide.hblkhd),
        .uordblks = at_most_int(wide.uordblks),
        .fordblks = at_most_int(wide.fordblks),
        .keepcost = at_most_int(wide.keepcost),
    };
}

/* Gives all unused memory back, whatever `pad` asks to keep: it would be used again at once or not
 * at all. Returns 1 when there was any, as malloc_trim(3) says. */
EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    return ashlar_purge() != 0;
}

/* To standard error, as malloc_stats(3) does. */
EXPORT void malloc_stats(void)
{
    struct ashlar_stats s;
    ashlar_stats_get(&s);
    diag_print(2,
               "Arenas %u, threads with a cache %u, mallocs %u, frees %u\n"
               "system bytes     = %u\n"
               "resident bytes   = %u\n"
               "in use bytes     = %u\n"
               "cached bytes     = %u\n"
               "huge bytes       = %u\n",
               (uint64_t)s.narenas, (uint64_t)s.nthreads, s.mallocs, s.frees,
               (uint64_t)s.mapped_bytes, (uint64_t)s.resident_bytes, (uint64_t)s.allocated_bytes,
               (uint64_t)s.cached_bytes, (uint64_t)stats_huge_bytes());
}

static void print_arena(FILE *stream, unsigned index)
{
    struct arena *arena = arena_get(index);
    if (!arena) {
        return;
    }
    struct pool *pool = &arena->pool;
    fprintf(stream,
            "<heap nr=\"%u\">\n"
            "<system type=\"current\" size=\"%zu\"/>\n"
            "<used type=\"pages\" size=\"%zu\"/>\n"
            "<unused type=\"dirty\" size=\"%zu\"/>\n"
            "</heap>\n",
            index, count_read(&pool->nchunks) * CHUNK_SIZE,
            count_read(&pool->pages_used) << LG_PAGE,
            count_read(&pool->pages_free[RUN_DIRTY]) << LG_PAGE);
}

/* One element an arena, then the totals, as XML: see malloc_info(3). `options` must be 0. */
EXPORT int malloc_info(int options, FILE *stream)
{
    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    struct ashlar_stats s;
    ashlar_stats_get(&s);
    fputs("<malloc version=\"ashlar-1\">\n", stream);
    for (unsigned i = 0; i < arena_count(); i++) {
        print_arena(stream, i);
    }
    fprintf(stream,
            "<total type=\"huge\" size=\"%zu\"/>\n"
            "<total type=\"allocated\" size=\"%zu\"/>\n"
            "<total type=\"cached\" size=\"%zu\"/>\n"
            "<system type=\"current\" size=\"%zu\"/>\n"
            "<system type=\"resident\" size=\"%zu\"/>\n"
            "</malloc>\n",
            stats_huge_bytes(), s.allocated_bytes, s.cached_bytes, s.mapped_bytes, s.resident_bytes);
    return ferror(stream) ? -1 : 0;
}

/* Returns 1 for advice about thresholds that do not exist here, so that there is nothing to do, and 0
 * for what it cannot bring about: M_PERTURB, M_ARENA_MAX and unknown parameters. */
EXPORT int mallopt(int parameter, int value)
{
    (void)value;
    switch (parameter) {
    case M_MXFAST:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_ARENA_TEST:
        return 1;
    default:
        return 0;
    }
}
