/* doors.c: see doors.h. */
#include "doors.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t ashlar_usable(void *block)
{
    return ashlar_malloc_usable_size(block);
}

static const struct doors doors_ashlar = {
    .name = "ashlar",
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
    .usable_size = ashlar_usable,
    .check = ashlar_check,
    .stats = ashlar_stats_get,
    .purge = ashlar_purge,
    .prof_stats = ashlar_prof_stats_get,
};

static void free_sized_as_free(void *block, size_t size_bytes)
{
    (void)size_bytes;
    free(block);
}

static void free_aligned_sized_as_free(void *block, size_t alignment_bytes, size_t size_bytes)
{
    (void)alignment_bytes, (void)size_bytes;
    free(block);
}

static bool nothing_to_check(void)
{
    return true;
}

static size_t trim(void)
{
    return (size_t)malloc_trim(0);
}

static const struct doors doors_glibc = {
    .name = "glibc",
    .malloc = malloc,
    .calloc = calloc,
    .realloc = realloc,
    .reallocarray = reallocarray,
    .free = free,
    .free_sized = free_sized_as_free,
    .free_aligned_sized = free_aligned_sized_as_free,
    .posix_memalign = posix_memalign,
    .aligned_alloc = aligned_alloc,
    .memalign = memalign,
    .valloc = valloc,
    .pvalloc = pvalloc,
    .usable_size = malloc_usable_size,
    .check = nothing_to_check,
    .purge = trim,
};

/* The library that serves malloc in this process. */
static const char *serving_library(void)
{
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    return symbol != NULL && dladdr(symbol, &info) != 0 ? info.dli_fname : "unknown";
}

static const struct doors *preloaded(void)
{
    static struct doors door;
    const char *library = serving_library();
    if (strstr(library, "/libc.so") != NULL || strstr(library, "/libc-") != NULL) {
        fprintf(stderr,
                "ashlar-stress: --allocator preload, but malloc is that of %s "
                "(start with LD_PRELOAD=LIBRARY)\n",
                library);
        return NULL;
    }
    door = doors_glibc;
    door.name = "preload";
    /* This program's own copy of these is not exported, so the search finds the library's. */
    *(void **)&door.stats = dlsym(RTLD_DEFAULT, "ashlar_stats_get");
    void *check = dlsym(RTLD_DEFAULT, "ashlar_check"), *purge = dlsym(RTLD_DEFAULT, "ashlar_purge");
    void *sized = dlsym(RTLD_DEFAULT, "free_sized");
    void *aligned_sized = dlsym(RTLD_DEFAULT, "free_aligned_sized");
    if (check != NULL)
        *(void **)&door.check = check;
    if (purge != NULL)
        *(void **)&door.purge = purge;
    if (sized != NULL)
        *(void **)&door.free_sized = sized;
    if (aligned_sized != NULL)
        *(void **)&door.free_aligned_sized = aligned_sized;
    return &door;
}

static const struct doors *control(void)
{
    const char *library = serving_library();
    if (strstr(library, "/libc.so") != NULL || strstr(library, "/libc-") != NULL)
        return &doors_glibc;
    fprintf(stderr,
            "ashlar-stress: --allocator glibc, but malloc is that of %s "
            "(name it as --allocator preload)\n",
            library);
    return NULL;
}

const struct doors *doors_find(const char *name)
{
    if (strcmp(name, "ashlar") == 0)
        return &doors_ashlar;
    if (strcmp(name, "glibc") == 0)
        return control();
    if (strcmp(name, "preload") == 0)
        return preloaded();
    fprintf(stderr, "ashlar-stress: unknown allocator \"%s\" (ashlar, glibc or preload)\n", name);
    return NULL;
}

struct ashlar_stats doors_stats(const struct doors *door)
{
    struct ashlar_stats stats = {0};
    if (door->stats != NULL)
        door->stats(&stats);
    return stats;
}

void doors_purge(const struct doors *door)
{
    if (door->purge != NULL)
        door->purge();
}
