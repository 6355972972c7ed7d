/* test_elf_file.c: build ids, and files that are broken in every way at every place. */
#include "allocators/elf_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A whole little ELF file: header, one PT_NOTE, a foreign note before the build id. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr part;
    struct {
        Elf64_Nhdr head;
        char name[8];
        char body[4];
    } foreign;
    struct {
        Elf64_Nhdr head;
        char name[4];
        unsigned char id[20];
    } id;
};

static struct image good_image(void)
{
    struct image image;

    memset(&image, 0, sizeof image);
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
#if defined(__x86_64__)
    image.header.e_machine = EM_X86_64;
#else
    image.header.e_machine = EM_AARCH64;
#endif
    image.header.e_phoff = offsetof(struct image, part);
    image.header.e_phnum = 1;
    image.part.p_type = PT_NOTE;
    image.part.p_offset = offsetof(struct image, foreign);
    image.part.p_filesz = sizeof image.foreign + sizeof image.id;
    image.foreign.head = (Elf64_Nhdr){6, 4, 1};
    memcpy(image.foreign.name, "Other", 6);
    image.id.head = (Elf64_Nhdr){4, 20, NT_GNU_BUILD_ID};
    memcpy(image.id.name, "GNU", 4);
    for (int i = 0; i < 20; i++)
        image.id.id[i] = (unsigned char)(i * 13);
    return image;
}

static void write_bytes(char *path, const void *bytes, size_t size_bytes)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size_bytes), (ssize_t)size_bytes);
    close(fd);
}

static bool read_bytes(const void *bytes, size_t size_bytes, struct elf_file *file)
{
    char path[] = "/tmp/ashlar-elf-XXXXXX";
    bool ok;

    write_bytes(path, bytes, size_bytes);
    ok = elf_file_read(path, file);
    unlink(path);
    return ok;
}

static bool hash_bytes(const void *bytes, size_t size_bytes, char id[ELF_BYTES_SIZE])
{
    char path[] = "/tmp/ashlar-elf-XXXXXX";
    bool ok;

    write_bytes(path, bytes, size_bytes);
    ok = elf_file_bytes(path, id);
    unlink(path);
    return ok;
}

static void test_build_id(void **state)
{
    struct image image = good_image();
    struct elf_file file;

    (void)state;
    assert_true(read_bytes(&image, sizeof image, &file));
    assert_string_equal(file.build_id, "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7");
}

static void test_without_build_id_the_bytes_name_it(void **state)
{
    struct image image = good_image();
    struct elf_file first, second;

    (void)state;
    image.part.p_type = PT_LOAD;
    assert_true(read_bytes(&image, sizeof image, &first));
    assert_memory_equal(first.build_id, "bytes-", 6);
    image.id.id[3]++;
    assert_true(read_bytes(&image, sizeof image, &second));
    assert_string_not_equal(first.build_id, second.build_id);
}

/* Two files of one build id, of which one was changed. */
static void test_bytes_tell_what_the_build_id_does_not(void **state)
{
    struct image image = good_image();
    struct elf_file first, second;
    char before[ELF_BYTES_SIZE], again[ELF_BYTES_SIZE], after[ELF_BYTES_SIZE];

    (void)state;
    assert_true(read_bytes(&image, sizeof image, &first));
    assert_true(hash_bytes(&image, sizeof image, before));
    assert_true(hash_bytes(&image, sizeof image, again));
    assert_string_equal(before, again);
    image.foreign.body[0]++;
    assert_true(read_bytes(&image, sizeof image, &second));
    assert_true(hash_bytes(&image, sizeof image, after));
    assert_string_equal(first.build_id, second.build_id);
    assert_string_not_equal(before, after);
    assert_false(hash_bytes("", 0, after));
    assert_false(elf_file_bytes("/nowhere", after));
}

static void test_kinds(void **state)
{
    struct image image = good_image();
    struct elf_file file;

    (void)state;
    assert_false(elf_file_read("/nowhere", &file));
    assert_int_equal(file.kind, ELF_UNREADABLE);
    assert_false(elf_file_read("/tmp", &file));
    assert_int_equal(file.kind, ELF_UNREADABLE);
    assert_false(read_bytes("", 0, &file));
    assert_int_equal(file.kind, ELF_NOT_ELF);
    assert_false(read_bytes("hello", 5, &file));
    assert_int_equal(file.kind, ELF_NOT_ELF);
    assert_memory_equal(file.build_id, "bytes-", 6); /* a script is known by its bytes too */
    image.header.e_machine = EM_SPARC;
    assert_false(read_bytes(&image, sizeof image, &file));
    assert_int_equal(file.kind, ELF_OTHER_MACHINE);
    image = good_image();
    image.header.e_ident[EI_CLASS] = ELFCLASS32;
    assert_false(read_bytes(&image, sizeof image, &file));
    assert_int_equal(file.kind, ELF_OTHER_MACHINE);
}

/* Cut off anywhere, and with absurd sizes and offsets: no crash, and never a false build id. */
static void test_broken(void **state)
{
    struct image image = good_image();
    struct elf_file file;

    (void)state;
    for (size_t len = 0; len < offsetof(struct image, id) + sizeof image.id; len++) {
        read_bytes(&image, len, &file);
        assert_string_not_equal(file.build_id, "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7");
    }
    image.header.e_phoff = UINT64_MAX - 8;
    assert_false(read_bytes(&image, sizeof image, &file));
    assert_int_equal(file.kind, ELF_NOT_ELF);
    image = good_image();
    image.part.p_filesz = UINT64_MAX;
    assert_true(read_bytes(&image, sizeof image, &file));
    assert_memory_equal(file.build_id, "bytes-", 6);
    image = good_image();
    image.foreign.head.n_namesz = UINT32_MAX;
    assert_true(read_bytes(&image, sizeof image, &file));
    assert_memory_equal(file.build_id, "bytes-", 6);
    image = good_image();
    image.id.head.n_descsz = 65;
    assert_true(read_bytes(&image, sizeof image, &file));
    assert_memory_equal(file.build_id, "bytes-", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_id),
        cmocka_unit_test(test_without_build_id_the_bytes_name_it),
        cmocka_unit_test(test_bytes_tell_what_the_build_id_does_not),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
