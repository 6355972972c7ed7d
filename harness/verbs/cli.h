/* cli.h: the command line of a verb: argp, made to say what is wrong in one line.
 *
 * argp itself answers a bad option with two lines, the second of which is always the same. Here it
 * is silent, and the line names the word and the remedy.
 */
#ifndef ASHLAR_VERBS_CLI_H
#define ASHLAR_VERBS_CLI_H

#include "base/failure.h"

#include <argp.h>
#include <jansson.h>

/* Parses argv (argv[0] is the verb). Prints the help and exits with 0 for --help. `input` reaches
 * argp's parser as state->input; a parser that finds a bad value fills `why` (reachable from input)
 * and returns EINVAL. */
bool cli_parse(const struct argp *argp, const char *verb, int argc, char **argv, void *input,
               struct failure *why);

/* What --json prints: the document alone, indented. */
void cli_print_json(const json_t *document);

/* The verbs; each takes its own argv and returns an exit code or fills `why` and returns its code.
 */
int verb_doctor(int argc, char **argv, struct failure *why);
int verb_list(int argc, char **argv, struct failure *why);
int verb_run(int argc, char **argv, struct failure *why);
int verb_compare(int argc, char **argv, struct failure *why);
int verb_gate(int argc, char **argv, struct failure *why);
int verb_bisect(int argc, char **argv, struct failure *why);
int verb_baseline(int argc, char **argv, struct failure *why);
int verb_aa(int argc, char **argv, struct failure *why);
int verb_report(int argc, char **argv, struct failure *why);

/* The options of a gate, which `ashlar bisect` hands on to the gates that it runs. */
extern const struct argp gate_argp;

#endif
