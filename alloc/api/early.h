/* early.h: callers that come before this library is relocated: IFUNC resolvers of other libraries.
 *
 * The dynamic linker runs them (with LD_BIND_NOW always) while our own table of offsets is still zero.
 * A thread-local word then seems to lie where the thread pointer points, at the thread's control
 * block, whose first words the bins of a cache happen to overlay; they are zero there, so that malloc
 * of small sizes finds an empty bin and comes here. It is served from a few pages of bss and nothing
 * is called, since no other function can be reached either. Such blocks are never reused.
 *
 * Between our relocation and the end of all, thread-local variables can be reached but read as zero:
 * the dynamic linker copies their initial values last. So a resolver of our own (early_tls.c, part of
 * the shared library only) puts a cache there that is as empty as tcache_none and means "early".
 *
 * Known on x86-64 only; elsewhere early_now() is false.
 */
#ifndef ASHLAR_API_EARLY_H
#define ASHLAR_API_EARLY_H

#include "../thread/tcache.h"

#define EARLY_BYTES ((size_t)16 << 10)

extern HIDDEN const struct tcache tcache_early; /* empty; stands for thread-local words not set yet */
extern HIDDEN char early_memory[EARLY_BYTES];

/* True while thread-local variables cannot be reached. */
INLINE bool early_now(void)
{
#if defined(__x86_64__)
    void *thread_pointer;
    __asm__("mov %%fs:0, %0" : "=r"(thread_pointer));
    return (void *)tcache_self == thread_pointer || tcache_self == &tcache_early;
#else
    return false;
#endif
}

/* Was the block handed out early? */
INLINE bool early_owns(const void *block)
{
    return (size_t)((const char *)block - early_memory) < EARLY_BYTES;
}

/* Zeroed memory, or NULL when all is used. One thread only: no other exists that early. */
void *early_alloc(size_t size, size_t alignment);

/* What is surely readable from the block on: its size is not kept. */
INLINE size_t early_usable(const void *block)
{
    return EARLY_BYTES - (size_t)((const char *)block - early_memory);
}

#endif
