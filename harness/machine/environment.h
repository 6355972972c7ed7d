/* environment.h: the machine as a run saw it, and a fingerprint of the part that must not change.
 *
 *     in the fingerprint     kernel, processor, cores, memory, huge pages, governor, layout, libc
 *     beside it              load, revision, compiler, container: told, but free to differ
 *
 * Figures from two fingerprints are not compared. Only differences inside one block are evidence,
 * so what drifts within the hour (load) is no part of it.
 */
#ifndef ASHLAR_MACHINE_ENVIRONMENT_H
#define ASHLAR_MACHINE_ENVIRONMENT_H

#include <jansson.h>
#include <stdbool.h>

/* Tests look at another machine: a directory with its own proc/ and sys/. "" is this machine. */
extern const char *environment_root;

/* A file below environment_root, trimmed; NULL when it is not there or empty. */
char *environment_read(const char *path);

/* Whether something is there below environment_root. */
bool environment_has(const char *path);

/* The value behind "NAME<spaces>: " on a line of its own, as /proc/cpuinfo writes it; NULL without
 * one. */
char *environment_field(const char *path, const char *name);

/* A line of /proc/meminfo; 0 without one. */
long environment_kib(const char *name);

/* A file of the control group that this process is in, or else of the nearest group above that has
 * it and sets a limit; NULL without one. `controller` is that of version 1 ("memory"), "" asks for
 * version 2. */
char *environment_group_file(const char *controller, const char *file);

/* What the control group may have of memory and what it uses, in bytes; false without a limit. */
bool environment_group_memory(double *limit, double *used);

/* How many processors' worth of time the control group may use; 0: as much as there is. */
double environment_group_processors(void);

/* Memory that a process could still get: of the machine, or of the control group if that is less.
 * 0 when it cannot be known. */
double environment_memory_room_mib(void);

/* Room for what is stored below the working directory, -1 when that cannot be known. Another
 * machine tells it in a file of its own, /disk_free_mib. */
double environment_disk_free_mib(void);

/* The word in brackets of a file such as "always [madvise] never"; NULL without one. */
char *environment_choice(const char *path);

/* All of it as a JSON object, with "fingerprint". */
json_t *environment_capture(void);

/* Names the first key of the fingerprint in which two environments differ; NULL when they agree. */
const char *environment_difference(const json_t *stored, const json_t *now);

/* What a key was and is: "glibc was \"2.35\" and is \"2.36\"", on the heap. */
char *environment_change(const char *key, const json_t *stored, const json_t *now);

bool environment_is_virtual(void);

/* What kind of container this is, NULL for none that shows. */
const char *environment_container(void);

/* NULL when hardware counters work, else why not. */
const char *environment_pmu_problem(void);

#endif
