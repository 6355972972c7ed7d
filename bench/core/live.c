/* live.c: the oracle of live bytes. See live.h. */
#include "live.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "phase.h"
#include "say.h"

struct live *live_open(void)
{
    static struct live own;
    const char *name = getenv("ASHLAR_LIVE_FD");
    if (name == NULL || *name == '\0') {
        return &own;
    }
    struct stat status;
    const int fd = phase_descriptor(name);
    /* Beyond its end a mapped file answers with SIGBUS. */
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < (off_t)sizeof own) {
        die(EXIT_USAGE,
            "ASHLAR_LIVE_FD is '%s'; give the number of an open file of %zu bytes or more, or "
            "unset it",
            name, sizeof own);
    }
    struct live *live = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (live == MAP_FAILED) {
        die(EXIT_USAGE,
            "ASHLAR_LIVE_FD: descriptor %d cannot be mapped (errno %d); open it for reading and "
            "writing, or unset the variable",
            fd, errno);
    }
    atomic_store(&live->pid, getpid());
    return live;
}

__attribute__((cold)) void live_flush(struct live_delta *live)
{
    struct live *shared = live->shared;
    const long long before = atomic_fetch_add(&shared->total, live->delta);
    const long long top = before + live->top;
    long long peak = atomic_load(&shared->peak);
    while (top > peak && !atomic_compare_exchange_weak(&shared->peak, &peak, top)) {
    }
    live->delta = 0;
    live->top = 0;
}
