/* gate.h: starts all workers at one moment and knows when the last one ended.
 *
 *     worker 0   ---create---| barrier |--spin--|=========work=========|
 *     worker 1   --------create--------|--------|=======work=======|
 *                                               t0                     t1
 *
 * The barrier sees to it that every thread exists and is awake; the spin then takes the wake-up
 * latencies out. t0 is taken by the last to arrive and t1 is the end of the last to finish, so
 * neither thread creation nor joining is in the metric.
 */
#ifndef ASHLAR_BENCH_GATE_H
#define ASHLAR_BENCH_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate {
    pthread_barrier_t barrier;         /* all workers exist */
    unsigned nworkers;                 /* how many there are */
    uint64_t start_ns;                 /* t0; written before `open` is stored */
    void (*before_start)(void *);      /* called by the last to arrive, just before t0 */
    void *before_start_arg;            /* its argument */
    _Alignas(64) atomic_uint narrived; /* workers past the barrier */
    _Alignas(64) atomic_bool open;     /* what the others spin on, alone in its line */
};

void gate_init(struct gate *gate, unsigned nworkers, void (*before_start)(void *), void *arg);

/* Returns in every worker at one moment, once all of them have called it. */
void gate_pass(struct gate *gate);

void gate_destroy(struct gate *gate);

#endif
