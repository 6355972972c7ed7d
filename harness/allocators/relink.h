/* relink.h: the same library once more, built anew, for `ashlar aa`.
 *
 *     libashlar.so.link      gcc -shared ... -o "$OUT" $OBJECTS      a shell command
 *                            alloc/override/util/diag.o              an object a line, as they are
 *                            alloc/override/util/tree.o              called from this file's folder
 *                            ...
 *
 *     SECOND_LINK       those objects in an order drawn from a seed: the same code, laid out in
 *                       another way, which alone can move times by some per cent
 *
 *     SECOND_COMMAND    the user's shell command writes the library to $OUT; $SEED is drawn
 *
 *     SECOND_COPY       byte for byte: what layout does is not seen then
 */
#ifndef ASHLAR_ALLOCATORS_RELINK_H
#define ASHLAR_ALLOCATORS_RELINK_H

#include "base/failure.h"

#include <stdint.h>

enum second_by { SECOND_LINK, SECOND_COMMAND, SECOND_COPY };

/* How the second library comes about: `wish` is "link", "copy", a command, or NULL: link where
 * FILE.link lies beside the library, else copy. For a link, makes sure that the objects are those
 * of the library: linked in their own order into `trial`, a file that is removed again, they give
 * its build id. */
bool relink_settle(const char *library, const char *wish, const char *trial, enum second_by *by,
                   struct failure *why);

/* Writes it to `out`. */
bool relink(const char *library, enum second_by by, const char *command, uint64_t seed,
            const char *out, struct failure *why);

/* "link", "command" or "copy", for files, and back (a word that is none of these is a copy); what
 * it means, for reports. */
const char *relink_word(enum second_by by);
enum second_by relink_by(const char *word);
const char *relink_meaning(enum second_by by);

#endif
