/* gate.c: see gate.h.
 *
 *     plan "gate"  -> tests            settle: basis, from the first look's blocks alone
 *     blocks       -> series           look 1, look 2, ... until decided
 *                  -> fresh blocks     confirm
 *     counts       -> threshold
 *
 * Invariants   G1  a test that is decided at a look is not tested again, and keeps its word
 *
 *              G2  what a ratio is made of (null run, live bytes, difference or ratio) is settled
 *                  on the first look's blocks and does not change with later ones
 *
 *              G3  blocks of a confirmation are in no look
 *
 * Below        stats.h samples.h verdict.h (its constants)        Above   gate_json.c
 */
#include "gate.h"

#include "../base/member.h"
#include "calls.h"
#include "stats.h"
#include "verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATHLIB_STANDALONE
#include <Rmath.h>

/* Relative efficiency of the signed-rank test under normal noise, 3 / pi. */
#define RANK_EFFICIENCY 0.955

/* Shares are quotients: a difference of the budget itself must not be more than it. */
#define GATE_SHARE_ROUNDING 1e-9

/* How the .05 is divided. Most on the first look, which decides nearly all cells of a change that
 * is harmless or bad; the rest evenly. */
static const struct gate_schedule schedules[] = {
    {1, {12}, {.05}},
    {2, {12, 24}, {.03, .02}},
    {3, {12, 24, 48}, {.02, .015, .015}},
    {4, {12, 24, 48, 72}, {.02, .01, .01, .01}},
};

static const char *const metric_names[] = {"time",         "peak_rss",      "instructions",
                                           "minor_faults", "syscalls",      "false_sharing",
                                           "page_waste",   "internal_waste"};

const char *gate_metric_name(enum gate_metric metric)
{
    return metric_names[metric];
}

enum gate_metric gate_metric_of(const char *name)
{
    enum gate_metric metric = 0;
    while (metric < GATE_METRICS && strcmp(metric_names[metric], name) != 0) {
        metric++;
    }
    return metric;
}

const char *gate_word_name(enum gate_word word)
{
    static const char *const name[] = {"undecided",    "failed",   "regression", "unconfirmed",
                                       "inconclusive", "reported", "within"};
    return name[word];
}

const char *gate_basis_name(enum gate_basis basis)
{
    static const char *const name[] = {"ratio", "difference", "count", "tally", "share"};
    return name[basis];
}

bool gate_schedule(size_t max_blocks, struct gate_schedule *out)
{
    for (size_t i = 0; i < sizeof schedules / sizeof schedules[0]; i++) {
        if (schedules[i].blocks[schedules[i].looks - 1] == max_blocks) {
            *out = schedules[i];
            return true;
        }
    }
    return false;
}

/* ---- the statistics of a look ---- */

/* One-sided p of "the centre of d lies above limit". */
static bool p_above(const double *d, size_t n, double limit, double *p)
{
    double shifted[STATS_BLOCKS_MAX];
    struct stats_test t;
    if (n > STATS_BLOCKS_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        shifted[i] = d[i] - limit;
    }
    bool ok = stats_signed_rank(shifted, n, &t);
    *p = t.p_up;
    return ok;
}

static bool look_at_one(struct gate_series *s, size_t blocks, double alpha)
{
    struct stats_estimate e;
    if (!p_above(s->d, blocks, s->limit, &s->p) || !stats_location(s->d, blocks, alpha, &e) ||
        !stats_upper_bound(s->d, blocks, alpha, &s->bound)) {
        return false;
    }
    s->estimate = e.value;
    s->looks++;
    return true;
}

bool gate_look(struct gate_series *series, size_t n, size_t family, size_t blocks, double alpha)
{
    double *p = malloc((2 * n + 1) * sizeof *p), *adjusted = p + n;
    size_t open = 0;
    bool ok = p != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (series[i].word == GATE_UNDECIDED) {
            ok = look_at_one(&series[i], blocks, alpha);
            p[open++] = series[i].p;
        }
    }
    ok = ok && stats_holm(p, open, family, adjusted);
    open = 0;
    for (size_t i = 0; ok && i < n; i++) {
        struct gate_series *s = &series[i];
        if (s->word != GATE_UNDECIDED) {
            continue;
        }
        s->p_holm = adjusted[open++];
        s->word = s->p_holm <= alpha     ? GATE_REGRESSION
                  : s->bound <= s->limit ? GATE_WITHIN
                                         : GATE_UNDECIDED;
    }
    free(p);
    return ok;
}

