/* args.h: from the command line to a run.
 *
 * Order of precedence, lowest first: a workload's defaults, the settings of --preset, the options
 * typed, wherever --preset stands among them.
 */
#ifndef ASHLAR_BENCH_ARGS_H
#define ASHLAR_BENCH_ARGS_H

#include "workload.h"

/* What the process is to do. */
enum errand { ERRAND_RUN, ERRAND_DESCRIBE, ERRAND_HELP };

/* The options that every workload has; ends with a NULL name. */
extern const struct option common_options[];

/* The workload of that name, or an end of the process with a line that lists the names. */
const struct workload *args_workload(const char *name);

/* Fills `run` for `workload` from the words after its name; ends the process on a mistake. */
enum errand args_parse(struct run *run, const struct workload *workload, int nwords, char **words);

/* The run of a workload without any option. */
void args_defaults(struct run *run, const struct workload *workload);

/* What --help prints: of the binary, and of one workload. */
void help_binary(void);
void help_workload(const struct workload *workload);

#endif
