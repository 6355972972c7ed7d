/* aa_report.h: what an `ashlar aa` found (judge/aa.h), for people.
 *
 *     False alarms: 0 of 24 whole verdicts, 0.0 % (95 % interval 0.0 to 14.2 %; 11.7 % at most,
 *     one-sided)
 *
 *     plant  size  cell         metric  achieved  found    share  95 % interval
 *     stall  10 %  fastpath-64  time    +10.3 %   20 of 20   100 %  83.2 .. 100.0 %
 */
#ifndef ASHLAR_VERBS_AA_REPORT_H
#define ASHLAR_VERBS_AA_REPORT_H

#include <jansson.h>
#include <stdio.h>

void aa_report_table(const json_t *finding, FILE *out);
void aa_report_markdown(const json_t *finding, FILE *out);

#endif
