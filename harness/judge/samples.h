/* samples.h: a run as it lies on disk (samples.jsonl), read into memory and laid out by cell,
 * allocator and block.
 *
 *     {"type":"plan", ...}      what was going to be done             -> cells, allocators, blocks
 *     {"type":"null", ...}      the peak of a cell's bare loop under an allocator
 *     {"type":"sample", ...}    one process, how it ended and what it took
 *     {"type":"count", ...}     instructions of a separate, slow, exact pass, and its operations;
 *                               with the method ptrace system calls: see calls.h
 *     {"type":"stored", ...}    figures of an earlier run of the baseline's library; such a count
 *                               line has "stored" in it
 *     {"type":"growth", ...}    one point of a series of sizes, under every allocator
 *     {"type":"memory", ...}    resident and live memory of one process over time: see memory.h
 *     {"type":"end", ...}       the run reached its end
 *
 *                        block 0   1   2
 *     cell 0  allocator 0      s   s   s        allocator 0 is the baseline
 *             allocator 1      s   .   s        a hole is NULL: never filled in
 *     cell 1  ...
 *
 * The file is append-only, so a run that was cut short leaves at most one torn line, the last; that
 * is told (`torn`), anything else that cannot be read is an error that names the line.
 */
#ifndef ASHLAR_JUDGE_SAMPLES_H
#define ASHLAR_JUDGE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define SAMPLES_SCHEMA "ashlar-samples-1"

/* One workload with its parameters: a row of every table. Strings live as long as the run. */
struct cell {
    long id;           /* as the plan numbers it */
    const char *label; /* "larson-2", as the suite calls it; the workload where it says nothing */
    const char *workload; /* "larson" */
    const char *params;   /* canonical text of the options */
    long threads;         /* 1 .. */
    bool primary;         /* counts for the suite's verdict and its geometric means */
    const char *command;  /* the program and its arguments in one line, owned */
};

/* One process. A figure that was not measured is NAN. */
struct sample {
    size_t cell;         /* index into cells, not the plan's id */
    size_t allocator;    /* index into allocators */
    size_t block;        /* 0 .. */
    bool warmup;         /* shown, never judged; a failure in it is a failure */
    bool duet;           /* ran at the same time as the other of its block */
    bool ok;             /* false: status says how it ended */
    const char *status;  /* "ok", "crash", "timeout", "oom", "integrity", "missing", "error" */
    double time_ns;      /* the timed part */
    double peak_rss_kib; /* the process's own VmHWM */
    double live_bytes;   /* highest sum of requested bytes that were live at once */
    double instructions; /* user instructions, perf */
    json_t *raw;         /* the line, owned */
};

/* The whole run. Arrays are owned; every const char * points into `plan`. */
struct samples {
    json_t *plan;               /* the first line */
    const char **allocators;    /* [n_allocators], the baseline first */
    size_t n_allocators;        /* 2 .. */
    bool *reference;            /* [n_allocators] a floor: shown, never judged for the suite */
    struct cell *cells;         /* [n_cells] */
    size_t n_cells;             /* 1 .. */
    size_t n_blocks;            /* as planned; 0: nothing was timed */
    struct sample *all;         /* [n_all] in the order of the file */
    size_t n_all;               /* 0 .. */
    const struct sample **slot; /* [cell][allocator][block], see samples_at */
    double *null_kib;           /* [cell][allocator] peak of the --null run, NAN: none */
    double *null_ns;            /* [cell][allocator] its time, NAN: none */
    bool *skipped;              /* [cell][allocator] the plan leaves it out: see plan "skipped" */
    double *count;              /* [cell][allocator][SAMPLES_COUNTS_MAX] exact counts, NAN: none */
    bool count_per_op;          /* those are instructions an operation, not of a whole pass */
    json_t *growth;             /* the growth lines, owned */
    json_t *calls;              /* the count lines with system calls, owned */
    json_t *stored;             /* lines with figures of an earlier run of the baseline, owned */
    json_t *uncounted;          /* the count lines that brought no figure, owned */
    size_t n_memory_blocks;     /* of the memory pass, as planned */
    json_t *memory;             /* its lines, owned */
    bool ended;                 /* the end line is there */
    bool torn;                  /* the last line was cut off and is not used */
    size_t unknown;             /* lines of a type that is not known here, skipped */
};

/* Exact passes of one cell and allocator that are kept; two are enough to see that they agree. */
#define SAMPLES_COUNTS_MAX 4

/* Reads path. False and one line in err when the file cannot be judged; *out is then empty. */
bool samples_read(const char *path, struct samples *out, char *err, size_t err_size);

/* The same of a run's folder: dir/samples.jsonl. */
bool samples_read_run(const char *dir, struct samples *out, char *err, size_t err_size);

void samples_free(struct samples *run);

/* The sample of a block that is not warm-up; NULL: it was not run. Where a block was run again the
 * later one counts; a failure of the earlier one is still in `all`, and fails the cell. */
const struct sample *samples_at(const struct samples *run, size_t cell, size_t allocator,
                                size_t block);

/* Whether the allocator's sample of a block and the baseline's are there and ran in one way: both
 * as a duet, or one after the other. */
bool samples_paired(const struct samples *run, size_t cell, size_t allocator, size_t block);

/* Log of what the workload itself had live at its peak in a block, the allocator's over the
 * baseline's; 0: not known. Where threads run ahead of each other (a queue between two) that is the
 * scheduler's doing, not the allocator's. */
double samples_demand(const struct samples *run, size_t cell, size_t allocator, size_t block);

/* Peak of the cell's --null run under the allocator, KiB; 0 for a real program, which has none to
 * subtract; NAN: there was none. */
double samples_null(const struct samples *run, size_t cell, size_t allocator);

/* Time of the cell's bare loop, the --null run with all its work, ns; NAN: there was none. */
double samples_null_ns(const struct samples *run, size_t cell, size_t allocator);

/* The plan leaves the cell out for this allocator (it lacks an entry point that the workload
 * calls). */
bool samples_skipped(const struct samples *run, size_t cell, size_t allocator);

/* The exact counts of a cell under an allocator, each an operation where the line told the
 * operations (passes of two allocators may differ in them); returns how many and points *at to
 * them. */
size_t samples_counts(const struct samples *run, size_t cell, size_t allocator, const double **at);

#endif
