/* check_processor.c: doubts about the processors: whose they are, how fast, and how many.
 *
 * Above         doctor.c
 */
#include "machine/check.h"
#include "machine/cores.h"
#include "machine/environment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CPU "/sys/devices/system/cpu/"
#define LOAD_MAX_PER_CORE 0.25 /* above it a core is not ours for a quarter of the time */
#define STEAL_MAX_SHARE 0.005  /* 0.5 %: the size of the differences that are to be seen */
#define CORES_MIN 4            /* two threads under test, the harness, and the system */
#define SPREAD_MAX 0.05        /* the noise of single-threaded cells on shared cores is 3 to 5 % */
#define TWO_THREADS_MIN 1.8    /* of 2: siblings of one core reach 1.1 to 1.4 */
#define TIMER_COST_MAX_NS 100  /* a reading without a system call takes 20 to 60 ns */
#define TIMER_STEP_MAX_NS 1000

static bool check_steal(struct complaint *complaint, const struct gauges *gauges)
{
    const struct timespec moment = {0, 200000000};
    struct cpu_times boot = {0, 0}, before = cpu_times_read(), after;
    double since_boot, now;

    if (environment_root[0] == '\0' && gauges == NULL)
        nanosleep(&moment, NULL);
    after = cpu_times_read();
    since_boot = cpu_times_steal_share(boot, after);
    now = gauges != NULL ? gauges->steal_share : cpu_times_steal_share(before, after);
    if (since_boot <= STEAL_MAX_SHARE && now <= STEAL_MAX_SHARE)
        return false;
    if (gauges != NULL)
        measured(complaint,
                 "%.2f %% of all processor time within a busy second: a timed process "
                 "that it strikes takes that much longer, or more",
                 100 * now);
    return complain(complaint, "use a machine of your own, or more blocks",
                    "the hypervisor steals time: %.2f %% since boot, %.2f %% just now",
                    100 * since_boot, 100 * now);
}

static bool check_load(struct complaint *complaint, const struct gauges *gauges)
{
    char *text = environment_read("/proc/loadavg");
    double load = text != NULL ? atof(text) : 0;
    long cores = cores_listed();

    (void)gauges;
    free(text);
    if (load <= LOAD_MAX_PER_CORE * (double)cores)
        return false;
    computed(complaint, "others want %.0f %% of the processors%s", 100 * load / (double)cores,
             load > (double)cores ? ": a process waits more than it runs at times" : "");
    return complain(complaint, "stop the other work, or wait",
                    "the load is %.2f on %ld cores before anything was started", load, cores);
}

static bool check_jitter(struct complaint *complaint, const struct gauges *gauges)
{
    if (gauges == NULL || gauges->loop_spread <= SPREAD_MAX)
        return false;
    measured(complaint,
             "equal work of %.0f ms differs by %.1f %% (10th to 90th percentile of %.0f), the "
             "slowest took %.1f %% more than the median",
             gauges->loop_ms, 100 * gauges->loop_spread, gauges->loop_count,
             100 * gauges->loop_worst);
    return complain(complaint, "see what else is listed here; more blocks",
                    "equal work does not take equal time");
}

static bool check_quota(struct complaint *complaint, const struct gauges *gauges)
{
    double share = environment_group_processors(), cores = (double)cores_listed();

    (void)gauges;
    if (share <= 0 || share >= cores)
        return false;
    computed(complaint,
             "together the threads run %.2f processors' worth; whoever spends it early "
             "in a period stands still for the rest of it",
             share);
    return complain(complaint,
                    "lift the limit (cpu.max of the control group, --cpus of the container)",
                    "the control group may use %.2f of %.0f processors", share, cores);
}

static bool check_virtual(struct complaint *complaint, const struct gauges *gauges)
{
    (void)gauges;
    return environment_is_virtual() &&
           complain(
               complaint, "use a machine without a hypervisor; trust paired blocks and counts only",
               "this is a virtual machine: its processors may be threads of one core, and move");
}

