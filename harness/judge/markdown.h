/* markdown.h: text from outside in a table or a line of markdown: a bar would open a new column, a
 * newline would end the row.
 */
#ifndef ASHLAR_JUDGE_MARKDOWN_H
#define ASHLAR_JUDGE_MARKDOWN_H

#include <stdio.h>
#include <string.h>

/* Nothing for NULL. */
static inline void put_text(FILE *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (strchr("|<*_`\\", *text) != NULL) {
            fputc('\\', out);
        }
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

#endif
