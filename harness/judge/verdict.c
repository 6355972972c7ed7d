/* verdict.c: measures every cell, adjusts p within its family, says the word.
 *
 *     samples -> pairs -> estimate, interval, p -> Holm -> verdict -> order
 *
 * Invariants   V1  better and worse never without p_holm <= VERDICT_ALPHA or a count that repeats
 *              V2  a pair is two ok samples of one block, both of a duet or neither; nothing is
 *                  filled in for a missing one
 *              V3  a failure in any block, warm-up included, makes the cell failed in every metric
 *                  that was measured in it, and without a figure: a failure is never a fast time
 * Below        stats.h samples.h        Above   mean.c doubt.c summary.c table.c report.c
 */
#include "verdict.h"

#include "calls.h"
#include "doubt.h"
#include "mean.h"
#include "memory.h"
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *verdict_metric_name(enum metric metric)
{
    static const char *const name[] = {"time", "peak_rss", "instructions"};
    return name[metric];
}

const char *verdict_name(enum verdict verdict)
{
    static const char *const name[] = {"failed", "worse", "unclear", "same", "better"};
    return name[verdict];
}

const char *verdict_basis_name(enum basis basis)
{
    static const char *const name[] = {"ratio", "difference", "count"};
    return name[basis];
}

/* Both sides of one cell, block by block, [STATS_BLOCKS_MAX] each. */
struct pairs {
    double *baseline;  /* [n] */
    double *contender; /* [n] */
    double *demand;    /* [n] log ratio of the live bytes at their peak, 0: not known */
    double *d;         /* [n] differences or log ratios, scratch */
    size_t n;          /* blocks with both */
};

static double figure_of(const struct sample *s, enum metric metric)
{
    if (s == NULL || !s->ok) {
        return NAN;
    }
    switch (metric) {
    case METRIC_TIME:
        return s->time_ns;
    case METRIC_PEAK_RSS:
        return s->peak_rss_kib;
    default:
        return s->instructions;
    }
}

static void collect(const struct samples *run, struct finding *f, struct pairs *pairs)
{
    bool net = !isnan(f->baseline_null) && !isnan(f->contender_null);
    pairs->n = 0;
    for (size_t b = 0; b < run->n_blocks; b++) {
        double base = figure_of(samples_at(run, f->cell, 0, b), f->metric);
        double cont = figure_of(samples_at(run, f->cell, f->contender, b), f->metric);
        if (isnan(base) || isnan(cont) || !samples_paired(run, f->cell, f->contender, b)) {
            continue;
        }
        pairs->baseline[pairs->n] = base - (net ? f->baseline_null : 0);
        pairs->contender[pairs->n] = cont - (net ? f->contender_null : 0);
        pairs->demand[pairs->n] =
            f->metric == METRIC_PEAK_RSS ? samples_demand(run, f->cell, f->contender, b) : 0;
        f->per_live = f->per_live || fabs(pairs->demand[pairs->n]) > log(VERDICT_SAME_DEMAND);
        pairs->n++;
    }
    f->n = pairs->n;
    f->baseline_median = stats_median(pairs->baseline, pairs->n);
    f->contender_median = stats_median(pairs->contender, pairs->n);
}

/* Log ratios into f->d, where each one is defined. */
static bool take_ratios(struct finding *f, const struct pairs *pairs)
{
    for (size_t b = 0; b < pairs->n; b++) {
        if (!(pairs->baseline[b] > 0 && pairs->contender[b] > 0)) {
            return true;
        }
        pairs->d[b] =
            log(pairs->contender[b] / pairs->baseline[b]) - (f->per_live ? pairs->demand[b] : 0);
    }
    struct stats_estimate e;
    f->d = malloc(pairs->n * sizeof *f->d);
    if (f->d == NULL || !stats_location(pairs->d, pairs->n, VERDICT_ALPHA, &e)) {
        return false;
    }
    memcpy(f->d, pairs->d, pairs->n * sizeof *f->d);
    f->ratio = exp(e.value);
    f->low = exp(e.low);
    f->high = exp(e.high);
    f->confidence = e.confidence;
    f->noise = stats_spread(f->d, f->n);
    return true;
}

