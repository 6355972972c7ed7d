/* process.c: see process.h. */
#include "process.h"
#include "pages.h"
#include "../util/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WIPED = 0, SETTLING = 1, SETTLED = 2 };

/* Until process_boot, a word of our own that is never wiped. */
static _Atomic uint32_t unwiped = SETTLED;
static _Atomic(_Atomic uint32_t *) word_place = &unwiped;
static _Atomic bool ready; /* the word of process_boot is in use */

static _Atomic uint32_t last_serial; /* the newest serial given out */
static _Atomic uint32_t dead_limit;  /* serials up to here are of earlier epochs */
static _Atomic uint32_t epoch;
static THREAD_LOCAL uint32_t my_serial;

static _Atomic uint32_t *the_word(void)
{
    return atomic_load_explicit(&word_place, RELAXED);
}

static void mark_wiped(void)
{
    atomic_store_explicit(the_word(), WIPED, RELAXED);
}

COLD void process_boot(void *page)
{
    if (atomic_load_explicit(&ready, ACQUIRE)) {
        return;
    }
    _Atomic uint32_t *wiped = page;
    uint32_t fresh = WIPED;
    if (!pages_wipe_on_fork(page, PAGE_SIZE)) {
        /* An older system: fork() itself is still seen, through a handler that takes no lock. */
        int saved = errno;
        (void)!pthread_atfork(NULL, NULL, mark_wiped);
        errno = saved;
    }
    atomic_compare_exchange_strong(wiped, &fresh, SETTLED);
    atomic_store_explicit(&word_place, wiped, RELEASE);
    atomic_store_explicit(&ready, true, RELEASE);
}

/* The first thread of a child that gets here starts the epoch; others (they can only be threads that
 * the child made) wait for it. */
static COLD void settle(void)
{
    uint32_t state = WIPED;
    if (atomic_compare_exchange_strong(the_word(), &state, SETTLING)) {
        atomic_store(&dead_limit, atomic_load(&last_serial));
        atomic_fetch_add(&epoch, 1);
        atomic_store(the_word(), SETTLED);
        return;
    }
    while (atomic_load(the_word()) == SETTLING) {
        sched_yield();
    }
}

uint32_t process_thread_serial(void)
{
    if (UNLIKELY(atomic_load_explicit(the_word(), ACQUIRE) != SETTLED)) {
        settle();
    }
    if (UNLIKELY(my_serial <= atomic_load_explicit(&dead_limit, RELAXED))) {
        my_serial = atomic_fetch_add_explicit(&last_serial, 1, RELAXED) + 1;
    }
    return my_serial;
}

bool process_serial_is_dead(uint32_t serial)
{
    return serial <= atomic_load_explicit(&dead_limit, RELAXED);
}

uint32_t process_epoch(void)
{
    process_thread_serial();
    return atomic_load_explicit(&epoch, RELAXED);
}

uint64_t process_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- CPUs ------------------------------------------------------------------------------------- */

/* A thread may come here with a stack of 16 KiB, so longer ones are not followed. */
#define CGROUPS_BYTES ((size_t)2048) /* of /proc/self/cgroup */
#define GROUP_BYTES ((size_t)512)    /* of a path in it */

/* The text of a small file, or "" where it cannot be read. False: there is none. */
static bool read_text(const char *path, char *text, size_t size)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        for (ssize_t n; len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0;) {
            len += (size_t)n;
        }
        close(fd);
    }
    text[len] = '\0';
    return fd >= 0;
}

/* The number that a file's text starts with, and where it ends; 0 where none does ("max", "-1"). */
static uint64_t number_at(const char **text)
{
    uint64_t number = 0;
    for (; **text >= '0' && **text <= '9' && number < UINT64_MAX / 100; ++*text) {
        number = number * 10 + (uint64_t)(**text - '0');
    }
    return number;
}

/* CPUs, rounded up; 0: as many as there are. */
static unsigned cpus_of(uint64_t quota_us, uint64_t period_us)
{
    uint64_t cpus = quota_us && period_us ? (quota_us + period_us - 1) / period_us : 0;
    return cpus < CPU_SETSIZE ? (unsigned)cpus : CPU_SETSIZE;
}

