/* phase.c: announces phases on a descriptor. See phase.h. */
#include "phase.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

static_assert(sizeof(struct phase_record) == 16, "a sampler reads records of 16 bytes");

static int phase_fd = -1; /* -1: nobody listens */

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int phase_descriptor(const char *text)
{
    int fd = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || fd > 99999) {
            return -1;
        }
        fd = fd * 10 + (*c - '0');
    }
    return fd;
}

bool phase_open(void)
{
    const char *name = getenv("ASHLAR_PHASE_FD");
    if (name == NULL || *name == '\0') {
        return true;
    }
    const int fd = phase_descriptor(name);
    if (fd < 0) {
        return false;
    }
    const int flags = fcntl(fd, F_GETFL);
    if (flags != -1 && (flags & O_ACCMODE) != O_RDONLY) {
        phase_fd = fd;
    }
    return true;
}

void phase_announce(enum phase phase, unsigned thread)
{
    if (phase_fd < 0) {
        return;
    }
    const struct phase_record record = {phase, thread, now_ns()};
    /* A record is below PIPE_BUF, so a pipe takes all of it or nothing. */
    while (write(phase_fd, &record, sizeof record) != sizeof record) {
        if (errno != EINTR) {
            die(EXIT_INTEGRITY,
                "cannot write a phase record to descriptor %d (errno %d); give "
                "ASHLAR_PHASE_FD a descriptor that is read, or unset it",
                phase_fd, errno);
        }
    }
}
