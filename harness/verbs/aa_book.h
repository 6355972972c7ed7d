/* aa_book.h: the books of an `ashlar aa`: results/aa-STAMP, and how one goes on with them.
 *
 *     aa.jsonl                    the plan, then a line for whatever has ended; append-only, synced
 *     verdict-001/libashlar.so    the second library        verdict-001/STAMP   the gate's own run
 *     calibrate-stall-1/STAMP     a run                     trial-stall-5-001/STAMP   a gate's
 *     aa.json, aa.md              what all lines come to, written anew after each
 *
 * A part that was cut off has a folder and no line: it goes on in its folder.
 */
#ifndef ASHLAR_VERBS_AA_BOOK_H
#define ASHLAR_VERBS_AA_BOOK_H

#include "allocators/relink.h"
#include "base/failure.h"
#include "base/text.h"
#include "plan/plan.h"
#include "run/store.h"

#include <jansson.h>

struct aa {
    struct store store;    /* of aa.jsonl */
    json_t *lines;         /* all of it, the plan first */
    char *dir;             /* absolute */
    struct plan rehearsal; /* of a gate of the library against itself, as it was at the beginning */
    struct words run_words;  /* options of every run */
    struct words gate_words; /* options that only a gate takes */
    uint64_t seed;           /* of everything */
    enum second_by second;   /* how the second library comes about */
    char *command;           /* of SECOND_COMMAND, else NULL */
    char *planted;           /* the library that can be slowed down; NULL: none */
    bool quiet;
};

/* Opens the folder and writes the plan, from a struct that is filled but for store, lines, dir. */
bool aa_book_begin(struct aa *aa, const char *results, const json_t *plants, struct failure *why);

/* Reads all back and makes sure that machine, libraries, programs and this command are the same. */
bool aa_book_resume(struct aa *aa, const char *dir, struct failure *why);

/* Appends a line, whose reference it takes; on disk when it returns. */
bool aa_book_note(struct aa *aa, json_t *line, struct failure *why);

/* The line of a type whose member is that number; NULL: not ended yet. Borrowed. */
const json_t *aa_book_verdict(const struct aa *aa, uint64_t n);
const json_t *aa_book_calibration(const struct aa *aa, const char *kind, uint64_t step);
const json_t *aa_book_trial(const struct aa *aa, const char *kind, double size, uint64_t k);

/* The kinds and sizes that were planned: [{"kind":"stall","sizes":[1,5]}]. Borrowed. */
const json_t *aa_book_plants(const struct aa *aa);

void aa_book_close(struct aa *aa);

#endif