/* Peaks that are small, or no more than the null run's, are told apart by their difference. */
static bool take_differences(struct finding *f, const struct pairs *pairs)
{
    for (size_t b = 0; b < pairs->n; b++) {
        pairs->d[b] = pairs->contender[b] - pairs->baseline[b];
    }
    struct stats_estimate e;
    if (!stats_location(pairs->d, pairs->n, VERDICT_ALPHA, &e)) {
        return false;
    }
    f->basis = BASIS_DIFFERENCE;
    f->difference = e.value;
    f->difference_low = e.low;
    f->difference_high = e.high;
    f->confidence = e.confidence;
    return true;
}

static bool test(struct finding *f, const double *d)
{
    struct stats_test t;
    if (!stats_signed_rank(d, f->n, &t)) {
        return false;
    }
    f->p = t.p;
    f->effect = t.effect;
    f->zeros = t.zeros;
    return true;
}

/* Do counts agree with each other within the margin? */
static bool repeats(const double *count, size_t n)
{
    double low = count[0], high = count[0];
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, count[i]);
        high = fmax(high, count[i]);
    }
    return low > 0 && high <= low * VERDICT_COUNT_MARGIN;
}

/* Instructions of a separate exact pass. One pass of one thread repeats by construction; of several
 * threads it depends on who waited for whom, so only passes that agree are taken for exact. */
static bool take_counts(const struct samples *run, struct finding *f)
{
    const double *base, *cont;
    size_t n_base = samples_counts(run, f->cell, 0, &base);
    size_t n_cont = samples_counts(run, f->cell, f->contender, &cont);
    f->d = malloc(sizeof *f->d);
    if (f->d == NULL) {
        return false;
    }
    f->per_op = run->count_per_op;
    bool enough = run->cells[f->cell].threads == 1 || (n_base > 1 && n_cont > 1);
    f->n = n_base < n_cont ? n_base : n_cont;
    f->baseline_median = stats_median(base, n_base);
    f->contender_median = stats_median(cont, n_cont);
    f->ratio = f->low = f->high = f->contender_median / f->baseline_median;
    f->d[0] = log(f->ratio);
    if (enough && repeats(base, n_base) && repeats(cont, n_cont)) {
        f->basis = BASIS_COUNT;
    } else {
        f->confidence = 0;
    }
    return true;
}

static bool has_counts(const struct samples *run, const struct finding *f)
{
    const double *at;
    return samples_counts(run, f->cell, 0, &at) > 0 &&
           samples_counts(run, f->cell, f->contender, &at) > 0;
}

/* The reference's median time; none where one of its processes failed (V3). */
static double floor_of(const struct samples *run, size_t cell, double *scratch)
{
    size_t reference = verdict_reference(run), n = 0;
    for (size_t i = 0; i < run->n_all; i++) {
        const struct sample *s = &run->all[i];
        if (s->cell == cell && s->allocator == reference && !s->ok) {
            return NAN;
        }
    }
    for (size_t b = 0; reference < run->n_allocators && b < run->n_blocks; b++) {
        double ns = figure_of(samples_at(run, cell, reference, b), METRIC_TIME);
        if (!isnan(ns)) {
            scratch[n++] = ns;
        }
    }
    return stats_median(scratch, n);
}

/* What the times are to be read against: the bare loop, and the floor. */
static void take_yardsticks(const struct samples *run, struct finding *f, struct pairs *pairs)
{
    f->null_share = samples_null_ns(run, f->cell, 0) / f->baseline_median;
    f->floor = floor_of(run, f->cell, pairs->baseline);
}

