/* cores.h: on which processors this process may run, and which two of them make a duet.
 *
 *     listed      0 1 2 3        as /proc/cpuinfo has them
 *     allowed       1 2 3        by affinity: taskset, cpusets, --cpuset-cpus of a container
 *     a pair        1   3        two that are no threads of one core, where there are such
 */
#ifndef ASHLAR_MACHINE_CORES_H
#define ASHLAR_MACHINE_CORES_H

#include <stdbool.h>

/* As many as /proc lists; of another machine in tests. */
long cores_listed(void);

/* Those of them that this process may use. Affinity is not known of another machine. */
long cores_usable(void);

/* Whether this process may use that one. */
bool cores_allow(int cpu);

/* Two usable processors, no siblings of one core where that can be had and is told; false when
 * fewer than two are usable. */
bool cores_pair(int cpu[2]);

/* Whether the machine says that two processors are threads of one core. A virtual machine may not
 * know it: doctor measures it (siblings). */
bool cores_are_siblings(const int cpu[2]);

#endif
