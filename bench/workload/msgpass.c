/* msgpass.c: producers send messages through queues that are built in the messages themselves.
 *
 *     producer --burst--> queue of a consumer --> free
 *                    \--> queue of a proxy ----> queue of lower index: a consumer's, or a proxy's
 *
 *     queue    top -> newest -> ... -> oldest        pushed by anyone with one compare and swap,
 *                                                    taken whole by its owner, who turns it round
 *
 * A burst is 1 to 16 messages of one size and goes to one random queue. Each message's links lie in
 * its own bytes, so a block is written by its maker, by its forwarders and by its consumer.
 *
 * Owners of empty queues look a few times and then sleep; producers sleep while too much is
 * underway, until half of it is gone. Nobody spins: with more threads than processors the one who
 * is waited for may need the processor.
 *
 * In a null run blocks overlap and cannot carry links. There each message lies in a spare of its
 * producer's, found by one more look a message.
 */
#include "core/worker.h"

#include <pthread.h>
#include <sched.h>

enum { OPTION_BURST, OPTION_BOUND, OPTION_PROXIES };

static const struct option options[] = {
    [OPTION_BURST] = {"burst", OPTION_COUNT, "16", 1, 1 << 16, NULL, false,
                      "the most messages sent at once"},
    [OPTION_BOUND] = {"bound", OPTION_COUNT, "4096", 1, 1 << 20, NULL, false,
                      "messages underway at which producers pause"},
    [OPTION_PROXIES] = {"proxies", OPTION_COUNT, "25", 0, 90, NULL, false,
                        "per cent of the threads that forward, rounded down"},
    {0},
};

static const uint32_t message_sizes[] = {48, 64, 96, 128};
#define NMESSAGE_SIZES (sizeof message_sizes / sizeof message_sizes[0])

/* Times that an owner gives way before it sleeps. */
#define LOOKS_BEFORE_SLEEP 16

/* The first bytes of a block. */
struct message {
    uint64_t stamp;              /* of --check */
    struct message *next;        /* in its queue or burst */
    _Atomic uint64_t size_bytes; /* 0: a spare that is free, in a null run */
};

/* Many push, one takes. */
struct queue {
    _Alignas(128) _Atomic(struct message *) top; /* the newest, NULL when empty */
    atomic_bool asleep;                          /* the owner waits for `filled` */
    pthread_mutex_t lock;                        /* of the sleep alone */
    pthread_cond_t filled;                       /* something was pushed, or all is over */
};

/* Shared by all workers. */
struct post_office {
    struct queue *queues; /* of the consumers, then of the proxies */
    unsigned nproducers, nconsumers, nproxies;
    uint64_t bound;                           /* --bound */
    _Alignas(128) _Atomic uint64_t nunderway; /* sent and not yet counted as freed */
    _Alignas(128) _Atomic uint64_t nleft;     /* of the whole run, not yet counted as freed */
    _Alignas(128) _Atomic unsigned npaused;   /* producers that wait for `room` */
    atomic_bool over;                         /* everything was freed */
    pthread_mutex_t lock;                     /* of the pause alone */
    pthread_cond_t room;                      /* half of the bound is free again */
};

/* The messages of one producer in a null run. */
struct spares {
    struct message *all;
    uint64_t count;
    uint64_t at; /* where to look next */
};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 6000000;
}

static void validate(const struct run *run)
{
    if (run->nthreads < 2) {
        die(EXIT_USAGE, "msgpass: --threads 1 does not fit; give 2 or more, a producer and a "
                        "consumer at least");
    }
}

static unsigned nqueues(const struct post_office *office)
{
    return office->nconsumers + office->nproxies;
}

/* Proxies by their percentage; the rest are producers and, one more if it is odd, consumers. */
static void assign_roles(const struct run *run, struct post_office *office)
{
    const unsigned wanted = run->nthreads * (unsigned)run->values[OPTION_PROXIES].lo / 100;
    office->nproxies = wanted > run->nthreads - 2 ? run->nthreads - 2 : wanted;
    office->nproducers = (run->nthreads - office->nproxies) / 2;
    office->nconsumers = run->nthreads - office->nproxies - office->nproducers;
}

/* More spares than messages can be underway, so that one is always free. */
static struct spares *spares_make(const struct run *run, const struct post_office *office)
{
    struct spares *spares = book_alloc(sizeof *spares);
    spares->count = office->bound + office->nproducers * run->values[OPTION_BURST].lo + 1;
    spares->all = book_alloc(spares->count * sizeof *spares->all);
    return spares;
}