/* The text of `file` in the group's folder, root + group. */
static bool read_group(const char *root, const char *group, const char *file, char text[64])
{
    char path[GROUP_BYTES + 64];
    strcpy(stpcpy(stpcpy(path, root), group), file);
    return read_text(path, text, 64);
}

/* Version 2: "max 100000" or "150000 100000", both in microseconds. */
static unsigned quota_of_v2(const char *group, bool *found)
{
    char text[64];
    const char *at = text;
    *found |= read_group("/sys/fs/cgroup", group, "/cpu.max", text);
    uint64_t quota_us = number_at(&at);
    at += *at == ' ';
    return cpus_of(quota_us, number_at(&at));
}

/* Version 1: a file each, the quota -1 where there is none. */
static unsigned quota_of_v1(const char *group, bool *found)
{
    char quota[64], period[64];
    const char *q = quota, *p = period;
    *found |= read_group("/sys/fs/cgroup/cpu", group, "/cpu.cfs_quota_us", quota);
    (void)read_group("/sys/fs/cgroup/cpu", group, "/cpu.cfs_period_us", period);
    return cpus_of(number_at(&q), number_at(&p));
}

/* Is `word` one of the words between the commas of [names, end)? */
static bool has_name(const char *names, const char *end, const char *word)
{
    size_t len = strlen(word);
    for (;;) {
        const char *comma = memchr(names, ',', (size_t)(end - names));
        const char *stop = comma ? comma : end;
        if ((size_t)(stop - names) == len && memcmp(names, word, len) == 0) {
            return true;
        }
        if (!comma) {
            return false;
        }
        names = comma + 1;
    }
}

/* The group that we are in, as "/a/b", from the line "4:cpu,cpuacct:/a/b" of /proc/self/cgroup, or "0::/a/b"
 * of version 2, which names no controller. "" is the root, also for groups outside of what we see. */
static void my_group(const char *text, const char *controller, char group[GROUP_BYTES])
{
    group[0] = '\0';
    for (const char *line = text; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *names = memchr(line, ':', (size_t)(end - line));
        const char *path = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
        if (path && has_name(names + 1, path, controller)) {
            size_t len = (size_t)(end - path - 1);
            if (len > 1 && len < GROUP_BYTES && !memmem(path + 1, len, "/..", 3)) {
                memcpy(group, path + 1, len);
                group[len] = '\0';
            }
            return;
        }
        line = end + (*end == '\n');
    }
}

/* The tightest quota of our group and all those around it, in CPUs; 0: none. */
static unsigned tightest(unsigned (*quota_of)(const char *group, bool *found), char *group, bool *found)
{
    unsigned least = 0;
    for (;;) {
        unsigned cpus = quota_of(group, found);
        least = cpus && (!least || cpus < least) ? cpus : least;
        char *slash = strrchr(group, '/');
        if (!slash) {
            return least;
        }
        *slash = '\0';
    }
}

/* Inside a container the root of what we see often is our group, whatever its path is called outside: so
 * all folders up to the root are asked, and those that are not there say nothing. */
static unsigned quota_cpus(void)
{
    char text[CGROUPS_BYTES], group[GROUP_BYTES];
    bool found = false;
    (void)read_text("/proc/self/cgroup", text, sizeof text);
    my_group(text, "", group);
    unsigned cpus = tightest(quota_of_v2, group, &found);
    if (!found) {
        my_group(text, "cpu", group);
        cpus = tightest(quota_of_v1, group, &found);
    }
    return cpus;
}

/* Reading files must not be where a thread is cancelled: its caller only wanted memory. */
COLD unsigned process_cpus(void)
{
    int saved = errno, cancel_state;
    cpu_set_t set;
    unsigned cpus = 1;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        cpus = (unsigned)CPU_COUNT(&set);
    }
    unsigned quota = quota_cpus();
    if (quota && quota < cpus) {
        cpus = quota;
    }
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
    return cpus ? cpus : 1;
}

unsigned process_cpu(void)
{
    int saved = errno;
    int cpu = sched_getcpu();
    errno = saved;
    return cpu > 0 ? (unsigned)cpu : 0;
}

COLD unsigned process_cpu_limit(void)
{
    int saved = errno;
    cpu_set_t set;
    unsigned limit = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            limit = CPU_ISSET(cpu, &set) ? cpu + 1 : limit;
        }
    }
    errno = saved;
    return limit;
}
