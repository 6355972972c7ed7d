/* preload_four.c: serves the four that must be served and no more: a workload that calls pvalloc is
 * skipped on it. */
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *block, size_t size_bytes);
extern void __libc_free(void *block);

void *malloc(size_t size_bytes)
{
    return __libc_malloc(size_bytes);
}

void *calloc(size_t count, size_t size_bytes)
{
    return __libc_calloc(count, size_bytes);
}

void *realloc(void *block, size_t size_bytes)
{
    return __libc_realloc(block, size_bytes);
}

void free(void *block)
{
    __libc_free(block);
}
