/* registry.h: names to libraries.
 *
 *     what the user writes      what it means
 *     jemalloc                  a section of --registry FILE, or a built-in of that name
 *     new=/path/lib.so          any library
 *     glibc2=glibc              the same library under a second name
 *
 * Every contender is preloaded, glibc too: a program that links another allocator (Debian's
 * redis-server links jemalloc) would otherwise not run on glibc when nothing is preloaded.
 */
#ifndef ASHLAR_ALLOCATORS_REGISTRY_H
#define ASHLAR_ALLOCATORS_REGISTRY_H

#include "base/failure.h"
#include "base/text.h"

#include <jansson.h>

struct allocator {
    char *name;       /* as the user calls it, unique in a run */
    char *path;       /* what is preloaded; NULL: not found */
    char *remedy;     /* with no path: what to do about it */
    char *build_id;   /* of the file, see elf_file.h */
    char *version;    /* from the audit; NULL before it */
    struct words env; /* NAME=VALUE for its processes */
    bool reference;   /* shown beside the others, never judged for the suite: a floor */
    json_t *audit;    /* NULL before the audit */
    json_t *source;   /* what the file was made from, "kind" first; NULL: just a file */
};

struct registry {
    struct allocator *at;
    size_t count;
};

/* Built-ins and, when `file` is not NULL, the user's sections, which go before built-ins of the
 * same name. A library that is not there is in the list with a NULL path. */
bool registry_open(struct registry *registry, const char *file, struct failure *why);
void registry_close(struct registry *registry);

/* One word of --allocators into `out`. Fails with EXIT_USAGE for an unknown or malformed name,
 * with EXIT_FAILED for a library that is missing or no library of this machine. */
bool registry_resolve(const struct registry *registry, const char *word, struct allocator *out,
                      struct failure *why);

/* Whether a text can be an allocator's name: letters, digits and . _ + - */
bool registry_name_is_plain(const char *name);

/* A text made such a name, on the heap: '-' for each character that it may not have. */
char *registry_plain_name(const char *text);

void allocator_free(struct allocator *allocator);

#endif
