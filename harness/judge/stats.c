/* stats.c: the method written out; distributions, sorting and random numbers are Rmath's and GSL's.
 *
 *     d:  -1  2  5       Walsh averages, sorted          interval = k-th from either end
 *
 *            -1   2   5          -1  0.5  2  2  3.5  5
 *       -1   -1                   |--------+---------|        (k = 1: all of it)
 *        2   0.5  2                   median = 2
 *        5   2   3.5  5
 *
 * Below        Rmath (psignrank, qsignrank, pnorm, qt), GSL (sort, median, mad, rng)
 * Above        verdict.c
 */
#include "stats.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#define MATHLIB_STANDALONE
#include <Rmath.h>

/* Two absolute differences closer than this, relatively, are a tie. */
static const double TIE = 1e-12;

static size_t walsh_count(size_t n)
{
    return n * (n + 1) / 2;
}

static void walsh_fill(const double *d, size_t n, double *walsh)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++) {
            walsh[k++] = 0.5 * (d[i] + d[j]);
        }
    }
}

double stats_median(const double *data, size_t n)
{
    double *work = n > 0 ? malloc(n * sizeof *work) : NULL;
    if (work == NULL) {
        return NAN;
    }
    for (size_t i = 0; i < n; i++) {
        work[i] = data[i];
    }
    double median = gsl_stats_median(work, 1, n);
    free(work);
    return median;
}

double stats_spread(const double *data, size_t n)
{
    double *work = n > 0 ? malloc(n * sizeof *work) : NULL;
    if (work == NULL) {
        return NAN;
    }
    double spread = gsl_stats_mad(data, 1, n, work);
    free(work);
    return spread;
}

/* The Walsh averages, sorted, on the heap; NULL when n is out of range or without memory. */
static double *walsh_sorted(const double *d, size_t n)
{
    size_t m = walsh_count(n);
    double *walsh = n > 0 && n <= STATS_BLOCKS_MAX ? malloc(m * sizeof *walsh) : NULL;
    if (walsh != NULL) {
        walsh_fill(d, n, walsh);
        gsl_sort(walsh, 1, m);
    }
    return walsh;
}

bool stats_upper_bound(const double *d, size_t n, double alpha, double *bound)
{
    double *walsh = walsh_sorted(d, n);
    if (walsh == NULL) {
        return false;
    }
    double k = qsignrank(alpha, (double)n, 1, 0);
    *bound = k < 1 ? INFINITY : walsh[walsh_count(n) - (size_t)k];
    free(walsh);
    return true;
}

bool stats_location(const double *d, size_t n, double alpha, struct stats_estimate *out)
{
    size_t m = walsh_count(n);
    double *walsh = walsh_sorted(d, n);
    if (walsh == NULL) {
        return false;
    }
    out->value = gsl_stats_median_from_sorted_data(walsh, 1, m);

    /* k = 0 would be an interval without end: so few blocks cannot give 1 - alpha, and k = 1 is the
     * widest that they can give. */
    double k = fmax(1, qsignrank(alpha / 2, (double)n, 1, 0));
    out->low = walsh[(size_t)k - 1];
    out->high = walsh[m - (size_t)k];
    out->confidence = 1 - 2 * psignrank(k - 1, (double)n, 1, 0);
    free(walsh);
    return true;
}

/* Fills twice[n] with doubled midranks, whole numbers, of sorted magnitudes; true if any tie. */
static bool double_midranks(const double *sorted, size_t n, unsigned *twice)
{
    bool ties = false;
    for (size_t first = 0; first < n;) {
        size_t last = first;
        while (last + 1 < n && sorted[last + 1] - sorted[last] <= TIE * sorted[last + 1]) {
            last++;
        }
        ties = ties || last > first;
        for (size_t i = first; i <= last; i++) {
            twice[i] = (unsigned)(first + last + 2); /* 2 * mean of the ranks first+1 .. last+1 */
        }
        first = last + 1;
    }
    return ties;
}

/* P(W <= w) and P(W >= w) when every sign is a fair coin, for doubled ranks: one shifted addition a
 * rank. The probabilities are halved as they are built, so that nothing overflows. */
static bool tied_tails(const unsigned *twice, size_t n, unsigned w_twice, double *lower,
                       double *upper)
{
    size_t total = n * (n + 1);
    double *f = calloc(total + 1, sizeof *f);
    if (f == NULL) {
        return false;
    }
    f[0] = 1;
    size_t reached = 0;
    for (size_t i = 0; i < n; i++) {
        reached += twice[i];
        for (size_t s = reached + 1; s-- > 0;) {
            f[s] = 0.5 * f[s] + (s >= twice[i] ? 0.5 * f[s - twice[i]] : 0);
        }
    }
    *lower = *upper = 0;
    for (size_t s = 0; s <= total; s++) {
        *lower += s <= w_twice ? f[s] : 0;
        *upper += s >= w_twice ? f[s] : 0;
    }
    free(f);
    return true;
}

