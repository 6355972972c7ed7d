/* fault_shim.c: an allocator for LD_PRELOAD that breaks one promise, to see whether --check
 * notices.
 *
 * ASHLAR_FAULT names the fault; it happens once, at the 20th malloc of the process or soon after:
 *
 *     flip     a bit of the block that the same thread got just before changes under its owner
 *     twin     the block that the same thread got just before is handed out again
 *     refuse   the 20th malloc and all later ones return NULL with ENOMEM
 *     same     not once: every malloc of up to 64 KiB returns one and the same block
 *
 * Everything else is handed on to the C library.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size_bytes);
extern void __libc_free(void *block);

#define FAULT_AT 20
#define SAME_BYTES ((size_t)64 << 10)

enum fault { FAULT_NONE, FAULT_FLIP, FAULT_TWIN, FAULT_REFUSE, FAULT_SAME };

static enum fault fault;
static atomic_ulong nmallocs;
static atomic_flag done = ATOMIC_FLAG_INIT; /* flip and twin happen once */
static _Atomic(void *) twin; /* the block that two owners have; its first free is swallowed */
static _Alignas(64) char same[SAME_BYTES];
static _Thread_local void *previous; /* the last block of this thread, NULL when it freed it */

__attribute__((constructor)) static void choose(void)
{
    static const char *const names[] = {"none", "flip", "twin", "refuse", "same"};
    const char *name = getenv("ASHLAR_FAULT");
    for (unsigned i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            fault = (enum fault)i;
        }
    }
}

void *malloc(size_t size_bytes)
{
    const unsigned long number = atomic_fetch_add(&nmallocs, 1) + 1;
    if (fault == FAULT_SAME && size_bytes <= SAME_BYTES) {
        return same;
    }
    if (fault == FAULT_REFUSE && number >= FAULT_AT) {
        errno = ENOMEM;
        return NULL;
    }
    const bool due = number >= FAULT_AT && previous != NULL;
    if (due && fault == FAULT_FLIP && !atomic_flag_test_and_set(&done)) {
        *(char *)previous ^= 0x10;
    }
    /* The second owner must fit, or its stores would break the C library's heap as well. */
    if (due && fault == FAULT_TWIN && size_bytes <= malloc_usable_size(previous) &&
        !atomic_flag_test_and_set(&done)) {
        atomic_store(&twin, previous);
        return previous;
    }
    return previous = __libc_malloc(size_bytes);
}

void free(void *block)
{
    if (block == same) {
        return;
    }
    if (block == previous) {
        previous = NULL;
    }
    if (block != NULL && block == atomic_load(&twin)) {
        atomic_store(&twin, NULL);
        return;
    }
    __libc_free(block);
}
