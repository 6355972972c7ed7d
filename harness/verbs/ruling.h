/* ruling.h: from verdicts to an exit code. Only the primary cells decide.
 *
 *     4   a cell failed
 *     1   somebody is worse in a primary cell, by time, peak memory or instructions
 *     3   not one primary cell says better, same or worse: the run was too short or too noisy
 *     0   otherwise, and where nothing was timed
 */
#ifndef ASHLAR_VERBS_RULING_H
#define ASHLAR_VERBS_RULING_H

#include "base/failure.h"

/* Reads dir/summary.json. `exit_code` comes in as the judge left it: 0, or 4, which stays. */
bool ruling_exit_code(const char *dir, int *exit_code, struct failure *why);

#endif
