/* preload_fault.c: strikes `ashlar` itself at one of its calls that change a run's files.
 *
 *     FAULT_UNDER=DIR   only calls on DIR and what lies below it count (an absolute path)
 *     FAULT_AT=N        the N-th of them, from 1
 *     FAULT=torn        a write is done by half, any other call wholly; then comes SIGKILL
 *     FAULT=full        the disk is full from there on: a write is done by half, what follows is
 *                       refused with ENOSPC
 *
 * A write that SIGKILL cuts has done a part of its work or none, and all other calls are done or
 * not, so "torn" at every N shows every state in which a killed run can be found on disk. The calls
 * are those that store.c and publish.c make; stdio's own writes are seen where they are flushed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls; /* on DIR, so far */

static bool is_under(const char *path)
{
    const char *dir = getenv("FAULT_UNDER");
    char full[8192], cwd[4096] = "";

    if (dir == NULL || path == NULL)
        return false;
    if (path[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
        return false;
    snprintf(full, sizeof full, "%s%s%s", cwd, path[0] != '/' ? "/" : "", path);
    return strncmp(full, dir, strlen(dir)) == 0 &&
           (full[strlen(dir)] == '\0' || full[strlen(dir)] == '/');
}

static bool is_under_fd(int fd)
{
    char link[64], path[4096];
    ssize_t len;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return is_under(path);
}

enum stroke { MISSED, TEARS, FULL_NOW, FULL };

/* What happens to the call that is being made. */
static enum stroke strike(bool counts)
{
    const char *fault = getenv("FAULT"), *at = getenv("FAULT_AT");
    long number = at != NULL ? atol(at) : 0;

    if (!counts || fault == NULL || ++calls < number)
        return MISSED;
    if (strcmp(fault, "torn") == 0)
        return calls == number ? TEARS : MISSED;
    return calls == number ? FULL_NOW : FULL;
}

static int refuse(void)
{
    errno = ENOSPC;
    return -1;
}

/* Ends the call that was struck: `result` is what it has come to. */
static int after(enum stroke stroke, int result)
{
    if (stroke == TEARS)
        raise(SIGKILL);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum stroke stroke = strike(is_under_fd(fd));
    ssize_t done;

    if (stroke == FULL || (stroke == FULL_NOW && len < 2))
        return refuse();
    done = syscall(SYS_write, fd, bytes, stroke == MISSED ? len : len / 2);
    after(stroke, 0);
    return done;
}

int fsync(int fd)
{
    enum stroke stroke = strike(is_under_fd(fd));

    return stroke >= FULL_NOW ? refuse() : after(stroke, (int)syscall(SYS_fsync, fd));
}

int ftruncate(int fd, off_t len)
{
    enum stroke stroke = strike(is_under_fd(fd));

    return after(stroke, (int)syscall(SYS_ftruncate, fd, len)); /* gives room, and asks for none */
}

int open(const char *path, int flags, ...)
{
    enum stroke stroke = strike((flags & O_CREAT) != 0 && is_under(path));
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return stroke >= FULL_NOW ? refuse() : after(stroke, openat(AT_FDCWD, path, flags, mode));
}

int mkdir(const char *path, mode_t mode)
{
    enum stroke stroke = strike(is_under(path));

    /* On a full disk too, what is there is there. */
    return stroke >= FULL_NOW && access(path, F_OK) != 0
               ? refuse()
               : after(stroke, mkdirat(AT_FDCWD, path, mode));
}

int symlink(const char *target, const char *path)
{
    enum stroke stroke = strike(is_under(path));

    return stroke >= FULL_NOW ? refuse() : after(stroke, symlinkat(target, AT_FDCWD, path));
}

int rename(const char *from, const char *to)
{
    enum stroke stroke = strike(is_under(to));

    return stroke >= FULL_NOW ? refuse() : after(stroke, renameat(AT_FDCWD, from, AT_FDCWD, to));
}

int fflush(FILE *file)
{
    int (*real)(FILE *) = NULL;
    enum stroke stroke = strike(file != NULL && is_under_fd(fileno(file)));

    *(void **)&real = dlsym(RTLD_NEXT, "fflush");
    return stroke >= FULL_NOW ? refuse() : after(stroke, real(file));
}
