/* store.c: see store.h. */
#include "run/store.h"

#include "base/disk.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUNS_A_SECOND_MAX 100

static bool unwritable(const char *path, struct failure *why)
{
    return fail(why, EXIT_USAGE,
                "cannot write results to %s (%s); give another place with --results", path,
                strerror(errno));
}

bool store_check(const char *results, struct failure *why)
{
    bool was_there = access(results, F_OK) == 0;
    char *trial;
    bool ok;

    if (!disk_make_folder(results))
        return unwritable(results, why);
    trial = text_format("%s/.trial-%d", results, (int)getpid());
    rmdir(trial); /* of a run that was killed, and had this number */
    ok = mkdir(trial, 0777) == 0 || unwritable(results, why);
    if (ok)
        rmdir(trial);
    free(trial);
    if (!was_there)
        rmdir(results); /* the run may yet be refused, and then nothing is to be left */
    return ok;
}

static bool open_file(struct store *store, const char *file, int flags, struct failure *why)
{
    store->path = text_format("%s/%s", store->dir, file);
    store->fd = open(store->path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0666);
    if (store->fd < 0)
        return unwritable(store->path, why);
    if (flock(store->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fail(why, EXIT_USAGE, "another ashlar is at work in %s; wait for its end",
                    store->dir);
    return true;
}

bool store_create(struct store *store, const char *results, struct failure *why)
{
    return store_create_as(store, results, "", STORE_SAMPLES, why);
}

bool store_create_as(struct store *store, const char *results, const char *prefix, const char *file,
                     struct failure *why)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;

    memset(store, 0, sizeof *store);
    store->fd = -1;
    if (!disk_make_folder(results))
        return unwritable(results, why);
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    for (int i = 1; i <= RUNS_A_SECOND_MAX; i++) {
        store->dir = i == 1 ? text_format("%s/%s%s", results, prefix, stamp)
                            : text_format("%s/%s%s-%d", results, prefix, stamp, i);
        if (mkdir(store->dir, 0777) == 0)
            return open_file(store, file, O_CREAT | O_EXCL, why);
        if (errno != EEXIST)
            break;
        free(store->dir);
        store->dir = NULL;
    }
    unwritable(results, why);
    store_close(store);
    return false;
}

/* Reads line by line; only the last may be broken. */
static bool read_lines(const char *path, char *text, json_t *lines, long *offsets,
                       struct failure *why)
{
    size_t count = 0;

    offsets[0] = 0;
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        json_t *object = end != NULL ? json_loadb(line, (size_t)(end - line), 0, NULL) : NULL;

        if (end == NULL)
            return true; /* torn: its newline was never written */
        if (object == NULL && end[1] == '\0')
            return true; /* torn in the middle of a block of the file system */
        if (object == NULL)
            return fail(why, EXIT_USAGE,
                        "%s:%zu is no JSON object; the file is damaged, begin a new run", path,
                        count + 1);
        json_array_append_new(lines, object);
        line = end + 1;
        offsets[++count] = (long)(line - text);
    }
    return true;
}

