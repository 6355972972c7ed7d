/* growth.c: see growth.h.
 *
 * Below        samples.h stats.h        Above   judge.c
 */
#include "growth.h"

#include "../base/member.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA 0.05

/* One allocator in one series. */
struct curve {
    const struct samples *run; /* whose lines are searched */
    size_t series;             /* index in the plan */
    const char *allocator;     /* its name */
    char reason[400];          /* how a process ended badly, "" when none did */
};

/* The allocator's sample in a line of this series; NULL: it did not run there. */
static const json_t *sample_in(const struct curve *curve, const json_t *line)
{
    const json_t *samples = json_object_get(line, "samples");
    if (json_integer_value(json_object_get(line, "series")) != (json_int_t)curve->series) {
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(samples); i++) {
        const json_t *sample = json_array_get(samples, i);
        if (strcmp(member_text(sample, "allocator"), curve->allocator) == 0) {
            return sample;
        }
    }
    return NULL;
}

/* The rounds of a point into ns[max], each as time per operation. */
static size_t collect(struct curve *curve, double size, double *ns, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(curve->run->growth); i++) {
        const json_t *line = json_array_get(curve->run->growth, i);
        const json_t *sample = sample_in(curve, line);
        if (sample == NULL || member_number(line, "size") != size) {
            continue;
        }
        double each = member_number(sample, "time_ns") /
                      member_number(json_object_get(sample, "bench"), "ops");
        if (strcmp(member_text(sample, "status"), "ok") != 0) {
            snprintf(curve->reason, sizeof curve->reason, "%s at %.0f: %s",
                     member_text(sample, "status"), size, member_text(sample, "detail"));
        } else if (each > 0 && n < max) {
            ns[n++] = each;
        }
    }
    return n;
}

static json_t *point_of(double size, const double *ns, size_t n)
{
    double low = ns[0], high = ns[0];
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, ns[i]);
        high = fmax(high, ns[i]);
    }
    return json_pack("{s:f, s:f, s:f, s:f, s:I}", "size", size, "ns", stats_median(ns, n), "low",
                     low, "high", high, "rounds", (json_int_t)n);
}

/* The medians of all points that have one. */
static json_t *points_of(struct curve *curve, const json_t *series)
{
    const json_t *at = json_object_get(series, "at");
    size_t rounds = json_array_size(curve->run->growth);
    double *ns = malloc((rounds + 1) * sizeof *ns);
    json_t *points = ns != NULL ? json_array() : NULL;
    for (size_t i = 0; points != NULL && i < json_array_size(at); i++) {
        double size = json_number_value(json_array_get(at, i));
        size_t n = collect(curve, size, ns, rounds);
        if (n > 0) {
            json_array_append_new(points, point_of(size, ns, n));
        }
    }
    free(ns);
    return points;
}

/* False where there are too few points for a line. */
static bool fit(const json_t *points, struct stats_estimate *slope)
{
    double x[STATS_POINTS_MAX], y[STATS_POINTS_MAX];
    size_t n = json_array_size(points);
    if (n > STATS_POINTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = log(member_number(json_array_get(points, i), "size"));
        y[i] = log(member_number(json_array_get(points, i), "ns"));
    }
    return stats_slope(x, y, n, ALPHA, slope);
}

static const char *word_of(const struct stats_estimate *slope)
{
    if (slope->confidence < 1 - ALPHA) {
        return "unclear";
    }
    if (slope->low > GROWTH_MARGIN) {
        return "grows";
    }
    if (slope->high < -GROWTH_MARGIN) {
        return "falls";
    }
    return slope->low >= -GROWTH_MARGIN && slope->high <= GROWTH_MARGIN ? "constant" : "unclear";
}

static bool skips(const json_t *series, const char *allocator)
{
    const json_t *skipped = json_object_get(series, "skipped");
    for (size_t i = 0; i < json_array_size(skipped); i++) {
        if (strcmp(json_string_value(json_array_get(skipped, i)), allocator) == 0) {
            return true;
        }
    }
    return false;
}

/* A series that ended badly has no exponent: what it did before is shown, and not judged. */
static json_t *judge_curve(struct curve *curve, const json_t *series)
{
    struct stats_estimate slope = {NAN, NAN, NAN, NAN};
    json_t *points = points_of(curve, series);
    if (points == NULL) {
        return NULL;
    }
    bool failed = curve->reason[0] != '\0', skipped = skips(series, curve->allocator);
    bool fitted = !failed && fit(points, &slope);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:s?, s:o}", "allocator", curve->allocator, "word",
        failed    ? "failed"
        : skipped ? "skipped"
        : fitted  ? word_of(&slope)
                  : "unclear",
        "exponent", number_or_null(slope.value), "low", number_or_null(slope.low), "high",
        number_or_null(slope.high), "confidence", number_or_null(slope.confidence), "reason",
        failed ? curve->reason : NULL, "points", points);
}

