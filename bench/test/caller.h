/* caller.h: whether a call came from the program itself, for the shims.
 *
 * The C library calls calloc on its own account, once for each new thread. The shims tell that call
 * from a workload's by its return address: the program is one stretch of memory, and its headers,
 * which the kernel points to, say where it ends.
 */
#ifndef ASHLAR_BENCH_TEST_CALLER_H
#define ASHLAR_BENCH_TEST_CALLER_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>

/* `address` is __builtin_return_address(0) of the shim's door. */
static inline bool called_by_program(const void *address)
{
    const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);
    const size_t nheaders = getauxval(AT_PHNUM);
    uintptr_t base = 0;
    for (size_t i = 0; i < nheaders; i++) {
        if (header[i].p_type == PT_PHDR) {
            base = (uintptr_t)header - header[i].p_vaddr;
        }
    }
    const uintptr_t at = (uintptr_t)address - base;
    for (size_t i = 0; i < nheaders; i++) {
        if (header[i].p_type == PT_LOAD && at >= header[i].p_vaddr &&
            at - header[i].p_vaddr < header[i].p_memsz) {
            return true;
        }
    }
    return false;
}

#endif
