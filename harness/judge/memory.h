/* memory.h: memory over time, from the lines of the memory pass: medians over its blocks, ratios to
 * the baseline, and nothing that looks like a test. Three blocks cannot carry one.
 *
 *     block      0      1      2                median   from   to
 *     glibc    1.31   1.30   1.33               1.31     1.30   1.33
 *     ashlar   1.12   1.12   1.13               1.12     1.12   1.13
 *     ratio     .85    .86    .85    of a block  .85      .85    .86
 *
 * One object a cell and allocator, in the plan's order:
 *
 *     {"cell","label","workload","params","threads","allocator","blocks","status","detail",
 *      "base_kib","f1":F,"f2":F,"f3":F,"f4":F,"peak_kib":F,"drained":{"0.1":F,...},
 *      "read_share","disturbance":{"watched_ns","alone_ns"},"layout":{"page_waste",...}}
 *     F = {"median","low","high","ratio","ratio_low","ratio_high"}, each null where there is none
 *
 * low and high are the smallest and the largest block. KiB are net of base_kib, the bare loop.
 */
#ifndef ASHLAR_JUDGE_MEMORY_H
#define ASHLAR_JUDGE_MEMORY_H

#include "samples.h"

#include <stdio.h>

/* Below it a rest after the drain has no ratio: a few pages more or less would be a factor. */
#define MEMORY_RATIO_KIB 1024.0

/* A new reference; NULL without memory. `failed` becomes true when a process ended badly. */
json_t *memory_judge(const struct samples *run, bool *failed);

/* The rows as text, for a terminal and for report.md. Nothing where there are no rows. */
void memory_print(const json_t *rows, FILE *out);
void memory_markdown(const json_t *rows, FILE *out);

#endif
