/* hooks.h: where an arena's chunks come from: calls of a program's own functions (chunk_hooks_t, see
 * ashlar.h for what each promises).
 *
 *     alloc ---> in use <--split/merge--> in use
 *                  | free, and due to be purged
 *                  v
 *     dalloc took it? yes: forgotten    no: decommit? no: purge? no: kept as it is
 *                                           commit when it is used again
 *
 * A hook may allocate. Whatever it takes must not come from the arena that it serves, whose locks are
 * held, nor go through a thread's cache that a fill or a flush is in the middle of changing. So, around
 * each call, the thread has no cache, and its blocks come from an arena without hooks: `suspend` and
 * `resume`, which the floor of threads sets, bring that about.
 *
 * All functions here return true for success; the hooks themselves return true for failure.
 *
 * Lock         none; the caller's are held.
 * Below        pages.h          Above   extent
 */
#ifndef ASHLAR_HEAP_HOOKS_H
#define ASHLAR_HEAP_HOOKS_H

#include "../include/ashlar/ashlar.h"
#include "../util/common.h"

/* Chunks straight from the system, and back to it. */
extern HIDDEN const chunk_hooks_t hooks_default;

/* Called before and after each hook; what suspend returns is handed to resume. */
extern HIDDEN void *(*hooks_suspend)(void);
extern HIDDEN void (*hooks_resume)(void *suspended);

/* Hooks that the calling thread is in. */
extern HIDDEN THREAD_LOCAL unsigned hooks_running;

/* Before the program is ended under locks: a handler of SIGABRT may allocate. */
void hooks_stay_suspended(void);

bool hooks_are_default(const chunk_hooks_t *hooks);

/* A row of chunks, as the alloc hook gave it. */
struct hooked_chunk {
    void *addr; /* NULL: none */
    bool zeroed;
    bool committed;
};

/* At `at` where that is not NULL, else anywhere, at a multiple of the alignment. A result that keeps
 * neither promise is the program's mistake, and ends it. */
struct hooked_chunk hooks_alloc(const chunk_hooks_t *hooks, unsigned arena, void *at,
                                size_t size_bytes, size_t alignment);

bool hooks_dalloc(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                  bool committed);

/* For the part of the chunk at `offset`. */
bool hooks_commit(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                  size_t offset, size_t len_bytes);
bool hooks_decommit(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                    size_t offset, size_t len_bytes);
bool hooks_purge(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                 size_t offset, size_t len_bytes);

/* Two chunks of one, one of two: the first has first_bytes. */
bool hooks_split(const chunk_hooks_t *hooks, unsigned arena, void *chunk, size_t size_bytes,
                 size_t first_bytes, bool committed);
bool hooks_merge(const chunk_hooks_t *hooks, unsigned arena, void *first, size_t first_bytes,
                 void *second, size_t second_bytes, bool committed);

#endif
