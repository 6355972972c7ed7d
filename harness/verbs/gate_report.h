/* gate_report.h: a gate's ruling for people and for those who serve them.
 *
 *     cell         metric         budget   estimate      bound  looks  word
 *     fastpath-64  time           +5.0 %    +11.8 %    +12.6 %      1  regression
 *     larson-2     peak_rss       +5.0 %     -0.4 %     +1.2 %      1  within
 *
 * `ruling` is that of judge/gate_json.h, with "notes" and waivers.
 */
#ifndef ASHLAR_VERBS_GATE_REPORT_H
#define ASHLAR_VERBS_GATE_REPORT_H

#include <jansson.h>
#include <stdio.h>

/* What is lost stands first. */
void gate_report_table(const json_t *ruling, FILE *out);
void gate_report_markdown(const json_t *ruling, FILE *out);

/* "::error ..." for what fails the gate, "::warning ..." for what does not tell. */
void gate_report_commands(const json_t *ruling, FILE *out);

/* A test case a test: what does not tell is skipped, a failed process is an error. */
void gate_report_junit(const json_t *ruling, FILE *out);

/* One line that says all of a test, for a reader who sees nothing else; no newline. */
void gate_report_sentence(const json_t *test, FILE *out);

/* How many tests have this word; of a ruling or of anything else with "tests". */
size_t gate_report_count(const json_t *ruling, const char *word);

#endif
