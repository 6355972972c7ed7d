/* tcaches.c: see tcaches.h. */
#include "tcaches.h"

static struct mutex lock;
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
    if (id < TCACHE_INDICES) {
        atomic_store_explicit(&table[id], tc, RELEASE);
        used = id < used ? used : id + 1;
    }
    leave();
    if (id == TCACHE_INDICES) {
        thread_explicit_end(tc);
        return TCACHES_NONE;
    }
    return id;
}

/* Values of `apart`, beside 1 + the index of the only one. */
enum { APART_NONE = 0, APART_SEVERAL = UINT16_MAX };

void tcaches_note(struct tcache *tc, const struct arena *arena)
{
    uint32_t before = atomic_load_explicit(&tc->apart, RELAXED), this = arena->index + 1;
    if (arena_is_explicit(arena) && before != this) {
        atomic_store_explicit(&tc->apart, before == APART_NONE ? this : APART_SEVERAL, RELAXED);
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
    atomic_store_explicit(&tc->apart, APART_NONE, RELAXED);
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
    uint32_t apart = tc ? atomic_load_explicit(&tc->apart, RELAXED) : APART_NONE;
    leave();
    return apart == APART_SEVERAL || apart == arena->index + 1 ? tc : NULL;
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
