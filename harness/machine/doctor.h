/* doctor.h: what would make figures doubtful on this machine, each with its remedy.
 *
 * A check looks at one thing and either is content or says what is wrong in words of its own.
 * Adding one is a function and a line in the list at the end of doctor.c.
 */
#ifndef ASHLAR_MACHINE_DOCTOR_H
#define ASHLAR_MACHINE_DOCTOR_H

#include <jansson.h>

/* An array of {"id", "text", "remedy"}, empty on a machine beyond doubt. Looks at the processor's
 * stolen time for a moment (0.2 s). */
json_t *doctor_warnings(void);

/* The ids of all checks, "governor" first; NULL at the end. For listing and for tests. */
const char *const *doctor_ids(void);

#endif
