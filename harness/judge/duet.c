/* duet.c: see duet.h.
 *
 * Below        stats.h samples.h        Above   judge.c report.c
 */
#include "duet.h"

#include "../base/member.h"
#include "stats.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

enum { ORDINARY, DUET, KINDS };

/* Log ratios of one cell, by kind of block. */
struct score {
    size_t cell;      /* index into samples.cells */
    double *d[KINDS]; /* [n] */
    size_t n[KINDS];
    double width[KINDS]; /* of the data themselves */
    double ratio[KINDS]; /* the estimates */
    const char *reason;  /* why there is no gain; NULL: there is one */
};

/* All that is passed around. */
struct work {
    const struct samples *run;
    struct score *scores; /* [n] */
    size_t n;
    double *drawn; /* [n_blocks] scratch */
    double *gains; /* [n + 1][DUET_REPLICATES] log gains, the last row of all cells */
};

static void collect(const struct samples *run, struct score *score)
{
    for (size_t b = 0; b < run->n_blocks; b++) {
        const struct sample *base = samples_at(run, score->cell, 0, b);
        const struct sample *cont = samples_at(run, score->cell, 1, b);
        if (!samples_paired(run, score->cell, 1, b) || !base->ok || !cont->ok) {
            continue;
        }
        int kind = base->duet ? DUET : ORDINARY;
        score->d[kind][score->n[kind]++] = log(cont->time_ns / base->time_ns);
    }
}

/* Width of the interval of d[n]; NAN without memory. */
static double width_of(const double *d, size_t n, double *ratio)
{
    struct stats_estimate e;
    if (!stats_location(d, n, VERDICT_ALPHA, &e)) {
        return NAN;
    }
    *ratio = exp(e.value);
    return e.high - e.low;
}

static bool measure(struct score *score)
{
    for (int k = 0; k < KINDS; k++) {
        if (score->n[k] < DUET_PAIRS_MIN) {
            score->reason = "too few pairs: 6 of each kind give an interval";
            return true;
        }
        score->width[k] = width_of(score->d[k], score->n[k], &score->ratio[k]);
        if (isnan(score->width[k])) {
            return false;
        }
    }
    if (!(score->width[ORDINARY] > 0 && score->width[DUET] > 0)) {
        score->reason = "an interval has no width";
    }
    return true;
}

/* Log gain of one bootstrap draw; a draw of equal blocks has no width, and is drawn again. */
static double draw(const struct work *w, const struct score *score, gsl_rng *rng)
{
    double width[KINDS], ratio;
    for (int k = 0; k < KINDS; k++) {
        do {
            for (size_t i = 0; i < score->n[k]; i++) {
                w->drawn[i] = score->d[k][gsl_rng_uniform_int(rng, score->n[k])];
            }
            width[k] = width_of(w->drawn, score->n[k], &ratio);
        } while (width[k] == 0);
    }
    return log(width[DUET] / width[ORDINARY]);
}

static size_t told(const struct work *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        n += w->scores[i].reason == NULL;
    }
    return n;
}

static bool bootstrap(struct work *w)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    size_t n = told(w);
    if (rng == NULL) {
        return false;
    }
    gsl_rng_set(rng, (unsigned long)json_integer_value(json_object_get(w->run->plan, "seed")));
    for (size_t r = 0; r < DUET_REPLICATES; r++) {
        double sum = 0;
        for (size_t i = 0; i < w->n; i++) {
            if (w->scores[i].reason == NULL) {
                sum += w->gains[i * DUET_REPLICATES + r] = draw(w, &w->scores[i], rng);
            }
        }
        w->gains[w->n * DUET_REPLICATES + r] = n > 0 ? sum / (double)n : 0;
    }
    gsl_rng_free(rng);
    return true;
}

/* ---- rows ---- */

static void put_gain(json_t *row, double log_gain, double *draws)
{
    gsl_sort(draws, 1, DUET_REPLICATES);
    double low = gsl_stats_quantile_from_sorted_data(draws, 1, DUET_REPLICATES, VERDICT_ALPHA / 2);
    double high =
        gsl_stats_quantile_from_sorted_data(draws, 1, DUET_REPLICATES, 1 - VERDICT_ALPHA / 2);
    json_object_set_new(row, "gain", number_or_null(exp(log_gain)));
    json_object_set_new(row, "low", number_or_null(exp(low)));
    json_object_set_new(row, "high", number_or_null(exp(high)));
}

static json_t *row_of(const struct work *w, size_t i)
{
    const struct score *s = &w->scores[i];
    const struct cell *cell = &w->run->cells[s->cell];
    json_t *row =
        json_pack("{s:I, s:s, s:I, s:I, s:n, s:n, s:n, s:s?}", "cell", (json_int_t)cell->id,
                  "label", cell->label, "ordinary", (json_int_t)s->n[ORDINARY], "duet",
                  (json_int_t)s->n[DUET], "gain", "low", "high", "reason", s->reason);
    bool has = s->reason == NULL;
    json_object_set_new(row, "ordinary_width", number_or_null(has ? s->width[ORDINARY] : NAN));
    json_object_set_new(row, "duet_width", number_or_null(has ? s->width[DUET] : NAN));
    json_object_set_new(row, "ordinary_ratio", number_or_null(has ? s->ratio[ORDINARY] : NAN));
    json_object_set_new(row, "duet_ratio", number_or_null(has ? s->ratio[DUET] : NAN));
    if (has) {
        put_gain(row, log(s->width[DUET] / s->width[ORDINARY]), w->gains + i * DUET_REPLICATES);
    }
    return row;
}

