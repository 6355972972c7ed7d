/* mean.h: the geometric mean of a contender over the workloads, one a metric.
 *
 *     workload     its primary cells     mean of log ratios
 *     larson       T=2                   a
 *     fastpath     64, 1024              (b + c) / 2          exp((a + (b+c)/2 + ...) / workloads)
 *
 * A cell that failed, or whose peak is judged by difference or still holds the process's own pages,
 * has no ratio that may be averaged: it is left out and named.
 */
#ifndef ASHLAR_JUDGE_MEAN_H
#define ASHLAR_JUDGE_MEAN_H

#include "verdict.h"

/* Bootstrap replicates: the ends of the interval then move by less than a tenth of its width
 * between two seeds. */
#define MEAN_REPLICATES 2000

/* Fills judgement->means from its findings. False without memory. */
bool mean_all(const struct samples *run, struct judgement *judgement);

#endif
