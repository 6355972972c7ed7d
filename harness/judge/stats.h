/* stats.h: the statistics of paired blocks. Pure functions over arrays of doubles: no files, no
 * cells, no verdicts.
 *
 * A block runs baseline and contender back to back, so the unit of evidence is one difference a
 * block:
 *
 *     block        1      2      3     ...    n
 *     contender   104    121     99    ...   107       ms
 *     baseline    100    120    101    ...   102       ms
 *     d = log(c/b) +.039  +.008  -.020  ...  +.048     dimensionless; exp(d) is a ratio
 *
 * Whatever both share in a block (a slow hour, a busy neighbour) cancels in d. Nothing below
 * assumes that d is normal; the tests and intervals assume independent d that are symmetric about
 * their centre.
 *
 * Sources
 *   Hodges, Lehmann, "Estimates of location based on rank tests", Ann. Math. Stat. 34 (1963)
 *   Hollander, Wolfe, Chicken, "Nonparametric Statistical Methods", 3rd ed., sections 3.1 to 3.3
 *   Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945)
 *   Streitberg, Roehmel, "Exact distributions for permutation and rank tests", Stat. Software
 *       Newsletter 12 (1986)
 *   Kerby, "The simple difference formula", Comprehensive Psychology 3 (2014)
 *   Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979)
 *   Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63
 *       (1968)
 *   Hesterberg, "What teachers should know about the bootstrap", Am. Statistician 69 (2015)
 */
#ifndef ASHLAR_JUDGE_STATS_H
#define ASHLAR_JUDGE_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* More blocks than this in one cell are refused: the Walsh averages grow with the square. */
#define STATS_BLOCKS_MAX 1000

/* A location with its interval, in the unit of the data it came from. */
struct stats_estimate {
    double value;      /* the estimate */
    double low;        /* lower end, low <= value */
    double high;       /* upper end, value <= high */
    double confidence; /* what the interval really covers, 0..1: below what was asked when n is
                          small */
};

/* What the signed-rank test saw and said. */
struct stats_test {
    double w;      /* sum of the ranks of the positive differences, midranks where there are ties */
    double p;      /* exact two-sided p, 0..1 */
    double p_up;   /* exact one-sided p of "above zero": P(W >= w), 0..1 */
    double effect; /* matched-pairs rank-biserial, -1 (all down) .. +1 (all up); 0 with no data */
    size_t n;      /* differences that were ranked: those that are not zero */
    size_t zeros;  /* differences that are exactly zero, set aside */
    bool ties;     /* two absolute differences were equal */
};

/* Median of data[n], n >= 1; data is left as it is. NAN without memory or data. */
double stats_median(const double *data, size_t n);

/* Robust standard deviation of data[n]: 1.4826 times the median absolute deviation (gsl_stats_mad).
 */
double stats_spread(const double *data, size_t n);

/* Hodges-Lehmann estimate of the centre of d[n] (the median of the n(n+1)/2 Walsh averages
 * (d_i + d_j)/2, i <= j) and its exact distribution-free interval: the k-th smallest and k-th
 * largest Walsh average, k from qsignrank(alpha/2, n) as R's wilcox.test does. Zeros are data here
 * and stay in. With ties the closed interval covers at least what it states. With fewer than 6
 * differences no such interval reaches 95 %: it is then all the Walsh averages and `confidence` is
 * below 1 - alpha. alpha in (0, 1). False when n is 0 or above STATS_BLOCKS_MAX, or without memory.
 */
bool stats_location(const double *d, size_t n, double alpha, struct stats_estimate *out);

/* Upper end of the one-sided exact interval of the same estimate: the k-th largest Walsh average,
 * k from qsignrank(alpha, n); at most alpha of such bounds lie below the true centre. INFINITY when
 * n blocks cannot give one. False as above. */
bool stats_upper_bound(const double *d, size_t n, double alpha, double *bound);

/* Exact Wilcoxon signed-rank test of "d is symmetric about zero", two-sided and upwards.
 * Zeros: set aside (Wilcoxon's rule), n shrinks; all zeros gives p = 1.
 * Ties: midranks, and the exact distribution of their sum over all 2^n signs (Streitberg and
 * Roehmel's shift algorithm); without ties it is psignrank. Absolute values that differ by less
 * than one part in 10^12 are ties, because log(a/b) and log(b/a) may differ in the last bit. False
 * when n is above STATS_BLOCKS_MAX or without memory; n = 0 gives p = p_up = 1. */
bool stats_signed_rank(const double *d, size_t n, struct stats_test *out);

/* Holm's step-down adjustment. p[n_p] are the p values at hand, `family` >= n_p the number of tests
 * that were planned (those without data count as p = 1). adjusted[n_p] >= p, capped at 1, in p's
 * order. */
bool stats_holm(const double *p, size_t n_p, size_t family, double *adjusted);

/* The smallest two-sided p that n blocks can give: 2^(1-n), 1 for n = 0. */
double stats_smallest_p(size_t n);

/* The fewest blocks with which the smallest p, times a family of `tests`, is at most alpha. */
size_t stats_blocks_needed(size_t tests, double alpha);

/* One cell as the geometric mean sees it. */
struct stats_member {
    const double *d; /* log ratios, one a block */
    size_t n;        /* blocks, >= 1 */
    size_t group;    /* index of its workload, 0..n_groups-1 */
};

/* Mean over the groups of the mean over a group's members of their Hodges-Lehmann estimate (of log
 * ratios: exp of it is the geometric mean of the workloads, each counted once). The interval is a
 * percentile bootstrap: every member's blocks are drawn anew, with replacement, `replicates` times;
 * the members and groups stay fixed, so it says nothing of workloads that were not run. Percentiles
 * are widened for the small number of blocks (Hesterberg: factor sqrt(n/(n-1)) and Student's t with
 * sum(n_i - 1) degrees of freedom). The same seed gives the same interval.
 * False when n_members is 0, a group is empty, a member has no block, or without memory. With one
 * block in every member there is nothing to draw from: low = high = value, confidence 0. */
bool stats_group_mean(const struct stats_member *members, size_t n_members, size_t n_groups,
                      double alpha, unsigned long seed, size_t replicates,
                      struct stats_estimate *out);

/* More points than this on one line are refused. */
#define STATS_POINTS_MAX 64

/* Slope of y[n] over x[n]: the median of the slopes of all pairs of points, and its exact
 * distribution-free interval: the k-th smallest and the k-th largest of them, k from the exact
 * distribution of Kendall's statistic. It assumes a line and independent errors of one distribution
 * about it; where the points bend, the interval widens. With fewer than 5 points it does not reach
 * 95 %: it is then all slopes, and `confidence` says what it covers. With ties in y it covers at
 * least what it states. False when n is below 2 or above STATS_POINTS_MAX, when two x are equal, or
 * without memory. */
bool stats_slope(const double *x, const double *y, size_t n, double alpha,
                 struct stats_estimate *out);

#endif
