/* door_shim.c: counts the calls of every entry point of C and C++ that allocates or frees, and
 * hands them on to the C library. At exit it writes one "name count" a line to ASHLAR_COUNT_FILE;
 * C++'s operators stand there by their symbols.
 *
 * Where count_shim.c asks what a workload does with its blocks, this asks only which door was used:
 * a call of operator new counts as that, and as no malloc.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The C library's own doors, under the names that nobody interposes. */
extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *block, size_t size_bytes);
extern void *__libc_memalign(size_t alignment_bytes, size_t size_bytes);
extern void *__libc_valloc(size_t size_bytes);
extern void *__libc_pvalloc(size_t size_bytes);
extern void __libc_free(void *block);

#define DOORS_MAX 48

static struct {
    const char *name;
    _Atomic uint64_t *calls;
} doors[DOORS_MAX];

static size_t ndoors;

/* A door: its signature, its counter, its place in the list, and what it hands on to. */
#define DOOR(type, symbol, params, result)                                                         \
    type symbol params;                                                                            \
    static _Atomic uint64_t symbol##_calls;                                                        \
    static __attribute__((constructor)) void symbol##_listed(void)                                 \
    {                                                                                              \
        doors[ndoors].name = #symbol;                                                              \
        doors[ndoors++].calls = &symbol##_calls;                                                   \
    }                                                                                              \
    type symbol params                                                                             \
    {                                                                                              \
        symbol##_calls++;                                                                          \
        result;                                                                                    \
    }

/* What the C library does not ask for. C++'s symbols below are plain identifiers to C. */
#define UNUSED(value) ((void)(value))

DOOR(void *, malloc, (size_t size), return __libc_malloc(size))
DOOR(void, free, (void *block), __libc_free(block))
DOOR(void *, calloc, (size_t count, size_t size), return __libc_calloc(count, size))
DOOR(void *, realloc, (void *block, size_t size), return __libc_realloc(block, size))
DOOR(void *, reallocarray, (void *block, size_t count, size_t size),
     return __libc_realloc(block, count *size))
DOOR(void *, aligned_alloc, (size_t align, size_t size), return __libc_memalign(align, size))
DOOR(void *, memalign, (size_t align, size_t size), return __libc_memalign(align, size))
DOOR(int, posix_memalign, (void **out, size_t align, size_t size),
     return (*out = __libc_memalign(align, size)) == NULL)
DOOR(void *, valloc, (size_t size), return __libc_valloc(size))
DOOR(void *, pvalloc, (size_t size), return __libc_pvalloc(size))
DOOR(void, free_sized, (void *block, size_t size), UNUSED(size); __libc_free(block))
DOOR(void, free_aligned_sized, (void *block, size_t align, size_t size), UNUSED(align);
     UNUSED(size); __libc_free(block))

/* The only one without a second name in the C library. */
static size_t (*next_usable_size)(void *block);

DOOR(size_t, malloc_usable_size, (void *block), return next_usable_size(block))

DOOR(void *, _Znwm, (size_t size), return __libc_malloc(size))
DOOR(void *, _Znam, (size_t size), return __libc_malloc(size))
DOOR(void *, _ZnwmRKSt9nothrow_t, (size_t size, void *tag), UNUSED(tag); return __libc_malloc(size))
DOOR(void *, _ZnamRKSt9nothrow_t, (size_t size, void *tag), UNUSED(tag); return __libc_malloc(size))
DOOR(void *, _ZnwmSt11align_val_t, (size_t size, size_t align), return __libc_memalign(align, size))
DOOR(void *, _ZnamSt11align_val_t, (size_t size, size_t align), return __libc_memalign(align, size))
DOOR(void *, _ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, void *tag),
     UNUSED(tag);
     return __libc_memalign(align, size))
DOOR(void *, _ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, void *tag),
     UNUSED(tag);
     return __libc_memalign(align, size))
DOOR(void, _ZdlPv, (void *block), __libc_free(block))
DOOR(void, _ZdaPv, (void *block), __libc_free(block))
DOOR(void, _ZdlPvm, (void *block, size_t size), UNUSED(size); __libc_free(block))
DOOR(void, _ZdaPvm, (void *block, size_t size), UNUSED(size); __libc_free(block))
DOOR(void, _ZdlPvRKSt9nothrow_t, (void *block, void *tag), UNUSED(tag); __libc_free(block))
DOOR(void, _ZdaPvRKSt9nothrow_t, (void *block, void *tag), UNUSED(tag); __libc_free(block))
DOOR(void, _ZdlPvSt11align_val_t, (void *block, size_t align), UNUSED(align); __libc_free(block))
DOOR(void, _ZdaPvSt11align_val_t, (void *block, size_t align), UNUSED(align); __libc_free(block))
DOOR(void, _ZdlPvmSt11align_val_t, (void *block, size_t size, size_t align), UNUSED(size);
     UNUSED(align); __libc_free(block))
DOOR(void, _ZdaPvmSt11align_val_t, (void *block, size_t size, size_t align), UNUSED(size);
     UNUSED(align); __libc_free(block))
DOOR(void, _ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, void *tag),
     UNUSED(align);
     UNUSED(tag); __libc_free(block))
DOOR(void, _ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t align, void *tag),
     UNUSED(align);
     UNUSED(tag); __libc_free(block))

static __attribute__((constructor)) void find_usable_size(void)
{
    void *address = dlsym(RTLD_NEXT, "malloc_usable_size");
    memcpy(&next_usable_size, &address, sizeof address);
}

static __attribute__((destructor)) void report(void)
{
    const char *path = getenv("ASHLAR_COUNT_FILE");
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    for (size_t i = 0; fd >= 0 && i < ndoors; i++) {
        if (dprintf(fd, "%s %ju\n", doors[i].name, (uintmax_t)*doors[i].calls) < 0) {
            abort();
        }
    }
}
