/* growth.h: what an operation costs as its size grows, and whether it is constant.
 *
 *     time per operation, log                    exponent: the slope of the line
 *       |            .  o   o
 *       |  o   o  o                              0      constant
 *       |                                        1      proportional to the size
 *       +---------------------- size, log
 *
 * A point is the median over the rounds; the slope is Theil and Sen's over the points, its interval
 * Kendall's. So that the word is not decided by noise, `constant` allows an exponent of 0.1 either
 * way: over three decades of size that is a factor of 2.
 *
 *     constant   the whole interval lies within -0.1 and 0.1
 *     grows      the whole interval lies above 0.1
 *     falls      the whole interval lies below -0.1
 *     unclear    none of these
 *     failed     a process of the series ended badly
 *     skipped    the allocator lacks an entry point that the workload calls
 */
#ifndef ASHLAR_JUDGE_GROWTH_H
#define ASHLAR_JUDGE_GROWTH_H

#include "samples.h"

#include <stdio.h>

#define GROWTH_MARGIN 0.1

/* For summary.json and all that is printed: an array, empty where the run has no series; a new
 * reference, NULL without memory.
 *
 *     [{"label","workload","params","over","rounds","unit":"ns/op",
 *       "allocators":[{"allocator","word","exponent","low","high","confidence","reason",
 *                      "points":[{"size","ns","low","high","rounds"}]}]}]
 *
 * A point's low and high are the least and the most of its rounds. */
json_t *growth_judge(const struct samples *run);

/* Whether any allocator failed in a series. */
bool growth_failed(const json_t *growth);

/* The same as a table for a terminal, and as Markdown; nothing where there is no series. */
void growth_table(const json_t *growth, FILE *out);
void growth_markdown(const json_t *growth, FILE *out);

#endif