static json_t *row_of_all(const struct work *w)
{
    json_t *row = json_pack("{s:n, s:s}", "cell", "label", "all cells together");
    double sum = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct score *s = &w->scores[i];
        sum += s->reason == NULL ? log(s->width[DUET] / s->width[ORDINARY]) : 0;
    }
    put_gain(row, sum / (double)told(w), w->gains + w->n * DUET_REPLICATES);
    return row;
}

/* Cells that had duets, each with what it has. */
static bool take_cells(struct work *w)
{
    for (size_t c = 0; c < w->run->n_cells; c++) {
        struct score *score = &w->scores[w->n];
        *score = (struct score){.cell = c};
        for (int k = 0; k < KINDS; k++) {
            score->d[k] = malloc((w->run->n_blocks + 1) * sizeof *score->d[k]);
        }
        w->n++;
        if (score->d[ORDINARY] == NULL || score->d[DUET] == NULL) {
            return false;
        }
        collect(w->run, score);
        if (score->n[DUET] == 0) { /* of several threads, or never reached */
            free(score->d[ORDINARY]);
            free(score->d[DUET]);
            w->n--;
        } else if (!measure(score)) {
            return false;
        }
    }
    return true;
}

static void free_work(struct work *w)
{
    for (size_t i = 0; w->scores != NULL && i < w->n; i++) {
        free(w->scores[i].d[ORDINARY]);
        free(w->scores[i].d[DUET]);
    }
    free(w->scores);
    free(w->drawn);
    free(w->gains);
}

json_t *duet_judge(const struct samples *run)
{
    json_t *gains = json_array();
    if (!json_is_true(json_object_get(json_object_get(run->plan, "duet"), "both"))) {
        return gains;
    }
    struct work w = {
        .run = run,
        .scores = calloc(run->n_cells, sizeof *w.scores),
        .drawn = malloc((run->n_blocks + 1) * sizeof *w.drawn),
        .gains = calloc((run->n_cells + 1) * DUET_REPLICATES, sizeof *w.gains),
    };
    bool ok =
        w.scores != NULL && w.drawn != NULL && w.gains != NULL && take_cells(&w) && bootstrap(&w);
    for (size_t i = 0; ok && i < w.n; i++) {
        ok = json_array_append_new(gains, row_of(&w, i)) == 0;
    }
    if (ok && told(&w) > 0) {
        ok = json_array_append_new(gains, row_of_all(&w)) == 0;
    }
    free_work(&w);
    if (!ok) {
        json_decref(gains);
        return NULL;
    }
    return gains;
}

/* ---- for people ---- */

static void print_gain(const json_t *row, FILE *out)
{
    const char *reason = json_string_value(json_object_get(row, "reason"));
    if (reason != NULL) {
        fputs(reason, out);
    } else {
        fprintf(out, "%.2f [%.2f, %.2f]", member_number(row, "gain"), member_number(row, "low"),
                member_number(row, "high"));
    }
}

/* Half a width of log ratios, as per cent either way. */
static void print_width(const json_t *row, const char *key, FILE *out)
{
    double width = member_number(row, key);
    if (isnan(width)) {
        fputs("-", out);
    } else {
        fprintf(out, "+-%.2f %%", 100 * expm1(width / 2));
    }
}

/* All rows, each as open CELL bar ... bar GAIN close. */
static void print_rows(const json_t *gains, const char *open, const char *bar, const char *close,
                       FILE *out)
{
    for (size_t i = 0; i < json_array_size(gains); i++) {
        const json_t *row = json_array_get(gains, i);
        fprintf(out, "%s%s%s", open, json_string_value(json_object_get(row, "label")), bar);
        print_width(row, "ordinary_width", out);
        fputs(bar, out);
        print_width(row, "duet_width", out);
        fputs(bar, out);
        print_gain(row, out);
        fputs(close, out);
    }
}

void duet_table(const json_t *gains, FILE *out)
{
    if (json_array_size(gains) > 0) {
        fputs("\nduets: cell, interval of ordinary blocks, of as many duets, gain (below 1: duets "
              "tell more) with its 95 % interval\n",
              out);
        print_rows(gains, "  ", "   ", "\n", out);
    }
}

void duet_markdown(const json_t *gains, FILE *out)
{
    if (json_array_size(gains) > 0) {
        fputs("\n## Duets: width of the interval against ordinary blocks\n\n"
              "| cell | ordinary blocks | as many duets | gain, 95 % |\n|---|--:|--:|---|\n",
              out);
        print_rows(gains, "| ", " | ", " |\n", out);
    }
}
