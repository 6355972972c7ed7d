/* serve.h: what stands behind the fast paths of the doors (entry.c), for doors that say more: from which
 * arena, through which cache (extended.c).
 */
#ifndef ASHLAR_API_SERVE_H
#define ASHLAR_API_SERVE_H

#include "../thread/thread.h"

#define CALLER __builtin_return_address(0)

/* What a slow path is asked for. */
struct request {
    size_t size;
    size_t alignment; /* a power of two; QUANTUM where none was asked for */
    bool zero;
    void *caller;     /* for the profile */
};

/* A block from the cache, filled from the arena; past all caches where tc is NULL. NULL, with errno set,
 * when there is no memory or no block can be so large. The start must be over (boot.h). */
void *serve(const struct request *r, struct tcache *tc, struct arena *arena);

/* The usable size of the block that such a request gets; 0 where no block can be so large. */
size_t serve_usable(size_t size, size_t alignment);

/* The live block that starts at ptr; anything else ends the program. `door` is what was called. */
struct block serve_block(const void *ptr, const char *door);

/* Gives the block back, into the cache where tc is not NULL and takes it. */
void serve_free(const struct block *b, void *ptr, struct tcache *tc);

/* Makes the block one for this size (1 .. PTRDIFF_MAX) without moving it. False: not possible, or it would
 * waste a quarter of it. */
bool serve_resize(const struct block *b, size_t size);

#endif
