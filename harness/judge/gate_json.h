/* gate_json.h: the door to the gate's rule for the verbs, which know runs by their folder. Budgets
 * go in with the plan, the ruling comes out, both as JSON.
 *
 *     gate_plan()  -->  {"looks":[{"blocks":12,"alpha":0.02},..],"confirm_blocks":12,"tests":[..]}
 *                       into the first line of samples.jsonl
 *     gate_ruling_of(DIR)  -->  {"schema":"ashlar-gate-1","complete":false,"wanted":[0,3],
 *                                "from":12,"to":24,"tests":[{"cell","metric","budget","estimate",
 *                                "bound","looks","blocks","word","reason", ...}], ...}
 */
#ifndef ASHLAR_JUDGE_GATE_JSON_H
#define ASHLAR_JUDGE_GATE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define GATE_SCHEMA "ashlar-gate-1"

/* The plan's object; takes over `tests`, whose entries are {"cell":ID,"metric":NAME,"budget":.05,
 * "gates":true}. NULL, and `tests` dropped, when max_blocks is no look (12, 24, 48, 72). */
json_t *gate_plan(size_t max_blocks, json_t *tests);

/* Blocks that a gate's plan has, those of a confirmation included. */
size_t gate_plan_blocks(size_t max_blocks);

/* Whether budgets may name this metric. */
bool gate_knows_metric(const char *name);

/* Judges dir/samples.jsonl as far as it goes. NULL and one line in err. */
json_t *gate_ruling_of(const char *dir, char *err, size_t err_size);

#endif
