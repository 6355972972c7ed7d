/* agree.h: whether a real program gave the same output under every allocator of a block.
 *
 *     block      glibc  ok  output_sha256 2f0b...
 *                ashlar ok  output_sha256 2f0b...       agrees
 *                faulty ok  output_sha256 77c1...  -->  integrity
 *
 * An allocator must not change what a program says. The baseline's output is taken for the right
 * one; a sample that differs from it is damaged, and what is damaged is never a time.
 */
#ifndef ASHLAR_RUN_AGREE_H
#define ASHLAR_RUN_AGREE_H

#include <jansson.h>

/* Looks at the sample lines of one block. A line that is ok and whose output is not the baseline's
 * becomes an integrity failure with its reason. Lines without an output are left alone. The caller
 * owns the result: an array of the lines that were changed. */
json_t *agree_judge(json_t *lines, const char *baseline);

#endif