bool gate_confirm(const double *d, size_t n, double limit, double *p)
{
    return p_above(d, n, limit, p);
}

/* ---- the plan's side ---- */

static bool read_schedule(const json_t *looks, struct gate_schedule *out)
{
    out->looks = json_array_size(looks);
    if (out->looks == 0 || out->looks > GATE_LOOKS_MAX) {
        return false;
    }
    for (size_t i = 0; i < out->looks; i++) {
        const json_t *look = json_array_get(looks, i);
        json_int_t blocks = json_integer_value(json_object_get(look, "blocks"));
        out->alpha[i] = json_number_value(json_object_get(look, "alpha"));
        out->blocks[i] = (size_t)blocks;
        if (blocks < 1 || blocks > STATS_BLOCKS_MAX || !(out->alpha[i] > 0) ||
            (i > 0 && out->blocks[i] <= out->blocks[i - 1])) {
            return false;
        }
    }
    return true;
}

static const struct gate_test blank = {
    .estimate = NAN,
    .bound = NAN,
    .p = NAN,
    .p_holm = NAN,
    .allowed = NAN,
    .detectable = NAN,
    .confirm_estimate = NAN,
    .confirm_p = NAN,
};

static bool read_test(const struct samples *run, const json_t *from, struct gate_test *t)
{
    const char *metric = json_string_value(json_object_get(from, "metric"));
    json_int_t id = json_integer_value(json_object_get(from, "cell"));
    *t = blank;
    for (t->cell = 0; t->cell < run->n_cells && run->cells[t->cell].id != id; t->cell++) {
    }
    t->metric = metric != NULL ? gate_metric_of(metric) : GATE_METRICS;
    t->budget = json_number_value(json_object_get(from, "budget"));
    t->gates = json_is_true(json_object_get(from, "gates"));
    return t->cell < run->n_cells && t->metric < GATE_METRICS && t->budget >= 0;
}

/* A cell that is left out for one of the two has no test. */
static bool read_tests(const struct samples *run, const json_t *tests, struct gate_ruling *out)
{
    out->tests = calloc(json_array_size(tests) + 1, sizeof *out->tests);
    out->wanted = calloc(run->n_cells, sizeof *out->wanted);
    if (out->tests == NULL || out->wanted == NULL) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(tests); i++) {
        struct gate_test *t = &out->tests[out->n_tests];
        if (!read_test(run, json_array_get(tests, i), t)) {
            return false;
        }
        if (!samples_skipped(run, t->cell, 0) && !samples_skipped(run, t->cell, 1)) {
            out->family += t->gates && t->metric <= GATE_PEAK_RSS;
            out->n_tests++;
        }
    }
    return true;
}

/* ---- figures ---- */

/* What one test is made of. Settled on the first look's blocks (G2). */
struct figures {
    double null_kib[2]; /* subtracted from a peak */
    bool per_live;      /* a peak is divided by the live bytes at it */
    enum gate_basis basis;
    double *d; /* [n_blocks] NAN: no pair */
};

/* Share of the recorded blocks that had a cache line in common with another thread's. */
static double false_sharing_of(const struct sample *s)
{
    const json_t *counters = json_object_get(json_object_get(s->raw, "bench"), "counters");
    const json_t *recorded = json_object_get(counters, "blocks_recorded");
    const json_t *sharing = json_object_get(counters, "blocks_sharing");
    if (!json_is_number(sharing) || !(json_number_value(recorded) > 0)) {
        return NAN;
    }
    return json_number_value(sharing) / json_number_value(recorded);
}

static double figure_of(const struct sample *s, enum gate_metric metric)
{
    const json_t *faults;
    if (s == NULL || !s->ok) {
        return NAN;
    }
    switch (metric) {
    case GATE_TIME:
        return s->time_ns;
    case GATE_PEAK_RSS:
        return s->peak_rss_kib;
    case GATE_INSTRUCTIONS:
        return s->instructions;
    case GATE_MINOR_FAULTS:
        faults = json_object_get(s->raw, "minflt");
        return json_is_number(faults) ? json_number_value(faults) : NAN;
    case GATE_FALSE_SHARING:
        return false_sharing_of(s);
    default:
        return NAN; /* not of timed processes */
    }
}

