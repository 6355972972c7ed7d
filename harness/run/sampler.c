/* sampler.c: see sampler.h. */
#include "run/sampler.h"

#include "run/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define FD_FROM 10                        /* above the numbers that the launcher uses */
#define SHARE 200                         /* readings in turn take one part in so many, */
                                          /* and those of crests another */
#define WORK_EVERY_NS UINT64_C(2000000)   /* at most so often: a curve needs no more */
#define IDLE_EVERY_NS UINT64_C(100000000) /* the same after DRAINED */
#define TORN_SHARE 0.05                   /* of the live bytes: changed during a torn reading, */
#define TORN_TRIES 3                      /* which is taken so often at most */

/* The page of bench/core/live.h. */
struct live_page {
    _Alignas(128) atomic_llong total;
    _Alignas(128) atomic_llong peak;
    _Alignas(128) atomic_llong pid;
};

/* A record of bench/core/phase.h. */
struct phase_record {
    uint32_t phase, thread;
    uint64_t monotonic_ns;
};

/* When, after DRAINED, a reading is asked for. */
static const struct {
    uint64_t after_ns;
    const char *name;
} drains[] = {
    {UINT64_C(100000000), "0.1"},
    {UINT64_C(1000000000), "1"},
    {UINT64_C(5000000000), "5"},
    {UINT64_C(12000000000), "12"},
};
#define DRAINS (sizeof drains / sizeof drains[0])

struct sampler {
    struct watched *watched;
    struct live_page *page;
    int phase_fd;      /* our end of the pipe */
    int rollup_fd;     /* /proc/PID/smaps_rollup, -1 until the process has said its pid */
    uint64_t due_ns;   /* of the next regular reading */
    size_t drain;      /* the next of `drains` */
    uint64_t first_ns; /* of the first reading */
    uint64_t crest_ns; /* spent in readings of crests */
};

/* ---- a reading ---- */

static long field_of(const char *text, const char *name)
{
    const char *found = strstr(text, name);

    return found != NULL ? atol(found + strlen(name)) : 0;
}

/* False when the process is gone. */
static bool read_rollup(struct sampler *sampler, struct reading_point *point)
{
    char text[PAGE_BYTES];
    ssize_t len = pread(sampler->rollup_fd, text, sizeof text - 1, 0);

    if (len <= 0)
        return false;
    text[len] = '\0';
    point->rss_kib = field_of(text, "\nRss:");
    point->pss_kib = field_of(text, "\nPss:");
    point->dirty_kib = field_of(text, "\nPrivate_Dirty:");
    point->lazyfree_kib = field_of(text, "\nLazyFree:");
    point->huge_kib = field_of(text, "\nAnonHugePages:");
    return point->rss_kib > 0;
}

static bool open_rollup(struct sampler *sampler)
{
    long long pid = atomic_load(&sampler->page->pid);
    char path[64];

    if (sampler->rollup_fd >= 0 || pid == 0)
        return sampler->rollup_fd >= 0;
    snprintf(path, sizeof path, "/proc/%lld/smaps_rollup", pid);
    sampler->rollup_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (sampler->rollup_fd < 0 && errno != ENOENT && errno != ESRCH)
        snprintf(sampler->watched->trouble, sizeof sampler->watched->trouble,
                 "%s cannot be read (%s)", path, strerror(errno));
    return sampler->rollup_fd >= 0;
}

/* When so much reading is no more than its share of the time. */
static uint64_t due_by_budget(const struct sampler *sampler, uint64_t spent_ns)
{
    return sampler->first_ns + SHARE * spent_ns;
}

static uint64_t spent_cpu_ns(void)
{
    struct timespec spent;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * UINT64_C(1000000000) + (uint64_t)spent.tv_nsec;
}

/* Resident memory and live bytes of one moment. Where live bytes changed meanwhile (the sampler may
 * have lost its processor between the two), they belong to two moments and their ratio to none, so
 * they are read again; of a program that never rests the last try counts, with the mean of before
 * and after. False when the process is gone. */
