/* sampling.c: the sampled heap profile (prof:true). Its estimate of what is alive must be unbiased:
 * over many rounds, the sum of its errors stays within three standard errors of zero.
 *
 * With a mean distance of T bytes between samples, a block of s usable bytes is sampled with
 * probability p = 1 - exp(-s / T) and stands for s / p bytes. The estimate of n such blocks has the
 * variance n * s^2 * (1 - p) / p, which is computed here and not taken from the library.
 *
 * Sampled blocks are promoted to places of their own; so every block's usable size, contents and
 * realloc are tried, and some are freed by other threads.
 */
#include "memory.h"
#include "scenario.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LG_SAMPLE = 14, ROUNDS = 40, BLOCKS = 3000 };
#define CONF_VARIABLE "ASHLAR_CONF"

static const struct doors *door;
static char *blocks[BLOCKS];
static size_t sizes[BLOCKS];

/* This process is started again with the option on: it is read before main. */
static int restart(struct run *run)
{
    char conf[64];
    snprintf(conf, sizeof conf, "prof:true,lg_prof_sample:%d", LG_SAMPLE);
    setenv(CONF_VARIABLE, conf, 1);
    size_t count = 0;
    while (run->argv[count] != NULL)
        count++;
    char **argv = memory_map((count + 3) * sizeof *argv), seed[32];
    memcpy(argv, run->argv, count * sizeof *argv);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->seed);
    argv[count] = "--seed";
    argv[count + 1] = seed;
    fflush(stdout);
    execv("/proc/self/exe", argv);
    fprintf(stderr, "ashlar-stress: cannot start again: %s\n", strerror(errno));
    return RUN_FAIL;
}

/* The variance of the estimate of one block of s bytes. */
static double variance_of(double s)
{
    double p = -expm1(-s / (double)(1 << LG_SAMPLE));
    return s * s * (1 - p) / p;
}

struct sums {
    double true_bytes, true_blocks;         /* of one round */
    double bytes_variance, blocks_variance; /* of the estimate's error */
    double bytes_error, blocks_error;       /* estimate - truth, over all rounds */
    uint64_t samples;
};

/* Mostly small; one in four large, where realloc would grow blocks in place. */
static size_t draw_size(struct rng *rng)
{
    return rng_below(rng, 4) == 0 ? 14000 + (size_t)rng_log(rng, 17) : (size_t)rng_log(rng, 12);
}

static void allocate_round(uint64_t round, struct sums *sums)
{
    for (int i = 0; i < BLOCKS; i++) {
        struct rng rng = rng_at(the_run.seed, 0, round * BLOCKS + (uint64_t)i);
        size_t size = draw_size(&rng);
        run_note(0, round * BLOCKS + (uint64_t)i, "malloc", NULL, size, 0);
        size_t offset;
        char *block = i % 8 == 0 ? door->calloc(1, size) : door->malloc(size);
        RUN_EXPECT(0, block != NULL, "no memory for %zu bytes", size);
        RUN_EXPECT(0, i % 8 != 0 || tag_is_zero(block, size, 0, true, &offset),
                   "calloc of %zu bytes is not zero at offset %zu", size, offset);
        if (i % 16 == 1 || size > 14000) {
            size_t grown = size * 2 + 1;
            tag_write(block, size, 9, false);
            block = door->realloc(block, grown);
            RUN_EXPECT(0, block != NULL && tag_holds(block, size, size, 9, false, &offset),
                       "realloc of %zu bytes lost the contents", size);
            size = grown;
        }
        size_t usable = door->usable_size(block);
        RUN_EXPECT(0, usable >= size && (uintptr_t)block % 16 == 0,
                   "%zu bytes at %p have usable size %zu", size, (void *)block, usable);
        tag_write(block, usable, mix64(round + (uint64_t)i), false);
        blocks[i] = block;
        sizes[i] = usable;
        sums->true_bytes += (double)usable;
        sums->true_blocks += 1;
        sums->bytes_variance += variance_of((double)usable);
        sums->blocks_variance += variance_of((double)usable) / ((double)usable * (double)usable);
    }
}

