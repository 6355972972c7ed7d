/* probe.c: the program ashlar-probe. Run under a preload, it tells who really serves malloc.
 *
 *     ashlar-probe /path/lib.so
 *     {"loaded":true,"mapping":"7f..-7f.. r-xp .. /path/lib.so","version":"5.3.0",
 *      "entry_points":{"malloc":"/path/lib.so",...,"pvalloc":"/lib/.../libc.so.6"},"canary":"ok"}
 *
 * Three proofs, none of which trusts the others: which object the dynamic linker gives for each
 * name; the library's line in /proc/self/maps; and calls whose results are looked at. A library
 * that crashes on these calls ends this process, which is why it is a process of its own.
 *
 * Nothing here uses stdio streams: they would allocate with the library under test.
 */
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

static char out[16384];
static size_t out_len;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    va_list args;
    int added;

    va_start(args, format);
    added = vsnprintf(out + out_len, sizeof out - out_len, format, args);
    va_end(args);
    if (added > 0 && (size_t)added < sizeof out - out_len)
        out_len += (size_t)added;
}

static void say_string(const char *text)
{
    say("\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            say("\\%c", *text);
        else if ((unsigned char)*text >= ' ')
            say("%c", *text);
    }
    say("\"");
}

/* ---- /proc/self/maps ---- */

static char maps[262144];

/* The first line that maps `path`, cut at its end; NULL when no line does. */
static char *find_mapping(const char *path)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got;

    if (fd < 0)
        return NULL;
    while (len < sizeof maps - 1 && (got = read(fd, maps + len, sizeof maps - 1 - len)) > 0)
        len += (size_t)got;
    close(fd);
    maps[len] = '\0';
    for (char *line = maps; *line != '\0';) {
        char *end = strchrnul(line, '\n');
        char *name = memchr(line, '/', (size_t)(end - line));
        bool last = *end == '\0';

        *end = '\0';
        if (name != NULL && strcmp(name, path) == 0)
            return line;
        line = last ? end : end + 1;
    }
    return NULL;
}

/* ---- who resolves what ---- */

static const char *const entry_points[] = {
    "malloc",
    "calloc",
    "realloc",
    "free",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
    "valloc",
    "pvalloc",
    "reallocarray",
    "malloc_usable_size",
    "free_sized",
    "free_aligned_sized",
};

#define ENTRY_POINTS (sizeof entry_points / sizeof entry_points[0])

static void say_entry_points(void)
{
    say("\"entry_points\":{");
    for (size_t i = 0; i < ENTRY_POINTS; i++) {
        void *address = dlsym(RTLD_DEFAULT, entry_points[i]);
        char real[PATH_MAX];
        Dl_info info;

        say("%s\"%s\":", i > 0 ? "," : "", entry_points[i]);
        if (address == NULL || dladdr(address, &info) == 0 || info.dli_fname == NULL)
            say("null");
        else
            say_string(realpath(info.dli_fname, real) != NULL ? real : info.dli_fname);
    }
    say("}");
}

/* ---- versions ---- */

/* POSIX gives functions and data the same pointers; ISO C does not, hence the copy. */
static bool find_function(const char *name, void *function, const char *library)
{
    void *address = dlsym(RTLD_DEFAULT, name);
    char real[PATH_MAX];
    Dl_info info;

    if (address == NULL || dladdr(address, &info) == 0 || info.dli_fname == NULL ||
        realpath(info.dli_fname, real) == NULL || strcmp(real, library) != 0)
        return false;
    memcpy(function, &address, sizeof address);
    return true;
}

