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