static double net_of(const struct samples *run, const struct gate_test *t, const struct figures *f,
                     size_t allocator, size_t block)
{
    return figure_of(samples_at(run, t->cell, allocator, block), t->metric) -
           f->null_kib[allocator];
}

static void take_null(const struct samples *run, const struct gate_test *t, struct figures *f)
{
    f->null_kib[0] = f->null_kib[1] = 0;
    if (t->metric != GATE_PEAK_RSS) {
        return;
    }
    double base = samples_null(run, t->cell, 0), cont = samples_null(run, t->cell, 1);
    if (!isnan(base) && !isnan(cont)) {
        f->null_kib[0] = base;
        f->null_kib[1] = cont;
    }
}

/* Whether peaks are told apart by their difference, and whether they are those of a demand that is
 * the scheduler's: verdict.h has the reasons. */
static void settle_peaks(const struct samples *run, const struct gate_test *t, size_t first,
                         struct figures *f)
{
    double base[STATS_BLOCKS_MAX], cont[STATS_BLOCKS_MAX];
    bool ratio = true;
    for (size_t b = 0; b < first; b++) {
        base[b] = net_of(run, t, f, 0, b);
        cont[b] = net_of(run, t, f, 1, b);
        ratio = ratio && base[b] > 0 && cont[b] > 0;
        f->per_live =
            f->per_live || fabs(samples_demand(run, t->cell, 1, b)) > log(VERDICT_SAME_DEMAND);
    }
    if (!ratio || fmax(stats_median(base, first), stats_median(cont, first)) < VERDICT_SMALL_KIB) {
        f->basis = GATE_BY_DIFFERENCE;
    }
}

/* Fills figures->d, on the heap. */
static bool take_figures(const struct samples *run, const struct gate_test *t, size_t first,
                         struct figures *f)
{
    *f = (struct figures){.basis = GATE_BY_RATIO};
    f->d = malloc(run->n_blocks * sizeof *f->d);
    if (f->d == NULL) {
        return false;
    }
    take_null(run, t, f);
    if (t->metric == GATE_PEAK_RSS) {
        settle_peaks(run, t, first, f);
    }
    for (size_t b = 0; b < run->n_blocks; b++) {
        double base = net_of(run, t, f, 0, b), cont = net_of(run, t, f, 1, b);
        if (f->basis == GATE_BY_DIFFERENCE) {
            f->d[b] = cont - base;
        } else {
            f->d[b] = base > 0 && cont > 0 ? log(cont / base) : NAN;
            f->d[b] -= f->per_live ? samples_demand(run, t->cell, 1, b) : 0;
        }
    }
    return true;
}

static bool all_there(const double *d, size_t from, size_t to)
{
    for (size_t b = from; b < to; b++) {
        if (isnan(d[b])) {
            return false;
        }
    }
    return true;
}

/* ---- which blocks are there ---- */

/* How a process ended, from its line. */
static void tell_ending(const json_t *line, const char *allocator, char *reason, size_t size)
{
    const char *detail = member_text(line, "detail");
    snprintf(reason, size, "%s: %s%s%.120s", allocator, member_text(line, "status"),
             *detail != '\0' ? ": " : "", detail);
}

/* A process of the cell ended badly, timed or watched. */
static bool cell_failed(const struct samples *run, size_t cell, char *reason, size_t size)
{
    json_t *line;
    size_t n;
    for (size_t i = 0; i < run->n_all; i++) {
        const struct sample *s = &run->all[i];
        if (s->cell == cell && !s->ok) {
            tell_ending(s->raw, run->allocators[s->allocator], reason, size);
            return true;
        }
    }
    json_array_foreach(run->memory, n, line)
    {
        if (json_integer_value(json_object_get(line, "cell")) == run->cells[cell].id &&
            strcmp(member_text(line, "status"), "ok") != 0) {
            tell_ending(line, member_text(line, "allocator"), reason, size);
            return true;
        }
    }
    return false;
}

