/* fault_shim.c: an allocator for LD_PRELOAD that breaks one promise, to see whether --check
 * notices.
 *
 * ASHLAR_FAULT names the fault; it happens once, at the 20th block that the program asks for by any
 * door, or soon after:
 *
 *     flip     a bit of the block that the same thread got just before changes under its owner
 *     twin     the block that the same thread got just before is handed out again (not by realloc)
 *     dirty    calloc gives a block whose last byte is not zero
 *     skew     posix_memalign or aligned_alloc gives a block that is 8 bytes off
 *     forget   realloc loses the second half of a block that grows
 *     refuse   the 20th block and all later ones are NULL with ENOMEM
 *     same     not once: every malloc of up to 64 KiB returns one and the same block
 *
 * Everything else is handed on to the C library, whose own callocs are left in peace.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

#include "caller.h"

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *block, size_t size_bytes);
extern void *__libc_memalign(size_t alignment_bytes, size_t size_bytes);
extern void __libc_free(void *block);

#define FAULT_AT 20
#define SAME_BYTES ((size_t)64 << 10)
#define SKEW_BYTES 8

enum fault {
    FAULT_NONE,
    FAULT_FLIP,
    FAULT_TWIN,
    FAULT_DIRTY,
    FAULT_SKEW,
    FAULT_FORGET,
    FAULT_REFUSE,
    FAULT_SAME,
};

static enum fault fault;
static atomic_ulong nblocks;
static atomic_bool done;      /* most faults happen once */
static _Atomic(void *) twin;  /* the block that two owners have; its first free is swallowed */
static _Atomic(void *) askew; /* the block that is off; free() puts it right again */
static _Alignas(64) char same[SAME_BYTES];
static _Thread_local void *previous; /* the last block of this thread, NULL when it freed it */

__attribute__((constructor)) static void choose(void)
{
    static const char *const names[] = {"none", "flip",   "twin",   "dirty",
                                        "skew", "forget", "refuse", "same"};
    const char *name = getenv("ASHLAR_FAULT");
    for (unsigned i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            fault = (enum fault)i;
        }
    }
}

/* True when it is time for `which` and it has not happened. */
static bool due(enum fault which)
{
    return fault == which && atomic_load(&nblocks) >= FAULT_AT && !atomic_load(&done);
}

/* True once, at the first occasion for `which` when it is time. */
static bool strikes(enum fault which)
{
    return due(which) && !atomic_exchange(&done, true);
}

/* Counts a request, and flips a bit when it is time. Returns true when it must be refused. */
static bool refused(void)
{
    const unsigned long number = atomic_fetch_add(&nblocks, 1) + 1;
    if (previous != NULL && strikes(FAULT_FLIP)) {
        *(char *)previous ^= 0x10;
    }
    if (fault == FAULT_REFUSE && number >= FAULT_AT) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

/* The block that a second owner gets, or NULL. It must fit, or the owner's stores would break the C
 * library's heap as well. Nothing is asked of `previous` at other times: another thread may have
 * freed it. */
static void *second(size_t alignment_bytes, size_t size_bytes)
{
    if (!due(FAULT_TWIN) || previous == NULL ||
        ((uintptr_t)previous & (alignment_bytes - 1)) != 0 ||
        size_bytes > malloc_usable_size(previous) || !strikes(FAULT_TWIN)) {
        return NULL;
    }
    atomic_store(&twin, previous);
    return previous;
}

void *malloc(size_t size_bytes)
{
    if (fault == FAULT_SAME && size_bytes <= SAME_BYTES) {
        return same;
    }
    if (refused()) {
        return NULL;
    }
    void *block = second(1, size_bytes);
    return block != NULL ? block : (previous = __libc_malloc(size_bytes));
}

void *calloc(size_t count, size_t size_bytes)
{
    if (!called_by_program(__builtin_return_address(0))) {
        return __libc_calloc(count, size_bytes);
    }
    if (refused()) {
        return NULL;
    }
    char *block = second(1, count * size_bytes);
    if (block != NULL) {
        return memset(block, 0, count * size_bytes);
    }
    previous = block = __libc_calloc(count, size_bytes);
    if (block != NULL && strikes(FAULT_DIRTY)) {
        block[count * size_bytes - 1] = 1;
    }
    return block;
}

static void *give_aligned(size_t alignment_bytes, size_t size_bytes)
{
    if (refused()) {
        return NULL;
    }
    char *block = second(alignment_bytes, size_bytes);
    if (block != NULL) {
        return block;
    }
    previous = block = __libc_memalign(alignment_bytes, size_bytes + SKEW_BYTES);
    if (block != NULL && strikes(FAULT_SKEW)) {
        previous = NULL;
        block += SKEW_BYTES;
        atomic_store(&askew, block);
    }
    return block;
}

int posix_memalign(void **out, size_t alignment_bytes, size_t size_bytes)
{
    void *block = give_aligned(alignment_bytes, size_bytes);
    if (block == NULL) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

void *aligned_alloc(size_t alignment_bytes, size_t size_bytes)
{
    return give_aligned(alignment_bytes, size_bytes);
}

void free(void *block)
{
    if (block == same || block == NULL) {
        return;
    }
    if (block == previous) {
        previous = NULL;
    }
    if (block == atomic_load(&twin)) {
        atomic_store(&twin, NULL);
        return;
    }
    if (block == atomic_load(&askew)) {
        atomic_store(&askew, NULL);
        block = (char *)block - SKEW_BYTES;
    }
    __libc_free(block);
}

/* A block that two owners have must outlive the first, so it is copied and not moved. */
static void *part_from_twin(void *block, size_t size_bytes)
{
    const size_t held = malloc_usable_size(block);
    void *copy = __libc_malloc(size_bytes);
    if (copy != NULL) {
        memcpy(copy, block, held < size_bytes ? held : size_bytes);
        free(block);
    }
    return copy;
}

void *realloc(void *block, size_t size_bytes)
{
    if (refused()) {
        return NULL;
    }
    if (block != NULL && block == atomic_load(&twin)) {
        return previous = part_from_twin(block, size_bytes);
    }
    const size_t held = block == NULL ? 0 : malloc_usable_size(block);
    char *resized = previous = __libc_realloc(block, size_bytes);
    if (resized != NULL && held > 0 && held < size_bytes && strikes(FAULT_FORGET)) {
        memset(resized + held / 2, 0x5A, held - held / 2);
    }
    return resized;
}
