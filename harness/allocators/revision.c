/* revision.c: see revision.h. */
#include "allocators/revision.h"

#include "allocators/elf_file.h"
#include "base/chance.h"
#include "base/disk.h"
#include "base/member.h"
#include "base/place.h"
#include "process/child.h"
#include "process/git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAP_NS 100000000L

/* One library to build. All texts are owned. */
struct entry {
    char *ref, *commit, *repo; /* repo: absolute */
    char *build, *library;     /* how, and where it then lies in the checkout */
    char *dir;                 /* CACHE/COMMIT-KEY, absolute */
    char *tree, *log;          /* of the checkout, of the build */
    char *kept, *source;       /* files of the finished entry */
    int lock;                  /* descriptor, -1: not held */
};

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

/* ---- git ---- */

static bool check_repository(const char *repo, struct failure *why)
{
    const char *words[] = {"rev-parse", "--git-dir", NULL};
    struct command command;
    bool ok;

    if (!git_run(repo, words, false, &command, why))
        return false;
    ok = command.exit == 0 ||
         fail(why, EXIT_USAGE, "%s is no git repository (%.300s); name one with --repo DIR", repo,
              git_complaint(&command));
    command_free(&command);
    return ok;
}

/* In a shallow clone most revisions are unknown, and the remedy is another one. */
static bool unknown(const char *repo, const char *ref, struct failure *why)
{
    const char *words[] = {"rev-parse", "--is-shallow-repository", NULL};
    char *answer = git_text(repo, words, why);
    bool shallow = answer != NULL && strcmp(answer, "true") == 0;

    free(answer);
    return fail(why, EXIT_USAGE, "rev:%s names no commit of the repository in %s; %s", ref, repo,
                shallow ? "the clone is shallow: `git fetch --unshallow` brings its history"
                        : "`git log` and `git branch -a` show those it has");
}

bool revision_commit(const struct revision_options *options, const char *ref, char **commit,
                     struct failure *why)
{
    const char *repo = or_else(options->repo, ".");
    char *wanted = text_format("%s^{commit}", ref);
    const char *words[] = {"rev-parse", "--verify", "--quiet", "--end-of-options", wanted, NULL};

    *commit = NULL;
    if (check_repository(repo, why)) {
        *commit = git_text(repo, words, why);
        if (*commit == NULL && !child_interrupted)
            unknown(repo, ref, why);
    }
    free(wanted);
    return *commit != NULL;
}

char *revision_subject(const struct revision_options *options, const char *commit)
{
    const char *words[] = {"log", "-1", "--format=%s", commit, "--", NULL};
    struct failure ignored = {0};
    char *subject = git_text(or_else(options->repo, "."), words, &ignored);

    return subject != NULL ? subject : text_copy("");
}

/* ---- the cache ---- */

/* Beside a command that lies in its source tree, else where the user's caches are. */
static char *default_cache(void)
{
    char *suites = place_of("../harness/suites");
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path;

    if (access(suites, R_OK) == 0)
        path = place_of("rev");
    else if (cache != NULL && cache[0] == '/')
        path = text_format("%s/ashlar/rev", cache);
    else
        path = text_format("%s/.cache/ashlar/rev", or_else(home, "/tmp"));
    free(suites);
    return path;
}

/* The folder of all builds, made and absolute. */
static char *open_cache(const struct revision_options *options, struct failure *why)
{
    char *wanted = options->cache != NULL ? text_copy(options->cache) : default_cache();
    char *real = disk_make_folder(wanted) ? realpath(wanted, NULL) : NULL;

    if (real == NULL) {
        fail(why, EXIT_USAGE, "cannot keep builds in %s (%s); give another place with --cache DIR",
             wanted, strerror(errno));
    } else if (strpbrk(real, " ,:\t") != NULL) {
        fail(why, EXIT_USAGE,
             "no library below '%s' can be preloaded, which has a space, a comma or a colon; give "
             "another place with --cache DIR",
             real);
        free(real);
        real = NULL;
    }
    free(wanted);
    return real;
}