static bool version_by_call(const char *library, char *version, size_t size_bytes)
{
    const char *(*text)(void);
    int (*mallctl)(const char *, void *, size_t *, void *, size_t);
    int (*mi_version)(void);
    const char *(*tc_version)(int *, int *, const char **);
    const char *named = NULL;
    size_t named_size = sizeof named;

    if (find_function("ashlar_version", &text, library) ||
        find_function("gnu_get_libc_version", &text, library)) {
        snprintf(version, size_bytes, "%s", text());
        return true;
    }
    if (find_function("mallctl", &mallctl, library) &&
        mallctl("version", &named, &named_size, NULL, 0) == 0 && named != NULL) {
        snprintf(version, size_bytes, "%s", named);
        return true;
    }
    if (find_function("mi_version", &mi_version, library)) {
        int number = mi_version();

        snprintf(version, size_bytes, "%d.%d.%d", number / 100, number / 10 % 10, number % 10);
        return true;
    }
    if (find_function("tc_version", &tc_version, library)) {
        snprintf(version, size_bytes, "%s", tc_version(NULL, NULL, NULL));
        return true;
    }
    return false;
}

static void say_version(const char *library)
{
    char version[256];
    const char *suffix = strstr(library, ".so.");

    say("\"version\":");
    if (version_by_call(library, version, sizeof version))
        say_string(version);
    else
        say_string(suffix != NULL ? suffix + 4 : "");
}

/* ---- the canary ---- */

static bool all_are(const unsigned char *block, unsigned char value, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        if (block[i] != value)
            return false;
    return true;
}

static const char *canary_plain(void)
{
    unsigned char *block = malloc(100);

    if (block == NULL)
        return "malloc(100) gave NULL";
    memset(block, 0x5a, 100);
    if (malloc_usable_size(block) < 100)
        return "malloc_usable_size is below the size asked for";
    block = realloc(block, 70000);
    if (block == NULL)
        return "realloc to 70000 gave NULL";
    if (!all_are(block, 0x5a, 100))
        return "realloc lost the contents";
    free(block);
    block = calloc(300, 7);
    if (block == NULL)
        return "calloc(300, 7) gave NULL";
    if (!all_are(block, 0, 2100))
        return "calloc gave memory that is not zero";
    free(block);
    return NULL;
}

static const char *canary_aligned(void)
{
    void *block = NULL;

    if (posix_memalign(&block, 256, 100) != 0 || (uintptr_t)block % 256 != 0)
        return "posix_memalign(256) gave no aligned block";
    free(block);
    block = aligned_alloc(64, 128);
    if (block == NULL || (uintptr_t)block % 64 != 0)
        return "aligned_alloc(64) gave no aligned block";
    free(block);
    return NULL;
}

/* Blocks of many sizes live at once and none may overlap another: each holds its own number. */
static const char *canary_overlap(void)
{
    enum { COUNT = 200 };
    unsigned char *block[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        block[i] = malloc(i * 37 + 1);
        if (block[i] == NULL)
            return "malloc of a small block gave NULL";
        memset(block[i], (int)i, i * 37 + 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (!all_are(block[i], (unsigned char)i, i * 37 + 1))
            return "two live blocks overlap";
        free(block[i]);
    }
    return NULL;
}

static void say_canary(void)
{
    const char *complaint = canary_plain();

    if (complaint == NULL)
        complaint = canary_aligned();
    if (complaint == NULL)
        complaint = canary_overlap();
    say("\"canary\":");
    say_string(complaint != NULL ? complaint : "ok");
}

int main(int argc, char **argv)
{
    char library[PATH_MAX];
    const char *mapping;

    if (argc != 2 || realpath(argv[1], library) == NULL) {
        dprintf(2, "ashlar-probe: no such library; usage: ashlar-probe /path/lib.so\n");
        return 2;
    }
    mapping = find_mapping(library);
    say("{\"loaded\":%s,\"mapping\":", mapping != NULL ? "true" : "false");
    say_string(mapping != NULL ? mapping : "");
    say(",");
    say_version(library);
    say(",");
    say_entry_points();
    say(",");
    say_canary();
    say("}\n");
    return write(1, out, out_len) == (ssize_t)out_len ? 0 : 1;
}
