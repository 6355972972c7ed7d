/* environment.c: see environment.h. */
#include "machine/environment.h"

#include "base/chance.h"
#include "base/place.h"
#include "base/text.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *environment_root = "";

static const char *const fingerprint_keys[] = {
    "kernel", "architecture",     "cpu_model", "cores", "cores_allowed", "memory_mib",
    "thp",    "thp_defrag",       "governor",  "turbo", "smt",           "aslr",
    "glibc",  "processors_quota",
};

#define FINGERPRINT_KEYS (sizeof fingerprint_keys / sizeof fingerprint_keys[0])

char *environment_read(const char *path)
{
    char *full = text_format("%s%s", environment_root, path);
    char *text = text_of_file_trimmed(full);

    free(full);
    return text;
}

bool environment_has(const char *path)
{
    char *full = text_format("%s%s", environment_root, path);
    bool there = access(full, F_OK) == 0;

    free(full);
    return there;
}

char *environment_choice(const char *path)
{
    char *text = environment_read(path);
    char *open = text != NULL ? strchr(text, '[') : NULL;
    char *close = open != NULL ? strchr(open, ']') : NULL;
    char *choice = NULL;

    if (close != NULL)
        choice = text_format("%.*s", (int)(close - open - 1), open + 1);
    free(text);
    return choice;
}

char *environment_field(const char *path, const char *name)
{
    char *text = environment_read(path);
    char *value = NULL;
    char *rest = NULL;

    if (text == NULL)
        return NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *colon = strchr(line, ':');

        if (colon == NULL || strncmp(line, name, strlen(name)) != 0)
            continue;
        value = text_copy(text_trim(colon + 1));
        break;
    }
    free(text);
    return value;
}

/* The path of "HIERARCHY:CONTROLLERS:PATH" in /proc/self/cgroup whose list has `controller`. */
static char *group_path(const char *controller)
{
    char *text = environment_read("/proc/self/cgroup");
    char *rest = NULL, *path = NULL;

    for (char *line = text != NULL ? strtok_r(text, "\n", &rest) : NULL;
         line != NULL && path == NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *list = strchr(line, ':'), *end = list != NULL ? strchr(list + 1, ':') : NULL;
        struct words names;

        if (end == NULL)
            continue;
        *end = '\0';
        names = words_split(list + 1, ",");
        if (controller[0] == '\0' && names.count == 0)
            path = text_copy(end + 1);
        for (size_t i = 0; i < names.count && path == NULL; i++)
            if (strcmp(names.at[i], controller) == 0)
                path = text_copy(end + 1);
        words_free(&names);
    }
    free(text);
    return path;
}

/* How the two versions say that a group has no limit of its own. */
static bool sets_no_limit(const char *value)
{
    return strncmp(value, "max", 3) == 0 || value[0] == '-' || atof(value) > 4e18;
}

char *environment_group_file(const char *controller, const char *file)
{
    const char *slash = controller[0] != '\0' ? "/" : "";
    char *path = group_path(controller);
    char *value = NULL;

    /* In a container the path may be the host's, of which only the top is to be seen. */
    while (path != NULL && value == NULL) {
        char *full = text_format("/sys/fs/cgroup%s%s%s/%s", slash, controller, path, file);
        char *end = strrchr(path, '/');

        value = environment_read(full);
        if (value != NULL && sets_no_limit(value)) {
            free(value);
            value = NULL;
        }
        free(full);
        if (end == NULL)
            break;
        *end = '\0';
    }
    free(path);
    return value;
}

bool environment_group_memory(double *limit, double *used)
{
    char *max = environment_group_file("", "memory.max"),
         *now = environment_group_file("", "memory.current");

    if (max == NULL) {
        free(now);
        max = environment_group_file("memory", "memory.limit_in_bytes");
        now = environment_group_file("memory", "memory.usage_in_bytes");
    }
    *limit = max != NULL ? atof(max) : 0;
    *used = now != NULL ? atof(now) : 0;
    free(max);
    free(now);
    return *limit > 0;
}

