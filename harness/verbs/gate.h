/* gate.h: a whole gate for another verb, from the words of its command line to its ruling. So `aa`
 * judges the rule that users get, and not a second one. */
#ifndef ASHLAR_VERBS_GATE_H
#define ASHLAR_VERBS_GATE_H

#include "base/failure.h"
#include "plan/plan.h"

#include <jansson.h>

struct gate_result {
    json_t *ruling; /* schema ashlar-gate-1 */
    char *dir;      /* of the run, on the heap; gate.json lies there */
};

/* The plan that the words make; nothing is run or written. Close it. argv[0] is "gate". */
bool gate_rehearse(int argc, char **argv, struct plan *plan, struct failure *why);

/* Runs until nothing is lacking, or goes on with --resume DIR; prints nothing on stdout. */
bool gate_perform(int argc, char **argv, struct gate_result *result, struct failure *why);

void gate_result_free(struct gate_result *result);

/* What a gate takes, in minutes, from what suites are calibrated to. */
void gate_minutes(const struct plan *plan, double *least, double *most);

#endif
