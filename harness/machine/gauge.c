/* gauge.c: see gauge.h. */
#include "machine/gauge.h"

#include "machine/environment.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LOOPS 50
#define LOOP_NS 20000000.0
#define LOOPS_MIN 10            /* fewer say nothing of a spread */
#define LOOPS_MAX_NS 1500000000 /* on a busy machine: fewer loops, not a longer wait */
#define TRIALS 5                /* the quickest of these is the one that nobody disturbed */
#define PAIRS 6
#define PAIR_NS 100000000.0 /* of each half of a pair: long enough to outlast a time slice */
#define READINGS 20000
#define TOUCHED_BYTES ((size_t)32 << 20) /* 8192 pages or 16 huge ones */
#define PAGE_BYTES ((size_t)4096)
#define HUGE_BYTES ((size_t)2 << 20)

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Four chains of multiplications that do not wait for each other: they keep one core's units busy,
 * so that a second thread of the same core finds little left. */
static uint64_t work(uint64_t rounds, uint64_t seed)
{
    uint64_t a = seed | 1, b = seed + 2, c = seed + 3, d = seed + 4;

    for (uint64_t i = 0; i < rounds; i++) {
        a = a * 0x9e3779b97f4a7c15u + i;
        b = (b ^ (b >> 29)) + a;
        c = c * 0xbf58476d1ce4e5b9u + i;
        d = (d ^ (d >> 31)) + c;
    }
    return a ^ b ^ c ^ d;
}

static _Atomic uint64_t sink; /* what is computed has to go somewhere */

