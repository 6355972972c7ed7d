/* preload_libc.h: a library's own calloc, realloc and free, which are libc's. Its malloc is its
 * own affair. Include it once in a library. */
#ifndef ASHLAR_TEST_PRELOAD_LIBC_H
#define ASHLAR_TEST_PRELOAD_LIBC_H

#include <stddef.h>

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *block, size_t size_bytes);
extern void __libc_free(void *block);

void *malloc(size_t size_bytes);
void *calloc(size_t count, size_t size_bytes);
void *realloc(void *block, size_t size_bytes);
void free(void *block);

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

#endif
