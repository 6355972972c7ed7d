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

/* The secret of the keys, from the random bytes that the kernel gave to this process. The C library makes
 * the canary of stacks and the guard of pointers of the same bytes, and keys lie in free memory where a
 * careless program may leak them: so they are mixed, never used as they are. Without them, an address
 * of ours serves, which is random too where addresses are. */
static uint64_t secret(void)
{
    uint64_t bytes[2] = {(uintptr_t)&lock, 0};
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random) {
        memcpy(bytes, random, sizeof bytes);
    }
    return bits_mix(bits_mix(bytes[0]) ^ bytes[1]) | 1; /* a zeroed block must not carry its key */
}

/* Opens what the figures at exit are written to: far from the descriptors that programs count on. */
static COLD void open_exit_fd(void)
{
    int fd = STDERR_FILENO;
    if (conf.stats_print_file[0]) {
        fd = open(conf.stats_print_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0) {
            diag_line("stats_print_file:%s cannot be opened (errno %d); standard error is used",
                      conf.stats_print_file, (int64_t)errno);
            fd = STDERR_FILENO;
        }
    }
    int far = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    boot_exit_fd = far >= 0 ? far : fd;
    if (far >= 0 && fd != STDERR_FILENO) {
        close(fd);
    }
}

COLD void boot_slow(void)
{
    int saved = errno;
    process_boot(wiped_page); /* before the lock, so that a fork that leaves it held is noticed */
    (void)mutex_lock(&lock);  /* a fork in the middle of the start just starts again */
    if (!atomic_load_explicit(&boot_done, RELAXED)) {
        if (pages_system_page_bytes() != PAGE_SIZE) {
            diag_abort("built for pages of %u bytes, the system has pages of %u; build with "
                       "-DLG_PAGE=...",
                       (uint64_t)PAGE_SIZE, (uint64_t)pages_system_page_bytes());
        }
        conf_load();
        if (conf.stats_print) {
            open_exit_fd();
        }
        tcache_secret = secret();
        thread_boot();
        atomic_store_explicit(&boot_done, true, RELEASE);
    }
    mutex_unlock(&lock);
    errno = saved;
}
