/* calls.h: system calls and minor faults that were counted exactly, in processes that were traced.
 *
 *     run            0    1
 *     madvise       75   75        what 3/4 of the pass's work called: set-up is not in it
 *     mmap           2    2
 *     futex          9    4        in a cell of several threads: who waited for whom
 *     judged        77   77        agree, so that a difference to another build is the build's
 *
 * In a cell of several threads futex and sched_yield tell of the scheduler; they are shown and do
 * not count. The runs of a build have to agree within half of what a gate allows by itself, so that
 * what they differ by cannot make a regression. There is no test: the figures are exact, and a
 * difference is judged against a fixed threshold.
 */
#ifndef ASHLAR_JUDGE_CALLS_H
#define ASHLAR_JUDGE_CALLS_H

#include "samples.h"

#include <stdio.h>

/* Below it a difference is never a regression: two calls more or less are a page of books more or
 * less, and half a per cent of ten calls is none. Of faults, the pages of one such call. */
#define CALLS_LEAST_CALLS 2.0
#define CALLS_LEAST_FAULTS 16.0

/* Runs agree within this share of the larger, or within half of the least. */
#define CALLS_REPEAT 0.0025

enum calls_metric { CALLS_SYSCALLS, CALLS_FAULTS };

/* A cell under the baseline and a contender. */
struct calls_pair {
    double baseline;  /* mean of the runs */
    double contender; /* likewise, for as many operations as the baseline did */
    bool repeats;     /* on both sides the runs agree */
};

/* Whether the baseline's counts are those of an earlier run. */
bool calls_stored(const struct samples *run, size_t cell);

/* False: the cell was not counted under one of the two. */
bool calls_compare(const struct samples *run, size_t cell, size_t contender,
                   enum calls_metric metric, struct calls_pair *out);

/* What a contender may have more, with a budget of .005 for half a per cent. */
double calls_allowed(enum calls_metric metric, double budget, double baseline);

/* Room for what calls_changes says. */
#define CALLS_CHANGES_SIZE 160

/* "madvise 0 to 75, mmap 4 to 2": what changed, most of it first, three at most; "" when nothing
 * did. Returns buf. */
char *calls_changes(const struct samples *run, size_t cell, size_t contender, char *buf,
                    size_t size);

/* A row a cell and contender, in the plan's order; a new reference, NULL without memory.
 *
 *     {"cell","label","workload","params","threads","contender","metric":"syscalls",
 *      "baseline_calls":F,"contender_calls":F,"ops","repeats",
 *      "minor_faults":{"baseline","contender","repeats"},"changes":"madvise 0 to 75",
 *      "calls":[{"name","baseline","contender"}, ...]}          what changed most first
 */
json_t *calls_judge(const struct samples *run);

/* The rows as text, for a terminal and for report.md. Nothing where there are no rows. */
void calls_print(const json_t *rows, FILE *out);
void calls_markdown(const json_t *rows, FILE *out);

#endif
