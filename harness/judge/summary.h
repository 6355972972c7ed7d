/* summary.h: the judgement as JSON, schema "ashlar-summary-1", for programs and for the charts.
 *
 *     {"schema","baseline","contenders":[..],"environment":{..},
 *      "cells":[{"workload","params","threads","metric","contender","ratio","low","high",
 *                "p","p_holm","verdict","blocks", ...}],
 *      "geomean":[{"contender","metric","ratio","low","high","workloads", ...}],
 *      "memory":[{"cell","allocator","f1",...}],
 *      "warnings":[{"id","text","remedy"}], ...}
 *
 * A figure that does not exist is null. README.md says what each key means.
 */
#ifndef ASHLAR_JUDGE_SUMMARY_H
#define ASHLAR_JUDGE_SUMMARY_H

#include "verdict.h"

#define SUMMARY_SCHEMA "ashlar-summary-1"

/* A new reference, NULL without memory. */
json_t *summary_make(const struct samples *run, const struct judgement *judgement);

#endif
