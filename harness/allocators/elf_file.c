/* elf_file.c: see elf_file.h. Every offset is checked against the file's size before it is
 * followed. */
#include "allocators/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_ID_MAX 64 /* bytes; linkers write 8, 16 or 20 */

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#elif defined(__i386__)
#define OWN_MACHINE EM_386
#elif defined(__riscv)
#define OWN_MACHINE EM_RISCV
#else
#error "add this processor's EM_ number"
#endif
#define OWN_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

struct view {
    const unsigned char *at;
    size_t size_bytes;
};

static const void *view_part(const struct view *view, size_t offset, size_t size_bytes)
{
    if (offset > view->size_bytes || size_bytes > view->size_bytes - offset)
        return NULL;
    return view->at + offset;
}

static size_t padded(size_t size_bytes)
{
    return (size_bytes + 3) & ~(size_t)3;
}

static bool note_build_id(const struct view *notes, char *hex)
{
    size_t offset = 0;
    const ElfW(Nhdr) * note;

    while ((note = view_part(notes, offset, sizeof *note)) != NULL) {
        size_t name_at = offset + sizeof *note;
        size_t id_at = name_at + padded(note->n_namesz);
        const char *name = view_part(notes, name_at, note->n_namesz);
        const unsigned char *id = view_part(notes, id_at, note->n_descsz);

        if (name == NULL || id == NULL)
            return false;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 &&
            note->n_descsz <= BUILD_ID_MAX) {
            for (size_t i = 0; i < note->n_descsz; i++)
                sprintf(hex + 2 * i, "%02x", id[i]);
            return true;
        }
        offset = id_at + padded(note->n_descsz);
    }
    return false;
}

/* A file linked without a build id, or a script, is named by its bytes (FNV-1a). */
static void content_id(const struct view *view, char *hex)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < view->size_bytes; i++)
        hash = (hash ^ view->at[i]) * UINT64_C(0x100000001b3);
    sprintf(hex, "bytes-%016llx", (unsigned long long)hash);
}

static void read_view(const struct view *view, struct elf_file *file)
{
    const ElfW(Ehdr) *header = view_part(view, 0, sizeof *header);
    const unsigned char *ident = view_part(view, 0, EI_NIDENT);

    file->kind = ELF_NOT_ELF;
    if (ident == NULL || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return;
    file->kind = ELF_OTHER_MACHINE;
    if (ident[EI_CLASS] != OWN_CLASS || header == NULL || header->e_machine != OWN_MACHINE)
        return;
    file->kind = ELF_USABLE;
    for (size_t i = 0; i < header->e_phnum; i++) {
        const ElfW(Phdr) *part = view_part(view, header->e_phoff + i * sizeof *part, sizeof *part);
        struct view notes;

        if (part == NULL) {
            file->kind = ELF_NOT_ELF;
            return;
        }
        if (part->p_type != PT_NOTE)
            continue;
        notes.at = view_part(view, part->p_offset, part->p_filesz);
        notes.size_bytes = part->p_filesz;
        if (notes.at != NULL && note_build_id(&notes, file->build_id))
            return;
    }
}

/* ELF_USABLE: mapped, and to be unmapped; anything else says why not. */
static enum elf_kind map_file(const char *path, struct view *view)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *memory = MAP_FAILED;
    bool regular = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);

    if (regular && status.st_size > 0)
        memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (memory == MAP_FAILED)
        return regular && status.st_size == 0 ? ELF_NOT_ELF : ELF_UNREADABLE;
    view->at = memory;
    view->size_bytes = (size_t)status.st_size;
    return ELF_USABLE;
}

bool elf_file_read(const char *path, struct elf_file *file)
{
    struct view view;

    memset(file, 0, sizeof *file);
    file->kind = map_file(path, &view);
    if (file->kind != ELF_USABLE)
        return false;
    read_view(&view, file);
    if (file->build_id[0] == '\0')
        content_id(&view, file->build_id);
    munmap((void *)view.at, view.size_bytes);
    return file->kind == ELF_USABLE;
}

bool elf_file_bytes(const char *path, char id[ELF_BYTES_SIZE])
{
    struct view view;

    if (map_file(path, &view) != ELF_USABLE)
        return false;
    content_id(&view, id);
    munmap((void *)view.at, view.size_bytes);
    return true;
}
