/* duet.h: what duets gain, of a run that did both (`--duet=both`): as many blocks with the two
 * processes at the same time as with one after the other, of the same cells, drawn by chance.
 *
 *     ordinary   |-----------o-----------|      width of the 95 % interval, log ratios
 *     duets              |---o---|              the same number of blocks
 *
 *     gain = width of duets / width of ordinary blocks: below 1 duets tell more
 *
 * A width is a figure with noise of its own, so the gain has an interval too: both kinds of blocks
 * are drawn anew, with replacement, and the widths are formed again (percentile bootstrap, seeded
 * by the plan). All cells together: the geometric mean of their gains, drawn in the same way.
 */
#ifndef ASHLAR_JUDGE_DUET_H
#define ASHLAR_JUDGE_DUET_H

#include "samples.h"

#include <stdio.h>

#define DUET_REPLICATES 1000

/* Pairs of a kind that a cell needs: with fewer no interval reaches 95 %. */
#define DUET_PAIRS_MIN 6

/* For summary.json and all that is printed; a new reference, NULL without memory. An empty array
 * where the run did not do both. The last row, without a cell, is of all cells together.
 *
 *     [{"cell","label","ordinary","duet","ordinary_width","duet_width","gain","low","high",
 *       "ordinary_ratio","duet_ratio","reason"}]
 *
 * `ordinary` and `duet` are numbers of pairs, widths are of log ratios; "reason" says why there is
 * no gain, and the figures are null then. */
json_t *duet_judge(const struct samples *run);

/* The same as a table for a terminal, and as Markdown; nothing where the run did not do both. */
void duet_table(const json_t *gains, FILE *out);
void duet_markdown(const json_t *gains, FILE *out);

#endif
