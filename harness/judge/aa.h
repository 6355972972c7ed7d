/* aa.h: what the harness is worth, from whole gates: how often it cries for nothing, and how often
 * it finds what was planted. A pure function of the lines of aa.jsonl.
 *
 *     {"type":"plan", ...}          what is judged, on which machine; first line
 *     {"type":"verdict","n":1,      a whole gate of the same library twice
 *      "tests":[{"cell","metric","word", ...}, ...], "seconds", ...}
 *     {"type":"calibration", ...}   what one dose of a plant does to each cell
 *     {"type":"trial","kind":"stall","size":5,"k":1,      a whole gate against a planted slowdown
 *      "tests":[...],"doses":[{"cell","metric","rate"}, ...], ...}
 *
 * A verdict is a *false alarm* when any test in it says `regression`; it is one trial, however many
 * cells cry, because its tests share a machine and an hour. A plant is *found* in a cell when the
 * test of its metric says `regression`. Both are counts of independent whole gates, so their
 * intervals are Clopper and Pearson's (share.h).
 *
 * Targets      no false alarm in 24 whole verdicts
 *              a slowdown of budget + 5 points found in 95 %: cells of one thread at 48 blocks,
 *              of two threads on private work at 72
 *              1 % more instructions found in 99 %, where instructions repeat
 */
#ifndef ASHLAR_JUDGE_AA_H
#define ASHLAR_JUDGE_AA_H

#include <jansson.h>
#include <stddef.h>

#define AA_SCHEMA "ashlar-aa-1"

/* What the lines come to, as aa.json has it; `verdicts` and `trials` (of each plant, size) are what
 * was asked for, so that a target nobody asked about is left out. */
json_t *aa_find(const json_t *lines, size_t verdicts, size_t trials);

/* How many targets of a finding have this word: "met", "missed" or "not enough trials". */
size_t aa_count(const json_t *finding, const char *word);

/* By how much the contender of the run in `dir` exceeds the baseline, an object a cell:
 * {"cell":ID,"time":.31,"peak_rss":.02,"instructions":null,"peak_kib":19000}; the last is the
 * baseline's net peak. NULL and one line in err. */
json_t *aa_excesses(const char *dir, char *err, size_t err_size);

#endif
