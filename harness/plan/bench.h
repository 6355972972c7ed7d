/* bench.h: how the measured programs are called, and what they say without running.
 *
 *     ashlar-bench larson --threads 2 --ops N               a cell
 *     ashlar-bench larson --threads 2 --ops N --null        the price of its loop
 *     ashlar-micro --benchmark_filter=^BM_calloc/64$        a row of Google Benchmark
 *     programs/sqlite3.sh --ops N                           the driver of a real program
 */
#ifndef ASHLAR_PLAN_BENCH_H
#define ASHLAR_PLAN_BENCH_H

#include "plan/plan.h"

enum bench_mode {
    BENCH_TIMED, /* the cell as it stands */
    BENCH_NULL,  /* the same loop without an allocator; for a micro row: the program without work.
                    A real program has no such run */
};

/* The argument vector of a cell; `ops` replaces the cell's own when it is not 0. */
struct words bench_argv(const struct plan *plan, const struct cell *cell, enum bench_mode mode,
                        uint64_t ops);

/* The environment variable that brings the library: LD_PRELOAD (NULL), but for a driver, which is
 * not measured and hands it on to the program that is. */
const char *bench_preload_as(const struct cell *cell);

/* What its processes find in the environment: the allocator's variables, and the cell's number as
 * ASHLAR_CELL, so that one library can do something else in each cell (plant/plant.c does). */
struct words bench_env(const struct cell *cell, const struct allocator *under);

/* Asks the program about a cell: fills cell->params and the entry points that it needs. An unknown
 * workload or option is EXIT_USAGE with the program's own words. */
bool bench_describe(const struct plan *plan, struct cell *cell, struct words *needed,
                    struct failure *why);

/* All workloads as the bench lists them (a JSON array), NULL and a failure when it cannot be asked.
 */
json_t *bench_list(const char *bench, struct failure *why);

#endif
