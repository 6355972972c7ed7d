/* judge.h: judges a stored run. The one door of this folder.
 *
 *     RUN/samples.jsonl  -->  RUN/summary.json  RUN/report.md  RUN/report.html
 *                             and a table on a terminal
 */
#ifndef ASHLAR_JUDGE_JUDGE_H
#define ASHLAR_JUDGE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Reads run_dir/samples.jsonl, publishes the three files whole, and prints the verdicts to
 * table_out (NULL: no table), in colour only when asked.
 *
 * True: *exit_code is 0, or 4 when a cell failed; better or worse is not for this code to tell.
 * False: err holds one line that names the input and the remedy, *exit_code is 2, and no file was
 * put in place. */
bool judge_run(const char *run_dir, bool color, FILE *table_out, char *err, size_t err_size,
               int *exit_code);

#endif