static size_t count_newlines(const char *text)
{
    size_t count = 0;

    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

/* The directory behind results/latest: that link will be pointed at the run, not at itself. */
static char *run_dir_of(const char *dir)
{
    struct stat status;
    char *real = lstat(dir, &status) == 0 && S_ISLNK(status.st_mode) ? realpath(dir, NULL) : NULL;

    return real != NULL ? real : text_copy(dir);
}

/* Reads what the file of a locked run holds. */
static bool read_store(const struct store *store, json_t *lines, long **offsets,
                       struct failure *why)
{
    char *text = text_of_file(store->path);
    bool ok;

    if (text == NULL)
        return fail(why, EXIT_USAGE, "%s cannot be read (%s); make it readable", store->path,
                    strerror(errno));
    *offsets = text_alloc(count_newlines(text) + 2, sizeof **offsets);
    ok = read_lines(store->path, text, lines, *offsets, why);
    free(text);
    if (ok && json_array_size(lines) == 0)
        return fail(why, EXIT_USAGE, "%s is empty; begin a new run", store->path);
    return ok;
}

bool store_reopen(struct store *store, const char *dir, json_t **lines, long **offsets,
                  struct failure *why)
{
    return store_reopen_as(store, dir, STORE_SAMPLES, lines, offsets, why);
}

bool store_reopen_as(struct store *store, const char *dir, const char *file, json_t **lines,
                     long **offsets, struct failure *why)
{
    char *path = text_format("%s/%s", dir, file);
    bool there;

    memset(store, 0, sizeof *store);
    store->fd = -1;
    *lines = json_array();
    *offsets = NULL;
    there = access(path, R_OK) == 0;
    if (!there)
        fail(why, EXIT_USAGE, "%s: no run there (%s); give a directory that `ashlar run` made", dir,
             strerror(errno));
    free(path);
    if (!there)
        return false;
    store->dir = run_dir_of(dir);
    while (strlen(store->dir) > 1 && store->dir[strlen(store->dir) - 1] == '/')
        store->dir[strlen(store->dir) - 1] = '\0';
    /* Locked first: what is read then is all that there is. */
    return open_file(store, file, 0, why) && read_store(store, *lines, offsets, why);
}

/* What was finished is on disk already. */
static bool no_room(const struct store *store, struct failure *why)
{
    return fail(why, EXIT_USAGE, "cannot write to %s (%s); make room and continue with --resume %s",
                store->path, strerror(errno), store->dir);
}

bool store_cut(struct store *store, long offset, struct failure *why)
{
    if (ftruncate(store->fd, offset) != 0 || fsync(store->fd) != 0)
        return no_room(store, why);
    return true;
}

static bool write_text(struct store *store, const char *text, struct failure *why)
{
    for (size_t len = strlen(text); len > 0;) {
        ssize_t done = write(store->fd, text, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return no_room(store, why);
        text += done;
        len -= (size_t)done;
    }
    return fsync(store->fd) == 0 || no_room(store, why);
}

bool store_append(struct store *store, const json_t *lines, struct failure *why)
{
    char *text = text_copy("");
    size_t i;
    json_t *line;
    bool ok;

    json_array_foreach(lines, i, line)
    {
        char *one = json_dumps(line, JSON_COMPACT);
        char *longer = text_format("%s%s\n", text, one);

        free(one);
        free(text);
        text = longer;
    }
    ok = write_text(store, text, why);
    free(text);
    return ok;
}

bool store_append_one(struct store *store, json_t *line, struct failure *why)
{
    json_t *lines = json_array();
    bool ok;

    json_array_append_new(lines, line);
    ok = store_append(store, lines, why);
    json_decref(lines);
    return ok;
}

bool store_publish(const struct store *store, struct failure *why)
{
    const char *slash = strrchr(store->dir, '/');
    int parent_len = slash != NULL ? (int)(slash - store->dir) : 1;
    const char *parent = slash != NULL ? store->dir : ".";
    char *fresh = text_format("%.*s/.latest-%d", parent_len, parent, (int)getpid());
    char *latest = text_format("%.*s/latest", parent_len, parent);
    bool ok;

    unlink(fresh); /* of a run that was killed, and had this number */
    ok = symlink(slash != NULL ? slash + 1 : store->dir, fresh) == 0;
    /* Renamed into place, so that there is a whole link at any time. */
    if (ok && rename(fresh, latest) != 0) {
        ok = false;
        unlink(fresh);
    }
    if (!ok)
        unwritable(latest, why);
    free(fresh);
    free(latest);
    return ok;
}

void store_close(struct store *store)
{
    if (store->fd >= 0)
        close(store->fd);
    free(store->dir);
    free(store->path);
    memset(store, 0, sizeof *store);
    store->fd = -1;
}