/* Ranks the out->n magnitudes, finds W and p. order[n], twice[n] and sorted[n] are scratch. */
static bool rank_and_test(const double *nonzero, size_t *order, unsigned *twice, double *sorted,
                          struct stats_test *out)
{
    size_t n = out->n;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = fabs(nonzero[i]);
    }
    gsl_sort_index(order, sorted, 1, n);
    gsl_sort(sorted, 1, n);
    out->ties = double_midranks(sorted, n, twice);

    unsigned w_twice = 0;
    for (size_t i = 0; i < n; i++) {
        w_twice += nonzero[order[i]] > 0 ? twice[i] : 0;
    }
    out->w = w_twice / 2.0;
    double total = n * (n + 1) / 2.0;
    out->effect = (2 * out->w - total) / total;

    double lower, upper;
    if (out->ties) {
        if (!tied_tails(twice, n, w_twice, &lower, &upper)) {
            return false;
        }
    } else {
        lower = psignrank(out->w, (double)n, 1, 0);
        upper = psignrank(out->w - 1, (double)n, 0, 0);
    }
    out->p = fmin(1, 2 * fmin(lower, upper));
    out->p_up = fmin(1, upper);
    return true;
}

bool stats_signed_rank(const double *d, size_t n, struct stats_test *out)
{
    *out = (struct stats_test){.p = 1, .p_up = 1};
    if (n > STATS_BLOCKS_MAX) {
        return false;
    }
    double *nonzero = malloc((2 * n + 1) * sizeof *nonzero);
    size_t *order = malloc((n + 1) * sizeof *order);
    unsigned *twice = malloc((n + 1) * sizeof *twice);
    bool ok = nonzero != NULL && order != NULL && twice != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (d[i] == 0) {
            out->zeros++;
        } else {
            nonzero[out->n++] = d[i];
        }
    }
    if (ok && out->n > 0) {
        ok = rank_and_test(nonzero, order, twice, nonzero + n, out);
    }
    free(nonzero);
    free(order);
    free(twice);
    return ok;
}

bool stats_holm(const double *p, size_t n_p, size_t family, double *adjusted)
{
    size_t *order = malloc((n_p + 1) * sizeof *order);
    if (order == NULL || family < n_p) {
        free(order);
        return false;
    }
    if (n_p > 0) {
        gsl_sort_index(order, p, 1, n_p);
    }
    double running = 0;
    for (size_t i = 0; i < n_p; i++) {
        running = fmax(running, fmin(1, (double)(family - i) * p[order[i]]));
        adjusted[order[i]] = running;
    }
    free(order);
    return true;
}

double stats_smallest_p(size_t n)
{
    return n == 0 ? 1 : ldexp(1, 1 - (int)n);
}

size_t stats_blocks_needed(size_t tests, double alpha)
{
    size_t n = 1;
    while (stats_smallest_p(n) * (double)tests > alpha) {
        n++;
    }
    return n;
}

/* The Hodges-Lehmann estimate alone, by quick select instead of a sort, because the bootstrap asks
 * for it many thousand times. walsh[walsh_count(n)] is scratch. */
static double centre_of(const double *d, size_t n, double *walsh)
{
    size_t m = walsh_count(n);
    walsh_fill(d, n, walsh);
    double upper = gsl_stats_select(walsh, 1, m, m / 2);
    if (m % 2 == 1) {
        return upper;
    }
    return 0.5 * (upper + gsl_stats_select(walsh, 1, m, m / 2 - 1));
}

/* Everything that one pass over the members needs. */
struct group_work {
    const struct stats_member *members; /* the cells */
    size_t n_members;                   /* how many cells */
    size_t n_groups;                    /* how many workloads */
    double *sum;                        /* [n_groups] sums of the members' estimates */
    size_t *count;                      /* [n_groups] members of a group */
    double *drawn;                      /* [most blocks] one member's blocks, drawn anew */
    double *walsh;                      /* [its Walsh averages] */
};

/* The mean of the groups' means; rng NULL: of the data itself, otherwise of one bootstrap
 * replicate. */
static double group_pass(struct group_work *g, gsl_rng *rng)
{
    for (size_t i = 0; i < g->n_groups; i++) {
        g->sum[i] = 0;
    }
    for (size_t i = 0; i < g->n_members; i++) {
        const struct stats_member *m = &g->members[i];
        for (size_t b = 0; b < m->n; b++) {
            g->drawn[b] = m->d[rng != NULL ? gsl_rng_uniform_int(rng, m->n) : b];
        }
        g->sum[m->group] += centre_of(g->drawn, m->n, g->walsh);
    }
    double mean = 0;
    for (size_t i = 0; i < g->n_groups; i++) {
        mean += g->sum[i] / (double)g->count[i] / (double)g->n_groups;
    }
    return mean;
}

