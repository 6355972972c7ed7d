/* disk.c: see disk.h. */
#include "base/disk.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders that are open at once while a tree is removed. */
#define OPEN_MAX_FOLDERS 16

bool disk_make_folder(const char *path)
{
    char *copy = text_copy(path);
    bool ok = true;

    for (char *slash = strchr(copy + 1, '/'); ok && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
        *slash = '/';
    }
    ok = ok && (mkdir(copy, 0777) == 0 || errno == EEXIST);
    free(copy);
    return ok;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

bool disk_remove_folder(const char *path)
{
    return nftw(path, remove_one, OPEN_MAX_FOLDERS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

static bool copy_bytes(int from, int to)
{
    ssize_t sent;

    do
        sent = sendfile(to, from, NULL, 1 << 30);
    while (sent > 0 || (sent < 0 && errno == EINTR));
    return sent == 0 && fsync(to) == 0;
}

bool disk_copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    struct stat status;
    bool ok = in >= 0 && fstat(in, &status) == 0;
    int error;

    if (ok) {
        unlink(to);
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0777);
        ok = out >= 0 && copy_bytes(in, out);
    }
    error = errno;
    if (out >= 0)
        ok = close(out) == 0 && ok;
    if (in >= 0)
        close(in);
    if (!ok && error != 0)
        errno = error;
    return ok;
}
