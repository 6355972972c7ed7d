/* resident.h: how much memory of the process is resident now.
 *
 * Read from /proc/self/statm by plain system calls, because a stdio buffer would come from the
 * allocator under test. A read takes a few microseconds, whatever the size of the process. The
 * kernel counts on each processor and adds up now and then: a figure may be off by some 100 KiB a
 * processor.
 */
#ifndef ASHLAR_BENCH_RESIDENT_H
#define ASHLAR_BENCH_RESIDENT_H

#include <stdint.h>

uint64_t resident_kib(void);

#endif