/* Fills everything but p_holm and the verdict. */
static bool measure(const struct samples *run, struct finding *f, struct pairs *pairs)
{
    if (f->metric == METRIC_PEAK_RSS) {
        f->baseline_null = samples_null(run, f->cell, 0);
        f->contender_null = samples_null(run, f->cell, f->contender);
    }
    if (f->metric == METRIC_INSTRUCTIONS && has_counts(run, f)) {
        /* Made for counting, so they repeat better than those of timed processes. */
        return take_counts(run, f);
    }
    collect(run, f, pairs);
    if (pairs->n == 0) {
        return true;
    }
    if (!take_ratios(f, pairs)) {
        return false;
    }
    if (f->metric == METRIC_TIME) {
        take_yardsticks(run, f, pairs);
    }
    bool small = f->metric == METRIC_PEAK_RSS &&
                 fmax(f->baseline_median, f->contender_median) < VERDICT_SMALL_KIB;
    if ((small || f->d == NULL) && !take_differences(f, pairs)) {
        return false;
    }
    if (f->metric == METRIC_INSTRUCTIONS && repeats(pairs->baseline, pairs->n) &&
        repeats(pairs->contender, pairs->n)) {
        f->basis = BASIS_COUNT;
        return true;
    }
    return test(f, pairs->d);
}

/* The families. */

/* Is `other` one of the tests that f's p has to pay for? */
static bool same_family(const struct samples *run, const struct finding *f,
                        const struct finding *other)
{
    if (other->contender != f->contender || other->metric != f->metric ||
        other->basis == BASIS_COUNT) {
        return false;
    }
    bool primary_only = f->metric == METRIC_TIME && run->cells[f->cell].primary;
    return !primary_only || run->cells[other->cell].primary;
}

/* Adjusts the p of one finding. A test that was planned and gave no p counts as p = 1. */
static bool adjust(const struct samples *run, const struct judgement *j, struct finding *f)
{
    double *p = malloc(2 * j->n_findings * sizeof *p);
    if (p == NULL) {
        return false;
    }
    size_t n = 0, self = 0;
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *other = &j->findings[i];
        if (same_family(run, f, other)) {
            f->family++;
            self = other == f ? n : self;
            p[n] = other->p;
            n += !isnan(other->p);
        }
    }
    double *adjusted = p + j->n_findings;
    bool ok = stats_holm(p, n, f->family, adjusted);
    if (ok) {
        f->p_holm = adjusted[self];
    }
    free(p);
    return ok;
}

/* The word. */

/* Value, low, high and margin in one unit, in which zero means "no difference". */
static enum verdict word(double value, double low, double high, double margin,
                         const struct finding *f)
{
    bool covers = f->confidence >= 1 - VERDICT_ALPHA;
    if (covers && -margin <= low && high <= margin) {
        return VERDICT_SAME;
    }
    if (!(f->p_holm <= VERDICT_ALPHA)) {
        return VERDICT_UNCLEAR;
    }
    if (high < 0 && value < -margin) {
        return VERDICT_BETTER;
    }
    return low > 0 && value > margin ? VERDICT_WORSE : VERDICT_UNCLEAR;
}

static enum verdict count_word(double ratio)
{
    if (ratio > VERDICT_COUNT_MARGIN) {
        return VERDICT_WORSE;
    }
    return ratio < 1 / VERDICT_COUNT_MARGIN ? VERDICT_BETTER : VERDICT_SAME;
}

/* The processes that did end well must not look like a result of the cell. */
static void forget_figures(struct finding *f)
{
    f->ratio = f->low = f->high = f->confidence = NAN;
    f->difference = f->difference_low = f->difference_high = NAN;
    f->p = f->p_holm = f->effect = f->noise = NAN;
    f->baseline_median = f->contender_median = NAN;
    f->null_share = f->floor = NAN;
    f->basis = BASIS_RATIO;
}

