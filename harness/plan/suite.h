/* suite.h: a suite is a list of cells, read from an INI file.
 *
 *     [suite]
 *     about = what it is for
 *     blocks = 12                        judged blocks; a warm-up block comes on top
 *     timeout_s = 60                     a process that takes longer is killed and counts as failed
 *     memory_blocks = 3                  how often cells with memory = yes are watched
 *     memory_idle_ms = 300               how long they are watched after the last free
 *
 *     [cell larson-2]
 *     workload = larson                  or: micro = BM_malloc_free/64
 *                                        or: program = sqlite3 (a real one, see bench/programs)
 *     args = --threads 2 --ops 4000000   the amount of work is always stated
 *     primary = yes                      counts for the verdict; at most two a workload
 *     count = no                         whether instructions and system calls are counted
 *                                        (default: instructions of one thread; system calls also
 *                                        of several that do not free each other's blocks)
 *     count_ops = 100000                 work of that slow pass (default: a fortieth of --ops)
 *     memory = yes                       memory over time, in processes of its own (run/memory.h)
 *     remote = yes                       threads free each other's blocks (default: known of the
 *                                        workload; never with one thread)
 *     index = yes                        a gate judges its false-sharing index, and nothing else of
 *                                        it (cache-thrash and cache-scratch tell one)
 *
 *     [growth stack-depth]               a series of sizes: see growth.h
 *
 * A cell is a workload with its parameters and threads: one row of every table.
 */
#ifndef ASHLAR_PLAN_SUITE_H
#define ASHLAR_PLAN_SUITE_H

#include "base/failure.h"
#include "base/text.h"
#include "plan/growth.h"

#include <stdint.h>

enum count_wish { COUNT_AUTO, COUNT_YES, COUNT_NO };

struct cell {
    int id;                     /* its place in the suite */
    char *label;                /* the section's name */
    char *workload;             /* "micro" for a Google Benchmark row; a program's name */
    char *micro;                /* the row's name, NULL for a workload of ashlar-bench */
    char *program;              /* a real program's name, or its driver's path; else NULL */
    char *measured;             /* the program that its driver runs; NULL until it was asked */
    char *params;               /* canonical text from the bench; NULL until it was asked */
    struct words args;          /* of the workload, without its name */
    uint64_t threads;           /* from --threads in args or the row's name, 1 without */
    uint64_t ops;               /* from --ops in args; iterations of a micro row */
    uint64_t count_ops;         /* for the counting pass; 0: not countable */
    uint64_t trace_ops;         /* for the count of system calls; 0: not counted */
    enum count_wish count_wish; /* what the suite said of it */
    bool primary;
    bool memory;       /* is watched over time, too */
    bool remote;       /* threads free each other's blocks: a gate does not judge its time */
    bool remote_given; /* the suite says whether */
    bool index;        /* a gate judges its false-sharing index alone */
};

struct suite {
    char *name;              /* of the file, without directory and .ini */
    char *about;             /* "" when not said */
    uint64_t blocks;         /* 0 .. 1000; 0: nothing is timed, cells are watched only */
    uint64_t timeout_s;      /* 1 .. */
    uint64_t memory_blocks;  /* 1 .. 1000 */
    uint64_t memory_idle_ms; /* 0 .. */
    struct cell *cells;      /* count of them, at least one */
    size_t count;
    struct growth *growths; /* n_growths of them, NULL for none */
    size_t n_growths;
};

/* Reads a suite by name or file. Every mistake is EXIT_USAGE with the file and the section. */
bool suite_open(struct suite *suite, const char *name, struct failure *why);

/* A suite of command-line cells: each "WORKLOAD ARGS". Not primary when there are more than two of
 * a workload. */
bool suite_of_words(struct suite *suite, const struct words *cells, struct failure *why);

void suite_close(struct suite *suite);

/* The index of the cell with this label; SIZE_MAX: there is none. */
size_t suite_find(const struct suite *suite, const char *label);

/* Leaves one cell of the suite, and no series. */
void suite_keep(struct suite *suite, size_t cell);

/* Whether two suites run the same cells in the same order. */
bool suite_same_cells(const struct suite *a, const struct suite *b);

/* The cell's args with another value of --ops; the caller frees the words. */
struct words cell_args_with_ops(const struct cell *cell, uint64_t ops);

#endif
