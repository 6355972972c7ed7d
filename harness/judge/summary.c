/* summary.c: the judgement as JSON.
 *
 * Below        verdict.h        Above   judge.c report.c
 */
#include "summary.h"

#include "../base/member.h"

#include <math.h>

static json_t *cell_of(const struct samples *run, const struct finding *f)
{
    static const char *const units[] = {"ns", "KiB", "instructions"};
    const char *unit = f->per_op ? "instructions/op" : units[f->metric];
    const struct cell *cell = &run->cells[f->cell];
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:I}", "workload", cell->workload,
        "params", cell->params, "threads", (json_int_t)cell->threads, "metric",
        verdict_metric_name(f->metric), "contender", run->allocators[f->contender], "ratio",
        number_or_null(f->ratio), "low", number_or_null(f->low), "high", number_or_null(f->high),
        "p", number_or_null(f->p), "p_holm", number_or_null(f->p_holm), "verdict",
        verdict_name(f->verdict), "blocks", (json_int_t)f->n);
    json_t *more =
        json_pack("{s:I, s:s, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:s?}", "cell",
                  (json_int_t)cell->id, "label", cell->label, "primary", cell->primary, "judged_by",
                  verdict_basis_name(f->basis), "unit", unit, "baseline_median",
                  number_or_null(f->baseline_median), "contender_median",
                  number_or_null(f->contender_median), "confidence", number_or_null(f->confidence),
                  "effect", number_or_null(f->effect), "noise", number_or_null(f->noise), "zeros",
                  (json_int_t)f->zeros, "family", (json_int_t)f->family, "reason", f->reason);
    bool ok = json != NULL && more != NULL && json_object_update(json, more) == 0;
    json_decref(more);
    if (ok && f->metric == METRIC_PEAK_RSS) {
        json_t *memory = json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "per_live_byte", f->per_live,
                                   "baseline_null_kib", number_or_null(f->baseline_null),
                                   "contender_null_kib", number_or_null(f->contender_null),
                                   "difference_kib", number_or_null(f->difference),
                                   "difference_low_kib", number_or_null(f->difference_low),
                                   "difference_high_kib", number_or_null(f->difference_high));
        ok = memory != NULL && json_object_update(json, memory) == 0;
        json_decref(memory);
    }
    if (ok && run->reference[f->contender]) {
        ok = json_object_set_new(json, "reference", json_true()) == 0;
    }
    if (ok && f->metric == METRIC_TIME) {
        json_t *yardsticks =
            json_pack("{s:o, s:o, s:o}", "null_share", number_or_null(f->null_share),
                      "baseline_x_floor", number_or_null(verdict_x_floor(run, f, 0)),
                      "contender_x_floor", number_or_null(verdict_x_floor(run, f, f->contender)));
        ok = yardsticks != NULL && json_object_update(json, yardsticks) == 0;
        json_decref(yardsticks);
    }
    if (!ok) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *cells_of(const struct samples *run, const struct judgement *j)
{
    json_t *cells = json_array();
    for (size_t i = 0; i < j->n_findings; i++) {
        if (json_array_append_new(cells, cell_of(run, &j->findings[i])) != 0) {
            json_decref(cells);
            return NULL;
        }
    }
    return cells;
}

static json_t *means_of(const struct samples *run, const struct judgement *j)
{
    json_t *means = json_array();
    for (size_t i = 0; i < j->n_means; i++) {
        const struct mean *m = &j->means[i];
        json_t *mean = json_pack(
            "{s:s, s:s, s:o, s:o, s:o, s:I, s:O, s:O}", "contender", run->allocators[m->contender],
            "metric", verdict_metric_name(m->metric), "ratio", number_or_null(m->ratio), "low",
            number_or_null(m->low), "high", number_or_null(m->high), "workloads",
            (json_int_t)m->workloads, "names", m->names, "left_out", m->left_out);
        if (json_array_append_new(means, mean) != 0) {
            json_decref(means);
            return NULL;
        }
    }
    return means;
}

static json_t *rules(void)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "alpha", VERDICT_ALPHA, "margin", VERDICT_MARGIN,
                     "count_margin", VERDICT_COUNT_MARGIN, "small_kib", VERDICT_SMALL_KIB,
                     "same_kib", VERDICT_SAME_KIB);
}

/* A part of the plan, handed on as it is; `otherwise` (stolen) where it is absent. */
static json_t *handed_on(const struct samples *run, const char *key, json_t *otherwise)
{
    json_t *value = json_object_get(run->plan, key);
    if (value == NULL) {
        return otherwise;
    }
    json_decref(otherwise);
    return json_incref(value);
}

/* The name of the reference, null without one. */
static json_t *reference_of(const struct samples *run)
{
    size_t at = verdict_reference(run);
    return at < run->n_allocators ? json_string(run->allocators[at]) : json_null();
}

json_t *summary_make(const struct samples *run, const struct judgement *j)
{
    json_t *summary = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:O, s:o, s:o, s:o, s:I, s:b, s:o, s:o, s:o}", "schema",
        SUMMARY_SCHEMA, "baseline", run->allocators[0], "contenders",
        handed_on(run, "contenders", json_array()), "environment",
        handed_on(run, "environment", json_object()), "cells", cells_of(run, j), "geomean",
        means_of(run, j), "warnings", j->warnings, "run_id", handed_on(run, "run_id", json_null()),
        "suite", handed_on(run, "suite", json_null()), "seed", handed_on(run, "seed", json_null()),
        "blocks_planned", (json_int_t)run->n_blocks, "complete", run->ended, "allocators",
        handed_on(run, "allocators", json_array()), "rules", rules(), "reference",
        reference_of(run));
    if (summary == NULL || j->growth == NULL || j->duets == NULL ||
        json_object_set(summary, "growth", j->growth) != 0 ||
        json_object_set(summary, "syscalls", j->calls) != 0 ||
        json_object_set(summary, "duets", j->duets) != 0 ||
        json_object_set(summary, "memory", j->memory) != 0) {
        json_decref(summary);
        return NULL;
    }
    return summary;
}
