/* revision.h: from a git revision to the library that it builds.
 *
 *     rev:REF --git rev-parse--> commit --git worktree--> CACHE/COMMIT-KEY/tree
 *                                                              |  build command
 *     CACHE/COMMIT-KEY/libashlar.so  <------copied-------------+
 *                      build.log         all that the build said
 *                      source.json       written last: where the library comes from, its build id
 *                      lock              held by whoever builds
 *
 * KEY is a hash of the build command and of the library's place, so that a commit built in two ways
 * is two entries. An entry whose library is still the one of source.json is used again; anything
 * else is built anew. The checkout is removed after the build, in the repository's list of
 * worktrees too, and no hook runs: the user's repository is left as it was.
 */
#ifndef ASHLAR_ALLOCATORS_REVISION_H
#define ASHLAR_ALLOCATORS_REVISION_H

#include "base/failure.h"

#include <jansson.h>

#define REVISION_BUILD_DEFAULT "make build/libashlar.so"
#define REVISION_LIBRARY_DEFAULT "build/libashlar.so"

struct revision_options {
    const char *repo;    /* the repository; NULL: the current directory's */
    const char *build;   /* shell command, run at the top of the checkout; NULL: the default */
    const char *library; /* relative to the checkout; NULL: the default */
    const char *cache;   /* folder of the builds; NULL: beside the command, or the user's cache */
    bool quiet;          /* does not tell that it builds */
};

/* The commit that a reference names, 40 hexadecimal digits or more, on the heap. */
bool revision_commit(const struct revision_options *options, const char *ref, char **commit,
                     struct failure *why);

/* A commit's first line; "" when it cannot be read. On the heap. */
char *revision_subject(const struct revision_options *options, const char *commit);

/* The library of a reference, built when it is not there yet: its path, on the heap, and where it
 * comes from as the plan tells it: {"kind":"revision","ref","commit","subject","repo","command",
 * "library","build_id"}. */
bool revision_library(const struct revision_options *options, const char *ref, char **path,
                      json_t **source, struct failure *why);

#endif
