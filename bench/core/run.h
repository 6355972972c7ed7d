/* run.h: drives one workload from set-up to the last phase. See workload.h for the order. */
#ifndef ASHLAR_BENCH_RUN_H
#define ASHLAR_BENCH_RUN_H

#include "workload.h"

/* Runs the workload that `run` describes (workload, values, nthreads, ops, seed, ...). */
void run_all(struct run *run);

/* Blocks that came back changed, over all workers. */
uint64_t run_check_failures(const struct run *run);

#endif
