/* boot.c: see boot.h. */
#include "boot.h"
#include "../os/mutex.h"
#include "../os/pages.h"
#include "../os/process.h"
#include "../thread/thread.h"
#include "../util/conf.h"
#include "../util/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

_Atomic bool boot_done;
int boot_exit_fd = STDERR_FILENO;

static struct mutex lock;
static _Alignas(1 << LG_PAGE) char wiped_page[1 << LG_PAGE];

/* The secret of the keys: random bytes that the kernel gave to this process. Without them, an address
 * of ours, which is random too where addresses are. */
static uint64_t secret(void)
{
    uint64_t value = (uint64_t)(uintptr_t)&lock * UINT64_C(0x9e3779b97f4a7c15);
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random) {
        memcpy(&value, random, sizeof value);
    }
    return value | 1; /* never 0: a zeroed block must not carry its key */
}

COLD void boot_slow(void)
{
    int saved = errno;
    (void)mutex_lock(&lock); /* a fork in the middle of the start just starts again */
    if (!atomic_load_explicit(&boot_done, RELAXED)) {
        if (pages_system_page_bytes() != PAGE_SIZE) {
            diag_abort("built for pages of %u bytes, the system has pages of %u; build with "
                       "-DLG_PAGE=...",
                       (uint64_t)PAGE_SIZE, (uint64_t)pages_system_page_bytes());
        }
        process_boot(wiped_page);
        conf_load();
        if (conf.stats_print) {
            int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
            boot_exit_fd = fd >= 0 ? fd : STDERR_FILENO;
        }
        tcache_secret = secret();
        thread_boot();
        atomic_store_explicit(&boot_done, true, RELEASE);
    }
    mutex_unlock(&lock);
    errno = saved;
}
