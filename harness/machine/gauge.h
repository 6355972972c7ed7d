/* gauge.h: a quick look at how this machine behaves, in figures.
 *
 *     1.0 s   a fixed loop of 20 ms, 50 times      how far equal work is from equal time; steal
 *     1.2 s   one thread and two, 6 times in turn  whether two processors are two cores
 *     0.2 s   first touches of pages               what fresh memory costs, and memory given back
 *     0.0 s   readings of the clock                its step and its price
 *
 * They say what a run on this machine can hope to see. They are no evidence about an allocator.
 */
#ifndef ASHLAR_MACHINE_GAUGE_H
#define ASHLAR_MACHINE_GAUGE_H

#include <jansson.h>
#include <stdbool.h>

struct gauges {
    double timer_step_ns;   /* smallest step that two readings of the clock showed */
    double timer_cost_ns;   /* of one reading */
    double loop_count;      /* 50, fewer on a busy machine */
    double loop_ms;         /* median time of the fixed loop */
    double loop_spread;     /* (90th percentile - 10th) / median */
    double loop_worst;      /* slowest / median - 1 */
    double steal_share;     /* of the processors' time, while the loop ran */
    double two_threads;     /* work done by two threads / by one in the same time, median */
    double two_threads_min; /* the least and the most of the six */
    double two_threads_max;
    double page_fresh_ns; /* first touch of a 4 KiB page that was just mapped */
    double page_again_ns; /* and after madvise(MADV_DONTNEED) */
    double huge_fresh_ns; /* first touch of a 2 MiB huge page; 0: the kernel gave none */
    double huge_again_ns;
};

/* Measures all; takes about 2.5 s. */
struct gauges gauges_measure(void);

/* The processors' time since boot, and what share of the time between two moments was stolen. */
struct cpu_times {
    double total, steal; /* ticks since boot */
};

struct cpu_times cpu_times_read(void);
double cpu_times_steal_share(struct cpu_times from, struct cpu_times to);

/* The same names as in the struct. gauges_from_json() is false when one is missing. */
json_t *gauges_to_json(const struct gauges *gauges);
bool gauges_from_json(const json_t *object, struct gauges *gauges);

#endif