static bool group_alloc(struct group_work *g)
{
    size_t most = 0;
    g->sum = calloc(g->n_groups, sizeof *g->sum);
    g->count = calloc(g->n_groups, sizeof *g->count);
    if (g->sum == NULL || g->count == NULL) {
        return false;
    }
    for (size_t i = 0; i < g->n_members; i++) {
        const struct stats_member *m = &g->members[i];
        if (m->n == 0 || m->n > STATS_BLOCKS_MAX || m->group >= g->n_groups) {
            return false;
        }
        g->count[m->group]++;
        most = m->n > most ? m->n : most;
    }
    for (size_t i = 0; i < g->n_groups; i++) {
        if (g->count[i] == 0) {
            return false;
        }
    }
    g->drawn = malloc(most * sizeof *g->drawn);
    g->walsh = malloc(walsh_count(most) * sizeof *g->walsh);
    return g->drawn != NULL && g->walsh != NULL;
}

static void group_free(struct group_work *g)
{
    free(g->sum);
    free(g->count);
    free(g->drawn);
    free(g->walsh);
}

/* The tail that the percentiles are taken at: wider than alpha/2, because a bootstrap of n blocks
 * is too narrow by sqrt((n-1)/n) and knows nothing of the doubt about the spread itself. */
static double widened_tail(const struct stats_member *members, size_t n_members, double alpha)
{
    double blocks = 0, df = 0;
    for (size_t i = 0; i < n_members; i++) {
        blocks += (double)members[i].n / (double)n_members;
        df += (double)members[i].n - 1;
    }
    if (df < 1) {
        return -1;
    }
    return pnorm(sqrt(blocks / (blocks - 1)) * qt(alpha / 2, df, 1, 0), 0, 1, 1, 0);
}

/* Fills out->low and out->high from sorted replicates. */
static bool bootstrap(struct group_work *g, double tail, unsigned long seed, size_t replicates,
                      struct stats_estimate *out)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    double *mean = malloc(replicates * sizeof *mean);
    bool ok = rng != NULL && mean != NULL;
    if (ok) {
        gsl_rng_set(rng, seed);
        for (size_t r = 0; r < replicates; r++) {
            mean[r] = group_pass(g, rng);
        }
        gsl_sort(mean, 1, replicates);
        out->low = fmin(out->value, gsl_stats_quantile_from_sorted_data(mean, 1, replicates, tail));
        out->high =
            fmax(out->value, gsl_stats_quantile_from_sorted_data(mean, 1, replicates, 1 - tail));
    }
    if (rng != NULL) {
        gsl_rng_free(rng);
    }
    free(mean);
    return ok;
}

bool stats_group_mean(const struct stats_member *members, size_t n_members, size_t n_groups,
                      double alpha, unsigned long seed, size_t replicates,
                      struct stats_estimate *out)
{
    if (n_members == 0 || n_groups == 0 || replicates == 0) {
        return false;
    }
    struct group_work g = {.members = members, .n_members = n_members, .n_groups = n_groups};
    bool ok = group_alloc(&g);
    if (ok) {
        double tail = widened_tail(members, n_members, alpha);
        out->value = out->low = out->high = group_pass(&g, NULL);
        out->confidence = tail < 0 ? 0 : 1 - alpha;
        ok = tail < 0 || bootstrap(&g, tail, seed, replicates, out);
    }
    group_free(&g);
    return ok;
}

/* Cumulative probability of at most `most` discordant pairs among n independent points:
 * permutations by their inversions, added one point at a time (the m-th makes 0 .. m-1 inversions).
 */
static double discordant_at_most(size_t n, size_t most)
{
    double p[STATS_POINTS_MAX * (STATS_POINTS_MAX - 1) / 2 + 1] = {1};
    double sum = 0;
    for (size_t m = 2; m <= n; m++) {
        size_t reach = m * (m - 1) / 2;
        for (size_t i = reach + 1; i-- > 0;) {
            double window = 0;
            for (size_t k = 0; k < m && k <= i; k++) {
                window += p[i - k];
            }
            p[i] = window / (double)m;
        }
    }
    for (size_t i = 0; i <= most; i++) {
        sum += p[i];
    }
    return sum;
}

static bool pair_slopes(const double *x, const double *y, size_t n, double *slopes)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            if (x[i] == x[j]) {
                return false;
            }
            slopes[at++] = (y[j] - y[i]) / (x[j] - x[i]);
        }
    }
    return true;
}

bool stats_slope(const double *x, const double *y, size_t n, double alpha,
                 struct stats_estimate *out)
{
    if (n < 2 || n > STATS_POINTS_MAX) {
        return false;
    }
    size_t pairs = n * (n - 1) / 2, k = 1;
    double *slopes = malloc(pairs * sizeof *slopes);
    if (slopes == NULL || !pair_slopes(x, y, n, slopes)) {
        free(slopes);
        return false;
    }
    gsl_sort(slopes, 1, pairs);
    while (2 * (k + 1) <= pairs && discordant_at_most(n, k) <= alpha / 2) {
        k++;
    }
    out->value = gsl_stats_median_from_sorted_data(slopes, 1, pairs);
    out->low = slopes[k - 1];
    out->high = slopes[pairs - k];
    out->confidence = 1 - 2 * discordant_at_most(n, k - 1);
    free(slopes);
    return true;
}
