/* calibrate.h: how much work makes a process take 0.3 to 0.6 s.
 *
 * Under the baseline only: the amount of work is part of the suite, the same for every allocator
 * and on every machine, so that instruction counts and memory can be compared. Prints the lines for
 * the suite's file; nothing is stored.
 */
#ifndef ASHLAR_RUN_CALIBRATE_H
#define ASHLAR_RUN_CALIBRATE_H

#include "plan/plan.h"

#include <stdio.h>

/* Prints a section per cell to `out`. Fails when a cell does not run under the baseline. */
bool calibrate(const struct plan *plan, FILE *out, struct failure *why);

#endif
