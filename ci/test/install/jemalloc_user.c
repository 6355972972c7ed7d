/* jemalloc_user.c: a program that was written for jemalloc and knows nothing of Ashlar: flags, sizes, explicit
 * arenas and caches, mallctl by name and by number, statistics. It is built against the installed
 * header of each of the two, and must say the same.
 */
#include <jemalloc/jemalloc.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if JEMALLOC_VERSION_MAJOR < 4
#error "mallocx and its relatives are of version 4"
#endif

const char *malloc_conf = "narenas:2,lg_tcache_max:15";

static int failures;

#define REQUIRE(condition) require(condition, #condition)

static void require(int holds, const char *what)
{
    if (!holds) {
        printf("does not hold: %s\n", what);
        failures++;
    }
}

static int all_zero(const unsigned char *bytes, size_t count)
{
    while (count > 0 && bytes[count - 1] == 0) {
        count--;
    }
    return count == 0;
}

static void flags_and_sizes(void)
{
    unsigned char *p = mallocx(1000, MALLOCX_ALIGN(256) | MALLOCX_ZERO);
    REQUIRE(p != NULL && (uintptr_t)p % 256 == 0);
    REQUIRE(all_zero(p, sallocx(p, 0)));
    REQUIRE(sallocx(p, 0) == nallocx(1000, MALLOCX_ALIGN(256)));
    memset(p, 7, 1000);
    p = rallocx(p, 100000, MALLOCX_ZERO);
    REQUIRE(p != NULL && p[0] == 7 && p[999] == 7);
    REQUIRE(malloc_usable_size(p) >= 100000);
    REQUIRE(xallocx(p, 50, 0, 0) >= 50);
    size_t size = xallocx(p, SIZE_MAX / 4, 0, 0);
    REQUIRE(size == sallocx(p, 0) && size < SIZE_MAX / 4);
    sdallocx(p, size, 0);
    p = malloc(10);
    REQUIRE(p != NULL);
    dallocx(p, MALLOCX_TCACHE_NONE);
    REQUIRE(nallocx(SIZE_MAX, 0) == 0);
}

static size_t allocated(void)
{
    uint64_t epoch = 1;
    size_t bytes = 0, len = sizeof bytes;
    REQUIRE(mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0);
    REQUIRE(mallctl("stats.allocated", &bytes, &len, NULL, 0) == 0);
    return bytes;
}

static void by_name_and_by_number(void)
{
    unsigned narenas = 0, nbins = 0;
    size_t len = sizeof narenas, mib[4], miblen = 4, small, large;
    REQUIRE(mallctl("opt.narenas", &narenas, &len, NULL, 0) == 0 && narenas == 2);
    REQUIRE(mallctl("arenas.nbins", &nbins, &len, NULL, 0) == 0 && nbins > 4);
    REQUIRE(mallctlnametomib("arenas.bin.0.size", mib, &miblen) == 0 && miblen == 4);
    len = sizeof small;
    REQUIRE(mallctlbymib(mib, miblen, &small, &len, NULL, 0) == 0);
    mib[2] = nbins - 1;
    REQUIRE(mallctlbymib(mib, miblen, &large, &len, NULL, 0) == 0 && large > small);
    REQUIRE(mallctl("no.such.name", NULL, NULL, NULL, 0) != 0);
    size_t before = allocated();
    void *block = mallocx(10 << 20, 0);
    REQUIRE(allocated() >= before + (10 << 20));
    dallocx(block, 0);
    REQUIRE(allocated() < before + (10 << 20));
}

static void explicit_arena_and_cache(void)
{
    unsigned arena = 0, cache = 0;
    size_t len = sizeof arena;
    char name[64];
    REQUIRE(mallctl("arenas.create", &arena, &len, NULL, 0) == 0);
    REQUIRE(mallctl("tcache.create", &cache, &len, NULL, 0) == 0);
    char *block = mallocx(5000, MALLOCX_ARENA(arena) | MALLOCX_TCACHE(cache));
    REQUIRE(block != NULL);
    dallocx(block, MALLOCX_TCACHE(cache));
    REQUIRE(mallctl("tcache.flush", NULL, NULL, &cache, sizeof cache) == 0);
    REQUIRE(mallctl("tcache.destroy", NULL, NULL, &cache, sizeof cache) == 0);
    for (int i = 0; i < 1000; i++) {
        REQUIRE(mallocx(100, MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE) != NULL);
    }
    snprintf(name, sizeof name, "arena.%u.reset", arena);
    REQUIRE(mallctl(name, NULL, NULL, NULL, 0) == 0);
}

static void count_bytes(void *opaque, const char *text)
{
    *(size_t *)opaque += strlen(text);
}

int main(void)
{
    size_t printed = 0;
    flags_and_sizes();
    by_name_and_by_number();
    explicit_arena_and_cache();
    malloc_stats_print(count_bytes, &printed, "a");
    REQUIRE(printed > 100);
    printf("%d failures\n", failures);
    return failures != 0;
}
