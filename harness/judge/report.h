/* report.h: the judgement for people. report.md for a terminal or a merge request, report.html for
 * the eye: one file with its charts, styles and data inside, which opens without a network.
 *
 *     report.html.in   @STYLE@  @VEGA@  @DATA@  @SCRIPT@
 *                      report.css  libjs-vega  summary + samples  report.js
 */
#ifndef ASHLAR_JUDGE_REPORT_H
#define ASHLAR_JUDGE_REPORT_H

#include "verdict.h"

#include <stdio.h>

/* Both write to out and return false without memory; the caller looks at ferror(out). */
bool report_markdown(const struct samples *run, const struct judgement *judgement, FILE *out);
bool report_html(const struct samples *run, const json_t *summary, FILE *out);

#endif
