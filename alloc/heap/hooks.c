/* hooks.c: see hooks.h. */
#include "hooks.h"
#include "../os/pages.h"
#include "../util/diag.h"

#include <errno.h>
#include <string.h>

/* ---- the default: the system ------------------------------------------------------------------ */

static void *default_alloc(void *new_addr, size_t size, size_t alignment, bool *zero, bool *commit,
                           unsigned arena_ind)
{
    (void)arena_ind;
    void *addr = new_addr ? pages_map_at(new_addr, size) : pages_map(size, alignment);
    if (addr) {
        *zero = *commit = true;
    }
    return addr;
}

static bool default_dalloc(void *chunk, size_t size, bool committed, unsigned arena_ind)
{
    (void)committed, (void)arena_ind;
    return !pages_unmap(chunk, size);
}

static bool default_commit(void *chunk, size_t size, size_t offset, size_t length,
                           unsigned arena_ind)
{
    (void)chunk, (void)size, (void)offset, (void)length, (void)arena_ind;
    return false; /* mapped memory is committed by touching it */
}

static bool default_decommit(void *chunk, size_t size, size_t offset, size_t length,
                             unsigned arena_ind)
{
    (void)chunk, (void)size, (void)offset, (void)length, (void)arena_ind;
    return true; /* purging does as much for less */
}

static bool default_purge(void *chunk, size_t size, size_t offset, size_t length,
                          unsigned arena_ind)
{
    (void)size, (void)arena_ind;
    return !pages_purge((char *)chunk + offset, length);
}

static bool default_split(void *chunk, size_t size, size_t size_a, size_t size_b, bool committed,
                          unsigned arena_ind)
{
    (void)chunk, (void)size, (void)size_a, (void)size_b, (void)committed, (void)arena_ind;
    return false;
}

static bool default_merge(void *chunk_a, size_t size_a, void *chunk_b, size_t size_b,
                          bool committed, unsigned arena_ind)
{
    (void)chunk_a, (void)size_a, (void)chunk_b, (void)size_b, (void)committed, (void)arena_ind;
    return false;
}

const chunk_hooks_t hooks_default = {default_alloc,    default_dalloc, default_commit,
                                     default_decommit, default_purge,  default_split,
                                     default_merge};

bool hooks_are_default(const chunk_hooks_t *hooks)
{
    return memcmp(hooks, &hooks_default, sizeof *hooks) == 0;
}

/* ---- the calls -------------------------------------------------------------------------------- */

static void *suspend_nothing(void)
{
    return NULL;
}

static void resume_nothing(void *suspended)
{
    (void)suspended;
}

THREAD_LOCAL unsigned hooks_running;
void *(*hooks_suspend)(void) = suspend_nothing;
void (*hooks_resume)(void *suspended) = resume_nothing;

/* What a call of a hook must leave as it was: free comes by here and does not change errno. */
struct state {
    void *suspended;
    int error;
};

void hooks_stay_suspended(void)
{
    hooks_running++;
    (void)hooks_suspend();
}

static struct state begin(void)
{
    hooks_running++;
    return (struct state){.error = errno, .suspended = hooks_suspend()};
}

/* Turns the answer of a hook, true for failure, into ours. */
static bool done(struct state state, bool failed)
{
    hooks_resume(state.suspended);
    hooks_running--;
    errno = state.error;
    return !failed;
}

struct hooked_chunk hooks_alloc(const chunk_hooks_t *hooks, unsigned arena, void *at,
                                size_t size_bytes, size_t alignment)
{
    struct hooked_chunk c = {.zeroed = false, .committed = true};
    struct state state = begin();
    c.addr = hooks->alloc(at, size_bytes, alignment, &c.zeroed, &c.committed, arena);
    (void)done(state, !c.addr);
    if (c.addr && (at ? c.addr != at : ((uintptr_t)c.addr & (alignment - 1)) != 0)) {
        hooks_stay_suspended();
        diag_abort("the alloc hook of arena %u returned %p, asked for %u bytes %s %p",
                   (uint64_t)arena, c.addr, (uint64_t)size_bytes, at ? "at" : "at a multiple of",
                   at ? at : (void *)alignment);
    }
    return c;
}

bool hooks_dalloc(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                  bool committed)
{
    struct state state = begin();
    return done(state, hooks->dalloc(chunk, size_bytes, committed, arena));
}

bool hooks_commit(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                  size_t offset, size_t len_bytes)
{
    struct state state = begin();
    return done(state, hooks->commit(chunk, size_bytes, offset, len_bytes, arena));
}

bool hooks_decommit(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                    size_t offset, size_t len_bytes)
{
    struct state state = begin();
    return done(state, hooks->decommit(chunk, size_bytes, offset, len_bytes, arena));
}

bool hooks_purge(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                 size_t offset, size_t len_bytes)
{
    struct state state = begin();
    return done(state, hooks->purge(chunk, size_bytes, offset, len_bytes, arena));
}

bool hooks_split(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                 size_t first_bytes, bool committed)
{
    struct state state = begin();
    return done(state, hooks->split(chunk, size_bytes, first_bytes, size_bytes - first_bytes,
                                    committed, arena));
}

bool hooks_merge(const chunk_hooks_t *hooks, unsigned arena, void *first, size_t first_bytes,
                 void *second, size_t second_bytes, bool committed)
{
    struct state state = begin();
    return done(state, hooks->merge(first, first_bytes, second, second_bytes, committed, arena));
}
