/* baseline.h: a library that is kept to be judged against later, and those of its figures that
 * repeat.
 *
 *     results/baselines/NAME/libashlar.so     the library itself, known by build id and bytes
 *                            baseline.json    schema ashlar-baseline-1
 *
 *     run of the library --baseline_of_run--> baseline.json --baseline_enter--> samples.jsonl
 *                                                                               of a gate
 *
 * Kept are instructions, system calls, minor faults of 12 processes, and the layout that is
 * computed from addresses; never a time or a peak, which do not come again even on the same machine
 * an hour later. For those the library is there, and is run again in paired blocks.
 *
 * baseline.json: `schema`, `name`, `saved` (UTC), `run` (its directory), `suite`, `library`
 * (`file`; `path`, where it was; `name`, `version`, `build_id`, `bytes_id`, `env`, `source`),
 * `environment`, `programs`, and `cells`: `cell` (as in the plan), `count` (the line of
 * samples.jsonl with instructions, or null), `calls` (that with system calls, or null),
 * `minor_faults` (an array), `layout` (or null).
 */
#ifndef ASHLAR_RUN_BASELINE_H
#define ASHLAR_RUN_BASELINE_H

#include "base/failure.h"
#include "run/journal.h"
#include "run/store.h"

#include <jansson.h>

#define BASELINE_SCHEMA "ashlar-baseline-1"

/* How many blocks a baseline is measured in: as many as a gate's first look compares. */
#define BASELINE_BLOCKS 12

/* The folder of a name below `results`; a text with a slash is one itself. On the heap. */
char *baseline_folder(const char *results, const char *name);

/* The document of a folder; NULL when there is none, or it is damaged (EXIT_USAGE). */
json_t *baseline_read(const char *folder, struct failure *why);

/* Whether its library is there (else EXIT_FAILED) and still the one that was kept (else
 * EXIT_ENVIRONMENT). */
bool baseline_check(const json_t *baseline, const char *folder, struct failure *why);

/* The path of its library, on the heap. */
char *baseline_library(const json_t *baseline, const char *folder);

/* The document of a finished run of one allocator; `source` says what its library was made from,
 * NULL: just a file. */
json_t *baseline_of_run(const char *run, const char *name, json_t *source, struct failure *why);

/* Writes document and library; the folder, whose path has a slash, appears whole, in place of one
 * that is there. */
bool baseline_keep(const json_t *baseline, const char *folder, struct failure *why);

/* Why the figures cannot stand for a plan's first allocator: another machine, other programs; NULL:
 * they can. On the heap. */
char *baseline_misfit(const json_t *baseline, const struct plan *plan);

/* Enters the figures of those of the plan's cells that are in it as lines of its first allocator,
 * so that nobody counts them again. */
bool baseline_enter(const json_t *baseline, const struct plan *plan, struct journal *journal,
                    struct store *store, struct failure *why);

#endif
