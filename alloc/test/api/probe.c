/* probe.c: tells from inside what an option changed. Usage: probe WHAT; prints `name value` lines.
 * Linked with libashlar.so; options.bats sets ASHLAR_CONF around it. */
#include "ashlar/ashlar.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print(const char *name, size_t value)
{
    char text[80]; /* dprintf would take a buffer from malloc */
    int len = snprintf(text, sizeof text, "%s %zu\n", name, value);
    if (write(1, text, (size_t)len) != len)
        _exit(4);
}

static pthread_barrier_t barrier;

static void *allocating_thread(void *arg)
{
    void *block = malloc(100);
    pthread_barrier_wait(&barrier);
    free(block);
    return arg;
}

/* How many arenas eight threads that live at once are spread over. */
static int arenas(void)
{
    pthread_t threads[8];
    pthread_barrier_init(&barrier, NULL, 9);
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, allocating_thread, NULL);
    struct ashlar_stats s;
    pthread_barrier_wait(&barrier);
    ashlar_stats_get(&s);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    print("narenas", s.narenas);
    return 0;
}

static int cached(void)
{
    struct ashlar_stats s;
    void *blocks[100];
    for (int i = 0; i < 100; i++)
        blocks[i] = malloc(64);
    for (int i = 0; i < 100; i++)
        free(blocks[i]);
    ashlar_stats_get(&s);
    print("cached_bytes", s.cached_bytes);
    return 0;
}

/* How large a block the cache keeps: the bytes it holds after one block was freed. */
static int cached_large(void)
{
    struct ashlar_stats before, after;
    ashlar_stats_get(&before);
    void *block = malloc(100000);
    free(block);
    ashlar_stats_get(&after);
    print("cached_bytes",
          after.cached_bytes > before.cached_bytes ? after.cached_bytes - before.cached_bytes : 0);
    return 0;
}

/* What stays dirty right after the program freed 24 MiB, in blocks too large for the cache, and
 * again after a while of light work. */
static int dirty(void)
{
    struct ashlar_stats s;
    void *blocks[8];
    for (int i = 0; i < 8; i++) {
        blocks[i] = malloc(3 << 20);
        memset(blocks[i], 1, 3 << 20);
    }
    for (int i = 0; i < 8; i++)
        free(blocks[i]);
    ashlar_stats_get(&s);
    print("dirty_bytes", s.dirty_bytes);
    for (int i = 0; i < 60; i++) {
        usleep(10000);
        for (int j = 0; j < 100; j++)
            free(malloc(2 << 20)); /* beyond the cache: a slow path that may look at the clock */
    }
    ashlar_stats_get(&s);
    print("dirty_bytes_later", s.dirty_bytes);
    return 0;
}

static int zero_realloc(void)
{
    struct ashlar_stats before, after;
    char *block = malloc(5000);
    ashlar_stats_get(&before);
    void *result = realloc(block, 0);
    ashlar_stats_get(&after);
    print("null", result == NULL);
    print("usable", malloc_usable_size(result));
    print("given_back", before.allocated_bytes - after.allocated_bytes);
    free(result);
    return 0;
}

static int out_of_memory(void)
{
    errno = 0;
    void *block = malloc((size_t)1 << 60);
    print("null", block == NULL);
    print("errno_is_enomem", errno == ENOMEM);
    return 0;
}

static int sampled(void)
{
    struct ashlar_prof_stats p;
    for (int i = 0; i < 20000; i++)
        free(malloc(1000));
    ashlar_prof_stats_get(&p);
    print("samples_total", (size_t)p.samples_total);
    return 0;
}

/* What new and freed blocks of each kind hold, over many sizes: the bytes that are 0, 0xa5 and 0x5a. Freed
 * blocks are looked at in their middle, for a cache keeps its links at their start. */
