/* doubt.h: the reasons for doubt that only the samples can tell, as typed warnings with a remedy
 * each: {"id":"few-blocks","text":"...","remedy":"..."}.
 *
 *     id               when
 *     incomplete       the run has no end line
 *     torn-line        its last line was cut off
 *     unknown-lines    lines of a type that this ashlar does not know were skipped
 *     failed           a process ended badly
 *     skipped          the plan leaves a cell out for an allocator
 *     not-counted      the exact count of instructions of a cell did not come about
 *     missing-blocks   a cell has fewer pairs than planned
 *     memory-blocks    memory over time was watched, in few blocks
 *     gate             blocks were added where a gate's looks asked for them
 *     few-blocks       even a difference in every block could not pass Holm
 *     noisy            blocks of a cell differ much among each other
 *     no-null          a peak still holds the process's own pages
 *     left-out         a primary cell takes no part in a geometric mean
 */
#ifndef ASHLAR_JUDGE_DOUBT_H
#define ASHLAR_JUDGE_DOUBT_H

#include "verdict.h"

/* Fills judgement->warnings: the plan's, then ours. False without memory. */
bool doubt_all(const struct samples *run, struct judgement *judgement);

#endif
