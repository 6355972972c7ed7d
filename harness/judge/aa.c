/* aa.c: see aa.h.
 *
 *     lines --> verdicts     whole, by metric, by cell        \
 *           --> trials       by plant, size, cell and metric   >--> targets
 *           --> calibration  what could not be planted        /
 *
 * Below        share.h stats.h samples.h        Above   the verb
 */
#include "aa.h"

#include "../base/member.h"
#include "samples.h"
#include "share.h"
#include "stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whole verdicts without a false alarm: at 24 a rate above 11.7 % is refuted. */
#define VERDICTS_WANTED 24

#define POWER_WANTED 0.95
#define POWER_OF_COUNTS_WANTED 0.99
#define POINTS_ABOVE_BUDGET 0.05
#define BLOCKS_ONE_THREAD 48
#define BLOCKS_TWO_THREADS 72

static bool is(const json_t *object, const char *key, const char *text)
{
    return strcmp(member_text(object, key), text) == 0;
}

static json_int_t whole(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void add_one(json_t *object, const char *key)
{
    json_object_set_new(object, key, json_integer(whole(object, key) + 1));
}

static bool is_type(const json_t *line, const char *type)
{
    return is(line, "type", type);
}

/* The share of `key` in "n", and what it says of the rate. */
static void put_share(json_t *row, const char *key)
{
    struct share s;
    if (!share_of((size_t)whole(row, key), (size_t)whole(row, "n"), &s)) {
        return;
    }
    json_object_set_new(row, "rate", number_or_null(s.value));
    json_object_set_new(row, "low", json_real(s.low));
    json_object_set_new(row, "high", json_real(s.high));
    json_object_set_new(row, "upper", json_real(s.upper));
}

static void put_shares(json_t *rows, const char *key)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        put_share(row, key);
    }
}

static size_t count_word(const json_t *tests, const char *word)
{
    json_t *test;
    size_t i, n = 0;
    json_array_foreach(tests, i, test)
    {
        n += is(test, "word", word);
    }
    return n;
}

/* ---- the same library twice ---- */

/* The row of `rows` for a metric and, where cell is not NULL, a cell; made when it is not there. */
static json_t *row_of(json_t *rows, const json_t *test, bool by_cell)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (is(row, "metric", member_text(test, "metric")) &&
            (!by_cell || is(row, "cell", member_text(test, "cell")))) {
            return row;
        }
    }
    row = json_pack("{s:s,s:i,s:i}", "metric", member_text(test, "metric"), "n", 0, "alarms", 0);
    if (by_cell) {
        json_object_set(row, "cell", json_object_get(test, "cell"));
        json_object_set(row, "threads", json_object_get(test, "threads"));
        json_object_set(row, "budget", json_object_get(test, "budget"));
        json_object_set(row, "gates", json_object_get(test, "gates"));
        json_object_set_new(row, "words", json_object());
    }
    json_array_append_new(rows, row);
    return row;
}

/* A metric is counted once a verdict, whichever of its cells cry. */
static void count_metrics(json_t *metrics, const json_t *tests)
{
    json_t *seen = json_object(), *test;
    const char *metric;
    json_t *alarm;
    size_t i;
    json_array_foreach(tests, i, test)
    {
        bool cries = is(test, "word", "regression");
        metric = member_text(test, "metric");
        if (cries || json_object_get(seen, metric) == NULL) {
            json_object_set_new(seen, metric, json_boolean(cries));
        }
    }
    json_object_foreach(seen, metric, alarm)
    {
        json_t *key = json_pack("{s:s}", "metric", metric);
        json_t *row = row_of(metrics, key, false);
        add_one(row, "n");
        if (json_is_true(alarm)) {
            add_one(row, "alarms");
        }
        json_decref(key);
    }
    json_decref(seen);
}

