/* disk.h: folders and files as wholes: made, copied, removed. */
#ifndef ASHLAR_BASE_DISK_H
#define ASHLAR_BASE_DISK_H

#include <stdbool.h>

/* All of these return false with errno set. */

/* Makes a folder and those above it; one that is there is fine. */
bool disk_make_folder(const char *path);

/* Removes a folder with all that is in it, no link followed; one that is not there is fine. */
bool disk_remove_folder(const char *path);

/* Copies a file's content, with its permissions, to a file that does not exist yet or is replaced.
 */
bool disk_copy_file(const char *from, const char *to);

#endif
