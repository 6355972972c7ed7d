/* misuse.h: the lines that name a program's mistake, and the end of the program.
 *
 *   ashlar: double free of 0x7f31c2a04040 (size class 64, arena 1, run 0x7f31c2a04000)
 *   ashlar: double free of 0x7f31c2c00000 (huge block)
 *   ashlar: use of freed block 0x7f31c2a04040 by realloc (size class 64, arena 1, run 0x7f31c2a04000)
 *   ashlar: invalid free of 0x7f31c2a04048 (inside a block of size class 64 at 0x7f31c2a04040)
 *   ashlar: invalid free of 0x7f31c2a04040 (not a live block)
 *   ashlar: invalid free of 0x7ffd12345678 (not memory of this allocator)
 *   ashlar: invalid sdallocx of 0x7f31c2a04040 (told 100 bytes, the block has 64)
 *   ashlar: invalid dallocx of 0x7f31c2a04040 (there is no explicit cache 7)
 *
 * `door` is the function that the program called. None of these returns. No lock may be held, because
 * a handler of SIGABRT may allocate.
 */
#ifndef ASHLAR_HEAP_MISUSE_H
#define ASHLAR_HEAP_MISUSE_H

#include "../util/common.h"

_Noreturn void misuse_freed(const void *ptr, const char *door, size_t class_bytes, unsigned arena,
                            uintptr_t run);
_Noreturn void misuse_freed_huge(const void *ptr, const char *door);
_Noreturn void misuse_inside(const void *ptr, const char *door, size_t class_bytes,
                             uintptr_t block);
_Noreturn void misuse_not_live(const void *ptr, const char *door);
_Noreturn void misuse_foreign(const void *ptr, const char *door);
_Noreturn void misuse_size(const void *ptr, const char *door, size_t told_bytes,
                           size_t block_bytes);
_Noreturn void misuse_no_cache(const void *ptr, const char *door, unsigned id);

#endif
