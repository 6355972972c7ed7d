/* elf_file.h: what an ELF file says of itself, read from its headers.
 *
 *     ELF header --> program headers --> PT_NOTE --> note "GNU", type NT_GNU_BUILD_ID --> 20 bytes
 *
 * The build id names a build: two files with the same id are the same code, whatever their paths.
 */
#ifndef ASHLAR_ALLOCATORS_ELF_FILE_H
#define ASHLAR_ALLOCATORS_ELF_FILE_H

#include <stdbool.h>

enum elf_kind {
    ELF_UNREADABLE,    /* cannot be opened or mapped */
    ELF_NOT_ELF,       /* no ELF file, or a broken one */
    ELF_OTHER_MACHINE, /* another word size or processor than this program's */
    ELF_USABLE         /* could be loaded into a program of this machine */
};

struct elf_file {
    enum elf_kind kind;
    char build_id[2 * 64 + 1]; /* hexadecimal; "bytes-" and a hash when the file has none;
                                  "" when it cannot be read, or is empty */
};

/* Reads `path`. True when the kind is ELF_USABLE. */
bool elf_file_read(const char *path, struct elf_file *file);

/* "bytes-" and a hash (FNV-1a) of all that is in any file: a build id stays the same when bytes
 * beside it change, this does not. False when it is empty or cannot be read. */
#define ELF_BYTES_SIZE 24
bool elf_file_bytes(const char *path, char id[ELF_BYTES_SIZE]);

#endif