static void count_cells(json_t *cells, const json_t *tests)
{
    json_t *test;
    size_t i;
    json_array_foreach(tests, i, test)
    {
        json_t *row = row_of(cells, test, true);
        add_one(row, "n");
        add_one(json_object_get(row, "words"), member_text(test, "word"));
        if (is(test, "word", "regression")) {
            add_one(row, "alarms");
        }
    }
}

/* Of the gates of one type that were not cut off, which took longer than they would have. */
static json_t *minutes_of(const json_t *lines, const char *type)
{
    double *minutes = malloc((json_array_size(lines) + 1) * sizeof *minutes);
    double least = INFINITY, most = 0;
    json_t *line, *out = json_null();
    size_t i, n = 0;
    json_array_foreach(lines, i, line)
    {
        if (minutes == NULL || !is_type(line, type) ||
            json_is_true(json_object_get(line, "resumed"))) {
            continue;
        }
        minutes[n] = member_number(line, "seconds") / 60;
        least = fmin(least, minutes[n]);
        most = fmax(most, minutes[n]);
        n++;
    }
    if (n > 0) {
        out = json_pack("{s:f,s:f,s:f,s:I}", "median", stats_median(minutes, n), "least", least,
                        "most", most, "n", (json_int_t)n);
    }
    free(minutes);
    return out;
}

static void find_alarms(const json_t *lines, json_t *finding)
{
    json_t *total = json_pack("{s:i,s:i,s:i,s:i,s:i,s:[]}", "n", 0, "alarms", 0, "failed", 0,
                              "unconfirmed", 0, "inconclusive", 0, "alarms_in");
    json_t *metrics = json_array(), *cells = json_array(), *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        const json_t *tests = json_object_get(line, "tests");
        if (!is_type(line, "verdict")) {
            continue;
        }
        if (count_word(tests, "failed") > 0) {
            add_one(total, "failed");
            continue;
        }
        add_one(total, "n");
        if (count_word(tests, "regression") > 0) {
            add_one(total, "alarms");
            json_array_append(json_object_get(total, "alarms_in"), json_object_get(line, "n"));
        }
        if (count_word(tests, "unconfirmed") > 0) {
            add_one(total, "unconfirmed");
        }
        if (count_word(tests, "inconclusive") > 0) {
            add_one(total, "inconclusive");
        }
        count_metrics(metrics, tests);
        count_cells(cells, tests);
    }
    put_share(total, "alarms");
    put_shares(metrics, "alarms");
    put_shares(cells, "alarms");
    json_object_set_new(total, "minutes", minutes_of(lines, "verdict"));
    json_object_set_new(finding, "verdicts", total);
    json_object_set_new(finding, "metrics", metrics);
    json_object_set_new(finding, "cells", cells);
}

/* ---- plants ---- */

/* The metric whose excess the dose of a trial's cell was made for; "" where nothing was planted. */
static const char *dosed_metric(const json_t *trial, const json_t *test)
{
    json_t *dose;
    size_t i;
    json_array_foreach(json_object_get(trial, "doses"), i, dose)
    {
        if (whole(dose, "cell") == whole(test, "id")) {
            return member_text(dose, "metric");
        }
    }
    return "";
}

/* Slowdowns are looked for in times, and in instructions where the dose was counted by them; leaks
 * in peaks. What is only told, or has no figure that repeats, is no trial. */
static bool tries(const json_t *trial, const json_t *test)
{
    const char *dosed = dosed_metric(trial, test);
    bool same = is(test, "metric", dosed);
    return *dosed != '\0' && !is(test, "word", "reported") && !is(test, "word", "failed") &&
           (same || (strcmp(dosed, "instructions") == 0 && is(test, "metric", "time")));
}