/* What the guest is told of its topology need not be so; only a measurement shows it. */
static bool check_siblings(struct complaint *complaint, const struct gauges *gauges)
{
    long cores = cores_listed();
    const char *remedy =
        "judge cells of two threads by paired blocks and by instructions, show both modes, and run "
        "no duets; or a whole machine";

    if (gauges == NULL)
        return environment_is_virtual() && cores < CORES_MIN &&
               complain(complaint, remedy, "the %ld virtual processors may be siblings of one core",
                        cores);
    if (gauges->two_threads_min >= TWO_THREADS_MIN)
        return false;
    measured(complaint,
             "the factor went from %.2f to %.2f: two-thread times differ by up to %.2f x "
             "on the same work",
             gauges->two_threads_min, gauges->two_threads_max,
             gauges->two_threads_min > 0 ? gauges->two_threads_max / gauges->two_threads_min : 0);
    return complain(complaint, remedy,
                    "two threads on private work do %.2f x one's work, not 2 x: siblings of one "
                    "core, or others' work",
                    gauges->two_threads);
}

static bool check_smt(struct complaint *complaint, const struct gauges *gauges)
{
    char *siblings = environment_read(CPU "cpu0/topology/thread_siblings_list");
    bool shared = siblings != NULL && strpbrk(siblings, ",-") != NULL;

    (void)gauges;
    if (shared)
        complain(complaint, "echo off > " CPU "smt/control, or pin to one thread a core",
                 "processors %s are threads of one core: two threads of a workload may share it",
                 siblings);
    free(siblings);
    return shared;
}

static double number_in(const char *path)
{
    char *text = environment_read(path);
    double number = text != NULL ? atof(text) : 0;

    free(text);
    return number;
}

static bool check_governor(struct complaint *complaint, const struct gauges *gauges)
{
    char *governor = environment_read(CPU "cpu0/cpufreq/scaling_governor");
    double least = number_in(CPU "cpu0/cpufreq/cpuinfo_min_freq");
    double most = number_in(CPU "cpu0/cpufreq/cpuinfo_max_freq");
    bool bad = governor != NULL && strcmp(governor, "performance") != 0;

    (void)gauges;
    if (bad && least > 0 && most > least)
        computed(complaint, "up to %.1f x: the clock may be anything from %.0f to %.0f MHz",
                 most / least, least / 1000, most / 1000);
    if (bad)
        complain(complaint, "cpupower frequency-set -g performance",
                 "the frequency governor is '%s': the clock follows the load", governor);
    free(governor);
    return bad;
}

/* Drivers that leave the choice to the processor, whatever the governor is called. */
static bool driver_is_autonomous(const char *driver)
{
    return strcmp(driver, "intel_pstate") == 0 || strcmp(driver, "amd-pstate-epp") == 0;
}

static bool check_driver(struct complaint *complaint, const struct gauges *gauges)
{
    char *driver = environment_read(CPU "cpu0/cpufreq/scaling_driver");
    double least = number_in(CPU "cpu0/cpufreq/scaling_min_freq");
    double most = number_in(CPU "cpu0/cpufreq/scaling_max_freq");
    bool moves = driver != NULL && driver_is_autonomous(driver) && least < most;
    bool unknown =
        driver == NULL && !environment_has(CPU "cpu0/cpufreq") && !environment_is_virtual();

    (void)gauges;
    if (moves) {
        computed(complaint, "up to %.1f x between %.0f and %.0f MHz", least > 0 ? most / least : 0,
                 least / 1000, most / 1000);
        complain(complaint, "cpupower frequency-set -d FREQ -u FREQ, with one frequency",
                 "the driver '%s' lets the processor choose its clock, whatever the governor says",
                 driver);
    }
    if (unknown)
        complain(complaint, "load the processor's cpufreq driver, or fix the clock in the firmware",
                 "no frequency driver: the firmware moves the clock, and nobody can see it");
    free(driver);
    return moves || unknown;
}

