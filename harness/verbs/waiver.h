/* waiver.h: regressions that are known and borne until a day.
 *
 *     [larson-2 peak_rss]                  a cell and a metric
 *     until = 2026-12-31                   the last day (UTC) on which it holds
 *     reason = larger caches, wanted       a must
 *
 * A waived regression keeps its figures and loses its effect on the exit code. A waiver that has
 * expired, or that names nothing in the suite, is told and waives nothing.
 */
#ifndef ASHLAR_VERBS_WAIVER_H
#define ASHLAR_VERBS_WAIVER_H

#include "base/failure.h"

#include <jansson.h>

/* Reads a file into [{"cell","metric","until","reason"}], a new reference. Every mistake is
 * EXIT_USAGE; NULL then. */
json_t *waivers_read(const char *file, struct failure *why);

/* Sets the word of waived regressions in a ruling's tests to "waived" and their reason to the
 * waiver's, and adds to ruling["notes"] what did not waive. `today` is YYYY-MM-DD. */
void waivers_apply(json_t *ruling, const json_t *waivers, const char *today);

#endif
