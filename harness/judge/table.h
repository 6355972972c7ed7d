/* table.h: the verdicts on a terminal. What is lost stands first, the geometric means stand last,
 * where the eye is when the command ends.
 *
 *     time                         glibc    ashlar   ratio  95 % interval    p (Holm)  verdict
 *     * larson-2 size=8..1000 T=2 412 ms    520 ms   1.262  [1.201, 1.312]     0.0049  worse
 *       fastpath-16 size=16 T=1   301 ms    214 ms   0.711  [0.702, 0.719]     0.0049  better
 */
#ifndef ASHLAR_JUDGE_TABLE_H
#define ASHLAR_JUDGE_TABLE_H

#include "verdict.h"

#include <stdio.h>

/* Prints to out; colour only when asked. */
void table_print(const struct samples *run, const struct judgement *judgement, bool color,
                 FILE *out);

#endif