static double time_of_work(uint64_t rounds)
{
    double from = now_ns();

    sink = work(rounds, (uint64_t)from);
    return now_ns() - from;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void gauge_timer(struct gauges *gauges)
{
    double from = now_ns(), last = from, at = from, step = 0;

    for (int i = 0; i < READINGS; i++, last = at) {
        at = now_ns();
        if (at > last && (step == 0 || at - last < step))
            step = at - last;
    }
    gauges->timer_step_ns = step;
    gauges->timer_cost_ns = (at - from) / READINGS;
}

struct cpu_times cpu_times_read(void)
{
    struct cpu_times times = {0, 0};
    char *text = environment_read("/proc/stat");
    char *at = text != NULL && strncmp(text, "cpu ", 4) == 0 ? text + 4 : NULL;

    /* user nice system idle iowait irq softirq steal; guest times are within user. */
    for (int i = 0; at != NULL && i < 8; i++) {
        double ticks = strtod(at, &at);

        times.total += ticks;
        times.steal = i == 7 ? ticks : 0;
    }
    free(text);
    return times;
}

double cpu_times_steal_share(struct cpu_times from, struct cpu_times to)
{
    return to.total > from.total ? (to.steal - from.steal) / (to.total - from.total) : 0;
}

/* Time is stolen only from a processor that has something to do, so steal is read across the loop.
 */
static void gauge_loop(struct gauges *gauges)
{
    uint64_t rounds = 1000000;
    double times[LOOPS], quickest = 0, from;
    struct cpu_times before;
    int done = 0;

    for (int i = 0; i < TRIALS; i++) {
        double time = time_of_work(rounds);

        quickest = quickest == 0 || time < quickest ? time : quickest;
    }
    rounds = (uint64_t)((double)rounds * LOOP_NS / (quickest > 0 ? quickest : 1));
    before = cpu_times_read();
    from = now_ns();
    while (done < LOOPS && (done < LOOPS_MIN || now_ns() - from < LOOPS_MAX_NS))
        times[done++] = time_of_work(rounds);
    gauges->steal_share = cpu_times_steal_share(before, cpu_times_read());
    qsort(times, (size_t)done, sizeof times[0], ascending);
    gauges->loop_count = done;
    gauges->loop_ms = times[done / 2] / 1e6;
    gauges->loop_spread = (times[done - done / 10 - 1] - times[done / 10]) / times[done / 2];
    gauges->loop_worst = times[done - 1] / times[done / 2] - 1;
}

struct worker {
    pthread_barrier_t *start;
    double rounds_per_ns;
};

static void *labour(void *arg)
{
    struct worker *worker = arg;
    double from, at, done = 0;

    pthread_barrier_wait(worker->start);
    from = now_ns();
    do {
        sink = work(10000, (uint64_t)from);
        done += 10000;
        at = now_ns();
    } while (at - from < PAIR_NS);
    worker->rounds_per_ns = done / (at - from);
    return NULL;
}

/* Rounds per ns of `count` threads together, 0 when a thread cannot be had. */
static double pace_of(unsigned count)
{
    pthread_t second;
    pthread_barrier_t start;
    struct worker workers[2] = {{&start, 0}, {&start, 0}};
    bool threaded = count == 2;

    if (pthread_barrier_init(&start, NULL, count) != 0)
        return 0;
    if (threaded && pthread_create(&second, NULL, labour, &workers[1]) != 0) {
        pthread_barrier_destroy(&start);
        return 0;
    }
    labour(&workers[0]);
    if (threaded)
        pthread_join(second, NULL);
    pthread_barrier_destroy(&start);
    return workers[0].rounds_per_ns + workers[1].rounds_per_ns;
}

static void gauge_threads(struct gauges *gauges)
{
    double ratios[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        double one = pace_of(1), two = pace_of(2);

        ratios[i] = one > 0 ? two / one : 0;
    }
    qsort(ratios, PAIRS, sizeof ratios[0], ascending);
    gauges->two_threads = (ratios[PAIRS / 2 - 1] + ratios[PAIRS / 2]) / 2;
    gauges->two_threads_min = ratios[0];
    gauges->two_threads_max = ratios[PAIRS - 1];
}

/* Mean time of a first write to each step of the range. */
static double touch(volatile char *at, size_t step_bytes)
{
    double from = now_ns();

    for (size_t i = 0; i < TOUCHED_BYTES; i += step_bytes)
        at[i] = 1;
    return (now_ns() - from) / (double)(TOUCHED_BYTES / step_bytes);
}

/* Whether a write to the first byte of a huge page has brought the rest of it. */
static bool whole_page_came(char *at)
{
    unsigned char resident[2] = {0, 0};

    return mincore(at, 2 * PAGE_BYTES, resident) == 0 && (resident[1] & 1) != 0;
}

static void gauge_touch(int advice, size_t step_bytes, double *fresh_ns, double *again_ns)
{
    size_t mapped_bytes = TOUCHED_BYTES + HUGE_BYTES;
    char *map =
        mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *at;

    *fresh_ns = *again_ns = 0;
    if (map == MAP_FAILED)
        return;
    at = (char *)(((uintptr_t)map + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
    /* A kernel without huge pages refuses the advice, and then there are none to measure. */
    if (madvise(at, TOUCHED_BYTES, advice) == 0 || advice == MADV_NOHUGEPAGE) {
        double fresh = touch(at, step_bytes), again = 0;
        bool came = step_bytes == PAGE_BYTES || whole_page_came(at);

        if (madvise(at, TOUCHED_BYTES, MADV_DONTNEED) == 0)
            again = touch(at, step_bytes);
        if (came) {
            *fresh_ns = fresh;
            *again_ns = again;
        }
    }
    munmap(map, mapped_bytes);
}

struct gauges gauges_measure(void)
{
    struct gauges gauges = {0};

    gauge_timer(&gauges);
    gauge_touch(MADV_NOHUGEPAGE, PAGE_BYTES, &gauges.page_fresh_ns, &gauges.page_again_ns);
    gauge_touch(MADV_HUGEPAGE, HUGE_BYTES, &gauges.huge_fresh_ns, &gauges.huge_again_ns);
    gauge_loop(&gauges);
    gauge_threads(&gauges);
    return gauges;
}

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"timer_step_ns", offsetof(struct gauges, timer_step_ns)},
    {"timer_cost_ns", offsetof(struct gauges, timer_cost_ns)},
    {"loop_count", offsetof(struct gauges, loop_count)},
    {"loop_ms", offsetof(struct gauges, loop_ms)},
    {"loop_spread", offsetof(struct gauges, loop_spread)},
    {"loop_worst", offsetof(struct gauges, loop_worst)},
    {"steal_share", offsetof(struct gauges, steal_share)},
    {"two_threads", offsetof(struct gauges, two_threads)},
    {"two_threads_min", offsetof(struct gauges, two_threads_min)},
    {"two_threads_max", offsetof(struct gauges, two_threads_max)},
    {"page_fresh_ns", offsetof(struct gauges, page_fresh_ns)},
    {"page_again_ns", offsetof(struct gauges, page_again_ns)},
    {"huge_fresh_ns", offsetof(struct gauges, huge_fresh_ns)},
    {"huge_again_ns", offsetof(struct gauges, huge_again_ns)},
};

#define FIELDS (sizeof fields / sizeof fields[0])

_Static_assert(FIELDS * sizeof(double) == sizeof(struct gauges), "a gauge without a name");

json_t *gauges_to_json(const struct gauges *gauges)
{
    json_t *object = json_object();

    for (size_t i = 0; i < FIELDS; i++)
        json_object_set_new(object, fields[i].name,
                            json_real(*(const double *)((const char *)gauges + fields[i].offset)));
    return object;
}

bool gauges_from_json(const json_t *object, struct gauges *gauges)
{
    for (size_t i = 0; i < FIELDS; i++) {
        const json_t *value = json_object_get(object, fields[i].name);

        if (!json_is_number(value))
            return false;
        *(double *)((char *)gauges + fields[i].offset) = json_number_value(value);
    }
    return true;
}