static bool has_blocks(const struct samples *run, size_t cell, size_t from, size_t to)
{
    for (size_t b = from; b < to; b++) {
        if (!samples_paired(run, cell, 1, b)) {
            return false;
        }
    }
    return true;
}

/* Marks what the cell lacks of from .. to; true when it lacks anything. */
static bool want(const struct samples *run, struct gate_ruling *out, size_t cell, size_t from,
                 size_t to)
{
    if (has_blocks(run, cell, from, to)) {
        return false;
    }
    out->wanted[cell] = true;
    out->from = from;
    out->to = to;
    return true;
}

/* ---- the looks ---- */

/* All that judging passes around. */
struct judging {
    const struct samples *run;
    struct gate_ruling *out;
    struct figures *figures;    /* [n_tests] */
    struct gate_series *series; /* [n_tests] */
};

/* Is the test one of those that go through the looks? */
static bool sequential(const struct gate_test *t)
{
    return t->gates && t->metric <= GATE_PEAK_RSS;
}

/* The excess over nothing that these blocks would find with GATE_POWER, were the noise theirs. */
static double detectable(const struct gate_series *s, size_t blocks, size_t family, double alpha)
{
    double spread = stats_spread(s->d, blocks);
    double z = qnorm(alpha / (double)(family > 0 ? family : 1), 0, 1, 0, 0) +
               qnorm(GATE_POWER, 0, 1, 1, 0);
    return expm1(s->limit + z * spread / sqrt((double)blocks * RANK_EFFICIENCY));
}

static void keep_look(struct judging *j, size_t i, size_t blocks, double alpha)
{
    struct gate_test *t = &j->out->tests[i];
    const struct gate_series *s = &j->series[i];
    bool ratio = t->basis == GATE_BY_RATIO;
    t->estimate = ratio ? exp(s->estimate) : s->estimate;
    t->bound = ratio ? exp(s->bound) : s->bound;
    t->p = s->p;
    t->p_holm = t->gates ? s->p_holm : NAN;
    t->looks = s->looks;
    t->blocks = blocks;
    t->word = t->gates ? s->word : GATE_REPORTED;
    t->detectable = ratio ? detectable(s, blocks, j->out->family, alpha) : NAN;
}

/* Basis and limit, once the first look's blocks are there. */
static bool settle(struct judging *j, size_t i)
{
    struct gate_test *t = &j->out->tests[i];
    struct gate_series *s = &j->series[i];
    size_t first = j->out->schedule.blocks[0];
    if (t->word != GATE_UNDECIDED || t->metric > GATE_PEAK_RSS) {
        s->word = t->word == GATE_UNDECIDED ? GATE_REPORTED : t->word;
        return true;
    }
    if (!take_figures(j->run, t, first, &j->figures[i])) {
        return false;
    }
    t->basis = j->figures[i].basis;
    s->d = j->figures[i].d;
    s->limit = t->basis == GATE_BY_RATIO ? log1p(t->budget) : VERDICT_SAME_KIB;
    return true;
}

/* Tests whose blocks have no figure cannot be looked at. */
static void drop_blank(struct judging *j, size_t blocks)
{
    for (size_t i = 0; i < j->out->n_tests; i++) {
        struct gate_test *t = &j->out->tests[i];
        if (t->word == GATE_UNDECIDED && t->metric <= GATE_PEAK_RSS &&
            !all_there(j->series[i].d, 0, blocks)) {
            t->word = j->series[i].word = GATE_INCONCLUSIVE;
            snprintf(t->reason, sizeof t->reason, "not every block has this figure");
        }
    }
}

/* The time of cells with remote frees, which is told and never judged. */
static bool report_ungated(struct judging *j)
{
    size_t blocks = j->out->schedule.blocks[0];
    double alpha = j->out->schedule.alpha[0];
    for (size_t i = 0; i < j->out->n_tests; i++) {
        struct gate_test *t = &j->out->tests[i];
        if (t->word != GATE_UNDECIDED || t->gates || t->metric > GATE_PEAK_RSS) {
            continue;
        }
        if (!look_at_one(&j->series[i], blocks, alpha)) {
            return false;
        }
        keep_look(j, i, blocks, alpha);
        snprintf(t->reason, sizeof t->reason,
                 "remote frees: never gates on time; %zu blocks could detect +%.0f %%", blocks,
                 100 * t->detectable);
        j->series[i].word = GATE_REPORTED;
    }
    return true;
}