double environment_group_processors(void)
{
    char *max = environment_group_file("", "cpu.max");
    char *quota = environment_group_file("cpu", "cpu.cfs_quota_us");
    char *period = environment_group_file("cpu", "cpu.cfs_period_us");
    char *space = max != NULL ? strchr(max, ' ') : NULL;
    double share = 0;

    if (space != NULL && atof(space) > 0)
        share = atof(max) / atof(space);
    else if (quota != NULL && period != NULL && atof(period) > 0)
        share = atof(quota) / atof(period);
    free(max);
    free(quota);
    free(period);
    return share > 0 ? share : 0;
}

double environment_memory_room_mib(void)
{
    double mib = (double)environment_kib("MemAvailable") / 1024, limit, used;

    if (environment_group_memory(&limit, &used) && (limit - used) / (1 << 20) < mib)
        mib = (limit - used) / (1 << 20);
    return mib > 0 ? mib : 0;
}

long environment_kib(const char *name)
{
    char *value = environment_field("/proc/meminfo", name);
    long kib = value != NULL ? atol(value) : 0;

    free(value);
    return kib;
}

bool environment_is_virtual(void)
{
    char *flags = environment_field("/proc/cpuinfo", "flags");
    bool is_virtual = flags != NULL && strstr(flags, " hypervisor") != NULL;

    free(flags);
    /* Processors other than x86 have no such flag. */
    return is_virtual || environment_has("/sys/hypervisor/type") ||
           environment_has("/proc/device-tree/hypervisor");
}

const char *environment_container(void)
{
    static const char *const marks[] = {"docker", "kubepods", "containerd", "lxc", "libpod"};
    char *groups;
    const char *kind = NULL;

    if (environment_has("/.dockerenv"))
        return "docker";
    if (environment_has("/run/.containerenv"))
        return "podman";
    groups = environment_read("/proc/1/cgroup");
    for (size_t i = 0; groups != NULL && i < sizeof marks / sizeof marks[0]; i++)
        if (strstr(groups, marks[i]) != NULL)
            kind = marks[i];
    free(groups);
    return kind;
}

/* What a kernel calls the counters of a core: x86, its hybrids, and 64-bit Arm. */
static bool pmu_is_listed(void)
{
    static const char *const names[] = {"cpu", "cpu_core", "armv8_pmuv3", "armv8_pmuv3_0"};
    bool listed = false;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = text_format("/sys/bus/event_source/devices/%s", names[i]);

        listed = listed || environment_has(path);
        free(path);
    }
    return listed;
}

const char *environment_pmu_problem(void)
{
    struct perf_event_attr attr = {0};
    long fd;

    /* Another machine's counters cannot be opened from here. */
    if (environment_root[0] != '\0')
        return pmu_is_listed() ? NULL : "this processor offers none";
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_HARDWARE;
    attr.config = PERF_COUNT_HW_INSTRUCTIONS;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0) {
        close((int)fd);
        return NULL;
    }
    return errno == ENOENT || errno == EOPNOTSUPP ? "this processor offers none" : strerror(errno);
}

/* Takes `text`, which may be NULL: the key is then null, not left out. */
static void put(json_t *object, const char *key, char *text)
{
    json_object_set_new(object, key, text != NULL ? json_string(text) : json_null());
    free(text);
}

static int allowed_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

double environment_disk_free_mib(void)
{
    char *text = environment_root[0] != '\0' ? environment_read("/disk_free_mib") : NULL;
    double mib = text != NULL ? atof(text) : -1;
    struct statvfs disk;

    free(text);
    if (environment_root[0] == '\0' && statvfs(".", &disk) == 0 && disk.f_blocks > 0)
        mib = (double)disk.f_bavail * (double)disk.f_frsize / (1 << 20);
    return mib;
}

static json_int_t memory_mib(void)
{
    return environment_kib("MemTotal") / 1024;
}

/* "off" and "on" of the two drivers' opposite switches; NULL where neither is there. */
static char *turbo_state(void)
{
    char *no_turbo = environment_read("/sys/devices/system/cpu/intel_pstate/no_turbo");
    char *boost = environment_read("/sys/devices/system/cpu/cpufreq/boost");
    char *state = NULL;

    if (no_turbo != NULL)
        state = text_copy(no_turbo[0] == '0' ? "on" : "off");
    else if (boost != NULL)
        state = text_copy(boost[0] == '1' ? "on" : "off");
    free(no_turbo);
    free(boost);
    return state;
}

