/* aa_part.h: one part of an `ashlar aa`: a whole gate, or a run, of the libraries `a` and `b` in a
 * folder of its own. It is begun, gone on with, or read again, as the folder has it. */
#ifndef ASHLAR_VERBS_AA_PART_H
#define ASHLAR_VERBS_AA_PART_H

#include "verbs/aa_book.h"
#include "verbs/gate.h"

/* Parts by number, for their seeds. */
enum aa_seeds { AA_SEEDS_VERDICT = 1, AA_SEEDS_TRIAL, AA_SEEDS_CALIBRATION };

struct aa_part {
    char *folder; /* DIR/NAME */
    char *run;    /* FOLDER/STAMP of a run that was begun; NULL: none */
    uint64_t seed;
};

/* The part of that name; makes its folder. `seeds` and `number` draw its seed. */
bool aa_part_open(const struct aa *aa, const char *name, enum aa_seeds seeds, uint64_t number,
                  struct aa_part *part, struct failure *why);
void aa_part_close(struct aa_part *part);

/* Says which libraries `a` and `b` are, and what is in the environment of each beside the
 * library's own variables. */
bool aa_part_sides(const struct aa *aa, const struct aa_part *part, const char *const path[2],
                   const struct words env[2], struct failure *why);

bool aa_part_gate(const struct aa *aa, const struct aa_part *part, struct gate_result *result,
                  struct failure *why);

/* `blocks` blocks of each cell; `run` is its directory, on the heap. */
bool aa_part_run(const struct aa *aa, const struct aa_part *part, unsigned blocks, bool counts,
                 char **run, struct failure *why);

#endif
