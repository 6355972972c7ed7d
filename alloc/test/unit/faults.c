/* faults.c: see faults.h. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define NO_FAULTS {.mmaps_left = -1, .madvises_left = -1, .munmaps_left = -1}

struct faults faults = NO_FAULTS;
static sem_t stopped;

void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t size);
int __real_madvise(void *addr, size_t size, int advice);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
long __real_sysconf(int name);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *buf, size_t size);
int __real_clock_gettime(clockid_t clock, struct timespec *t);

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t size);
int __wrap_madvise(void *addr, size_t size, int advice);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
long __wrap_sysconf(int name);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

void faults_none(void)
{
    faults = (struct faults)NO_FAULTS;
}

/* True if the call is to fail; counts down. */
static bool spent(long *left)
{
    if (*left > 0) {
        --*left;
        return false;
    }
    return *left == 0;
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
    faults.mmaps++;
    if (faults.in_mmap) {
        faults.in_mmap();
    }
    if (spent(&faults.mmaps_left) || (faults.mmap_bytes_max && size > faults.mmap_bytes_max)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return faults.mmap_gives ? (void *)faults.mmap_gives
                             : __real_mmap(addr, size, prot, flags, fd, offset);
}

int __wrap_munmap(void *addr, size_t size)
{
    faults.munmaps++;
    if (spent(&faults.munmaps_left)) {
        errno = ENOMEM;
        return -1;
    }
    return __real_munmap(addr, size);
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
    if (advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE) {
        faults.hints++;
        faults.hint_bytes = size;
    } else {
        faults.madvises++;
    }
    if (spent(&faults.madvises_left)) {
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(addr, size, advice);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return faults.setspecific_fails ? ENOMEM : __real_pthread_setspecific(key, value);
}

long __wrap_sysconf(int name)
{
    return faults.sysconf_gives ? faults.sysconf_gives : __real_sysconf(name);
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
    if (!faults.link_text) {
        return __real_readlink(path, buf, size);
    }
    size_t len = strlen(faults.link_text);
    len = len < size ? len : size;
    memcpy(buf, faults.link_text, len);
    return (ssize_t)len;
}

int __wrap_open(const char *path, int flags, ...)
{
    const char *text = faults.file_at ? faults.file_at(path) : faults.file_text;
    if (!text && !faults.file_at) {
        return __real_open(path, flags);
    }
    if (!text) {
        errno = ENOENT;
        return -1;
    }
    int fd = memfd_create("file", 0);
    if (fd >= 0) {
        size_t size = faults.file_bytes ? faults.file_bytes : strlen(text);
        (void)!__real_write(fd, text, size);
        lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
    faults.writes++;
    if (faults.writes_interrupted > 0) {
        faults.writes_interrupted--;
        errno = EINTR;
        return -1;
    }
    if (faults.write_bytes_max && size > faults.write_bytes_max) {
        size = faults.write_bytes_max;
    }
    return __real_write(fd, buf, size);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    if (!faults.clock_ms) {
        return __real_clock_gettime(clock, t);
    }
    t->tv_sec = (time_t)(faults.clock_ms / 1000);
    t->tv_nsec = (long)(faults.clock_ms % 1000) * 1000000;
    return 0;
}

static void stop(void)
{
    sem_post(&stopped);
    for (;;) {
        pause();
    }
}

void faults_stop_in_mmap(void)
{
    sem_init(&stopped, 0, 0);
    faults.in_mmap = stop;
}

void faults_wait_until_stopped(void)
{
    while (sem_wait(&stopped) != 0) {
    }
    faults.in_mmap = NULL;
}

void faults_strand(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    faults_stop_in_mmap();
    if (pthread_create(&thread, NULL, body, arg) != 0) {
        abort();
    }
    faults_wait_until_stopped();
}
