/* boot.h: the start: options, the fork word, the secret, the key of thread ends. Once, at the first
 * call that misses a cache; nothing here allocates.
 */
#ifndef ASHLAR_API_BOOT_H
#define ASHLAR_API_BOOT_H

#include "../util/common.h"

extern HIDDEN _Atomic bool boot_done;

void boot_slow(void);

INLINE void boot(void)
{
    if (UNLIKELY(!atomic_load_explicit(&boot_done, ACQUIRE))) {
        boot_slow();
    }
}

/* Where figures at exit go: stats_print_file, or a copy of standard error from the start, for programs
 * close theirs. */
extern HIDDEN int boot_exit_fd;

#endif
