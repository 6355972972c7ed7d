/* figure.h: figures in words that a reader takes in at a glance: "412 ms", "1.29 GiB", "0.0049".
 *
 * Three significant digits everywhere: more than that, no interval here can vouch for.
 */
#ifndef ASHLAR_JUDGE_FIGURE_H
#define ASHLAR_JUDGE_FIGURE_H

#include "verdict.h"

/* Room for any of the texts below, the NUL included. */
#define FIGURE_SIZE 48

/* A value in the metric's unit (ns, KiB, instructions) with a fitting prefix; "-" for NAN. All
 * these return buf. */
char *figure_value(enum metric metric, double value, char buf[FIGURE_SIZE]);

/* "1.262", or for BASIS_DIFFERENCE "+32 KiB"; "-" where there is none. */
char *figure_ratio(const struct finding *f, char buf[FIGURE_SIZE]);

/* "[1.201, 1.312]", "[+8 KiB, +60 KiB]"; "exact" for counts; "-" where there is none. */
char *figure_interval(const struct finding *f, char buf[FIGURE_SIZE]);

/* "3.12", a multiple of the floor; "-" where there is none. */
char *figure_times(double times, char buf[FIGURE_SIZE]);

/* "12 %"; "-" where there is none. */
char *figure_share(double share, char buf[FIGURE_SIZE]);

/* "0.0049", "<1e-6"; "-" where nothing was tested. */
char *figure_p(double p, char buf[FIGURE_SIZE]);

/* "larson-2 size=8..1000 T=2" into buf of any size, cut with "..." where it does not fit. */
char *figure_cell(const struct cell *cell, char *buf, size_t size);

/* One sentence a contender and run: "ashlar takes 0.712 of glibc's time ...". The caller frees it;
 * NULL without memory. */
char *figure_headline(const struct samples *run, const struct judgement *judgement,
                      size_t contender);

#endif