static json_t *plant_row(json_t *rows, const json_t *trial, const json_t *test)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (is(row, "kind", member_text(trial, "kind")) &&
            member_number(row, "size") == member_number(trial, "size") &&
            is(row, "cell", member_text(test, "cell")) &&
            is(row, "metric", member_text(test, "metric"))) {
            return row;
        }
    }
    row = json_pack("{s:s,s:O,s:s,s:s,s:O,s:O,s:s,s:b,s:i,s:i,s:i,s:[]}", "kind",
                    member_text(trial, "kind"), "size", json_object_get(trial, "size"), "cell",
                    member_text(test, "cell"), "metric", member_text(test, "metric"), "threads",
                    json_object_get(test, "threads"), "budget", json_object_get(test, "budget"),
                    "basis", member_text(test, "basis"), "nominal",
                    is(test, "metric", dosed_metric(trial, test)), "n", 0, "found", 0,
                    "found_by_48", 0, "estimates");
    json_array_append_new(rows, row);
    return row;
}

/* What the slowdown really was: the median of the gates' own estimates. */
static void put_achieved(json_t *row)
{
    const json_t *estimates = json_object_get(row, "estimates");
    size_t n = json_array_size(estimates);
    double *x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; x != NULL && i < n; i++) {
        x[i] = json_number_value(json_array_get(estimates, i)) - 1;
    }
    json_object_set_new(row, "achieved",
                        number_or_null(x != NULL && n > 0 ? stats_median(x, n) : NAN));
    json_object_del(row, "estimates");
    free(x);
}

static void count_trial(json_t *rows, const json_t *trial)
{
    json_t *test;
    size_t i;
    json_array_foreach(json_object_get(trial, "tests"), i, test)
    {
        if (!tries(trial, test)) {
            continue;
        }
        json_t *row = plant_row(rows, trial, test);
        add_one(row, "n");
        if (json_is_number(json_object_get(test, "estimate")) && !is(test, "basis", "difference")) {
            json_array_append(json_object_get(row, "estimates"), json_object_get(test, "estimate"));
        }
        if (is(test, "word", "regression")) {
            add_one(row, "found");
            if (whole(test, "blocks") <= BLOCKS_ONE_THREAD) {
                add_one(row, "found_by_48");
            }
        }
    }
}

static bool has_row(const json_t *rows, const char *kind, const char *cell)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (is(row, "kind", kind) && is(row, "cell", cell)) {
            return true;
        }
    }
    return false;
}

/* Each step of a calibration repeats what an earlier one found of a cell. */
static void list_unplanted(json_t *rows, const json_t *calibration)
{
    const char *kind = member_text(calibration, "kind");
    json_t *cell;
    size_t i;
    json_array_foreach(json_object_get(calibration, "cells"), i, cell)
    {
        const char *label = member_text(cell, "label");
        if (is(cell, "state", "unplanted") && !has_row(rows, kind, label)) {
            json_array_append_new(rows, json_pack("{s:s,s:s,s:s}", "kind", kind, "cell", label,
                                                  "reason", member_text(cell, "reason")));
        }
    }
}

static void find_plants(const json_t *lines, json_t *finding)
{
    json_t *rows = json_array(), *unplanted = json_array(), *line, *row;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        if (is_type(line, "trial")) {
            count_trial(rows, line);
        }
        if (is_type(line, "calibration")) {
            list_unplanted(unplanted, line);
        }
    }
    json_array_foreach(rows, i, row)
    {
        put_achieved(row);
    }
    put_shares(rows, "found");
    json_object_set_new(finding, "plants", rows);
    json_object_set_new(finding, "unplanted", unplanted);
    json_object_set_new(finding, "trial_minutes", minutes_of(lines, "trial"));
}

/* ---- targets ---- */

/* With so few trials one miss would be as good as none. */
static size_t trials_needed(double power)
{
    return (size_t)lround(1 / (1 - power));
}

static void add_target(json_t *finding, const char *text, json_t *row, const char *key,
                       const char *word)
{
    json_object_set_new(row, "text", json_string(text));
    put_share(row, key);
    json_object_set_new(row, "word", json_string(word));
    json_array_append_new(json_object_get(finding, "targets"), row);
}