static bool take_look(struct judging *j, size_t look)
{
    const struct gate_schedule *plan = &j->out->schedule;
    size_t n = j->out->n_tests;
    if (look == 0) {
        for (size_t i = 0; i < n; i++) {
            if (!settle(j, i)) {
                return false;
            }
        }
    }
    drop_blank(j, plan->blocks[look]);
    if (look == 0 && !report_ungated(j)) {
        return false;
    }
    if (!gate_look(j->series, n, j->out->family, plan->blocks[look], plan->alpha[look])) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (sequential(&j->out->tests[i]) && j->out->tests[i].word == GATE_UNDECIDED) {
            keep_look(j, i, plan->blocks[look], plan->alpha[look]);
        }
    }
    return true;
}

/* Cells that have to run for this look. The first is for all that are alive. */
static bool wants_look(struct judging *j, size_t look)
{
    const struct gate_schedule *plan = &j->out->schedule;
    bool any = false;
    for (size_t i = 0; i < j->out->n_tests; i++) {
        const struct gate_test *t = &j->out->tests[i];
        bool open = t->word == GATE_UNDECIDED && (look == 0 || sequential(t));
        any = (open && want(j->run, j->out, t->cell, look > 0 ? plan->blocks[look - 1] : 0,
                            plan->blocks[look])) ||
              any;
    }
    return any;
}

/* True with *stopped set when blocks are lacking. */
static bool take_looks(struct judging *j, bool *stopped)
{
    for (size_t look = 0; look < j->out->schedule.looks; look++) {
        *stopped = wants_look(j, look);
        if (*stopped) {
            return true;
        }
        if (!take_look(j, look)) {
            return false;
        }
    }
    for (size_t i = 0; i < j->out->n_tests; i++) {
        struct gate_test *t = &j->out->tests[i];
        if (sequential(t) && t->word == GATE_UNDECIDED) {
            t->word = GATE_INCONCLUSIVE;
            snprintf(t->reason, sizeof t->reason,
                     "%zu blocks do not tell; with this noise they find +%.1f %%", t->blocks,
                     100 * t->detectable);
            if (t->basis == GATE_BY_DIFFERENCE) {
                snprintf(t->reason, sizeof t->reason, "%zu blocks do not tell", t->blocks);
            }
        }
    }
    return true;
}

/* ---- confirmation ---- */

static bool confirm_one(struct judging *j, size_t i, size_t from, size_t blocks)
{
    struct gate_test *t = &j->out->tests[i];
    const struct gate_series *s = &j->series[i];
    struct stats_estimate e;
    if (!all_there(s->d, from, from + blocks)) {
        t->word = GATE_UNCONFIRMED;
        snprintf(t->reason, sizeof t->reason, "the fresh blocks lack this figure");
        return true;
    }
    if (!gate_confirm(s->d + from, blocks, s->limit, &t->confirm_p) ||
        !stats_location(s->d + from, blocks, GATE_CONFIRM_ALPHA, &e)) {
        return false;
    }
    t->confirm_estimate = t->basis == GATE_BY_RATIO ? exp(e.value) : e.value;
    if (!(t->confirm_p <= GATE_CONFIRM_ALPHA)) {
        t->word = GATE_UNCONFIRMED;
        snprintf(t->reason, sizeof t->reason,
                 "a regression at look %zu that %zu fresh blocks do not show (p = %.3f)", t->looks,
                 blocks, t->confirm_p);
    }
    return true;
}

static bool confirm_all(struct judging *j, bool *stopped)
{
    size_t from = j->out->schedule.blocks[j->out->schedule.looks - 1];
    size_t to = from + GATE_CONFIRM_BLOCKS;
    for (size_t i = 0; i < j->out->n_tests; i++) {
        const struct gate_test *t = &j->out->tests[i];
        bool lacks =
            sequential(t) && t->word == GATE_REGRESSION && want(j->run, j->out, t->cell, from, to);
        *stopped = *stopped || lacks;
    }
    j->out->confirming = *stopped;
    for (size_t i = 0; !*stopped && i < j->out->n_tests; i++) {
        const struct gate_test *t = &j->out->tests[i];
        if (sequential(t) && t->word == GATE_REGRESSION &&
            !confirm_one(j, i, from, GATE_CONFIRM_BLOCKS)) {
            return false;
        }
    }
    return true;
}

