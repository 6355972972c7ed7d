/* doctor.c: see doctor.h. */
#include "machine/doctor.h"

#include "base/text.h"
#include "machine/environment.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOAD_MAX_PER_CORE 0.25       /* above it a core is not ours for a quarter of the time */
#define STEAL_MAX_SHARE 0.005        /* 0.5 %: the size of the differences that are to be seen */
#define MEMORY_MIN_KIB (1024 * 1024) /* four times the 256 MiB that a workload may hold */
#define CORES_MIN 4                  /* two threads under test, the harness, and the system */

struct complaint {
    char text[256];
    char remedy[256];
};

static bool complain(struct complaint *complaint, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(struct complaint *complaint, const char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    snprintf(complaint->remedy, sizeof complaint->remedy, "%s", remedy);
    return true;
}

/* Every check returns true when it has something to complain about. */

static bool check_governor(struct complaint *complaint)
{
    char *governor = environment_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    bool bad = governor != NULL && strcmp(governor, "performance") != 0;

    if (bad)
        complain(complaint, "cpupower frequency-set -g performance",
                 "the frequency governor is '%s': the clock follows the load", governor);
    free(governor);
    return bad;
}

static bool check_turbo(struct complaint *complaint)
{
    char *no_turbo = environment_read("/sys/devices/system/cpu/intel_pstate/no_turbo");
    char *boost = environment_read("/sys/devices/system/cpu/cpufreq/boost");
    bool intel = no_turbo != NULL && no_turbo[0] == '0';
    bool other = boost != NULL && boost[0] == '1';

    if (intel || other)
        complain(complaint,
                 intel ? "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"
                       : "echo 0 > /sys/devices/system/cpu/cpufreq/boost",
                 "turbo is on: the clock depends on temperature and on idle neighbours");
    free(no_turbo);
    free(boost);
    return intel || other;
}

static bool check_smt(struct complaint *complaint)
{
    char *siblings = environment_read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
    bool shared = siblings != NULL && strpbrk(siblings, ",-") != NULL;

    if (shared)
        complain(complaint,
                 "echo off > /sys/devices/system/cpu/smt/control, or pin to one thread a core",
                 "processors %s are threads of one core: two threads of a workload may share it",
                 siblings);
    free(siblings);
    return shared;
}

/* As many processors as /proc lists: another machine is looked at in tests. */
static long listed_cores(void)
{
    char *text = environment_read("/proc/cpuinfo");
    long cores = 0;

    for (const char *at = text; at != NULL && (at = strstr(at, "processor\t")) != NULL; at++)
        cores++;
    free(text);
    return cores > 0 ? cores : sysconf(_SC_NPROCESSORS_ONLN);
}

static bool check_load(struct complaint *complaint)
{
    char *text = environment_read("/proc/loadavg");
    double load = text != NULL ? atof(text) : 0;
    long cores = listed_cores();
    bool bad = load > LOAD_MAX_PER_CORE * (double)cores;

    free(text);
    return bad &&
           complain(complaint, "stop the other work, or wait",
                    "the load is %.2f on %ld cores before anything was started", load, cores);
}

struct cpu_times {
    double total, steal; /* ticks since boot */
};

static struct cpu_times cpu_times(void)
{
    struct cpu_times times = {0, 0};
    char *text = environment_read("/proc/stat");
    char *at = text != NULL && strncmp(text, "cpu ", 4) == 0 ? text + 4 : NULL;

    /* user nice system idle iowait irq softirq steal; guest times are within user. */
    for (int i = 0; at != NULL && i < 8; i++) {
        double ticks = strtod(at, &at);

        times.total += ticks;
        times.steal = i == 7 ? ticks : 0;
    }
    free(text);
    return times;
}

static double steal_share(struct cpu_times from, struct cpu_times to)
{
    return to.total > from.total ? (to.steal - from.steal) / (to.total - from.total) : 0;
}

static bool check_steal(struct complaint *complaint)
{
    const struct timespec moment = {0, 200000000};
    struct cpu_times boot = {0, 0}, before = cpu_times(), after;
    double since_boot, now;

    if (environment_root[0] == '\0')
        nanosleep(&moment, NULL);
    after = cpu_times();
    since_boot = steal_share(boot, after);
    now = steal_share(before, after);
    if (since_boot <= STEAL_MAX_SHARE && now <= STEAL_MAX_SHARE)
        return false;
    return complain(complaint, "use a machine of your own, or more blocks",
                    "the hypervisor steals time: %.2f %% since boot, %.2f %% just now",
                    100 * since_boot, 100 * now);
}

static bool check_thp(struct complaint *complaint)
{
    char *state = environment_choice("/sys/kernel/mm/transparent_hugepage/enabled");
    bool bad = state != NULL && strcmp(state, "never") != 0;

    if (bad)
        complain(complaint,
                 "read the result as one for this state; compare with "
                 "echo never > /sys/kernel/mm/transparent_hugepage/enabled",
                 "transparent huge pages are '%s'%s", state,
                 strcmp(state, "madvise") == 0 ? ": they favour the allocator that asks for them"
                                               : ": peak memory comes in steps of 2 MiB");
    free(state);
    return bad;
}

static bool check_aslr(struct complaint *complaint)
{
    char *state = environment_read("/proc/sys/kernel/randomize_va_space");
    bool bad = state != NULL && strcmp(state, "2") != 0;

    if (bad)
        complain(complaint, "sysctl kernel.randomize_va_space=2",
                 "address randomisation is %s: one layout may be lucky for all samples", state);
    free(state);
    return bad;
}

static bool check_container(struct complaint *complaint)
{
    const char *kind = environment_container();

    return kind != NULL &&
           complain(complaint, "run on the host, or on a host that runs nothing else",
                    "this is a %s container: its neighbours and its limits do not show", kind);
}

static bool check_virtual(struct complaint *complaint)
{
    return environment_is_virtual() &&
           complain(
               complaint, "use a machine without a hypervisor; trust paired blocks and counts only",
               "this is a virtual machine: its processors may be threads of one core, and move");
}

static bool check_clock(struct complaint *complaint)
{
    char *source =
        environment_read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    bool bad =
        source != NULL && strcmp(source, "tsc") != 0 && strcmp(source, "arch_sys_counter") != 0;

    if (bad)
        complain(complaint,
                 "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
                 "the clock source is '%s', which costs a system call or more a reading", source);
    free(source);
    return bad;
}

static bool check_pmu(struct complaint *complaint)
{
    const char *problem = environment_pmu_problem();

    return problem != NULL &&
           complain(complaint,
                    "sysctl kernel.perf_event_paranoid=2 (or less), or a machine with a PMU; until "
                    "then callgrind counts instructions",
                    "no hardware counters (%s)", problem);
}

static bool check_memory(struct complaint *complaint)
{
    char *text = environment_read("/proc/meminfo");
    const char *found = text != NULL ? strstr(text, "MemAvailable:") : NULL;
    long kib = found != NULL ? atol(found + strlen("MemAvailable:")) : MEMORY_MIN_KIB;

    free(text);
    return kib < MEMORY_MIN_KIB &&
           complain(complaint, "free some memory, or use a machine with 2 GiB or more",
                    "only %ld MiB of memory are available", kib / 1024);
}

static bool check_cores(struct complaint *complaint)
{
    long cores = listed_cores();

    return cores < CORES_MIN &&
           complain(complaint, "use a machine with 4 cores or more",
                    "%ld cores: threads under test share them with everything else", cores);
}

static const struct check {
    const char *id;
    bool (*complains)(struct complaint *);
} checks[] = {
    {"governor", check_governor}, {"turbo", check_turbo},
    {"smt", check_smt},           {"load", check_load},
    {"steal", check_steal},       {"thp", check_thp},
    {"aslr", check_aslr},         {"container", check_container},
    {"virtual", check_virtual},   {"clock", check_clock},
    {"pmu", check_pmu},           {"memory", check_memory},
    {"cores", check_cores},
};

#define CHECKS (sizeof checks / sizeof checks[0])

json_t *doctor_warnings(void)
{
    json_t *warnings = json_array();

    for (size_t i = 0; i < CHECKS; i++) {
        struct complaint complaint;

        if (checks[i].complains(&complaint))
            json_array_append_new(warnings, json_pack("{s:s,s:s,s:s}", "id", checks[i].id, "text",
                                                      complaint.text, "remedy", complaint.remedy));
    }
    return warnings;
}

const char *const *doctor_ids(void)
{
    static const char *ids[CHECKS + 1];

    for (size_t i = 0; i < CHECKS; i++)
        ids[i] = checks[i].id;
    return ids;
}
