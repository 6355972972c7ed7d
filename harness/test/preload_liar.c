/* preload_liar.c: interposes everything that must be interposed, but its calloc gives memory that
 * is not zero: only a call whose result is looked at can find that. */
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_realloc(void *block, size_t size_bytes);
extern void __libc_free(void *block);

void *malloc(size_t size_bytes)
{
    return __libc_malloc(size_bytes);
}

void *realloc(void *block, size_t size_bytes)
{
    return __libc_realloc(block, size_bytes);
}

void *calloc(size_t count, size_t size_bytes)
{
    void *block = __libc_malloc(count * size_bytes);

    /* Only what the probe asks for: the dynamic linker's own requests must be served well. */
    return memset(block, count == 300 ? 1 : 0, count * size_bytes);
}

void free(void *block)
{
    __libc_free(block);
}
