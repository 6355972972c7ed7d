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

/* The quota of cgroup v2 in whole CPUs, rounded up, or 0 for none. The file reads "max 100000" or
 * "150000 100000". */
static unsigned quota_cpus(void)
{
    char text[64];
    int fd = open("/sys/fs/cgroup/cpu.max", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    uint64_t number[2] = {0, 0};
    unsigned n = 0;
    for (ssize_t i = 0; i < len && n < 2; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            number[n] = number[n] * 10 + (uint64_t)(text[i] - '0');
        } else if (text[i] == ' ') {
            n++;
        } else if (text[i] != '\n') {
            return 0;
        }
    }
    return number[1] ? (unsigned)((number[0] + number[1] - 1) / number[1]) : 0;
}

COLD unsigned process_cpus(void)
{
    int saved = errno;
    cpu_set_t set;
    unsigned cpus = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        cpus = (unsigned)CPU_COUNT(&set);
    }
    unsigned quota = quota_cpus();
    if (quota && quota < cpus) {
        cpus = quota;
    }
    errno = saved;
    return cpus ? cpus : 1;
}
