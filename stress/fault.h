/* fault.h: system calls for memory that fail on purpose.
 *
 * The linker sends every call of mmap, munmap, mremap, madvise and mprotect in this program, the
 * allocator's included, through here (-Wl,--wrap). The stress's own memory does not come this way
 * (memory.c), nor does that of the C library. Armed by the environment, so that the very first
 * call, before main, can be the one that fails:
 *
 *     ASHLAR_STRESS_FAULT=nth:5            the fifth call fails, no other
 *                         from:5           the fifth and all after it
 *                         random:7:100     100 of 1000 calls, chosen by seed 7
 */
#ifndef STRESS_FAULT_H
#define STRESS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_VARIABLE "ASHLAR_STRESS_FAULT"

/* Whether the text is one of the forms above. */
bool fault_is_valid(const char *text);

/* From now on every call does what it says. */
void fault_heal(void);

/* Calls seen and calls that were made to fail, while armed. */
uint64_t fault_calls(void);
uint64_t fault_injected(void);

#endif