static void target_alarms(json_t *finding)
{
    const json_t *total = json_object_get(finding, "verdicts");
    json_t *row = json_pack("{s:O,s:O}", "n", json_object_get(total, "n"), "alarms",
                            json_object_get(total, "alarms"));
    const char *word = whole(total, "alarms") > 0             ? "missed"
                       : whole(total, "n") >= VERDICTS_WANTED ? "met"
                                                              : "not enough trials";
    add_target(finding, "no false alarm in 24 whole verdicts", row, "alarms", word);
}

/* Which rows a target of power is about. */
struct about {
    const char *kind;
    const char *metric;
    double points;     /* the size is the budget and so much more; 0: `size` says it */
    double size;       /* per cent */
    bool many;         /* cells of several threads */
    bool any_threads;  /* both */
    const char *found; /* which count */
    size_t blocks;     /* that the last look must reach; 0: any */
    double power;      /* wanted */
};

static bool is_about(const json_t *row, const struct about *a)
{
    double size = a->points > 0 ? 100 * (member_number(row, "budget") + a->points) : a->size;
    return is(row, "kind", a->kind) && is(row, "metric", a->metric) &&
           json_is_true(json_object_get(row, "nominal")) &&
           fabs(member_number(row, "size") - size) < 1e-9 &&
           (a->any_threads || (whole(row, "threads") > 1) == a->many);
}

/* With fewer blocks than the target is about, nothing was tried. */
static void target_power(json_t *finding, const char *text, const struct about *a,
                         size_t max_blocks)
{
    json_int_t n = 0, found = 0;
    json_t *row;
    struct share s;
    size_t i;
    json_array_foreach(json_object_get(finding, "plants"), i, row)
    {
        if (max_blocks >= a->blocks && is_about(row, a)) {
            n += whole(row, "n");
            found += whole(row, a->found);
        }
    }
    if (!share_of((size_t)found, (size_t)n, &s)) {
        return;
    }
    bool enough = (size_t)n >= trials_needed(a->power);
    const char *word = s.upper < a->power || (enough && s.value < a->power) ? "missed"
                       : enough                                             ? "met"
                                                                            : "not enough trials";
    add_target(finding, text, json_pack("{s:I,s:I}", "n", n, "found", found), "found", word);
}

/* Times are quoted for plants that were dosed by time. */
static void target_slowdowns(json_t *finding, size_t max_blocks)
{
    static const char *const kinds[] = {"stall", "miss", "fault"};
    char text[128];
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct about a = {.kind = kinds[k],
                          .metric = "time",
                          .points = POINTS_ABOVE_BUDGET,
                          .found = "found_by_48",
                          .blocks = BLOCKS_ONE_THREAD,
                          .power = POWER_WANTED};
        snprintf(text, sizeof text, "budget + 5 points of %s found in 95 %%, one thread, %d blocks",
                 kinds[k], BLOCKS_ONE_THREAD);
        target_power(finding, text, &a, max_blocks);
        a.many = true;
        a.found = "found";
        a.blocks = BLOCKS_TWO_THREADS;
        snprintf(text, sizeof text,
                 "budget + 5 points of %s found in 95 %%, two threads, %d blocks", kinds[k],
                 BLOCKS_TWO_THREADS);
        target_power(finding, text, &a, max_blocks);
    }
}

static void find_targets(json_t *finding, size_t verdicts, size_t trials, size_t max_blocks)
{
    static const struct about counts = {.kind = "instr",
                                        .metric = "instructions",
                                        .size = 1,
                                        .any_threads = true,
                                        .found = "found",
                                        .power = POWER_OF_COUNTS_WANTED};
    if (verdicts > 0) {
        target_alarms(finding);
    }
    if (trials > 0) {
        target_slowdowns(finding, max_blocks);
        target_power(finding, "1 % more instructions found in 99 %, where they repeat", &counts,
                     max_blocks);
    }
}

