/* check_software.c: doubts about what stands around the programs: containers, shells, permissions.
 *
 * Above         doctor.c
 */
#include "base/place.h"
#include "base/text.h"
#include "machine/check.h"
#include "machine/environment.h"
#include "process/trace.h"

#include <stdlib.h>
#include <string.h>

#define PARANOID_MAX 2        /* above it, user programs may not count even themselves */
#define PTRACE_SCOPE_DENIED 2 /* from here on Yama forbids it even with one's own children */

/* /etc/ld.so.preload reaches every process of the machine, those that are measured too. */
static bool check_system_preload(struct complaint *complaint, const struct gauges *gauges)
{
    char *list = environment_read("/etc/ld.so.preload");
    bool bad = list != NULL;

    (void)gauges;
    if (bad)
        complain(complaint, "empty /etc/ld.so.preload", "every process loads %.200s", list);
    free(list);
    return bad;
}

/* The measured programs get an environment of their own; the harness keeps the user's. */
static bool check_preload(struct complaint *complaint, const struct gauges *gauges)
{
    const char *list = getenv("LD_PRELOAD");

    (void)gauges;
    return list != NULL && list[0] != '\0' &&
           complain(complaint, "unset LD_PRELOAD; give an allocator with --allocators name=FILE",
                    "LD_PRELOAD is set (%.200s)", list);
}

static bool check_sanitizer(struct complaint *complaint, const struct gauges *gauges)
{
    static const char *const variables[] = {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
                                            "UBSAN_OPTIONS", "MSAN_OPTIONS"};
    static const char *const libraries[] = {"libasan", "liblsan", "libtsan", "libubsan",
                                            "libclang_rt"};
    const char *preload = getenv("LD_PRELOAD");
    const char *found = NULL;

    (void)gauges;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (getenv(variables[i]) != NULL)
            found = variables[i];
    for (size_t i = 0; preload != NULL && i < sizeof libraries / sizeof libraries[0]; i++)
        if (strstr(preload, libraries[i]) != NULL)
            found = libraries[i];
    return found != NULL &&
           complain(complaint, "unset it, and build without -fsanitize (make clean all)",
                    "this shell is set up for a sanitizer (%s)", found);
}

static bool check_container(struct complaint *complaint, const struct gauges *gauges)
{
    const char *kind = environment_container();

    (void)gauges;
    return kind != NULL &&
           complain(complaint, "run on the host, or on a host that runs nothing else",
                    "this is a %s container: its neighbours and its limits do not show", kind);
}

static bool check_pmu(struct complaint *complaint, const struct gauges *gauges)
{
    const char *problem = environment_pmu_problem();
    char *valgrind = environment_root[0] == '\0' ? place_of_program("valgrind") : NULL;

    (void)gauges;
    if (problem != NULL && valgrind == NULL && environment_root[0] == '\0')
        computed(complaint, "instructions are not counted at all: valgrind is not there either; "
                            "cycles, cache and branch misses are not counted");
    if (problem != NULL)
        complain(complaint,
                 "sysctl kernel.perf_event_paranoid=2 (or less), --cap-add PERFMON for a "
                 "container, or a machine with a PMU; until then callgrind counts instructions "
                 "(apt-get install valgrind)",
                 "no hardware counters (%s)", problem);
    free(valgrind);
    return problem != NULL;
}

static bool check_paranoid(struct complaint *complaint, const struct gauges *gauges)
{
    char *text = environment_read("/proc/sys/kernel/perf_event_paranoid");
    int level = text != NULL ? atoi(text) : 0;

    (void)gauges;
    free(text);
    return level > PARANOID_MAX &&
           complain(complaint, "sysctl kernel.perf_event_paranoid=2",
                    "perf_event_paranoid is %d: only root may count", level);
}

/* Another machine's cannot be tried from here; Yama says what it would forbid. */
static bool check_ptrace(struct complaint *complaint, const struct gauges *gauges)
{
    char *scope = environment_read("/proc/sys/kernel/yama/ptrace_scope");
    bool forbidden = scope != NULL && atoi(scope) >= PTRACE_SCOPE_DENIED;
    const char *problem = environment_root[0] == '\0' ? trace_problem()
                          : forbidden                 ? "kernel.yama.ptrace_scope forbids it"
                                                      : NULL;

    (void)gauges;
    free(scope);
    return problem != NULL &&
           complain(complaint,
                    "sysctl kernel.yama.ptrace_scope=1 (or less); in a container --cap-add "
                    "SYS_PTRACE, or a seccomp profile that allows ptrace",
                    "programs cannot be traced (%s): system calls are not counted", problem);
}

const struct check checks_of_software[] = {
    {"system-preload", LEVEL_BIAS, "all", "the measured programs run with it too",
     check_system_preload},
    {"sanitizer", LEVEL_BIAS, "all",
     "a library built with one takes 2 x the time and 2 to 3 x the memory", check_sanitizer},
    {"container", LEVEL_NOISE, "time", "as much as its neighbours take; they do not show",
     check_container},
    {"preload", LEVEL_GAP, "none of a measured program",
     "the harness runs with it, the measured programs get an environment of their own",
     check_preload},
    {"pmu", LEVEL_GAP, "instructions, cycles, cache and branch misses",
     "instructions come from callgrind, in a pass of its own, without the kernel's; the rest is "
     "not counted",
     check_pmu},
    {"paranoid", LEVEL_GAP, "instructions, cycles, cache and branch misses",
     "counters are refused, as if there were none", check_paranoid},
    {"ptrace", LEVEL_GAP, "system calls", "not counted", check_ptrace},
    {0},
};