/* ---- figures that repeat ---- */

/* The smallest and the largest of n > 0. */
static void find_range(const double *x, size_t n, double *low, double *high)
{
    *low = *high = x[0];
    for (size_t i = 1; i < n; i++) {
        *low = fmin(*low, x[i]);
        *high = fmax(*high, x[i]);
    }
}

static bool repeats(const double *figure, size_t n)
{
    double low, high;
    find_range(figure, n, &low, &high);
    return low > 0 && high <= low * GATE_REPEAT;
}

/* The figures of one allocator over the first look; 0: not all there. */
static size_t of_samples(const struct samples *run, const struct gate_test *t, size_t allocator,
                         size_t blocks, double *out)
{
    for (size_t b = 0; b < blocks; b++) {
        out[b] = figure_of(samples_at(run, t->cell, allocator, b), t->metric);
        if (isnan(out[b])) {
            return 0;
        }
    }
    return blocks;
}

/* Separate counts before those of timed processes, which repeat less well. A single count of
 * several threads cannot show that it repeats. */
static size_t of_counts(const struct samples *run, const struct gate_test *t, size_t allocator,
                        double *out)
{
    const double *at;
    size_t n = samples_counts(run, t->cell, allocator, &at);
    if (t->metric != GATE_INSTRUCTIONS || (n < 2 && run->cells[t->cell].threads > 1)) {
        return 0;
    }
    memcpy(out, at, n * sizeof *out);
    return n;
}

/* What a traced pass counted, where there is one: minor faults of timed processes have start-up in
 * them, and a layout that is drawn anew each time. */
static bool judge_tally(const struct samples *run, struct gate_test *t)
{
    enum calls_metric metric = t->metric == GATE_SYSCALLS ? CALLS_SYSCALLS : CALLS_FAULTS;
    struct calls_pair pair;
    char changes[CALLS_CHANGES_SIZE] = "";
    if ((t->metric != GATE_MINOR_FAULTS && t->metric != GATE_SYSCALLS) ||
        !calls_compare(run, t->cell, 1, metric, &pair)) {
        return false;
    }
    t->basis = GATE_BY_TALLY;
    t->stored = calls_stored(run, t->cell);
    t->estimate = t->bound = pair.contender - pair.baseline;
    t->allowed = calls_allowed(metric, t->budget, pair.baseline);
    if (metric == CALLS_SYSCALLS) {
        calls_changes(run, t->cell, 1, changes, sizeof changes);
        snprintf(t->reason, sizeof t->reason, "%s", changes);
    }
    if (!pair.repeats) {
        snprintf(t->reason, sizeof t->reason, "its runs do not agree, so it never gates%s%s",
                 *changes != '\0' ? ": " : "", changes);
        t->word = GATE_REPORTED;
        t->bound = NAN;
    } else {
        t->word = t->estimate > t->allowed ? GATE_REGRESSION : GATE_WITHIN;
    }
    return true;
}

/* The same of shares, which may be 0: by their difference. */
static bool share_repeats(const double *share, size_t n)
{
    double low, high;
    find_range(share, n, &low, &high);
    return high - low <= GATE_REPEAT_SHARE;
}

/* The false-sharing index follows from addresses, so every process of an allocator says the same,
 * unless its placement depends on who came first. */
static void judge_share(const struct samples *run, struct gate_test *t, size_t blocks)
{
    double share[2][STATS_BLOCKS_MAX];
    t->basis = GATE_BY_SHARE;
    if (of_samples(run, t, 0, blocks, share[0]) == 0 ||
        of_samples(run, t, 1, blocks, share[1]) == 0) {
        t->word = GATE_INCONCLUSIVE;
        snprintf(t->reason, sizeof t->reason,
                 "its workload tells no false-sharing index; cache-thrash and cache-scratch do");
        return;
    }
    double base = stats_median(share[0], blocks), cont = stats_median(share[1], blocks);
    t->estimate = t->bound = cont - base;
    t->blocks = blocks;
    snprintf(t->reason, sizeof t->reason, "%.1f %% of its blocks share a line, %.1f %% before",
             100 * cont, 100 * base);
    if (!share_repeats(share[0], blocks) || !share_repeats(share[1], blocks)) {
        t->word = GATE_REPORTED;
        t->bound = NAN;
        snprintf(t->reason, sizeof t->reason,
                 "from process to process it differs by more than %.0f point: never gates",
                 100 * GATE_REPEAT_SHARE);
    } else {
        t->word = t->estimate > t->budget + GATE_SHARE_ROUNDING ? GATE_REGRESSION : GATE_WITHIN;
    }
}

