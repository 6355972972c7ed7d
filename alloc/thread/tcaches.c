/* tcaches.c: see tcaches.h. */
#include "tcaches.h"
#include "../os/base.h"

/* Of which explicit arenas a cache may hold blocks: exactly those that it was used for, or a reset of one
 * arena would flush the cache of a thread that has nothing to do with it. Read anywhere. */
#define SET_WORDS ((ARENA_INDICES + 63) / 64)
struct arena_set {
    _Atomic uint64_t bits[SET_WORDS];
};

static struct mutex lock;
static struct arena_set *sets[TCACHE_INDICES]; /* made with the first cache of an index, and kept */
static _Atomic(struct tcache *) table[TCACHE_INDICES]; /* written under the lock */
static unsigned used;                                  /* under the lock: none beyond was ever taken */

static void enter(void)
{
    /* An entry is one store: a fork in the middle leaves nothing to mend. */
    (void)mutex_lock(&lock);
}

static void leave(void)
{
    mutex_unlock(&lock);
}

static struct tcache *at(unsigned id)
{
    return id < TCACHE_INDICES ? atomic_load_explicit(&table[id], ACQUIRE) : NULL;
}

struct tcache *tcaches_get(unsigned id)
{
    struct tcache *tc = at(id);
    if (tc) {
        thread_explicit_seen(tc);
    }
    return tc;
}

static void set_clear(struct arena_set *set)
{
    for (unsigned i = 0; i < SET_WORDS; i++) {
        atomic_store_explicit(&set->bits[i], 0, RELAXED);
    }
}

static bool set_has(const struct arena_set *set, unsigned index)
{
    return atomic_load_explicit(&set->bits[index / 64], RELAXED) >> index % 64 & 1;
}

unsigned tcaches_create(void)
{
    struct tcache *tc = thread_explicit_new();
    if (!tc) {
        return TCACHES_NONE;
    }
    enter();
    unsigned id = 0;
    while (id < TCACHE_INDICES && at(id)) {
        id++;
    }
    if (id < TCACHE_INDICES && !sets[id]) {
        sets[id] = base_alloc(sizeof *sets[id]);
    }
    bool room = id < TCACHE_INDICES && sets[id];
    if (room) {
        set_clear(sets[id]);
        tc->apart = sets[id];
        atomic_store_explicit(&table[id], tc, RELEASE);
        used = id < used ? used : id + 1;
    }
    leave();
    if (!room) {
        thread_explicit_end(tc);
        return TCACHES_NONE;
    }
    return id;
}

void tcaches_note(struct tcache *tc, const struct arena *arena)
{
    if (arena_is_explicit(arena) && !set_has(tc->apart, arena->index)) {
        atomic_fetch_or_explicit(&tc->apart->bits[arena->index / 64],
                                 UINT64_C(1) << arena->index % 64, RELAXED);
    }
}

void tcaches_fill_from(struct tcache *tc, struct arena *arena)
{
    tcaches_note(tc, arena);
    tc->arena = arena;
}

static void flush(struct tcache *tc)
{
    tcache_flush_all(tc);
    set_clear(tc->apart);
}

bool tcaches_flush(unsigned id)
{
    struct tcache *tc = tcaches_get(id);
    if (tc) {
        flush(tc);
    }
    return tc != NULL;
}

bool tcaches_destroy(unsigned id)
{
    struct tcache *tc = tcaches_get(id);
    if (!tc) {
        return false;
    }
    enter();
    bool mine = at(id) == tc; /* else another thread was faster */
    if (mine) {
        atomic_store_explicit(&table[id], NULL, RELEASE);
    }
    leave();
    if (mine) {
        thread_explicit_end(tc);
    }
    return mine;
}

/* The cache if it may hold blocks of the arena; else NULL. Under the lock, for another thread may be ending
 * the cache: it may hold none then, but its memory would be looked at. */
static struct tcache *holder_of(unsigned id, const struct arena *arena)
{
    enter();
    struct tcache *tc = at(id);
    bool holds = tc && set_has(sets[id], arena->index);
    leave();
    return holds ? tc : NULL;
}

void tcaches_flush_of(const struct arena *arena)
{
    enter();
    unsigned n = used;
    leave();
    for (unsigned id = 0; id < n; id++) {
        struct tcache *tc = holder_of(id, arena);
        if (tc) {
            thread_explicit_seen(tc);
            flush(tc);
        }
    }
}
