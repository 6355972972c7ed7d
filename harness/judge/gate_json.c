/* gate_json.c: see gate_json.h.
 *
 * Below        gate.h samples.h        Above   the verbs
 */
#include "gate_json.h"

#include "gate.h"

#include <math.h>
#include <stdio.h>

json_t *gate_plan(size_t max_blocks, json_t *tests)
{
    struct gate_schedule schedule;
    json_t *looks = json_array();
    if (!gate_schedule(max_blocks, &schedule)) {
        json_decref(looks);
        json_decref(tests);
        return NULL;
    }
    for (size_t i = 0; i < schedule.looks; i++) {
        json_array_append_new(looks,
                              json_pack("{s:I,s:f}", "blocks", (json_int_t)schedule.blocks[i],
                                        "alpha", schedule.alpha[i]));
    }
    return json_pack("{s:o,s:i,s:f,s:o}", "looks", looks, "confirm_blocks", GATE_CONFIRM_BLOCKS,
                     "confirm_alpha", GATE_CONFIRM_ALPHA, "tests", tests);
}

size_t gate_plan_blocks(size_t max_blocks)
{
    return max_blocks + GATE_CONFIRM_BLOCKS;
}

bool gate_knows_metric(const char *name)
{
    return gate_metric_of(name) < GATE_METRICS;
}

/* null for a figure that does not exist. */
static json_t *figure(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *test_json(const struct samples *run, const struct gate_test *t)
{
    const struct cell *cell = &run->cells[t->cell];
    json_t *out = json_pack(
        "{s:I,s:s,s:s,s:I,s:s,s:f,s:b,s:b,s:s,s:s,s:s}", "id", (json_int_t)cell->id, "cell",
        cell->label, "workload", cell->workload, "threads", (json_int_t)cell->threads, "metric",
        gate_metric_name(t->metric), "budget", t->budget, "gates", t->gates, "stored", t->stored,
        "basis", gate_basis_name(t->basis), "word", gate_word_name(t->word), "reason", t->reason);
    if (out == NULL) {
        return NULL;
    }
    json_object_set_new(out, "estimate", figure(t->estimate));
    json_object_set_new(out, "bound", figure(t->bound));
    json_object_set_new(out, "p", figure(t->p));
    json_object_set_new(out, "p_holm", figure(t->p_holm));
    json_object_set_new(out, "allowed", figure(t->allowed));
    json_object_set_new(out, "detectable", figure(t->detectable));
    json_object_set_new(out, "confirm_estimate", figure(t->confirm_estimate));
    json_object_set_new(out, "confirm_p", figure(t->confirm_p));
    json_object_set_new(out, "looks", json_integer((json_int_t)t->looks));
    json_object_set_new(out, "blocks", json_integer((json_int_t)t->blocks));
    return out;
}

static json_t *ruling_json(const struct samples *run, const struct gate_ruling *ruling)
{
    json_t *tests = json_array(), *wanted = json_array();
    for (size_t i = 0; i < ruling->n_tests; i++) {
        json_array_append_new(tests, test_json(run, &ruling->tests[i]));
    }
    for (size_t c = 0; c < run->n_cells; c++) {
        if (ruling->wanted[c]) {
            json_array_append_new(wanted, json_integer((json_int_t)c));
        }
    }
    return json_pack(
        "{s:s,s:O?,s:O?,s:s,s:s,s:O?,s:O?,s:b,s:b,s:o,s:I,s:I,s:I,s:O?,s:o}", "schema", GATE_SCHEMA,
        "run_id", json_object_get(run->plan, "run_id"), "suite",
        json_object_get(run->plan, "suite"), "baseline", run->allocators[0], "contender",
        run->allocators[1], "looks", json_object_get(json_object_get(run->plan, "gate"), "looks"),
        "skipped", json_object_get(run->plan, "skipped"), "complete", ruling->complete,
        "confirming", ruling->confirming, "wanted", wanted, "from", (json_int_t)ruling->from, "to",
        (json_int_t)ruling->to, "family", (json_int_t)ruling->family, "environment",
        json_object_get(run->plan, "environment"), "tests", tests);
}

json_t *gate_ruling_of(const char *dir, char *err, size_t err_size)
{
    char why[256];
    struct samples run;
    struct gate_ruling ruling;
    json_t *out = NULL;
    if (!samples_read_run(dir, &run, err, err_size)) {
        return NULL;
    }
    if (!gate_judge(&run, &ruling, why, sizeof why)) {
        snprintf(err, err_size, "%s/samples.jsonl: %s", dir, why);
    } else {
        out = ruling_json(&run, &ruling);
        gate_free(&ruling);
    }
    samples_free(&run);
    return out;
}
