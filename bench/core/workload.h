/* workload.h: what a workload is, and what the driver does with it.
 *
 * A workload is one file under workload/ with one `const struct workload`, and one line in
 * workloads.c. The driver (run.c) calls it so:
 *
 *     validate(run)                 options that contradict each other end here
 *     setup(run)                    main thread; books, random tables, blocks that exist before
 *     for each generation           most workloads have one
 *         rest(run, generation)     main thread, no worker runs
 *         T workers: gate, work(worker), end time          <- the timed part
 *     drain(run)                    main thread; frees what is left
 *
 * With one worker, no fresh_threads and no off_main the main thread is the worker and no thread is
 * ever created, so that allocators keep their single-thread shortcuts. Otherwise all workers are
 * new threads. One operation is one block allocated in the timed part, in every workload, so that
 * --ops can be counted from outside.
 */
#ifndef ASHLAR_BENCH_WORKLOAD_H
#define ASHLAR_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate.h"
#include "heap.h"
#include "live.h"
#include "option.h"
#include "prng.h"

#define THREADS_MAX 256
#define OPTIONS_MAX 16
#define COUNTERS_MAX 4
#define SERIES_LEN_MAX 128

/* What is stored in a new block. Each policy is what its word says; `page` is `ends` too. */
enum touch {
    TOUCH_NONE,  /* nothing */
    TOUCH_FIRST, /* the first byte */
    TOUCH_ENDS,  /* the first and the last byte */
    TOUCH_PAGE,  /* as ends, and one byte in each 4 KiB between */
    TOUCH_HEAD,  /* the first 128 bytes, or all of a smaller block */
    TOUCH_FULL,  /* every byte */
};
extern const char *const touch_names[];

struct run;
struct worker;

/* Published parameters under one name. */
struct preset {
    const char *name;     /* NULL ends a table */
    const char *source;   /* where the parameters were published */
    const char *settings; /* the options it stands for, as they would be typed */
};

struct workload {
    const char *name;                /* the name the field knows it by */
    const char *imitates;            /* one line */
    const char *source;              /* who described it first */
    const char *blind_to;            /* what it cannot show, one line */
    const struct option *options;    /* ends with a NULL name */
    const struct preset *presets;    /* ends with a NULL name */
    const char *const *entry_points; /* what the allocator must export; NULL-terminated */
    const char *const *cells;        /* arguments of its standard cells; NULL-terminated */
    unsigned threads_default;        /* workers when --threads is not given */
    unsigned threads_step;           /* --threads must be a multiple of it */
    enum touch touch_default;
    bool fresh_threads;                      /* new threads even for one worker */
    bool (*off_main)(const struct run *run); /* the same as an option says; NULL: never */
    bool announces_active;                   /* calls phase_announce(PHASE_ACTIVE) itself */
    uint64_t (*default_ops)(const struct run *run);
    unsigned (*generations)(const struct run *run); /* NULL: one */
    void (*validate)(const struct run *run);        /* NULL: nothing to object to */
    void (*setup)(struct run *run);
    void (*rest)(struct run *run,
                 unsigned generation); /* main thread, before each; NULL: nothing */
    void (*work)(struct worker *worker);
    void (*drain)(struct run *run); /* NULL: nothing is left */
};

/* A figure beside the usual ones in the result. */
struct counter {
    const char *name;
    uint64_t value;
};

/* A figure that the workload took again and again. */
struct series {
    const char *name; /* NULL: the workload has none */
    unsigned len;
    uint64_t values[SERIES_LEN_MAX];
};

/* One thread of a workload. Two cache lines apart from the next: the prefetcher fetches pairs. */
struct worker {
    _Alignas(128) struct heap heap; /* the doors, copied for one load less */
    struct live_delta live;         /* live bytes not yet flushed */
    struct prng prng;               /* this worker's stream */
    enum touch touch;               /* --touch */
    bool check;                     /* --check */
    size_t window_mask;             /* of offsets stored to: all ones on a real heap */
    uint64_t cookie;                /* part of the stamp in a block */
    uint64_t ops;                   /* its share of --ops, over all generations */
    unsigned index;                 /* 0 .. T-1; T for the main thread's own worker */
    unsigned generation;            /* which generation is running */
    uint64_t end_ns;                /* when its timed part ended */
    uint64_t busy_ns;               /* end - t0, summed over generations */
    uint64_t check_failures;        /* blocks that came back changed */
    struct run *run;
    void *own;   /* the workload's book for this worker */
    void *ring;  /* of the null heap */
    char *stack; /* of its thread */
};

/* One run of the process. */
struct run {
    const struct workload *workload;
    struct value values[OPTIONS_MAX]; /* of workload->options, in that order */
    unsigned nthreads;
    uint64_t ops;
    uint64_t seed;
    uint64_t idle_ms;
    enum touch touch;
    bool null, check;
    bool layout;            /* --layout: heap_layout in place of heap_system */
    struct worker *workers; /* nthreads of them */
    struct worker *host;    /* the main thread's, for setup and drain */
    struct live *live;      /* requested bytes, by all workers */
    struct gate gate;
    uint64_t elapsed_ns; /* the timed part, summed over generations */
    void *shared;        /* the workload's book for all workers */
    struct counter counters[COUNTERS_MAX];
    unsigned ncounters;
    struct series series;
};

/* All workloads, NULL-terminated: the one list. */
extern const struct workload *const workloads[];

/* The i-th of `parts` shares of `whole`; the shares differ by at most one and add up. */
static inline uint64_t share(uint64_t whole, uint64_t parts, uint64_t i)
{
    return whole / parts + (i < whole % parts);
}

/* Adds a figure to the result. */
void run_counter(struct run *run, const char *name, uint64_t value);

/* Adds a value to the result's series, whose place is `index` of `count` in all: as many of them
 * are kept as fit, at even distances. Calls for one run are in order and not at the same time. */
void run_series(struct run *run, const char *name, uint64_t index, uint64_t count, uint64_t value);

#endif
