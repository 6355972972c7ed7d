/* run.c: drives one workload. See run.h for the interface and workload.h for the order of calls.
 *
 * Workers persist over generations; only their threads are new in each. Their stacks are ours too
 * (book.h) and are used again by the next generation.
 */
#include "run.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "book.h"
#include "layout.h"
#include "phase.h"

/* Holds the frames of a workload and the thread-local data of any preloaded allocator. */
#define STACK_BYTES ((size_t)512 << 10)

void run_counter(struct run *run, const char *name, uint64_t value)
{
    if (run->ncounters == COUNTERS_MAX) {
        die(EXIT_INTEGRITY, "%s: more than %d counters; raise COUNTERS_MAX", run->workload->name,
            COUNTERS_MAX);
    }
    run->counters[run->ncounters++] = (struct counter){name, value};
}

void run_series(struct run *run, const char *name, uint64_t index, uint64_t count, uint64_t value)
{
    struct series *series = &run->series;
    const uint64_t stride = (count + SERIES_LEN_MAX - 1) / SERIES_LEN_MAX;
    series->name = name;
    if (index % stride == 0) {
        series->values[series->len++] = value;
    }
}

uint64_t run_check_failures(const struct run *run)
{
    uint64_t failures = run->host->check_failures;
    for (unsigned i = 0; i < run->nthreads; i++) {
        failures += run->workers[i].check_failures;
    }
    return failures;
}

static void worker_init(struct run *run, struct worker *worker, unsigned index)
{
    uint64_t cookie_state = run->seed;
    memset(worker, 0, sizeof *worker);
    worker->heap = run->null ? heap_null : run->layout ? heap_layout : heap_system;
    worker->live.shared = run->live;
    prng_seed(&worker->prng, run->seed, index);
    worker->touch = run->touch;
    worker->check = run->check;
    worker->window_mask = run->null ? NULL_WINDOW - 1 : SIZE_MAX;
    /* One for all workers: a block is often freed by another worker than its maker. */
    worker->cookie = splitmix64(&cookie_state);
    worker->ops = index < run->nthreads ? share(run->ops, run->nthreads, index) : 0;
    worker->index = index;
    worker->run = run;
    worker->ring = run->null ? book_reserve(2 * NULL_WINDOW) : NULL;
}

static void workers_create(struct run *run)
{
    struct worker *all = book_alloc((run->nthreads + 1) * sizeof *all);
    for (unsigned i = 0; i <= run->nthreads; i++) {
        worker_init(run, &all[i], i);
    }
    run->workers = all;
    run->host = &all[run->nthreads];
}

/* Whether the main thread is the one worker. */
static bool stays_in_main(const struct run *run)
{
    const struct workload *workload = run->workload;
    return run->nthreads == 1 && !workload->fresh_threads &&
           (workload->off_main == NULL || !workload->off_main(run));
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct run *run = worker->run;
    if (run->null) {
        heap_null_enter(worker->ring);
    }
    if (run->layout && !stays_in_main(run)) {
        layout_enter(1 + worker->generation * run->nthreads + worker->index);
    }
    gate_pass(&run->gate);
    run->workload->work(worker);
    worker->end_ns = now_ns();
    live_flush(&worker->live);
    return NULL;
}

static pthread_t thread_start(struct worker *worker)
{
    if (worker->stack == NULL) {
        worker->stack = book_stack(STACK_BYTES);
    }
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, worker->stack, STACK_BYTES);
    const int error = pthread_create(&thread, &attributes, worker_main, worker);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        /* The others wait at the barrier for a thread that will never come. */
        die(EXIT_MEMORY, "%s: cannot create thread %u of %u (errno %d); lower --threads",
            worker->run->workload->name, worker->index + 1, worker->run->nthreads, error);
    }
    return thread;
}

static void announce_start(void *arg)
{
    const struct run *run = arg;
    phase_announce(PHASE_BEGIN, 0);
    if (!run->workload->announces_active) {
        phase_announce(PHASE_ACTIVE, 0);
    }
}

/* Adds the timed part of the generation that just ended. */
static void generation_account(struct run *run)
{
    uint64_t last_ns = run->gate.start_ns;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        worker->busy_ns += worker->end_ns - run->gate.start_ns;
        last_ns = worker->end_ns > last_ns ? worker->end_ns : last_ns;
    }
    run->elapsed_ns += last_ns - run->gate.start_ns;
}

static void generation_run(struct run *run, unsigned generation)
{
    gate_init(&run->gate, run->nthreads, generation == 0 ? announce_start : NULL, run);
    for (unsigned i = 0; i < run->nthreads; i++) {
        run->workers[i].generation = generation;
    }
    if (stays_in_main(run)) {
        worker_main(&run->workers[0]);
    } else {
        pthread_t threads[THREADS_MAX];
        for (unsigned i = 0; i < run->nthreads; i++) {
            threads[i] = thread_start(&run->workers[i]);
        }
        for (unsigned i = 0; i < run->nthreads; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    generation_account(run);
    gate_destroy(&run->gate);
}

static void idle(uint64_t idle_ms)
{
    phase_announce(PHASE_IDLE, 0);
    struct timespec rest = {(time_t)(idle_ms / 1000), (long)(idle_ms % 1000) * 1000000};
    while (nanosleep(&rest, &rest) != 0) {
    }
}

void run_all(struct run *run)
{
    const struct workload *workload = run->workload;
    run->live = live_open();
    workers_create(run);
    if (run->layout) {
        layout_begin();
    }
    if (run->null) {
        heap_null_enter(run->host->ring);
    }
    workload->setup(run);
    live_flush(&run->host->live);
    phase_announce(PHASE_READY, 0);

    const unsigned generations = workload->generations == NULL ? 1 : workload->generations(run);
    for (unsigned i = 0; i < generations; i++) {
        if (workload->rest != NULL) {
            workload->rest(run, i);
        }
        generation_run(run, i);
    }
    if (workload->drain != NULL) {
        if (run->null) {
            /* A single worker on the main thread has put its own ring in place. */
            heap_null_enter(run->host->ring);
        }
        workload->drain(run);
        live_flush(&run->host->live);
    }
    phase_announce(PHASE_DRAINED, 0);
    idle(run->idle_ms);
}