size_t aa_count(const json_t *finding, const char *word)
{
    return count_word(json_object_get(finding, "targets"), word);
}

json_t *aa_find(const json_t *lines, size_t verdicts, size_t trials)
{
    const json_t *plan = json_array_get(lines, 0);
    const json_t *rehearsal = json_object_get(plan, "rehearsal");
    json_t *finding =
        json_pack("{s:s,s:O?,s:O?,s:O?,s:O?,s:O?,s:O?,s:O?,s:O?,s:{s:I,s:I},s:[]}", "schema",
                  AA_SCHEMA, "seed", json_object_get(plan, "seed"), "library",
                  json_object_get(plan, "library"), "second", json_object_get(plan, "second"),
                  "planted", json_object_get(plan, "planted"), "max_blocks",
                  json_object_get(plan, "max_blocks"), "suite", json_object_get(rehearsal, "suite"),
                  "environment", json_object_get(rehearsal, "environment"), "warnings",
                  json_object_get(rehearsal, "warnings"), "asked", "verdicts", (json_int_t)verdicts,
                  "trials", (json_int_t)trials, "targets");
    find_alarms(lines, finding);
    find_plants(lines, finding);
    find_targets(finding, verdicts, trials, (size_t)whole(plan, "max_blocks"));
    return finding;
}

/* ---- calibration ---- */

/* One figure of a block; NAN: there is none. */
static double figure(const struct samples *run, size_t cell, size_t allocator, size_t block,
                     bool peak)
{
    const struct sample *s = samples_at(run, cell, allocator, block);
    if (s == NULL || !s->ok) {
        return NAN;
    }
    double null_kib = samples_null(run, cell, allocator);
    return peak ? s->peak_rss_kib - (isnan(null_kib) ? 0 : null_kib) : s->time_ns;
}

/* The Hodges-Lehmann excess over the blocks, and the baseline's median in *base. */
static double excess_of(const struct samples *run, size_t cell, bool peak, double *base)
{
    double d[STATS_BLOCKS_MAX], bases[STATS_BLOCKS_MAX];
    struct stats_estimate e;
    size_t n = 0;
    for (size_t b = 0; b < run->n_blocks && n < STATS_BLOCKS_MAX; b++) {
        double was = figure(run, cell, 0, b, peak), is_now = figure(run, cell, 1, b, peak);
        if (was > 0 && is_now > 0) {
            bases[n] = was;
            d[n++] = log(is_now / was);
        }
    }
    *base = n > 0 ? stats_median(bases, n) : NAN;
    return n > 0 && stats_location(d, n, 0.05, &e) ? expm1(e.value) : NAN;
}

static double excess_instructions(const struct samples *run, size_t cell)
{
    const double *base, *cont;
    size_t n = samples_counts(run, cell, 0, &base), m = samples_counts(run, cell, 1, &cont);
    return n > 0 && m > 0 && base[0] > 0 ? cont[0] / base[0] - 1 : NAN;
}

json_t *aa_excesses(const char *dir, char *err, size_t err_size)
{
    struct samples run;
    if (!samples_read_run(dir, &run, err, err_size)) {
        return NULL;
    }
    json_t *cells = json_array();
    for (size_t c = 0; c < run.n_cells; c++) {
        double base_ns, base_kib;
        double slower = excess_of(&run, c, false, &base_ns);
        double fatter = excess_of(&run, c, true, &base_kib);
        json_t *cell = json_pack("{s:I}", "cell", (json_int_t)run.cells[c].id);
        json_object_set_new(cell, "time", number_or_null(slower));
        json_object_set_new(cell, "peak_rss", number_or_null(fatter));
        json_object_set_new(cell, "instructions", number_or_null(excess_instructions(&run, c)));
        json_object_set_new(cell, "peak_kib", number_or_null(base_kib));
        json_array_append_new(cells, cell);
    }
    samples_free(&run);
    return cells;
}
