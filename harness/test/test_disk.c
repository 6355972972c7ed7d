/* test_disk.c: folders and files that are made, copied and removed, and nothing beside them. */
#include "base/disk.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/ashlar-disk-XXXXXX";

/* A path below `top`, valid until the second call after it. */
static const char *at(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", top, name);
    return path[turn];
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_holds(const char *path, const char *text)
{
    char *is = text_of_file(path);

    assert_non_null(is);
    assert_string_equal(is, text);
    free(is);
}

static void test_folders(void **state)
{
    (void)state;
    assert_true(disk_make_folder(at("a/b/c")));
    assert_true(disk_make_folder(at("a/b/c")));
    write_file(at("a/b/file"), "x", 0644);
    assert_false(disk_make_folder(at("a/b/file/d")));
    /* Removed is what lies in it, not what its links lead to. */
    write_file(at("kept"), "kept", 0644);
    assert_int_equal(mkdir(at("beside"), 0777), 0);
    assert_int_equal(symlink(at("kept"), at("a/link")), 0);
    assert_int_equal(symlink(at("beside"), at("a/b/link")), 0);
    assert_true(disk_remove_folder(at("a")));
    assert_int_equal(access(at("a"), F_OK), -1);
    assert_holds(at("kept"), "kept");
    assert_int_equal(access(at("beside"), F_OK), 0);
    assert_true(disk_remove_folder(at("a")));
}

static void test_copies(void **state)
{
    struct stat status;

    (void)state;
    write_file(at("from"), "one", 0750);
    assert_true(disk_copy_file(at("from"), at("to")));
    assert_holds(at("to"), "one");
    assert_int_equal(stat(at("to"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0750);
    write_file(at("from"), "another", 0600);
    assert_true(disk_copy_file(at("from"), at("to")));
    assert_holds(at("to"), "another");
    write_file(at("from"), "", 0600);
    assert_true(disk_copy_file(at("from"), at("to")));
    assert_holds(at("to"), "");
    assert_false(disk_copy_file(at("nowhere"), at("to")));
    assert_int_equal(errno, ENOENT);
    assert_holds(at("to"), "");
    assert_false(disk_copy_file(at("from"), at("no/folder")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_copies),
    };
    int failed;

    umask(022);
    if (mkdtemp(top) == NULL)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    disk_remove_folder(top);
    return failed;
}
