/* aa_dose.c: see aa_dose.h. */
#include "verbs/aa_dose.h"

#include "base/chance.h"
#include "base/member.h"
#include "judge/aa.h"
#include "verbs/aa_part.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A guess at a unit's price; 50 times too much or too little costs one more step. For a leak, what
 * a process leaks in all. */
#define PROCESS_NS 4e8
#define FIRST_SHARE (1.0 / 32)
#define FIRST_LEAKS 64.0

/* An excess between these settles the scale: the noise of some per cent is a small part of it.
 * Instructions repeat, so a small one will do. */
#define WANTED 1.0
#define LEAST 0.5
#define LEAST_EXACT 0.005
#define MOST 4.0
#define FARTHEST 50.0 /* from one step to the next */

/* The judge tells smaller peaks apart in KiB, with a margin far above any leak planted here. */
#define SMALL_PEAK_KIB 4096

/* A burst is whole units: the shortest period is taken at which to round it off makes a difference
 * below 1 %, or at which it has so many. With less than one unit in as many calls it is one unit.
 */
#define BURST_UNITS 64
#define ROUNDED_OFF 0.01

/* Both sides pay for a burst's coming, some 20 instructions, which must not be seen: the period is
 * not below so many calls. Where calls are few and dear it may be, and has to be, as even the count
 * of a fortieth of the work must see hundreds of bursts. */
#define PERIOD_LEAST 64
#define BURSTS_LEAST 10000

struct kind {
    const char *name;
    const char *metric; /* that it moves */
    double unit_ns;     /* guessed; 0: a leak */
};