static json_t *judge_series(const struct samples *run, size_t index, const json_t *series)
{
    json_t *allocators = json_array();
    for (size_t a = 0; a < run->n_allocators; a++) {
        struct curve curve = {.run = run, .series = index, .allocator = run->allocators[a]};
        if (json_array_append_new(allocators, judge_curve(&curve, series)) != 0) {
            json_decref(allocators);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:O?, s:s, s:o}", "label", member_text(series, "label"),
                     "workload", member_text(series, "workload"), "params",
                     member_text(series, "params"), "over", member_text(series, "over"), "rounds",
                     json_object_get(series, "rounds"), "unit", "ns/op", "allocators", allocators);
}

json_t *growth_judge(const struct samples *run)
{
    const json_t *plan = json_object_get(run->plan, "growth");
    json_t *growth = json_array();
    for (size_t i = 0; i < json_array_size(plan); i++) {
        if (json_array_append_new(growth, judge_series(run, i, json_array_get(plan, i))) != 0) {
            json_decref(growth);
            return NULL;
        }
    }
    return growth;
}

/* ---- for people ---- */

/* Calls `each` for every allocator of every series. */
static void visit(const json_t *growth, FILE *out,
                  void (*each)(const json_t *series, const json_t *curve, FILE *out))
{
    for (size_t i = 0; i < json_array_size(growth); i++) {
        const json_t *series = json_array_get(growth, i);
        const json_t *curves = json_object_get(series, "allocators");
        for (size_t k = 0; k < json_array_size(curves); k++) {
            each(series, json_array_get(curves, k), out);
        }
    }
}

bool growth_failed(const json_t *growth)
{
    for (size_t i = 0; i < json_array_size(growth); i++) {
        const json_t *curves = json_object_get(json_array_get(growth, i), "allocators");
        for (size_t k = 0; k < json_array_size(curves); k++) {
            if (strcmp(member_text(json_array_get(curves, k), "word"), "failed") == 0) {
                return true;
            }
        }
    }
    return false;
}

#define TEXT_SIZE 64

static char *exponent_text(const json_t *curve, char buf[TEXT_SIZE])
{
    if (json_is_null(json_object_get(curve, "exponent"))) {
        return strcpy(buf, "-");
    }
    snprintf(buf, TEXT_SIZE, "%+.2f [%+.2f, %+.2f]", member_number(curve, "exponent"),
             member_number(curve, "low"), member_number(curve, "high"));
    return buf;
}

/* "12 ns at 16, 40 ns at 65536": the ends of the curve. */
static char *ends_text(const json_t *curve, char buf[TEXT_SIZE])
{
    const json_t *points = json_object_get(curve, "points");
    size_t n = json_array_size(points);
    if (n == 0) {
        return strcpy(buf, "-");
    }
    const json_t *first = json_array_get(points, 0), *last = json_array_get(points, n - 1);
    snprintf(buf, TEXT_SIZE, "%.3g ns at %.0f, %.3g ns at %.0f", member_number(first, "ns"),
             member_number(first, "size"), member_number(last, "ns"), member_number(last, "size"));
    return buf;
}

static void table_row(const json_t *series, const json_t *curve, FILE *out)
{
    char exponent[TEXT_SIZE], ends[TEXT_SIZE];
    fprintf(out, "  %-22.22s %-12.12s %-24s %-42s %s\n", member_text(series, "label"),
            member_text(curve, "allocator"), exponent_text(curve, exponent), ends_text(curve, ends),
            member_text(curve, "word"));
    if (*member_text(curve, "reason") != '\0') {
        fprintf(out, "    %s\n", member_text(curve, "reason"));
    }
}

void growth_table(const json_t *growth, FILE *out)
{
    if (json_array_size(growth) == 0) {
        return;
    }
    fprintf(out, "\n%-24s %-12s %-24s %-42s word\n", "growth", "allocator", "exponent, 95 %",
            "time per operation");
    visit(growth, out, table_row);
}

static void put_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("|<*_`\\", *text) != NULL) {
            fputc('\\', out);
        }
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void markdown_row(const json_t *series, const json_t *curve, FILE *out)
{
    char exponent[TEXT_SIZE], ends[TEXT_SIZE];
    fprintf(out, "| %s | ", member_text(curve, "word"));
    put_escaped(out, member_text(series, "label"));
    fputs(" | ", out);
    put_escaped(out, member_text(series, "over"));
    fputs(" | ", out);
    put_escaped(out, member_text(curve, "allocator"));
    fprintf(out, " | %s | %s |\n", exponent_text(curve, exponent), ends_text(curve, ends));
}

void growth_markdown(const json_t *growth, FILE *out)
{
    if (json_array_size(growth) == 0) {
        return;
    }
    fputs(
        "\n## Growth: time per operation against size\n\n"
        "| word | series | size | allocator | exponent, 95 % | ends |\n|---|---|---|---|---|---|\n",
        out);
    visit(growth, out, markdown_row);
}
