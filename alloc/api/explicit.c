/* explicit.c: see explicit.h. */
#include "explicit.h"
#include "../prof/prof.h"
#include "../thread/tcaches.h"

/* An arena that the program made and that no other thread is bound to; else NULL. */
static struct arena *resettable(unsigned index)
{
    struct arena *arena = arena_get(index);
    if (!arena || !arena_is_of_program(arena)) {
        return NULL;
    }
    unsigned callers = thread_arena() == arena;
    return arena_threads(arena) <= callers ? arena : NULL;
}

static void reset(struct arena *arena)
{
    struct tcache *tc = thread_cache();
    if (tc) {
        tcache_flush_all(tc);
    }
    tcaches_flush_of(arena);
    uint64_t blocks = arena_reset(arena, prof_discard);
    thread_count_lost(blocks);
}

bool explicit_reset(unsigned index)
{
    struct arena *arena = resettable(index);
    if (arena) {
        reset(arena);
    }
    return arena != NULL;
}

bool explicit_destroy(unsigned index)
{
    struct arena *arena = resettable(index);
    if (!arena || arena_threads(arena) > 0) {
        return false;
    }
    reset(arena);
    return arena_destroy(arena);
}

bool explicit_bind(unsigned index)
{
    struct arena *arena = arena_obtain(index);
    return arena && thread_bind(arena);
}

unsigned explicit_of_thread(void)
{
    (void)thread_cache(); /* a thread joins an arena when it gets its cache */
    struct arena *arena = thread_arena();
    return arena ? arena->index : ARENA_NONE;
}