static const struct kind kinds[] = {
    {"instr", "time", 1},   {"stall", "time", 100},  {"miss", "time", 100},
    {"fault", "time", 700}, {"leak", "peak_rss", 0},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool aa_dose_knows(const char *kind)
{
    return kind_of(kind) != NULL;
}

/* ---- a rate as burst and period ---- */

struct beat {
    unsigned long long burst, period;
};

static bool is_nearly_whole(double units)
{
    return units >= 0.5 && fabs(round(units) - units) <= ROUNDED_OFF * units;
}

static struct beat beat_of(double rate, const struct cell *cell)
{
    double period = round(fmax(1, fmin(PERIOD_LEAST, (double)cell->ops / BURSTS_LEAST)));

    if (rate <= 0)
        return (struct beat){0, (unsigned long long)period};
    if (rate * BURST_UNITS < 1)
        return (struct beat){1, (unsigned long long)llround(fmin(1 / rate, 1e15))};
    while (rate * period < BURST_UNITS && !is_nearly_whole(rate * period))
        period++;
    return (struct beat){(unsigned long long)llround(fmin(rate * period, 1e15)),
                         (unsigned long long)period};
}

/* Both sides have words of one length, because they lie above the stack. */
static void add_plant(struct words *env, const struct cell *cell, const char *kind, double rate,
                      bool planted)
{
    struct beat beat = beat_of(rate, cell);
    char *word = text_format("ASHLAR_PLANT_%d=%s:%016llu:%016llu", cell->id, kind,
                             planted ? beat.burst : 0, beat.period);

    words_add(env, word);
    free(word);
}

/* ---- the state of a cell ---- */

/* The last that the books say of it: {"cell","label","metric","rate","excess","state","next"};
 * NULL before the first step. `step` is that of the line. */
static const json_t *last_word(const struct aa *aa, const char *kind, size_t cell, uint64_t *step)
{
    const json_t *last = NULL;

    for (*step = 0; *step < AA_DOSE_STEPS; ++*step) {
        const json_t *line = aa_book_calibration(aa, kind, *step + 1);

        if (line == NULL)
            break;
        last = json_array_get(json_object_get(line, "cells"), cell);
    }
    return last;
}

static bool is_state(const json_t *word, const char *state)
{
    return strcmp(member_text(word, "state"), state) == 0;
}

/* Units a call for an excess of 100 %; 0: this cell has no dose. */
static double scale_of(const struct aa *aa, const char *kind, size_t cell)
{
    uint64_t step;
    const json_t *word = last_word(aa, kind, cell, &step);

    return is_state(word, "settled") ? member_number(word, "rate") / member_number(word, "excess")
                                     : 0;
}

static double first_rate(const struct kind *kind, const struct cell *cell)
{
    double ops = (double)(cell->ops > 0 ? cell->ops : 1);

    return kind->unit_ns > 0 ? PROCESS_NS * FIRST_SHARE / ops / kind->unit_ns : FIRST_LEAKS / ops;
}

static double next_rate(const struct aa *aa, const struct kind *kind, size_t cell)
{
    uint64_t step;
    const json_t *word = last_word(aa, kind->name, cell, &step);

    if (word == NULL)
        return first_rate(kind, &aa->rehearsal.suite.cells[cell]);
    return is_state(word, "again") ? member_number(word, "next") : 0;
}

/* ---- a step ---- */

/* Whether a gate judges that metric of the cell. */
static bool gates(const struct aa *aa, const struct cell *cell, const char *metric)
{
    const json_t *tests = json_object_get(aa->rehearsal.gate, "tests"), *test;
    size_t i;

    json_array_foreach(tests, i, test)
    {
        if (json_integer_value(json_object_get(test, "cell")) == cell->id &&
            strcmp(member_text(test, "metric"), metric) == 0)
            return json_is_true(json_object_get(test, "gates"));
    }
    return false;
}

static json_t *word(const struct cell *cell, const char *metric, double rate, double excess,
                    const char *state)
{
    return json_pack("{s:i,s:s,s:s,s:f,s:o,s:s}", "cell", cell->id, "label", cell->label, "metric",
                     metric, "rate", rate, "excess", number_or_null(excess), "state", state);
}

static json_t *unplanted(const struct cell *cell, const char *metric, double rate, double excess,
                         const char *reason)
{
    json_t *out = word(cell, metric, rate, excess, "unplanted");

    json_object_set_new(out, "reason", json_string(reason));
    return out;
}

/* What a step's run says of a cell. */
static json_t *judge(const struct aa *aa, const struct kind *kind, const struct cell *cell,
                     const json_t *excesses, double rate, uint64_t step)
{
    bool exact = strcmp(kind->name, "instr") == 0 &&
                 !isnan(member_number(excesses, "instructions")) && gates(aa, cell, "instructions");
    const char *metric = exact ? "instructions" : kind->metric;
    double excess = member_number(excesses, metric);
    double least = exact ? LEAST_EXACT : LEAST;
    json_t *out;

    if (!gates(aa, cell, metric))
        return unplanted(cell, metric, rate, excess, "its figure never gates");
    if (isnan(excess))
        return unplanted(cell, metric, rate, excess, "it has no such figure");
    if (kind->unit_ns == 0 && member_number(excesses, "peak_kib") < SMALL_PEAK_KIB)
        return unplanted(cell, metric, rate, excess, "its peak is below 4 MiB and judged in KiB");
    if (excess >= least && excess <= MOST)
        return word(cell, metric, rate, excess, "settled");
    if (exact && excess < least && member_number(excesses, "time") > MOST)
        return unplanted(cell, metric, rate, excess, "its count makes too few calls");
    if (step == AA_DOSE_STEPS)
        return unplanted(cell, metric, rate, excess, "no dose moves its figure as it should");
    out = word(cell, metric, rate, excess, "again");
    json_object_set_new(
        out, "next",
        json_real(rate * fmax(1 / FARTHEST, fmin(FARTHEST, WANTED / fmax(excess, 1e-9)))));
    return out;
}

/* Cells that are settled or without dose run along, with nothing planted. */
static json_t *judge_all(const struct aa *aa, const struct kind *kind, const char *run,
                         uint64_t step, struct failure *why)
{
    json_t *excesses = aa_excesses(run, why->text, sizeof why->text), *cells;

    if (excesses == NULL) {
        why->exit_code = EXIT_USAGE;
        return NULL;
    }
    cells = json_array();
    for (size_t c = 0; c < aa->rehearsal.suite.count; c++) {
        uint64_t before;
        double rate = next_rate(aa, kind, c);

        json_array_append_new(cells, rate > 0
                                         ? judge(aa, kind, &aa->rehearsal.suite.cells[c],
                                                 json_array_get(excesses, c), rate, step)
                                         : json_deep_copy(last_word(aa, kind->name, c, &before)));
    }
    json_decref(excesses);
    return cells;
}

static bool make_sides(const struct aa *aa, const struct kind *kind, const struct aa_part *part,
                       struct failure *why)
{
    const char *const paths[2] = {aa->planted, aa->planted};
    struct words env[2] = {{0}, {0}};
    bool ok;

    for (size_t c = 0; c < aa->rehearsal.suite.count; c++)
        for (int side = 0; side < 2; side++)
            add_plant(&env[side], &aa->rehearsal.suite.cells[c], kind->name, next_rate(aa, kind, c),
                      side == 1);
    ok = aa_part_sides(aa, part, paths, env, why);
    words_free(&env[0]);
    words_free(&env[1]);
    return ok;
}

static bool take_step(struct aa *aa, const struct kind *kind, uint64_t step, struct failure *why)
{
    char *name = text_format("calibrate-%s-%llu", kind->name, (unsigned long long)step);
    struct aa_part part = {0};
    char *run = NULL;
    json_t *cells = NULL;
    bool ok = aa_part_open(aa, name, AA_SEEDS_CALIBRATION, hash_text(name), &part, why) &&
              (part.run != NULL || make_sides(aa, kind, &part, why)) &&
              aa_part_run(aa, &part, AA_DOSE_BLOCKS, strcmp(kind->name, "instr") == 0, &run, why);

    if (ok) {
        cells = judge_all(aa, kind, run, step, why);
        ok = cells != NULL &&
             aa_book_note(aa,
                          json_pack("{s:s,s:s,s:I,s:s,s:o}", "type", "calibration", "kind",
                                    kind->name, "step", (json_int_t)step, "dir",
                                    run + strlen(aa->dir) + 1, "cells", cells),
                          why);
    }
    aa_part_close(&part);
    free(run);
    free(name);
    return ok;
}

bool aa_dose_calibrate(struct aa *aa, const char *name, struct failure *why)
{
    const struct kind *kind = kind_of(name);

    for (uint64_t step = 1; step <= AA_DOSE_STEPS; step++) {
        bool open = false;

        if (aa_book_calibration(aa, name, step) != NULL)
            continue;
        for (size_t c = 0; c < aa->rehearsal.suite.count; c++)
            open = open || next_rate(aa, kind, c) > 0;
        if (!open)
            return true;
        if (!take_step(aa, kind, step, why))
            return false;
    }
    return true;
}

/* ---- a trial ---- */

bool aa_dose_any(const struct aa *aa, const char *kind)
{
    bool any = false;

    for (size_t c = 0; c < aa->rehearsal.suite.count; c++)
        any = any || scale_of(aa, kind, c) > 0;
    return any;
}

struct words aa_dose_env(const struct aa *aa, const char *kind, double percent, bool planted)
{
    struct words env = {0};

    for (size_t c = 0; c < aa->rehearsal.suite.count; c++)
        add_plant(&env, &aa->rehearsal.suite.cells[c], kind, scale_of(aa, kind, c) * percent / 100,
                  planted);
    return env;
}

json_t *aa_dose_list(const struct aa *aa, const char *kind, double percent)
{
    json_t *list = json_array();

    for (size_t c = 0; c < aa->rehearsal.suite.count; c++) {
        double scale = scale_of(aa, kind, c);
        uint64_t step;

        if (scale > 0)
            json_array_append_new(
                list, json_pack("{s:i,s:s,s:f}", "cell", aa->rehearsal.suite.cells[c].id, "metric",
                                member_text(last_word(aa, kind, c, &step), "metric"), "rate",
                                scale * percent / 100));
    }
    return list;
}