static bool read_moment(struct sampler *sampler, struct reading_point *point)
{
    double before = (double)atomic_load(&sampler->page->total), after = before;

    for (int i = 0; i < TORN_TRIES; i++) {
        before = after;
        if (!read_rollup(sampler, point))
            return false;
        after = (double)atomic_load(&sampler->page->total);
        if (fabs(after - before) <= TORN_SHARE * fmax(after, before))
            break;
    }
    point->at_ns = progress_now_ns();
    point->live_kib = (before + after) / 2 / 1024;
    return true;
}

/* `drained` names a reading that was asked for at a certain time, else NULL. What it costs is
 * told in processor time (sampler.h). */
static void take_reading(struct sampler *sampler, const char *drained, bool crest)
{
    struct watched *watched = sampler->watched;
    struct reading_point point = {.drained = drained, .crest = crest};
    uint64_t from_ns = progress_now_ns(), cpu_ns = spent_cpu_ns();
    uint64_t every_ns =
        curve_mark_ns(&watched->curve, MARK_DRAINED) != 0 ? IDLE_EVERY_NS : WORK_EVERY_NS;
    bool there = open_rollup(sampler) && read_moment(sampler, &point);
    uint64_t to_ns = progress_now_ns();

    cpu_ns = spent_cpu_ns() - cpu_ns;
    if (!crest)
        sampler->due_ns = to_ns + every_ns;
    if (!there)
        return;
    curve_add(&watched->curve, &point);
    sampler->first_ns = sampler->first_ns != 0 ? sampler->first_ns : from_ns;
    watched->read_ns += cpu_ns;
    watched->span_ns = to_ns - sampler->first_ns;
    if (crest)
        sampler->crest_ns += cpu_ns;
    else if (sampler->due_ns < due_by_budget(sampler, watched->read_ns - sampler->crest_ns))
        sampler->due_ns = due_by_budget(sampler, watched->read_ns - sampler->crest_ns);
}

/* ---- time ---- */

/* True when the working set has been reached just now. */
static bool take_marks(struct sampler *sampler)
{
    struct phase_record record;
    bool crest = false;

    while (read(sampler->phase_fd, &record, sizeof record) == sizeof record) {
        if (record.phase < MARKS)
            curve_mark(&sampler->watched->curve, (enum mark)record.phase, record.monotonic_ns);
        crest = record.phase == MARK_ACTIVE;
    }
    return crest;
}

static bool crest_is_affordable(const struct sampler *sampler)
{
    return sampler->first_ns != 0 && progress_now_ns() >= due_by_budget(sampler, sampler->crest_ns);
}

/* When the next reading of the drain is due; UINT64_MAX: none. */
static uint64_t drain_due_ns(const struct sampler *sampler)
{
    uint64_t drained_ns = curve_mark_ns(&sampler->watched->curve, MARK_DRAINED);

    return drained_ns == 0 || sampler->drain == DRAINS
               ? UINT64_MAX
               : drained_ns + drains[sampler->drain].after_ns;
}

static void read_what_is_due(struct sampler *sampler)
{
    uint64_t now_ns = progress_now_ns();

    if (now_ns >= drain_due_ns(sampler))
        take_reading(sampler, drains[sampler->drain++].name, false);
    else if (now_ns >= sampler->due_ns)
        take_reading(sampler, NULL, false);
}

static int wait_ms(const struct sampler *sampler)
{
    uint64_t now_ns = progress_now_ns(), due_ns = drain_due_ns(sampler);

    due_ns = due_ns < sampler->due_ns ? due_ns : sampler->due_ns;
    return due_ns <= now_ns ? 0 : (int)((due_ns - now_ns) / 1000000 + 1);
}

