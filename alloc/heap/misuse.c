/* misuse.c: see misuse.h. */
#include "misuse.h"
#include "../util/diag.h"

#include <string.h>

/* All ways to free are called free in the lines: a program that double-frees by operator delete has
 * freed twice. */
static bool is_free(const char *door)
{
    return strcmp(door, "free") == 0;
}

COLD _Noreturn void misuse_freed(const void *ptr, const char *door, size_t class_bytes,
                                 unsigned arena, uintptr_t run)
{
    if (is_free(door)) {
        diag_abort("double free of %p (size class %u, arena %u, run %p)", ptr,
                   (uint64_t)class_bytes, (uint64_t)arena, (const void *)run);
    }
    diag_abort("use of freed block %p by %s (size class %u, arena %u, run %p)", ptr, door,
               (uint64_t)class_bytes, (uint64_t)arena, (const void *)run);
}

COLD _Noreturn void misuse_freed_huge(const void *ptr, const char *door)
{
    if (is_free(door)) {
        diag_abort("double free of %p (huge block)", ptr);
    }
    diag_abort("use of freed block %p by %s (huge block)", ptr, door);
}

COLD _Noreturn void misuse_inside(const void *ptr, const char *door, size_t class_bytes,
                                  uintptr_t block)
{
    diag_abort("invalid %s of %p (inside a block of size class %u at %p)", door, ptr,
               (uint64_t)class_bytes, (const void *)block);
}

COLD _Noreturn void misuse_not_live(const void *ptr, const char *door)
{
    diag_abort("invalid %s of %p (not a live block)", door, ptr);
}

COLD _Noreturn void misuse_foreign(const void *ptr, const char *door)
{
    diag_abort("invalid %s of %p (not memory of this allocator)", door, ptr);
}

COLD _Noreturn void misuse_size(const void *ptr, const char *door, size_t told_bytes,
                                size_t block_bytes)
{
    diag_abort("invalid %s of %p (told %u bytes, the block has %u)", door, ptr,
               (uint64_t)told_bytes, (uint64_t)block_bytes);
}

COLD _Noreturn void misuse_no_cache(const void *ptr, const char *door, unsigned id)
{
    diag_abort("invalid %s of %p (there is no explicit cache %u)", door, ptr, (uint64_t)id);
}
