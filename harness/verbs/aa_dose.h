/* aa_dose.h: how much of a plant (harness/plant) makes a cell slower, or fatter, by one per cent.
 *
 *     rate      units a call of the allocator; the plant takes it as burst and period
 *     excess    what a run with that rate shows over one with none, paired as everything is
 *
 *     step 1    a guess, too small      excess  2.0 %     again, with a rate 50 times as large
 *     step 2                            excess   88 %     settled: rate / .88 for 100 %, and a
 *                                                         tenth of that for 10 %
 *
 * The price of a unit does not depend on how many there are, so the scale is a line through 0. It
 * is measured far from 0, where the noise of a process is a small part of it. Each step is a run
 * of the whole suite, stored like any other.
 */
#ifndef ASHLAR_VERBS_AA_DOSE_H
#define ASHLAR_VERBS_AA_DOSE_H

#include "verbs/aa_book.h"

/* Whether such a plant exists. */
bool aa_dose_knows(const char *kind);

/* Runs what is lacking of a kind's calibration. */
bool aa_dose_calibrate(struct aa *aa, const char *kind, struct failure *why);

/* Whether any cell has a dose: without one a trial would be of nothing. */
bool aa_dose_any(const struct aa *aa, const char *kind);

/* The environment that plants `percent` of the kind in all cells that have a dose, for the side
 * that has it (`planted`) or for the other, which has the same layer and no units. */
struct words aa_dose_env(const struct aa *aa, const char *kind, double percent, bool planted);

/* [{"cell":ID,"metric":"time","rate":.0123}] of that plant, for the trial's line. */
json_t *aa_dose_list(const struct aa *aa, const char *kind, double percent);

/* How many steps are at most, each of all cells, and the blocks of each. */
#define AA_DOSE_STEPS 6
#define AA_DOSE_BLOCKS 5

#endif
