/* cache_thrash.c: active false sharing: does the allocator give one line to two threads?
 *
 *     thread 0   malloc, read and write it R/T times, free, again          each on blocks that it
 *     thread 1   malloc, read and write it R/T times, free, again          got by itself
 *
 * With any T a thread has as many blocks, at R/T passes each: where nothing is shared T threads
 * take 1/T of the time of one.
 */
#include "cache_line.h"

static void setup(struct run *run)
{
    cache_setup(run, NULL);
}

const struct workload workload_cache_thrash = {
    .name = "cache-thrash",
    .imitates = "threads that write to small blocks of their own, again and again",
    .source = "active-false in Berger, McKinley, Blumofe and Wilson, Hoard, 2000",
    .blind_to = "the allocator's speed: nearly all of the time is the writing",
    .options = cache_options,
    .presets = cache_presets,
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2",
                                   "--threads 2 --size 48 --ops 120000", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_NONE,
    .default_ops = cache_default_ops,
    .validate = cache_validate,
    .setup = setup,
    .work = cache_work,
    .drain = cache_drain,
};
