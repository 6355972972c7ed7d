/* aa_options.h: the command line of `ashlar aa`, and the books that it begins. */
#ifndef ASHLAR_VERBS_AA_OPTIONS_H
#define ASHLAR_VERBS_AA_OPTIONS_H

#include "verbs/aa_book.h"
#include "verbs/measure.h"

struct aa_options {
    struct measure_options measure;
    const char *library; /* a word of --allocators, or a path */
    const char *rebuild, *plants, *planted;
    const char *budget_file, *max_blocks;
    struct words budgets;
    uint64_t verdicts; /* wanted in all */
    uint64_t trials;   /* of each plant and size, in all */
};

/* Everything but `measure.why` has its default afterwards. Free what it took in either case. */
bool aa_options_parse(struct aa_options *chosen, int argc, char **argv, struct failure *why);
void aa_options_free(struct aa_options *chosen);

/* Begins new books, or opens those of --resume; all that can be refused is refused before anything
 * is written. */
bool aa_options_open(const struct aa_options *chosen, struct aa *aa, struct failure *why);

#endif