static int fill(void)
{
    static const size_t sizes[] = {100, 4000, 40000, 200000, 2 << 20, 9 << 20};
    size_t zero = 0, junk = 0, freed = 0, calloc_zero = 0, grown_zero = 0, grown_junk = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        for (int round = 0; round < 3; round++) { /* the second time it is a used one */
            volatile unsigned char *block = malloc(size);
            zero += block[size / 2] == 0 && block[size - 1] == 0;
            junk += block[size / 2] == 0xa5 && block[size - 1] == 0xa5;
            memset((void *)block, 0x11, size);
            free((void *)block);
            freed += block[size / 2] == 0x5a;
            block = calloc(1, size);
            calloc_zero += block[size / 2] == 0 && block[size - 1] == 0;
            memset((void *)block, 0x11, size);
            size_t usable = malloc_usable_size((void *)block);
            block = realloc((void *)block, usable + 1);
            grown_zero += block[usable] == 0;
            grown_junk += block[usable] == 0xa5;
            free((void *)block);
        }
    }
    print("zero", zero);
    print("junk", junk);
    print("freed", freed);
    print("calloc_zero", calloc_zero);
    print("grown_zero", grown_zero);
    print("grown_junk", grown_junk);
    return 0;
}

/* Address space that stays when all is free and given back. */
static int retain(void)
{
    struct ashlar_stats s;
    void *blocks[4];
    for (int i = 0; i < 4; i++) {
        blocks[i] = malloc(100u << 20);
        memset(blocks[i], 1, 4096);
    }
    for (int i = 0; i < 4; i++)
        free(blocks[i]);
    ashlar_purge();
    ashlar_stats_get(&s);
    print("mapped_mib", s.mapped_bytes >> 20);
    return 0;
}

/* Dirty pages of 40 blocks of 3 MiB that were freed beside 40 that stay. */
static int ratio(void)
{
    struct ashlar_stats s;
    void *kept[40], *freed[40];
    for (int i = 0; i < 40; i++) {
        kept[i] = memset(malloc(3 << 20), 1, 3 << 20);
        freed[i] = memset(malloc(3 << 20), 1, 3 << 20);
    }
    for (int i = 0; i < 40; i++)
        free(freed[i]);
    ashlar_stats_get(&s);
    print("dirty_mib", s.dirty_bytes >> 20);
    print("active_mib", s.active_bytes >> 20);
    print("first_byte", *(unsigned char *)kept[0]);
    return 0;
}

static void write_out(void *opaque, const char *text)
{
    if (write(*(int *)opaque, text, strlen(text)) < 0)
        _exit(4);
}

/* The report with the letters of PROBE_OPTS, of a heap with some of each kind in it. */
static int report(void)
{
    int out = 1;
    static const size_t sizes[] = {48, 48, 48, 1000, 40000, 3 << 20, 9 << 20};
    static void *volatile held[7];
    for (int i = 0; i < 7; i++)
        held[i] = malloc(sizes[i]);
    const char *opts = getenv("PROBE_OPTS");
    malloc_stats_print(write_out, &out, opts);
    if (!opts)
        malloc_stats_print(NULL, NULL, NULL); /* to standard error */
    return held[0] == NULL;
}

/* The value of each name in PROBE_NAMES, separated by blanks, of type size_t or smaller, or a word. */
static int names(void)
{
    char *list = strdup(getenv("PROBE_NAMES")), *rest = NULL;
    for (char *name = strtok_r(list, " \n", &rest); name; name = strtok_r(NULL, " \n", &rest)) {
        static const size_t lengths[] = {8, 4, 1};
        size_t value = 0, len = 0;
        int rc = EINVAL;
        for (int i = 0; i < 3 && rc == EINVAL; i++) {
            len = lengths[i];
            rc = mallctl(name, &value, &len, NULL, 0);
        }
        if (rc == 0 && len == 8 && value >> 32)
            dprintf(1, "%s %s\n", name, (const char *)value);
        else if (rc == 0)
            print(name, value);
        else
            dprintf(1, "%s error %d\n", name, rc);
    }
    free(list);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} probes[] = {
    {"arenas", arenas},
    {"cached", cached},
    {"cached_large", cached_large},
    {"dirty", dirty},
    {"zero_realloc", zero_realloc},
    {"out_of_memory", out_of_memory},
    {"sampled", sampled},
    {"fill", fill},
    {"retain", retain},
    {"ratio", ratio},
    {"report", report},
    {"names", names},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof probes / sizeof probes[0]; i++) {
        if (strcmp(argv[1], probes[i].name) == 0)
            return probes[i].run();
    }
    dprintf(2, "usage: probe WHAT\n");
    return 2;
}