/* A waste as what it costs for the same live bytes, so that a ratio of two means something: pages,
 * or usable bytes. NAN: none. */
static double cost_of_waste(enum gate_metric metric, double waste)
{
    if (metric == GATE_INTERNAL_WASTE) {
        return 1 + waste;
    }
    return waste < 1 ? 1 / (1 - waste) : NAN;
}

static bool is_layout(enum gate_metric metric)
{
    return metric == GATE_PAGE_WASTE || metric == GATE_INTERNAL_WASTE;
}

/* From the addresses of all blocks, in one process; 0: not all there. */
static size_t of_layout(const struct samples *run, const struct gate_test *t, size_t allocator,
                        double *out)
{
    size_t i;
    json_t *line;
    json_array_foreach(run->memory, i, line)
    {
        const json_t *layout = json_object_get(line, "layout");
        double waste = member_number(layout, gate_metric_name(t->metric));
        if (json_integer_value(json_object_get(line, "cell")) == run->cells[t->cell].id &&
            strcmp(member_text(line, "allocator"), run->allocators[allocator]) == 0 &&
            !isnan(waste)) {
            *out = cost_of_waste(t->metric, waste);
            return isnan(*out) ? 0 : 1;
        }
    }
    return 0;
}

/* The line with the baseline's figures of an earlier run; NULL: there is none. */
static const json_t *stored_line(const struct samples *run, const struct gate_test *t)
{
    size_t i;
    json_t *line;
    json_array_foreach(run->stored, i, line)
    {
        const char *metric = strcmp(member_text(line, "type"), "count") == 0
                                 ? "instructions"
                                 : member_text(line, "metric");
        if (json_integer_value(json_object_get(line, "cell")) == run->cells[t->cell].id &&
            strcmp(member_text(line, "allocator"), run->allocators[0]) == 0 &&
            strcmp(metric, gate_metric_name(t->metric)) == 0) {
            return line;
        }
    }
    return NULL;
}

/* Puts stored figures in the place of the baseline's fresh ones, which its blocks give anyway,
 * while both agree. Where they do not, something has changed that no fingerprint sees. */
static void take_stored(const struct samples *run, struct gate_test *t, double *figure, size_t *n)
{
    const json_t *figures = json_object_get(stored_line(run, t), "figures");
    double then[STATS_BLOCKS_MAX];
    size_t m = json_array_size(figures);
    if (m == 0 || m > STATS_BLOCKS_MAX || *n == 0) {
        return;
    }
    for (size_t i = 0; i < m; i++) {
        then[i] = json_number_value(json_array_get(figures, i));
        then[i] = is_layout(t->metric) ? cost_of_waste(t->metric, then[i]) : then[i];
    }
    double was = stats_median(then, m), is = stats_median(figure, *n);
    if (fmax(was, is) > fmin(was, is) * GATE_REPEAT) {
        snprintf(t->reason, sizeof t->reason,
                 "the library's stored figure was %.6g and is %.6g now: measured again", was, is);
        return;
    }
    memcpy(figure, then, m * sizeof *then);
    *n = m;
    t->stored = true;
}

/* Fills the figures of both, and says how many there are; 0: none. */
static void find_figures(const struct samples *run, struct gate_test *t, size_t blocks,
                         double (*figure)[STATS_BLOCKS_MAX], size_t *n)
{
    for (size_t a = 0; a < 2; a++) {
        n[a] = is_layout(t->metric) ? of_layout(run, t, a, figure[a])
                                    : of_counts(run, t, a, figure[a]);
    }
    if (t->metric == GATE_INSTRUCTIONS && n[0] > 0 && n[1] > 0) {
        t->stored = stored_line(run, t) != NULL;
        return;
    }
    for (size_t a = 0; !is_layout(t->metric) && a < 2; a++) {
        n[a] = of_samples(run, t, a, blocks, figure[a]);
    }
    take_stored(run, t, figure[0], &n[0]);
}

