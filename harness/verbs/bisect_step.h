/* bisect_step.h: one step of `ashlar bisect`: a revision against the good one, judged by a gate.
 *
 *     the order      a JSON file, so that the step that git starts knows what the user wrote
 *     a gate         `ashlar gate ... --json -- good=rev:GOOD SHA=rev:SHA`, a process of its own
 *     the verdict    {"commit","subject","verdict","told","tests"}, a line of steps.jsonl
 *
 *     tests of the gate                        verdict    for git bisect run
 *     no gate: the revision does not build     unbuilt    125, skip
 *     any failed                               failed     125
 *     else any regression                      bad        1
 *     else any inconclusive or unconfirmed     unsure     125
 *     else any within                          good       0
 *     else (all are only reported)             none       125
 */
#ifndef ASHLAR_VERBS_BISECT_STEP_H
#define ASHLAR_VERBS_BISECT_STEP_H

#include "base/failure.h"

#include <jansson.h>

/* Files in the bisection's own folder. */
#define BISECT_ORDER "order.json"
#define BISECT_STEPS "steps.jsonl"
#define BISECT_STOP "stop.json"

/* The verdict on a commit; NULL when no gate can be run at all, whatever the commit. `order` has
 * "gate" (words of its command line), "dir" (where they were written), "repo", "good" (a commit).
 */
json_t *bisect_judge(const json_t *order, const char *commit, struct failure *why);

/* The command that `git bisect run` starts in the bisection's worktree; returns git's exit code. */
int bisect_step(const char *folder);

#endif