static void free_range(int from, int to, uint64_t round)
{
    for (int i = from; i < to; i++) {
        size_t offset;
        RUN_EXPECT(
            0, tag_holds(blocks[i], sizes[i], sizes[i], mix64(round + (uint64_t)i), false, &offset),
            "block %p of %zu usable bytes was changed at offset %zu", (void *)blocks[i], sizes[i],
            offset);
        RUN_EXPECT(0, door->usable_size(blocks[i]) == sizes[i], "the usable size of %p changed",
                   (void *)blocks[i]);
        door->free(blocks[i]);
    }
}

static uint64_t the_round;

static void *free_half(void *arg)
{
    free_range(BLOCKS / 2, BLOCKS, the_round);
    return arg;
}

static void free_round(uint64_t round)
{
    pthread_t thread;
    the_round = round;
    int code = pthread_create(&thread, NULL, free_half, NULL);
    RUN_EXPECT(0, code == 0, "cannot create a thread: %s", strerror(code));
    free_range(0, BLOCKS / 2, round);
    pthread_join(thread, NULL);
}

static bool within_three(const char *what, double error, double variance)
{
    double z = error / sqrt(variance);
    printf("%s: error %.0f, standard error %.0f, z %.2f\n", what, error, sqrt(variance), z);
    fflush(stdout); /* a failure leaves without */
    return fabs(z) <= 3;
}

static void one_round(uint64_t round, struct sums *sums)
{
    struct ashlar_prof_stats before, after, freed;
    struct sums of_round = {0};
    door->prof_stats(&before);
    allocate_round(round, &of_round);
    door->prof_stats(&after);
    sums->bytes_error +=
        after.estimate_live_bytes - before.estimate_live_bytes - of_round.true_bytes;
    sums->blocks_error +=
        after.estimate_live_blocks - before.estimate_live_blocks - of_round.true_blocks;
    sums->bytes_variance += of_round.bytes_variance;
    sums->blocks_variance += of_round.blocks_variance;
    sums->samples += after.samples_live - before.samples_live;
    free_round(round);
    door->prof_stats(&freed);
    RUN_EXPECT(0, freed.samples_live == before.samples_live,
               "%llu samples are alive after all frees, %llu before",
               (unsigned long long)freed.samples_live, (unsigned long long)before.samples_live);
    RUN_EXPECT(0, fabs(freed.estimate_live_bytes - before.estimate_live_bytes) < 1,
               "the estimate does not return to its start");
    RUN_EXPECT(0, freed.samples_total > before.samples_total, "nothing was sampled");
    atomic_fetch_add(&the_run.operations, BLOCKS);
}

/* ROUNDS rounds; whether both estimates come out within three standard errors. */
static bool estimate_holds(uint64_t attempt)
{
    struct sums sums = {0};
    for (uint64_t round = 0; round < ROUNDS; round++)
        one_round(attempt * ROUNDS + round, &sums);
    printf("%llu samples of %d blocks\n", (unsigned long long)sums.samples, ROUNDS * BLOCKS);
    bool bytes_hold = within_three("bytes", sums.bytes_error, sums.bytes_variance);
    bool blocks_hold = within_three("blocks", sums.blocks_error, sums.blocks_variance);
    return bytes_hold && blocks_hold;
}

static int run_sampling(struct run *run)
{
    const char *conf = getenv(CONF_VARIABLE);
    door = run->door;
    if (door->prof_stats == NULL)
        return run_skip(run, "this allocator has no samples to ask for");
    if (conf == NULL || strstr(conf, "prof:true") == NULL)
        return restart(run);
    struct ashlar_stats start = doors_stats(door);
    /* The library draws from a secret of its own, so chance exceeds three standard errors in one
     * run of 300. A bias does so in the second attempt too. */
    RUN_EXPECT(0, estimate_holds(0) || estimate_holds(1),
               "the estimate is off by more than three standard errors, twice");
    struct ashlar_stats end = doors_stats(door);
    RUN_EXPECT(0, end.allocated_bytes == start.allocated_bytes,
               "allocated was %zu bytes at the start and is %zu at the end", start.allocated_bytes,
               end.allocated_bytes);
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold");
    return RUN_PASS;
}

const struct scenario scenario_sampling = {
    .name = "sampling",
    .summary =
        "the sampled profile's estimate is unbiased, and sampled blocks are as good as others",
    .default_secs = 5,
    .default_threads = 1,
    .run = run_sampling,
};
