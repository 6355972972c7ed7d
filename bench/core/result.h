/* result.h: the one line of JSON that a run prints, and the text behind --list and --help. */
#ifndef ASHLAR_BENCH_RESULT_H
#define ASHLAR_BENCH_RESULT_H

#include "workload.h"

/* The result of a finished run, schema ashlar-bench-1. */
void result_print(const struct run *run);

/* The same keys as far as they are known without running: what --describe prints. */
void result_describe(const struct run *run);

/* One line of JSON for a workload: what --list prints. `defaults` is its run without options,
 * `common` the table of shared options. */
void result_list(const struct run *defaults, const struct option *common);

#endif
