/* memory.c: see memory.h. Raw system calls: mmap and munmap of this program are wrapped (fault.c).
 */
#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *memory_map(size_t size_bytes)
{
    long addr = syscall(SYS_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (addr == -1) {
        dprintf(2, "ashlar-stress: no memory for the stress itself (%zu bytes)\n", size_bytes);
        _exit(2);
    }
    return (void *)addr;
}

void memory_unmap(void *addr, size_t size_bytes)
{
    syscall(SYS_munmap, addr, size_bytes);
}

/* Field `index` of /proc/self/statm, in bytes. */
static size_t statm(int index)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    char *at = text;
    while (index-- > 0 && (at = strchr(at, ' ')) != NULL)
        at++;
    return at != NULL ? strtoul(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

size_t memory_resident_bytes(void)
{
    return statm(1);
}

size_t memory_mapped_bytes(void)
{
    return statm(0);
}

bool memory_is_shared(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
    return true;
#endif
#endif
    return false;
}
