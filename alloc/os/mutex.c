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
static NOINLINE bool lock_slow(struct mutex *mutex)
{
    uint32_t contended = 0; /* after sleeping we must assume that others sleep too */
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
        if ((seen & 1) || atomic_compare_exchange_weak_explicit(&mutex->word, &seen, seen | 1,
                                                                RELAXED, RELAXED)) {
            futex(mutex, FUTEX_WAIT, seen | 1);
        }
    }
}

bool mutex_lock(struct mutex *mutex)
{
    uint32_t mine = process_thread_serial() << 1;
    uint32_t seen = 0;
    if (__libc_single_threaded) {
        if (LIKELY(atomic_load_explicit(&mutex->word, RELAXED) == 0)) {
            atomic_store_explicit(&mutex->word, mine, RELAXED);
            return true;
        }
    } else if (LIKELY(atomic_compare_exchange_strong_explicit(&mutex->word, &seen, mine, ACQUIRE,
                                                              RELAXED))) {
        return true;
    }
    return lock_slow(mutex);
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
