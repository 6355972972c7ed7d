/* preload_partial.c: defines malloc and free alone, so that realloc would be libc's: the audit must
 * name the first that is missing. */
#include <stdlib.h>

extern void *__libc_malloc(size_t size_bytes);
extern void __libc_free(void *block);

void *malloc(size_t size_bytes)
{
    return __libc_malloc(size_bytes);
}

void free(void *block)
{
    __libc_free(block);
}
