/* share.h: so many of so many, and what that says of the rate behind it. Exact: no bell curve.
 *
 *     found    of    share   95 % interval      upper bound, one-sided 95 %
 *         0    24     0 %      0 .. 14.2 %            11.7 %
 *         0    72     0 %      0 ..  5.0 %             4.1 %
 *        19    20    95 %   75.1 .. 99.9 %            99.7 %
 *
 * Source: Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the case of
 * the binomial", Biometrika 26 (1934). The interval holds every rate p under which neither "found
 * or fewer" nor "found or more" has a probability below 2.5 %, so it covers 95 % at least.
 */
#ifndef ASHLAR_JUDGE_SHARE_H
#define ASHLAR_JUDGE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

struct share {
    double value; /* found / of; NAN when nothing was tried */
    double low;   /* of the two-sided 95 % interval; 0 when nothing was tried */
    double high;  /* 1 when nothing was tried */
    double upper; /* the one-sided 95 % bound: a higher rate is refuted; 1 when nothing was tried */
};

/* `found` of `of` trials, which are independent and alike. False when found > of. */
bool share_of(size_t found, size_t of, struct share *out);

#endif