static void entry_free(struct entry *entry)
{
    if (entry->lock >= 0)
        close(entry->lock);
    free(entry->ref);
    free(entry->commit);
    free(entry->repo);
    free(entry->build);
    free(entry->library);
    free(entry->dir);
    free(entry->tree);
    free(entry->log);
    free(entry->kept);
    free(entry->source);
}

static char *part_of(const char *dir, const char *name)
{
    return text_format("%s/%s", dir, name);
}

static bool stays_inside(const char *path)
{
    return path[0] != '/' && path[0] != '\0' && path[strlen(path) - 1] != '/' &&
           strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 && strstr(path, "/../") == NULL;
}

static bool entry_open(struct entry *entry, const struct revision_options *options, const char *ref,
                       struct failure *why)
{
    char *cache, *how;
    const char *slash;

    *entry = (struct entry){.lock = -1};
    entry->ref = text_copy(ref);
    entry->build = text_copy(or_else(options->build, REVISION_BUILD_DEFAULT));
    entry->library = text_copy(or_else(options->library, REVISION_LIBRARY_DEFAULT));
    if (!stays_inside(entry->library))
        return fail(why, EXIT_USAGE,
                    "--library '%s' is no file below the checkout; give its path relative to that",
                    entry->library);
    if (!revision_commit(options, ref, &entry->commit, why))
        return false;
    entry->repo = realpath(or_else(options->repo, "."), NULL);
    cache = open_cache(options, why);
    if (cache == NULL)
        return false;
    how = text_format("%s\n%s", entry->build, entry->library);
    entry->dir =
        text_format("%s/%s-%016llx", cache, entry->commit, (unsigned long long)hash_text(how));
    slash = strrchr(entry->library, '/');
    entry->tree = part_of(entry->dir, "tree");
    entry->log = part_of(entry->dir, "build.log");
    entry->kept = part_of(entry->dir, slash != NULL ? slash + 1 : entry->library);
    entry->source = part_of(entry->dir, "source.json");
    free(how);
    free(cache);
    return true;
}

/* Two that want the same build: the second waits, and finds it done. */
static bool entry_lock(struct entry *entry, bool quiet, struct failure *why)
{
    char *path = part_of(entry->dir, "lock");
    const struct timespec nap = {0, LOCK_NAP_NS};
    bool told = quiet;

    if (disk_make_folder(entry->dir))
        entry->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (entry->lock < 0)
        fail(why, EXIT_USAGE, "cannot write %s (%s); give another place with --cache DIR", path,
             strerror(errno));
    free(path);
    while (entry->lock >= 0 && flock(entry->lock, LOCK_EX | LOCK_NB) != 0) {
        if (child_interrupted)
            return fail(why, EXIT_INTERRUPTED, "interrupted");
        if (!told)
            fprintf(stderr, "ashlar: rev:%s is being built by another command; waiting\n",
                    entry->ref);
        told = true;
        nanosleep(&nap, NULL);
    }
    return entry->lock >= 0;
}

/* The entry's source.json when its library is still the one that was built, else NULL. */
static json_t *entry_find(const struct entry *entry)
{
    json_t *source = json_load_file(entry->source, 0, NULL);
    struct elf_file elf;

    if (source != NULL && elf_file_read(entry->kept, &elf) &&
        strcmp(elf.build_id, member_text(source, "build_id")) == 0)
        return source;
    json_decref(source);
    return NULL;
}

/* ---- the build ---- */

/* Also behind a build that was killed, whose checkout git still knows. */
static void remove_tree(const struct entry *entry)
{
    const char *words[] = {"worktree", "remove", "--force", entry->tree, NULL};
    struct command command;
    struct failure ignored = {0}; /* it was not there, or what is left goes below */

    if (git_run(entry->repo, words, true, &command, &ignored))
        command_free(&command);
    disk_remove_folder(entry->tree);
}

static bool check_out(const struct entry *entry, struct failure *why)
{
    const char *words[] = {"worktree", "add",       "--force",     "--detach",
                           "--quiet",  entry->tree, entry->commit, NULL};
    struct command command;
    bool ok;

    remove_tree(entry);
    if (!git_run(entry->repo, words, false, &command, why))
        return false;
    ok = command.exit == 0 ||
         fail(why, EXIT_USAGE,
              "rev:%s cannot be checked out into %s (%.300s); give another place with --cache DIR",
              entry->ref, entry->tree, git_complaint(&command));
    command_free(&command);
    return ok;
}

