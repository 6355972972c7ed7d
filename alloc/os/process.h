/* process.h: who am I: the serial of this thread, the epoch of this process, the time, the CPUs.
 *
 * A forked child inherits memory in which threads that no longer exist were at work. It is known by a
 * word that the system wipes at fork (MADV_WIPEONFORK), so that _Fork and clone are seen too; every
 * lock reads it. The first look in a child starts a new epoch: serials of the epochs before belong to
 * threads that are gone (or to the one that forked, which takes a new serial).
 *
 *     serial   1 2 3 4 5 | 6 7 8          5 = the limit after a fork: owners 1..5 are dead
 */
#ifndef ASHLAR_OS_PROCESS_H
#define ASHLAR_OS_PROCESS_H

#include "../util/common.h"

/* Sets up the wiped word. `page` is a whole zeroed page that nothing else uses. May be called by several
 * threads at once and again; whoever returns from it can take locks that survive a fork. */
void process_boot(void *page);

/* The serial of the calling thread, from 1, unique among all threads of this process image and of
 * its ancestors. Never 0. Notices a fork. */
uint32_t process_thread_serial(void);

/* True if a thread with this serial cannot exist any more because the process forked since. */
bool process_serial_is_dead(uint32_t serial);

/* Counts the forks between the first ancestor and this process. */
uint32_t process_epoch(void);

/* Milliseconds of a monotonic clock, coarse (a few ms), without a system call. */
uint64_t process_now_ms(void);

/* CPUs that this process may really use, 1 or more: the affinity mask, and the tightest quota of the
 * control groups (version 2 or 1) that the process is in, rounded up. */
unsigned process_cpus(void);

/* The CPU that the calling thread runs on, and one more than the highest that it may run on. */
unsigned process_cpu(void);
unsigned process_cpu_limit(void);

#endif