static void setup(struct run *run)
{
    struct post_office *office = book_alloc(sizeof *office);
    assign_roles(run, office);
    office->bound = run->values[OPTION_BOUND].lo;
    atomic_init(&office->nleft, run->ops);
    pthread_mutex_init(&office->lock, NULL);
    pthread_cond_init(&office->room, NULL);
    office->queues = book_alloc(nqueues(office) * sizeof *office->queues);
    for (unsigned i = 0; i < nqueues(office); i++) {
        pthread_mutex_init(&office->queues[i].lock, NULL);
        pthread_cond_init(&office->queues[i].filled, NULL);
    }
    for (unsigned i = 0; run->null && i < office->nproducers; i++) {
        run->workers[i].own = spares_make(run, office);
    }
    run->shared = office;
}

static struct message *spare_take(struct spares *spares)
{
    for (;;) {
        struct message *spare = &spares->all[spares->at];
        spares->at = spares->at + 1 == spares->count ? 0 : spares->at + 1;
        if (atomic_load_explicit(&spare->size_bytes, memory_order_acquire) == 0) {
            return spare;
        }
    }
}

static struct message *message_new(struct worker *worker, uint64_t size_bytes)
{
    void *block = block_new(worker, size_bytes);
    struct message *message = worker->run->null ? spare_take(worker->own) : block;
    atomic_store_explicit(&message->size_bytes, size_bytes, memory_order_relaxed);
    return message;
}

static void message_end(struct worker *worker, struct message *message)
{
    const uint64_t size_bytes = atomic_load_explicit(&message->size_bytes, memory_order_relaxed);
    if (worker->run->null) {
        atomic_store_explicit(&message->size_bytes, 0, memory_order_release);
    }
    block_end(worker, message, size_bytes);
    if (worker->check_failures > 0) {
        /* A block with two owners may close a chain to a ring, and no end would be in sight. */
        die(EXIT_INTEGRITY, "msgpass: the run ends here, for its queues lie in these blocks");
    }
}

/* Wakes the owner of a queue. The lock keeps the signal from falling between its last look and its
 * sleep. */
