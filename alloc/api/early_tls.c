/* early_tls.c: runs when the shared library itself is relocated, before the resolvers of programs and
 * libraries that depend on it: see early.h. The function that it pretends to choose is never called.
 *
 * Not part of the archives: in a static program resolvers run before there is any thread-local memory.
 */
#include "early.h"

#if defined(__x86_64__) && defined(__gnu_linux__)
static void nothing(void) {}

/* No function is called here and no stack protector used: both need what is not there yet. */
__attribute__((used)) static void (*mark_early(void))(void)
{
    tcache_self = (struct tcache *)(uintptr_t)&tcache_early;
    return nothing;
}

HIDDEN void early_mark(void) __attribute__((ifunc("mark_early")));

/* A pointer to it in data makes the dynamic linker run the resolver at relocation, not at a call. */
extern HIDDEN void (*const early_mark_pointer)(void);
void (*const early_mark_pointer)(void) = early_mark;
#endif
