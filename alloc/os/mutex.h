/* mutex.h: a lock of 4 bytes that knows its owner.
 *
 *     word   0                  free
 *            serial << 1        held by the thread with this serial
 *            serial << 1 | 1    held, and somebody sleeps on it
 *
 * Spins shortly, then sleeps on a futex. While the process has one thread no lock prefix is used.
 * A lock whose owner vanished in a fork is taken over: mutex_lock then returns false once, and the
 * caller, who holds it, must treat what it protects as suspect (see each restart function above).
 *
 * Locks are ranked by floor; a thread takes them in descending rank only (bin, pool, chunk, base).
 */
#ifndef ASHLAR_OS_MUTEX_H
#define ASHLAR_OS_MUTEX_H

#include "../util/common.h"

struct mutex {
    _Atomic uint32_t word;
};
#define MUTEX_INIT {0}

/* Takes the lock. False: taken over from a thread that a fork left behind. */
bool mutex_lock(struct mutex *mutex);

/* What waiting for a lock cost. Only who waits writes here. */
struct mutex_waits {
    _Atomic uint64_t spun;      /* times that it was free again before anybody slept */
    _Atomic uint64_t slept;     /* times that somebody slept */
    _Atomic uint64_t ns;        /* time from finding it taken to having it, all together */
    _Atomic uint64_t ns_max;    /* the longest such time */
    _Atomic uint32_t waiting;   /* threads that wait now */
    _Atomic uint64_t waiting_max;
};

/* As mutex_lock, with a record of what waiting cost. Taking a free lock costs the same. */
bool mutex_lock_counted(struct mutex *mutex, struct mutex_waits *waits);

/* The serial of the thread that holds the lock; for who holds it. */
INLINE uint32_t mutex_owner(struct mutex *mutex)
{
    return atomic_load_explicit(&mutex->word, RELAXED) >> 1;
}

/* Takes the lock if that needs no waiting. A lock left behind by a fork counts as busy. */
bool mutex_try(struct mutex *mutex);

void mutex_unlock(struct mutex *mutex);

/* For assertions. */
bool mutex_is_mine(struct mutex *mutex);

#endif