static void watch(struct sampler *sampler, bool reading)
{
    struct child *child = &sampler->watched->child;

    while (!child_wait_for(child, sampler->phase_fd, reading ? wait_ms(sampler) : 100)) {
        bool crest = take_marks(sampler);

        if (reading && crest && crest_is_affordable(sampler))
            take_reading(sampler, NULL, true);
        else if (reading)
            read_what_is_due(sampler);
    }
    take_marks(sampler);
}

/* ---- set-up ---- */

/* A descriptor above the launcher's numbers; closes the old one. */
static int lift(int fd)
{
    int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, FD_FROM) : -1;

    if (fd >= 0)
        close(fd);
    return high;
}

static bool open_channels(struct sampler *sampler, int hand_on[2])
{
    int pair[2], page_fd = memfd_create("ashlar-live", MFD_CLOEXEC);

    sampler->page = MAP_FAILED;
    hand_on[0] = hand_on[1] = -1;
    if (pipe2(pair, O_CLOEXEC) != 0) {
        close(page_fd);
        return false;
    }
    sampler->phase_fd = pair[0];
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    hand_on[0] = lift(pair[1]);
    hand_on[1] = lift(page_fd);
    if (hand_on[1] >= 0 && ftruncate(hand_on[1], PAGE_BYTES) == 0)
        sampler->page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, hand_on[1], 0);
    return hand_on[0] >= 0 && sampler->page != MAP_FAILED;
}

static void close_channels(struct sampler *sampler)
{
    if (sampler->phase_fd >= 0)
        close(sampler->phase_fd);
    if (sampler->rollup_fd >= 0)
        close(sampler->rollup_fd);
    if (sampler->page != MAP_FAILED)
        munmap(sampler->page, PAGE_BYTES);
}

static bool start(struct sampler *sampler, const struct child_order *order, struct failure *why)
{
    struct child_order handing = *order;
    struct words env = {0};
    int hand_on[2];
    bool ok = open_channels(sampler, hand_on);

    if (!ok)
        fail(why, EXIT_USAGE, "no pipe or shared page can be opened (%s); close some programs",
             strerror(errno));
    words_add_all(&env, order->env);
    words_add(&env, "ASHLAR_PHASE_FD=3");
    words_add(&env, "ASHLAR_LIVE_FD=4");
    handing.env = env.at;
    handing.hand_on = hand_on;
    ok = ok && child_start(&sampler->watched->child, &handing, why);
    words_free(&env);
    for (int i = 0; i < 2; i++)
        if (hand_on[i] >= 0)
            close(hand_on[i]);
    return ok;
}

/* Without its marks a curve has no beginning and no end, and its figures would be of anything. */
static void find_trouble(struct sampler *sampler, bool reading)
{
    struct watched *watched = sampler->watched;
    const char *what = NULL;

    if (watched->trouble[0] != '\0')
        return;
    if (atomic_load(&sampler->page->pid) == 0)
        what = "the program published no live bytes";
    else if (curve_mark_ns(&watched->curve, MARK_BEGIN) == 0 ||
             curve_mark_ns(&watched->curve, MARK_DRAINED) == 0)
        what = "the program announced no phases";
    else if (reading && watched->curve.count == 0)
        what = "no reading came about";
    if (what != NULL)
        snprintf(watched->trouble, sizeof watched->trouble, "%s", what);
}

bool sampler_watch(struct watched *watched, const struct child_order *order, bool reading,
                   struct failure *why)
{
    struct sampler sampler = {.watched = watched, .phase_fd = -1, .rollup_fd = -1};
    bool ok;

    memset(watched, 0, sizeof *watched);
    ok = start(&sampler, order, why);
    if (ok) {
        watch(&sampler, reading);
        watched->live_peak_kib = (double)atomic_load(&sampler.page->peak) / 1024;
        find_trouble(&sampler, reading);
    }
    close_channels(&sampler);
    return ok;
}

void watched_free(struct watched *watched)
{
    child_free(&watched->child);
    curve_free(&watched->curve);
}
