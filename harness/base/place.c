/* place.c: see place.h. */
#include "base/place.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const suite_dirs[] = {"suites", "../harness/suites"};

#define SUITE_DIRS (sizeof suite_dirs / sizeof suite_dirs[0])

const char *place_home(void)
{
    static char home[PATH_MAX];
    ssize_t len;
    char *slash;

    if (home[0] != '\0')
        return home;
    len = readlink("/proc/self/exe", home, sizeof home - 1);
    if (len <= 0) {
        strcpy(home, ".");
        return home;
    }
    home[len] = '\0';
    slash = strrchr(home, '/');
    if (slash != NULL)
        *slash = '\0';
    return home;
}

char *place_of(const char *name)
{
    return text_format("%s/%s", place_home(), name);
}

static bool ends_in_ini(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".ini") == 0;
}

char *place_of_program(const char *name)
{
    const char *path = getenv("PATH");
    struct words dirs = words_split(path != NULL ? path : "/usr/bin:/bin", ":");
    char *found = NULL;

    for (size_t i = 0; i < dirs.count && found == NULL; i++) {
        found = text_format("%s/%s", dirs.at[i], name);
        if (access(found, X_OK) != 0) {
            free(found);
            found = NULL;
        }
    }
    words_free(&dirs);
    return found;
}

char *place_of_suite(const char *name)
{
    if (strchr(name, '/') != NULL || ends_in_ini(name))
        return access(name, R_OK) == 0 ? text_copy(name) : NULL;
    for (size_t i = 0; i < SUITE_DIRS; i++) {
        char *path = text_format("%s/%s/%s.ini", place_home(), suite_dirs[i], name);

        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

static void add_suites_of(struct words *names, const char *dir_path)
{
    DIR *dir = opendir(dir_path);
    struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        char *name;

        if (!ends_in_ini(entry->d_name))
            continue;
        name = text_copy(entry->d_name);
        name[strlen(name) - 4] = '\0';
        if (!words_have(names, name))
            words_add(names, name);
        free(name);
    }
    closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct words place_suites(void)
{
    struct words names = {0};

    for (size_t i = 0; i < SUITE_DIRS; i++) {
        char *dir = place_of(suite_dirs[i]);

        add_suites_of(&names, dir);
        free(dir);
    }
    if (names.count > 0)
        qsort(names.at, names.count, sizeof *names.at, by_name);
    return names;
}