static char *revision(void)
{
    char *command =
        text_format("git -C '%s' describe --always --dirty --abbrev=12 2>/dev/null", place_home());
    FILE *pipe = popen(command, "r");
    char line[128] = "";

    free(command);
    if (pipe == NULL)
        return NULL;
    if (fgets(line, sizeof line, pipe) == NULL)
        line[0] = '\0';
    pclose(pipe);
    return text_trim(line)[0] != '\0' ? text_copy(text_trim(line)) : NULL;
}

static char *fingerprint_of(const json_t *environment)
{
    json_t *part = json_object();
    char *text, *hex;

    for (size_t i = 0; i < FINGERPRINT_KEYS; i++)
        json_object_set(part, fingerprint_keys[i],
                        json_object_get(environment, fingerprint_keys[i]));
    text = json_dumps(part, JSON_SORT_KEYS | JSON_COMPACT);
    hex = text_format("%016llx", (unsigned long long)hash_text(text));
    free(text);
    json_decref(part);
    return hex;
}

json_t *environment_capture(void)
{
    json_t *environment = json_object();
    struct utsname names;
    char *load = environment_read("/proc/loadavg");
    const char *container = environment_container();
    const char *pmu = environment_pmu_problem();
    double quota = environment_group_processors();

    uname(&names);
    put(environment, "kernel", text_copy(names.release));
    put(environment, "architecture", text_copy(names.machine));
    put(environment, "cpu_model", environment_field("/proc/cpuinfo", "model name"));
    json_object_set_new(environment, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(environment, "cores_allowed", json_integer(allowed_cores()));
    json_object_set_new(environment, "memory_mib", json_integer(memory_mib()));
    put(environment, "thp", environment_choice("/sys/kernel/mm/transparent_hugepage/enabled"));
    put(environment, "thp_defrag",
        environment_choice("/sys/kernel/mm/transparent_hugepage/defrag"));
    put(environment, "governor",
        environment_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    put(environment, "turbo", turbo_state());
    put(environment, "smt", environment_read("/sys/devices/system/cpu/smt/control"));
    put(environment, "aslr", environment_read("/proc/sys/kernel/randomize_va_space"));
    put(environment, "glibc", text_copy(gnu_get_libc_version()));
    json_object_set_new(environment, "processors_quota",
                        quota > 0 ? json_real(quota) : json_null());
    put(environment, "clock_source",
        environment_read("/sys/devices/system/clocksource/clocksource0/current_clocksource"));
    put(environment, "compiler",
        text_copy(
#ifdef __clang__
            __VERSION__
#else
            "gcc " __VERSION__
#endif
            ));
    put(environment, "pmu", text_copy(pmu != NULL ? pmu : "yes"));
    put(environment, "container", container != NULL ? text_copy(container) : NULL);
    json_object_set_new(environment, "virtual_machine", json_boolean(environment_is_virtual()));
    put(environment, "revision", revision());
    if (load != NULL)
        json_object_set_new(environment, "load", json_real(atof(load)));
    free(load);
    put(environment, "fingerprint", fingerprint_of(environment));
    return environment;
}

const char *environment_difference(const json_t *stored, const json_t *now)
{
    for (size_t i = 0; i < FINGERPRINT_KEYS; i++)
        if (!json_equal(json_object_get(stored, fingerprint_keys[i]),
                        json_object_get(now, fingerprint_keys[i])))
            return fingerprint_keys[i];
    return NULL;
}

char *environment_change(const char *key, const json_t *stored, const json_t *now)
{
    char *was = json_dumps(json_object_get(stored, key), JSON_ENCODE_ANY);
    char *is = json_dumps(json_object_get(now, key), JSON_ENCODE_ANY);
    char *change = text_format("%s was %s and is %s", key, was != NULL ? was : "not known",
                               is != NULL ? is : "not known");

    free(was);
    free(is);
    return change;
}
