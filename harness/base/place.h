/* place.h: where the parts of the harness lie.
 *
 *     build/ashlar              the command; all else is looked for from here
 *     build/ashlar-launch       beside it: the programs it starts, and libashlar.so
 *     build/suites/NAME.ini     beside it: the suites (or ../harness/suites in the source tree)
 *
 * Installed, the same lie together in PREFIX/libexec/ashlar, and PREFIX/bin/ashlar is a link there.
 */
#ifndef ASHLAR_BASE_PLACE_H
#define ASHLAR_BASE_PLACE_H

#include "base/text.h"

/* The directory of the running executable, without a slash at the end. */
const char *place_home(void);

/* HOME/NAME, on the heap, whether or not it is there. */
char *place_of(const char *name);

/* The program of that name in PATH, on the heap; NULL when there is none. */
char *place_of_program(const char *name);

/* The file of a suite: the text itself when it has a slash or ends in .ini, else NAME.ini in the
 * suite directories; NULL when there is none. */
char *place_of_suite(const char *name);

/* The names of all suites, sorted. */
struct words place_suites(void);

#endif
