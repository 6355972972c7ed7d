/* gate.c: the start of all workers at one moment. See gate.h. */
#include "gate.h"

#include <sched.h>

#include "phase.h"
#include "say.h"

/* After so many looks a spinner lets others run: with more threads than processors the last
 * worker may be waiting for the very processor that spins. */
#define LOOKS_BEFORE_YIELD 2000

void gate_init(struct gate *gate, unsigned nworkers, void (*before_start)(void *), void *arg)
{
    if (pthread_barrier_init(&gate->barrier, NULL, nworkers) != 0) {
        die(EXIT_MEMORY, "cannot make a barrier for %u threads; ask for fewer", nworkers);
    }
    gate->nworkers = nworkers;
    gate->start_ns = 0;
    gate->before_start = before_start;
    gate->before_start_arg = arg;
    atomic_init(&gate->narrived, 0);
    atomic_init(&gate->open, false);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

void gate_pass(struct gate *gate)
{
    pthread_barrier_wait(&gate->barrier);
    if (atomic_fetch_add(&gate->narrived, 1) + 1 == gate->nworkers) {
        if (gate->before_start != NULL) {
            gate->before_start(gate->before_start_arg);
        }
        gate->start_ns = now_ns();
        atomic_store_explicit(&gate->open, true, memory_order_release);
        return;
    }
    for (unsigned looks = 1; !atomic_load_explicit(&gate->open, memory_order_acquire); looks++) {
        if (looks % LOOKS_BEFORE_YIELD == 0) {
            sched_yield();
        } else {
            relax();
        }
    }
}

void gate_destroy(struct gate *gate)
{
    pthread_barrier_destroy(&gate->barrier);
}
