/* doors.c: the table of doors.h, filled for the library that this build tests. */
#include "doors.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#if defined(DOORS_LIBC)

const struct doors door = {
    .name = "libc",
    .malloc = malloc,
    .calloc = calloc,
    .realloc = realloc,
    .reallocarray = reallocarray,
    .free = free,
    .posix_memalign = posix_memalign,
    .aligned_alloc = aligned_alloc,
    .memalign = memalign,
    .valloc = valloc,
    .pvalloc = pvalloc,
    .usable_size = malloc_usable_size,
};

#elif defined(DOORS_SO)

/* The C library of this system does not declare the C23 functions yet. */
void free_sized(void *ptr, size_t size_bytes);
void free_aligned_sized(void *ptr, size_t alignment_bytes, size_t size_bytes);

const struct doors door = {
    .name = "libashlar.so",
    .malloc = malloc,
    .calloc = calloc,
    .realloc = realloc,
    .reallocarray = reallocarray,
    .free = free,
    .free_sized = free_sized,
    .free_aligned_sized = free_aligned_sized,
    .posix_memalign = posix_memalign,
    .aligned_alloc = aligned_alloc,
    .memalign = memalign,
    .valloc = valloc,
    .pvalloc = pvalloc,
    .usable_size = malloc_usable_size,
    .check = ashlar_check,
    .mallocx = mallocx,
    .rallocx = rallocx,
    .xallocx = xallocx,
    .sallocx = sallocx,
    .dallocx = dallocx,
    .sdallocx = sdallocx,
    .nallocx = nallocx,
    .stats = ashlar_stats_get,
    .purge = ashlar_purge,
    .picture = ashlar_picture,
    .version = ashlar_version,
    .mallctl = mallctl,
    .nametomib = mallctlnametomib,
    .bymib = mallctlbymib,
    .stats_print = malloc_stats_print,
    .message = &malloc_message,
};

#else

static size_t usable_size(void *block)
{
    return ashlar_malloc_usable_size(block);
}

const struct doors door = {
    .name = "libashlar_prefixed.a",
    .malloc = ashlar_malloc,
    .calloc = ashlar_calloc,
    .realloc = ashlar_realloc,
    .reallocarray = ashlar_reallocarray,
    .free = ashlar_free,
    .free_sized = ashlar_free_sized,
    .free_aligned_sized = ashlar_free_aligned_sized,
    .posix_memalign = ashlar_posix_memalign,
    .aligned_alloc = ashlar_aligned_alloc,
    .memalign = ashlar_memalign,
    .valloc = ashlar_valloc,
    .pvalloc = ashlar_pvalloc,
    .usable_size = usable_size,
    .check = ashlar_check,
    .mallocx = ashlar_mallocx,
    .rallocx = ashlar_rallocx,
    .xallocx = ashlar_xallocx,
    .sallocx = ashlar_sallocx,
    .dallocx = ashlar_dallocx,
    .sdallocx = ashlar_sdallocx,
    .nallocx = ashlar_nallocx,
    .stats = ashlar_stats_get,
    .purge = ashlar_purge,
    .picture = ashlar_picture,
    .version = ashlar_version,
    .mallctl = ashlar_mallctl,
    .nametomib = ashlar_mallctlnametomib,
    .bymib = ashlar_mallctlbymib,
    .stats_print = ashlar_malloc_stats_print,
    .message = &ashlar_malloc_message,
};

#endif

int heap_holds(void **state)
{
    (void)state;
    return door.check == NULL || door.check() ? 0 : -1;
}

size_t size_at(const char *name)
{
    size_t value = 0, len = sizeof value;
    assert_int_equal(door.mallctl(name, &value, &len, NULL, 0), 0);
    return value;
}

unsigned unsigned_at(const char *name)
{
    unsigned value = 0;
    size_t len = sizeof value;
    assert_int_equal(door.mallctl(name, &value, &len, NULL, 0), 0);
    return value;
}

void refresh(void)
{
    uint64_t any = 1;
    assert_int_equal(door.mallctl("epoch", NULL, NULL, &any, sizeof any), 0);
}

bool slow_run(void)
{
    return RUNNING_ON_VALGRIND || getenv("ASHLAR_TEST_SLOW") != NULL;
}

void pattern_fill(void *block, size_t size_bytes, unsigned seed)
{
    unsigned char *bytes = block;
    for (size_t i = 0; i < size_bytes; i++)
        bytes[i] = (unsigned char)(seed * 31u + i * 7u + (i >> 8));
}

bool pattern_holds(const void *block, size_t size_bytes, unsigned seed)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size_bytes; i++) {
        if (bytes[i] != (unsigned char)(seed * 31u + i * 7u + (i >> 8)))
            return false;
    }
    return true;
}

bool is_zero(const void *block, size_t size_bytes)
{
    const unsigned char *bytes = block;
    return size_bytes == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size_bytes - 1) == 0);
}

uint64_t draw(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}
