/* bump.c: the smallest malloc that real programs run on, to test the tests of real programs.
 *
 * It hands out memory in one direction and never takes any back, and it prints the same line at
 * exit as our library. Built with FAULT, a realloc keeps no more than the first 64 bytes: a library
 * with such an error must not pass. Built with SILENT it exports nothing that
 * a program calls, as a library does that was linked wrongly. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPACE_BYTES ((size_t)16 << 30)

static size_t used_bytes;
static unsigned long mallocs;

/* The space is reserved once, by whoever comes first; the program that uses it has threads. */
static char *space(void)
{
    static char *start;
    char *seen = __atomic_load_n(&start, __ATOMIC_ACQUIRE);
    if (seen)
        return seen;
    char *ours = mmap(NULL, SPACE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (__atomic_compare_exchange_n(&start, &seen, ours, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return ours;
    munmap(ours, SPACE_BYTES);
    return seen;
}

/* A block is preceded by its size. */
static void *bump(size_t size_bytes)
{
    size_t need_bytes = ((size_bytes + 15) & ~(size_t)15) + 16;
    if (need_bytes < size_bytes || need_bytes > SPACE_BYTES)
        return NULL;
    char *block = space() + __atomic_fetch_add(&used_bytes, need_bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&mallocs, 1, __ATOMIC_RELAXED);
    *(size_t *)block = size_bytes;
    return block + 16;
}

#ifndef SILENT
void *malloc(size_t size_bytes)
{
    return bump(size_bytes);
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size_bytes)
{
    return __builtin_mul_overflow(count, size_bytes, &size_bytes) ? NULL : bump(size_bytes);
}

void *realloc(void *block, size_t size_bytes)
{
    void *moved = bump(size_bytes);
    if (block && moved) {
        size_t keep_bytes = ((size_t *)block)[-2];
        keep_bytes = keep_bytes < size_bytes ? keep_bytes : size_bytes;
#ifdef FAULT
        keep_bytes = keep_bytes < 64 ? keep_bytes : 64;
#endif
        memcpy(moved, block, keep_bytes);
    }
    return moved;
}
#endif

#ifdef SILENT
__attribute__((constructor)) static void use_nothing(void)
{
    (void)bump;
}
#endif

__attribute__((destructor)) static void say(void)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "ashlar: mallocs=%lu frees=0\n", mallocs);
    if (write(STDERR_FILENO, line, (size_t)length) != length)
        _exit(1);
}