static bool run_build(const struct entry *entry, struct failure *why)
{
    char *argv[] = {"/bin/sh", "-c", entry->build, NULL};
    struct command_order order = {
        .argv = argv, .dir = entry->tree, .log = entry->log, .interruptible = true};
    struct command command;
    char *log;
    int code;

    if (!command_run(&command, &order, why))
        return false;
    code = command.exit;
    command_free(&command);
    if (code == 0)
        return true;
    log = text_of_file(entry->log);
    fail(why, EXIT_FAILED,
         "rev:%s (%.12s) does not build: `%s` ended with %d: %.300s; its log is %s, and "
         "--build-command gives another command",
         entry->ref, entry->commit, entry->build, code, log != NULL ? text_last_line(log) : "",
         entry->log);
    free(log);
    return false;
}

static bool keep_library(const struct entry *entry, struct failure *why)
{
    char *built = part_of(entry->tree, entry->library);
    bool ok = true;

    if (access(built, R_OK) != 0)
        ok =
            fail(why, EXIT_FAILED,
                 "rev:%s (%.12s): `%s` leaves no %s; name the library with --library PATH, its log "
                 "is %s",
                 entry->ref, entry->commit, entry->build, entry->library, entry->log);
    else if (!disk_copy_file(built, entry->kept))
        ok = fail(why, EXIT_USAGE, "cannot write %s (%s); give another place with --cache DIR",
                  entry->kept, strerror(errno));
    free(built);
    return ok;
}

/* Written last and renamed into place: with it the entry is whole. */
static bool keep_source(const struct entry *entry, const json_t *source, struct failure *why)
{
    char *fresh = text_format("%s.tmp", entry->source);
    bool ok =
        json_dump_file(source, fresh, JSON_INDENT(1)) == 0 && rename(fresh, entry->source) == 0;

    if (!ok) {
        fail(why, EXIT_USAGE, "cannot write %s (%s); give another place with --cache DIR",
             entry->source, strerror(errno));
        unlink(fresh);
    }
    free(fresh);
    return ok;
}

static json_t *describe(const struct entry *entry, const struct revision_options *options,
                        struct failure *why)
{
    char *subject = revision_subject(options, entry->commit);
    struct elf_file elf;
    json_t *source = NULL;

    if (elf_file_read(entry->kept, &elf))
        source =
            json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "kind", "revision", "ref", entry->ref,
                      "commit", entry->commit, "subject", subject, "repo", entry->repo, "command",
                      entry->build, "library", entry->library, "build_id", elf.build_id);
    else
        fail(why, EXIT_FAILED,
             "rev:%s (%.12s): `%s` makes a %s that is no shared library of this machine; name the "
             "library with --library PATH",
             entry->ref, entry->commit, entry->build, entry->library);
    free(subject);
    return source;
}

static json_t *build(const struct entry *entry, const struct revision_options *options,
                     struct failure *why)
{
    json_t *source = NULL;
    bool ok;

    if (!options->quiet)
        fprintf(stderr, "ashlar: builds rev:%s (%.12s): %s\n", entry->ref, entry->commit,
                entry->build);
    unlink(entry->source);
    ok = check_out(entry, why) && run_build(entry, why) && keep_library(entry, why);
    remove_tree(entry);
    if (ok)
        source = describe(entry, options, why);
    if (source != NULL && !keep_source(entry, source, why)) {
        json_decref(source);
        source = NULL;
    }
    return source;
}

bool revision_library(const struct revision_options *options, const char *ref, char **path,
                      json_t **source, struct failure *why)
{
    struct entry entry;

    *path = NULL;
    *source = NULL;
    child_catch_interrupts();
    if (entry_open(&entry, options, ref, why) && entry_lock(&entry, options->quiet, why)) {
        *source = entry_find(&entry);
        if (*source == NULL)
            *source = build(&entry, options, why);
        if (*source != NULL) {
            /* The entry may have been built under another name of the same commit. */
            json_object_set_new(*source, "ref", json_string(ref));
            *path = text_copy(entry.kept);
        }
    }
    entry_free(&entry);
    return *path != NULL;
}