static void judge_count(const struct samples *run, struct gate_test *t, size_t blocks)
{
    double figure[2][STATS_BLOCKS_MAX];
    size_t n[2];
    find_figures(run, t, blocks, figure, n);
    t->basis = GATE_BY_COUNT;
    if (n[0] == 0 || n[1] == 0) {
        t->word = GATE_INCONCLUSIVE;
        snprintf(t->reason, sizeof t->reason, "%s",
                 is_layout(t->metric) ? "no process of the memory pass told its layout"
                 : t->metric == GATE_SYSCALLS
                     ? "not counted: its processes could not be traced"
                     : "not counted: neither a PMU nor a count under valgrind");
        return;
    }
    t->estimate = t->bound = stats_median(figure[1], n[1]) / stats_median(figure[0], n[0]);
    t->blocks = n[0] < n[1] ? n[0] : n[1];
    if (is_layout(t->metric) && run->cells[t->cell].threads > 1) {
        t->word = GATE_REPORTED;
        t->bound = NAN;
        snprintf(t->reason, sizeof t->reason, "the layout of several threads: never gates");
    } else if (!repeats(figure[0], n[0]) || !repeats(figure[1], n[1])) {
        t->word = GATE_REPORTED;
        t->bound = NAN;
        snprintf(t->reason, sizeof t->reason, "does not repeat within %.1f %%: never gates",
                 100 * (GATE_REPEAT - 1));
    } else {
        t->word = t->estimate > 1 + t->budget ? GATE_REGRESSION : GATE_WITHIN;
    }
}

/* ---- all of it ---- */

static bool judge_tests(struct judging *j)
{
    bool stopped = false;
    for (size_t i = 0; i < j->out->n_tests; i++) {
        struct gate_test *t = &j->out->tests[i];
        if (cell_failed(j->run, t->cell, t->reason, sizeof t->reason)) {
            t->word = GATE_FAILED;
        }
    }
    if (!take_looks(j, &stopped) || (!stopped && !confirm_all(j, &stopped))) {
        return false;
    }
    j->out->complete = !stopped;
    for (size_t i = 0; !stopped && i < j->out->n_tests; i++) {
        struct gate_test *t = &j->out->tests[i];
        if (t->word != GATE_UNDECIDED) {
            continue;
        }
        if (t->metric == GATE_FALSE_SHARING) {
            judge_share(j->run, t, j->out->schedule.blocks[0]);
        } else if (!judge_tally(j->run, t)) {
            judge_count(j->run, t, j->out->schedule.blocks[0]);
        }
    }
    return true;
}

static bool fits(const struct samples *run, const struct gate_schedule *schedule)
{
    return run->n_blocks >= schedule->blocks[schedule->looks - 1] + GATE_CONFIRM_BLOCKS;
}

bool gate_judge(const struct samples *run, struct gate_ruling *out, char *err, size_t err_size)
{
    const json_t *gate = json_object_get(run->plan, "gate");
    struct judging j = {.run = run, .out = out};
    *out = (struct gate_ruling){0};
    if (!json_is_object(gate) || run->n_allocators != 2 ||
        !read_schedule(json_object_get(gate, "looks"), &out->schedule) ||
        !fits(run, &out->schedule) || !read_tests(run, json_object_get(gate, "tests"), out)) {
        snprintf(err, err_size, "its plan is not that of a gate; give a run of `ashlar gate`");
        gate_free(out);
        return false;
    }
    j.figures = calloc(out->n_tests + 1, sizeof *j.figures);
    j.series = calloc(out->n_tests + 1, sizeof *j.series);
    bool ok = j.figures != NULL && j.series != NULL && judge_tests(&j);
    for (size_t i = 0; j.figures != NULL && i < out->n_tests; i++) {
        free(j.figures[i].d);
    }
    free(j.figures);
    free(j.series);
    if (!ok) {
        snprintf(err, err_size, "out of memory while judging; free some and try again");
        gate_free(out);
    }
    return ok;
}

void gate_free(struct gate_ruling *ruling)
{
    free(ruling->tests);
    free(ruling->wanted);
    *ruling = (struct gate_ruling){0};
}
