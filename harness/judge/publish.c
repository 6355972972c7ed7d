/* publish.c: files that are whole or absent.
 *
 * Below        the C library        Above   judge.c
 */
#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_of(char out[PATH_MAX], const char *dir, const char *name, bool temporary)
{
    int len = snprintf(out, PATH_MAX, temporary ? "%s/.%s.tmp" : "%s/%s", dir, name);
    return len > 0 && len < PATH_MAX;
}

/* Keeps errno of what went wrong first. */
static bool write_temporary(const char *path, publish_writer *write, void *context)
{
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        return false;
    }
    errno = ENOMEM;
    bool ok = write(out, context);
    ok = ok && fflush(out) == 0 && fsync(fileno(out)) == 0 && !ferror(out);
    int why = errno;
    if (fclose(out) != 0 && ok) {
        return false;
    }
    errno = why;
    return ok;
}

static void discard(const char *dir, const struct publication *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        if (path_of(path, dir, list[i].name, true)) {
            unlink(path);
        }
    }
}

static bool fail(const char *dir, const char *name, char *err, size_t err_size)
{
    snprintf(err, err_size,
             "%s/%s: cannot be written (%s); make the folder writable, with room on its disk", dir,
             name, strerror(errno));
    return false;
}

/* The renames last only once the folder itself is on disk. */
static void sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

bool publish_all(const char *dir, const struct publication *list, size_t n, void *context,
                 char *err, size_t err_size)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    struct stat info;
    for (size_t i = 0; i < n; i++) {
        errno = ENAMETOOLONG;
        bool ok =
            path_of(temporary, dir, list[i].name, true) && path_of(path, dir, list[i].name, false);
        if (ok && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            errno = EISDIR;
            ok = false;
        }
        if (!ok || !write_temporary(temporary, list[i].write, context)) {
            fail(dir, list[i].name, err, err_size);
            discard(dir, list, i + 1);
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        path_of(temporary, dir, list[i].name, true);
        path_of(path, dir, list[i].name, false);
        if (rename(temporary, path) != 0) {
            fail(dir, list[i].name, err, err_size);
            discard(dir, list, n);
            return false;
        }
    }
    sync_folder(dir);
    return true;
}
