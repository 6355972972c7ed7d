/* preload_four.c: serves the four that must be served and no more: a workload that calls pvalloc is
 * skipped on it. */
#include "preload_libc.h"

void *malloc(size_t size_bytes)
{
    return __libc_malloc(size_bytes);
}
