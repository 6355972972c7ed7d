/* resident.c: reads /proc/self/statm. See resident.h. */
#include "resident.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "book.h"
#include "say.h"

uint64_t resident_kib(void)
{
    char statm[256] = "";
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, statm, sizeof statm - 1);
    /* The second number is the resident pages. */
    const char *c = got > 0 ? strchr(statm, ' ') : NULL;
    if (c == NULL) {
        die(EXIT_INTEGRITY, "cannot read /proc/self/statm (errno %d); mount /proc", errno);
    }
    close(fd);
    uint64_t pages = 0;
    for (c++; *c >= '0' && *c <= '9'; c++) {
        pages = pages * 10 + (uint64_t)(*c - '0');
    }
    return pages * (PAGE_BYTES / 1024);
}
