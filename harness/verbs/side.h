/* side.h: a side of a gate, from what the user writes to a library and where it comes from.
 *
 *     glibc  name=/path/lib.so  name=other    as --allocators takes them
 *     /path/lib.so                            a bare path; it is called what the caller says
 *     rev:REF            name=rev:REF         built from a git revision (allocators/revision.h)
 *     baseline:NAME      name=baseline:NAME   the library of a stored baseline (run/baseline.h)
 */
#ifndef ASHLAR_VERBS_SIDE_H
#define ASHLAR_VERBS_SIDE_H

#include "allocators/revision.h"
#include "base/failure.h"
#include "base/text.h"

#include <argp.h>
#include <jansson.h>

struct side {
    char *name;       /* what tables call it */
    char *word;       /* for --allocators; of a revision or a baseline only once it is resolved */
    char *ref;        /* of rev:REF, else NULL */
    char *baseline;   /* of baseline:NAME, its folder; else NULL */
    json_t *source;   /* for the plan: a revision or a baseline; else NULL */
    struct words env; /* of a baseline: the settings that its library ran with */
};

/* A child for the verb's argp: --repo, --build-command, --library, --cache. Its input is a struct
 * revision_options. */
extern const struct argp side_argp;

/* Takes an argument apart; nothing is built or read. `bare` names a path without a name, and the
 * baselines lie in `results`/baselines. Free the side in either case. */
bool side_parse(struct side *side, const char *arg, const char *bare, const char *results,
                struct failure *why);

/* Whether it means anything, before another side is built for minutes. */
bool side_check(const struct side *side, const struct revision_options *how, struct failure *why);

/* Finds the library: builds the revision, or checks the baseline's. */
bool side_resolve(struct side *side, const struct revision_options *how, struct failure *why);

void side_free(struct side *side);

#endif
