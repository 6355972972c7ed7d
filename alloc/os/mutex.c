/* mutex.c: see mutex.h. */
#include "mutex.h"
#include "process.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS 100 /* about a microsecond: longer than any section that makes no system call */

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void futex(struct mutex *mutex, int operation, uint32_t value)
{
    /* The wait is bounded so that a signal ends it with EINTR. An unbounded one would be restarted
     * after the handler, also in the child of a handler that forks, where nobody is left to wake it. */
    static const struct timespec bound = {.tv_sec = 1};
    int saved = errno;
    syscall(SYS_futex, &mutex->word, operation | FUTEX_PRIVATE_FLAG, value, &bound, NULL, 0);
    errno = saved;
}

/* Waits until the lock is free or its owner is dead. Who we are is asked again each time: a signal
 * handler may have forked meanwhile, and we be the child. */
static NOINLINE bool lock_slow(struct mutex *mutex, bool *slept)
{
    uint32_t contended = 0; /* after sleeping we must assume that others sleep too */
    *slept = false;
    for (unsigned spins = 0;;) {
        uint32_t mine = process_thread_serial() << 1;
        uint32_t seen = atomic_load_explicit(&mutex->word, RELAXED);
        if (seen == 0 || process_serial_is_dead(seen >> 1)) {
            if (atomic_compare_exchange_weak_explicit(&mutex->word, &seen, mine | contended, ACQUIRE,
                                                      RELAXED)) {
                return seen == 0;
            }
            continue;
        }
        if (spins < SPINS) {
            spins++;
            relax();
            continue;
        }
        contended = 1;
        *slept = true;
        if ((seen & 1) || atomic_compare_exchange_weak_explicit(&mutex->word, &seen, seen | 1,
                                                                RELAXED, RELAXED)) {
            futex(mutex, FUTEX_WAIT, seen | 1);
        }
    }
}

/* True if the lock was free, and is ours now. */
static inline bool take_free(struct mutex *mutex)
{
    uint32_t mine = process_thread_serial() << 1;
    uint32_t seen = 0;
    if (__libc_single_threaded) {
        if (LIKELY(atomic_load_explicit(&mutex->word, RELAXED) == 0)) {
            atomic_store_explicit(&mutex->word, mine, RELAXED);
            return true;
        }
        return false;
    }
    return atomic_compare_exchange_strong_explicit(&mutex->word, &seen, mine, ACQUIRE, RELAXED);
}

bool mutex_lock(struct mutex *mutex)
{
    bool slept;
    return LIKELY(take_free(mutex)) || lock_slow(mutex, &slept);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* So that it is at least `value`. */
static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
    uint64_t seen = atomic_load_explicit(most, RELAXED);
    while (seen < value &&
           !atomic_compare_exchange_weak_explicit(most, &seen, value, RELAXED, RELAXED)) {
    }
}

static NOINLINE bool lock_slow_counted(struct mutex *mutex, struct mutex_waits *waits)
{
    bool slept;
    uint64_t began = now_ns();
    raise_to(&waits->waiting_max, atomic_fetch_add_explicit(&waits->waiting, 1, RELAXED) + 1);
    bool whole = lock_slow(mutex, &slept);
    atomic_fetch_sub_explicit(&waits->waiting, 1, RELAXED);
    uint64_t waited = now_ns() - began;
    atomic_fetch_add_explicit(slept ? &waits->slept : &waits->spun, 1, RELAXED);
    atomic_fetch_add_explicit(&waits->ns, waited, RELAXED);
    raise_to(&waits->ns_max, waited);
    return whole;
}

bool mutex_lock_counted(struct mutex *mutex, struct mutex_waits *waits)
{
    return LIKELY(take_free(mutex)) || lock_slow_counted(mutex, waits);
}

bool mutex_try(struct mutex *mutex)
{
    uint32_t seen = 0;
    return atomic_compare_exchange_strong_explicit(
        &mutex->word, &seen, process_thread_serial() << 1, ACQUIRE, RELAXED);
}

void mutex_unlock(struct mutex *mutex)
{
    if (__libc_single_threaded) {
        atomic_store_explicit(&mutex->word, 0, RELAXED);
        return;
    }
    if (atomic_exchange_explicit(&mutex->word, 0, RELEASE) & 1) {
        futex(mutex, FUTEX_WAKE, 1);
    }
}

bool mutex_is_mine(struct mutex *mutex)
{
    return atomic_load_explicit(&mutex->word, RELAXED) >> 1 == process_thread_serial();
}
