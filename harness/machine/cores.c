/* cores.c: see cores.h.
 *
 * Below         environment.h        Above   check_processor.c plan.c
 */
#include "machine/cores.h"

#include "base/text.h"
#include "machine/environment.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long cores_listed(void)
{
    char *text = environment_read("/proc/cpuinfo");
    long cores = 0;

    for (const char *at = text; at != NULL && (at = strstr(at, "processor\t")) != NULL; at++)
        cores++;
    free(text);
    return cores > 0 ? cores : sysconf(_SC_NPROCESSORS_ONLN);
}

long cores_usable(void)
{
    long listed = cores_listed();
    cpu_set_t set;

    if (environment_root[0] != '\0' || sched_getaffinity(0, sizeof set, &set) != 0)
        return listed;
    return CPU_COUNT(&set) < listed ? CPU_COUNT(&set) : listed;
}

bool cores_allow(int cpu)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 && cpu >= 0 && CPU_ISSET((size_t)cpu, &set);
}

/* Whether a list such as "0-3,8" has the number. */
static bool has_number(const char *list, int number)
{
    for (char *end; *list != '\0'; list = *end == ',' ? end + 1 : end) {
        long from = strtol(list, &end, 10), to = from;

        if (end == list)
            return false;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        if (number >= from && number <= to)
            return true;
    }
    return false;
}

bool cores_are_siblings(const int cpu[2])
{
    char *path = text_format("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu[0]);
    char *list = environment_read(path);
    bool siblings = list != NULL && has_number(list, cpu[1]);

    free(list);
    free(path);
    return siblings;
}

bool cores_pair(int cpu[2])
{
    cpu_set_t set;
    int found = 0;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return false;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET((size_t)i, &set))
            continue;
        if (found < 2)
            cpu[found++] = i;
        else if (cores_are_siblings(cpu))
            cpu[1] = i;
    }
    return found == 2;
}