static void wake(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

/* Pushes a chain. The order of the accesses to `top` and `asleep`, here and in wait_for(), is the
 * one total order: either the pusher sees the sleeper or the sleeper sees the push. */
static void push(struct queue *queue, struct message *newest, struct message *oldest)
{
    struct message *top = atomic_load_explicit(&queue->top, memory_order_relaxed);
    do {
        oldest->next = top;
    } while (!atomic_compare_exchange_weak(&queue->top, &top, newest));
    if (atomic_load(&queue->asleep)) {
        wake(queue);
    }
}

/* Returns when the queue is not empty, or everything is over. */
static void wait_for(const struct post_office *office, struct queue *queue)
{
    for (unsigned looks = 0; looks < LOOKS_BEFORE_SLEEP; looks++) {
        if (atomic_load_explicit(&queue->top, memory_order_relaxed) != NULL) {
            return;
        }
        sched_yield();
    }
    pthread_mutex_lock(&queue->lock);
    atomic_store(&queue->asleep, true);
    while (atomic_load(&queue->top) == NULL && !atomic_load(&office->over)) {
        pthread_cond_wait(&queue->filled, &queue->lock);
    }
    atomic_store(&queue->asleep, false);
    pthread_mutex_unlock(&queue->lock);
}

static struct message *turned_round(struct message *newest)
{
    struct message *oldest = NULL;
    while (newest != NULL) {
        struct message *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

/* Takes all that waits, the oldest first. Returns NULL when no message will come any more. */
static struct message *take_all(const struct post_office *office, struct queue *queue)
{
    for (;;) {
        struct message *newest = atomic_exchange(&queue->top, NULL);
        if (newest != NULL) {
            return turned_round(newest);
        }
        if (atomic_load(&office->over)) {
            return NULL;
        }
        wait_for(office, queue);
    }
}

/* Waits until half of the bound is free, if the bound is reached. */
static void pause_while_full(struct post_office *office)
{
    if (atomic_load(&office->nunderway) < office->bound) {
        return;
    }
    pthread_mutex_lock(&office->lock);
    atomic_fetch_add(&office->npaused, 1);
    while (atomic_load(&office->nunderway) > office->bound / 2) {
        pthread_cond_wait(&office->room, &office->lock);
    }
    atomic_fetch_sub(&office->npaused, 1);
    pthread_mutex_unlock(&office->lock);
}

static void end_of_all(struct post_office *office)
{
    atomic_store(&office->over, true);
    for (unsigned i = 0; i < nqueues(office); i++) {
        wake(&office->queues[i]);
    }
}

/* Counts `count` messages as freed. */
static void count_freed(struct post_office *office, uint64_t count)
{
    const uint64_t underway = atomic_fetch_sub(&office->nunderway, count) - count;
    if (underway <= office->bound / 2 && atomic_load(&office->npaused) > 0) {
        pthread_mutex_lock(&office->lock);
        pthread_cond_broadcast(&office->room);
        pthread_mutex_unlock(&office->lock);
    }
    if (atomic_fetch_sub(&office->nleft, count) == count) {
        end_of_all(office);
    }
}

static void send_burst(struct worker *worker, struct queue *queue, uint64_t count,
                       uint64_t size_bytes)
{
    struct message *oldest = message_new(worker, size_bytes);
    struct message *newest = oldest;
    for (uint64_t i = 1; i < count; i++) {
        struct message *message = message_new(worker, size_bytes);
        message->next = newest;
        newest = message;
    }
    push(queue, newest, oldest);
}

static void produce(struct worker *worker, struct post_office *office)
{
    const uint32_t most = (uint32_t)worker->run->values[OPTION_BURST].lo;
    struct prng prng = worker->prng;
    uint64_t left = share(worker->run->ops, office->nproducers, worker->index);
    while (left > 0) {
        const uint64_t bits = prng_next(&prng);
        const uint64_t wanted = 1 + scale_bits((uint32_t)bits, most);
        const uint64_t count = wanted < left ? wanted : left;
        const uint64_t size_bytes = message_sizes[bits >> 32 & (NMESSAGE_SIZES - 1)];
        const uint32_t to = scale_bits((uint32_t)prng_next(&prng), nqueues(office));
        pause_while_full(office);
        /* Before the push: a consumer must never count down what was not yet counted up. */
        atomic_fetch_add(&office->nunderway, count);
        send_burst(worker, &office->queues[to], count, size_bytes);
        left -= count;
    }
}

static void consume(struct worker *worker, struct post_office *office, unsigned index)
{
    struct message *message;
    while ((message = take_all(office, &office->queues[index])) != NULL) {
        uint64_t count = 0;
        while (message != NULL) {
            struct message *next = message->next;
            message_end(worker, message);
            message = next;
            count++;
        }
        count_freed(office, count);
    }
}

static void forward(struct worker *worker, struct post_office *office, unsigned index)
{
    struct message *message;
    while ((message = take_all(office, &office->queues[index])) != NULL) {
        while (message != NULL) {
            struct message *next = message->next;
            const uint32_t to = scale_bits((uint32_t)prng_next(&worker->prng), index);
            push(&office->queues[to], message, message);
            message = next;
        }
    }
}

static void work(struct worker *worker)
{
    struct post_office *office = worker->run->shared;
    const unsigned index = worker->index - office->nproducers; /* of its queue, if it has one */
    if (worker->index < office->nproducers) {
        produce(worker, office);
    } else if (index < office->nconsumers) {
        consume(worker, office, index);
    } else {
        forward(worker, office, index);
    }
}

static void drain(struct run *run)
{
    const struct post_office *office = run->shared;
    run_counter(run, "producers", office->nproducers);
    run_counter(run, "consumers", office->nconsumers);
    run_counter(run, "proxies", office->nproxies);
}

const struct workload workload_msgpass = {
    .name = "msgpass",
    .imitates = "actors: small messages from many senders, some forwarded, freed by the receiver",
    .source = "perf/msgpass of snmalloc, by Nathaniel Wesley Filardo, 2022",
    .blind_to = "memory and locality: little is live; with more threads than processors it shows "
                "the scheduler",
    .options = options,
    .presets =
        (const struct preset[]){
            {"snmalloc",
             "msgpass.cc of snmalloc: 3 producers, 3 consumers, 2 proxies, 1048576 bursts a "
             "producer of 1 to 16 messages, 4096 outstanding",
             "--threads 8 --proxies 25 --burst 16 --bound 4096 --ops 26738688"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 2", "--threads 8", NULL},
    .threads_default = 8,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .fresh_threads = true,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
    .drain = drain,
};