static void decide(struct finding *f)
{
    if (f->reason != NULL) {
        f->verdict = VERDICT_FAILED;
        forget_figures(f);
    } else if (f->n == 0) {
        f->verdict = VERDICT_UNCLEAR;
    } else if (f->basis == BASIS_COUNT) {
        f->verdict = count_word(f->ratio);
    } else if (f->basis == BASIS_DIFFERENCE) {
        f->verdict =
            word(f->difference, f->difference_low, f->difference_high, VERDICT_SAME_KIB, f);
    } else {
        f->verdict = word(log(f->ratio), log(f->low), log(f->high), log(VERDICT_MARGIN), f);
    }
}

/* Failures. */

/* "ashlar: crash in 2 of 13 processes, first in block 3 (signal 11: ...)"; NULL: none. */
static char *failure_of(const struct samples *run, size_t cell, size_t allocator)
{
    size_t processes = 0, failures = 0;
    const struct sample *first = NULL;
    for (size_t i = 0; i < run->n_all; i++) {
        const struct sample *s = &run->all[i];
        if (s->cell == cell && s->allocator == allocator) {
            processes++;
            failures += !s->ok;
            first = first == NULL && !s->ok ? s : first;
        }
    }
    if (first == NULL) {
        return NULL;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    fprintf(out, "%s: %s in %zu of %zu processes, first in ", run->allocators[allocator],
            first->status, failures, processes);
    if (first->warmup) {
        fputs("the warm-up", out);
    } else {
        fprintf(out, "block %zu", first->block);
    }
    json_int_t sig = json_integer_value(json_object_get(first->raw, "signal"));
    const char *detail = json_string_value(json_object_get(first->raw, "detail"));
    if (detail != NULL && *detail != '\0') {
        fprintf(out, ": %s", detail);
    } else if (sig != 0) {
        fprintf(out, ": signal %lld", (long long)sig);
    }
    fclose(out);
    return text;
}

/* Order: what is lost first. */

static int compare_findings(const void *left, const void *right)
{
    const struct finding *a = left, *b = right;
    if (a->contender != b->contender) {
        return a->contender < b->contender ? -1 : 1;
    }
    if (a->metric != b->metric) {
        return a->metric < b->metric ? -1 : 1;
    }
    if (a->verdict != b->verdict) {
        return a->verdict < b->verdict ? -1 : 1;
    }
    double loss_a = isnan(a->ratio) ? 0 : a->ratio, loss_b = isnan(b->ratio) ? 0 : b->ratio;
    if (loss_a != loss_b) {
        return loss_a > loss_b ? -1 : 1;
    }
    return a->cell < b->cell ? -1 : a->cell > b->cell;
}

/* Was the metric measured in this cell, under any allocator? Every cell has a time: one without a
 * single time has failed in it, or was not reached. */
static bool measured(const struct samples *run, size_t cell, enum metric metric)
{
    bool found = metric == METRIC_TIME;
    for (size_t i = 0; !found && i < run->n_all; i++) {
        const struct sample *s = &run->all[i];
        found = s->cell == cell && !s->warmup && !isnan(figure_of(s, metric));
    }
    for (size_t a = 0; !found && a < run->n_allocators; a++) {
        const double *at;
        found = metric == METRIC_INSTRUCTIONS && samples_counts(run, cell, a, &at) > 0;
    }
    return found;
}

static const struct finding blank = {
    .ratio = NAN,
    .low = NAN,
    .high = NAN,
    .difference = NAN,
    .difference_low = NAN,
    .difference_high = NAN,
    .confidence = NAN,
    .p = NAN,
    .p_holm = NAN,
    .effect = NAN,
    .noise = NAN,
    .baseline_median = NAN,
    .contender_median = NAN,
    .baseline_null = NAN,
    .contender_null = NAN,
    .null_share = NAN,
    .floor = NAN,
};

static bool measure_one(const struct samples *run, struct judgement *j, struct pairs *pairs,
                        size_t cell, size_t contender, enum metric metric)
{
    struct finding *f = &j->findings[j->n_findings++];
    *f = blank;
    f->cell = cell;
    f->contender = contender;
    f->metric = metric;
    f->reason = failure_of(run, cell, contender);
    f->reason = f->reason != NULL ? f->reason : failure_of(run, cell, 0);
    j->any_failed = j->any_failed || f->reason != NULL;
    return measure(run, f, pairs);
}

static bool measure_all(const struct samples *run, struct judgement *j, struct pairs *pairs)
{
    for (size_t k = 1; k < run->n_allocators; k++) {
        for (enum metric m = 0; m < METRIC_COUNT; m++) {
            for (size_t c = 0; c < run->n_cells; c++) {
                bool skipped = samples_skipped(run, c, 0) || samples_skipped(run, c, k);
                if (!skipped && measured(run, c, m) && !measure_one(run, j, pairs, c, k, m)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool judge_calls(const struct samples *run, struct judgement *j)
{
    j->calls = calls_judge(run);
    return j->calls != NULL;
}

static bool judge_memory(const struct samples *run, struct judgement *j)
{
    j->memory = memory_judge(run, &j->any_failed);
    return j->memory != NULL;
}

static bool judge_findings(const struct samples *run, struct judgement *j, struct pairs *pairs)
{
    j->findings =
        calloc(run->n_cells * (run->n_allocators - 1) * METRIC_COUNT, sizeof *j->findings);
    if (j->findings == NULL || (run->n_blocks > 0 && !measure_all(run, j, pairs))) {
        return false;
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        struct finding *f = &j->findings[i];
        if (!isnan(f->p) && !adjust(run, j, f)) {
            return false;
        }
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        decide(&j->findings[i]);
    }
    qsort(j->findings, j->n_findings, sizeof *j->findings, compare_findings);
    return true;
}

/* Is there one block to look at, or one failure to report? */
static bool anything(const struct samples *run)
{
    for (size_t i = 0; i < run->n_all; i++) {
        if (!run->all[i].ok || !run->all[i].warmup) {
            return true;
        }
    }
    return json_array_size(run->memory) > 0;
}

size_t verdict_reference(const struct samples *run)
{
    size_t at = 0;
    while (at < run->n_allocators && !run->reference[at]) {
        at++;
    }
    return at;
}

double verdict_x_floor(const struct samples *run, const struct finding *f, size_t allocator)
{
    double median = allocator == 0 ? f->baseline_median : f->contender_median;
    return allocator == verdict_reference(run) ? NAN : median / f->floor;
}

bool verdict_judge(const struct samples *run, struct judgement *out, char *err, size_t err_size)
{
    *out = (struct judgement){0};
    if (!anything(run)) {
        snprintf(err, err_size,
                 "the run holds no finished block; go on with it by `ashlar run --resume`");
        return false;
    }
    double *work = malloc(4 * (run->n_blocks + 1) * sizeof *work);
    bool ok = work != NULL;
    if (ok) {
        struct pairs pairs = {
            .baseline = work,
            .contender = work + run->n_blocks,
            .demand = work + 2 * run->n_blocks,
            .d = work + 3 * run->n_blocks,
        };
        ok = judge_findings(run, out, &pairs) && judge_calls(run, out) && judge_memory(run, out) &&
             mean_all(run, out) && doubt_all(run, out);
    }
    free(work);
    if (!ok) {
        snprintf(err, err_size, "out of memory while judging; free some and try again");
        verdict_free(out);
    }
    return ok;
}

void verdict_free(struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->n_findings; i++) {
        free(judgement->findings[i].d);
        free(judgement->findings[i].reason);
    }
    for (size_t i = 0; i < judgement->n_means; i++) {
        json_decref(judgement->means[i].names);
        json_decref(judgement->means[i].left_out);
    }
    free(judgement->findings);
    free(judgement->means);
    json_decref(judgement->calls);
    json_decref(judgement->memory);
    json_decref(judgement->warnings);
    json_decref(judgement->growth);
    json_decref(judgement->duets);
    *judgement = (struct judgement){0};
}