static bool check_turbo(struct complaint *complaint, const struct gauges *gauges)
{
    char *no_turbo = environment_read(CPU "intel_pstate/no_turbo");
    char *boost = environment_read(CPU "cpufreq/boost");
    bool intel = no_turbo != NULL && no_turbo[0] == '0';
    bool other = boost != NULL && boost[0] == '1';

    (void)gauges;
    if (intel || other)
        complain(complaint,
                 intel ? "echo 1 > " CPU "intel_pstate/no_turbo" : "echo 0 > " CPU "cpufreq/boost",
                 "turbo is on: the clock depends on temperature and on idle neighbours");
    free(no_turbo);
    free(boost);
    return intel || other;
}

static bool check_cores(struct complaint *complaint, const struct gauges *gauges)
{
    long cores = cores_usable();

    (void)gauges;
    if (cores == 1)
        return complain(complaint,
                        "use a machine with 4 cores or more, or lift the affinity (taskset, "
                        "--cpuset-cpus)",
                        "one processor may be used: threads under test take turns on it, with "
                        "everything else");
    return cores < CORES_MIN &&
           complain(complaint, "use a machine with 4 cores or more",
                    "%ld cores: threads under test share them with everything else", cores);
}

static bool clock_is_cheap(const char *source)
{
    /* Read without a system call, the last two from a page that the hypervisor fills in. */
    static const char *const cheap[] = {"tsc", "arch_sys_counter", "kvm-clock",
                                        "hyperv_clocksource_tsc_page"};

    for (size_t i = 0; i < sizeof cheap / sizeof cheap[0]; i++)
        if (strcmp(source, cheap[i]) == 0)
            return true;
    return false;
}

static bool check_clock(struct complaint *complaint, const struct gauges *gauges)
{
    char *source =
        environment_read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    bool dear = source != NULL && !clock_is_cheap(source);
    bool slow = gauges != NULL && (gauges->timer_cost_ns > TIMER_COST_MAX_NS ||
                                   gauges->timer_step_ns > TIMER_STEP_MAX_NS);

    if (gauges != NULL)
        measured(complaint,
                 "a reading costs %.0f ns and steps by %.0f ns: latencies below that are "
                 "not seen, and each one that is timed is longer by it",
                 gauges->timer_cost_ns, gauges->timer_step_ns);
    if (dear || slow)
        complain(complaint,
                 "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
                 "the clock source is '%s', %s", source != NULL ? source : "unknown",
                 dear ? "which costs a system call or more a reading" : "and slow to read");
    free(source);
    return dear || slow;
}

const struct check checks_of_processor[] = {
    {"load", LEVEL_NOISE, "time", "a process that shares its core takes up to twice as long",
     check_load},
    {"steal", LEVEL_NOISE, "time", "a share s that is stolen makes a time longer by s / (1 - s)",
     check_steal},
    {"quota", LEVEL_NOISE, "time of several threads", "", check_quota},
    {"siblings", LEVEL_NOISE, "time of two threads, and of the two processes of a duet",
     "up to 1.7 x in two modes, with equal instructions, on virtual machines of 2 cores",
     check_siblings},
    {"jitter", LEVEL_NOISE, "time", "", check_jitter},
    {"smt", LEVEL_NOISE, "time of two threads and more",
     "threads that share a core get 0.5 to 0.7 of one each", check_smt},
    {"governor", LEVEL_NOISE, "time", "as far apart as the lowest and the highest clock",
     check_governor},
    {"driver", LEVEL_NOISE, "time", "not known: the clock is not shown", check_driver},
    {"turbo", LEVEL_NOISE, "time, and speed-up by threads",
     "10 to 40 % between one busy core and all, on most processors", check_turbo},
    {"virtual", LEVEL_NOISE, "time",
     "noise of 3 to 5 % in paired ratios of one thread, 18 % with remote frees, on 2 shared cores; "
     "instructions keep to 0.05 %",
     check_virtual},
    {"cores", LEVEL_NOISE, "time of two threads and more",
     "a busy thread of the system takes a share of one of few cores; no scaling can be shown",
     check_cores},
    {"clock", LEVEL_NOISE, "latency", "about 1 us a reading with hpet or acpi_pm", check_clock},
    {0},
};
