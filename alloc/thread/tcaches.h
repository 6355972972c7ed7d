/* tcaches.h: explicit caches, which the program makes and names in the flags of mallocx and dallocx.
 *
 *     identifier   0        1        2     3
 *                  tcache   (free)   (free) tcache
 *
 * Each is a struct tcache like that of a thread, with the same bounds and the same ageing, which goes on as
 * it is used. No thread owns one: the program sees to it that one thread at a time uses it. What it holds
 * may be of any arena; whether that is no explicit one, a single one or several is written down, so that
 * the reset of an arena empties the caches that may hold its blocks and leaves the others alone.
 *
 * Lock         its own, for the table; looking up takes none.
 * Below        thread.h          Above   extended explicit
 */
#ifndef ASHLAR_THREAD_TCACHES_H
#define ASHLAR_THREAD_TCACHES_H

#include "thread.h"

#define TCACHES_NONE UINT32_MAX /* no cache's identifier */

/* The lowest free identifier, of a new and empty cache; TCACHES_NONE when all are taken or there is no
 * memory. */
unsigned tcaches_create(void);

/* The cache, or NULL where there is none. */
struct tcache *tcaches_get(unsigned id);

/* Before it is filled from this arena, and before a block of the arena goes into it. */
void tcaches_fill_from(struct tcache *tc, struct arena *arena);
void tcaches_note(struct tcache *tc, const struct arena *arena);

/* Gives back what the cache holds; ends it too. False: there is none. */
bool tcaches_flush(unsigned id);
bool tcaches_destroy(unsigned id);

/* Empties those that may hold blocks of this explicit arena. No other thread may use one of them meanwhile. */
void tcaches_flush_of(const struct arena *arena);

#endif
