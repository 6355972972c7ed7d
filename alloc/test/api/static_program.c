/* static_program.c: a program linked with -static and libashlar.a. The C library's own blocks
 * (stdio, strdup, getline, qsort's buffer, threads) come from our malloc then, and there must be
 * one malloc. */
#include "ashlar/ashlar.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *work(void *arg)
{
    char *text = NULL;
    if (asprintf(&text, "thread %d", *(int *)arg) < 0)
        return NULL;
    char *copy = strdup(text);
    free(text);
    return copy;
}

int main(void)
{
    struct ashlar_stats before, after;
    ashlar_stats_get(&before);
    FILE *file = tmpfile();
    if (file == NULL)
        return 1;
    for (int i = 0; i < 100; i++)
        fprintf(file, "line %d\n", i);
    rewind(file);
    char *line = NULL;
    size_t room = 0;
    int nlines = 0;
    while (getline(&line, &room, file) > 0)
        nlines++;
    free(line);
    fclose(file);
    pthread_t threads[4];
    int numbers[4];
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
            return 2;
    }
    for (int i = 0; i < 4; i++) {
        void *text;
        pthread_join(threads[i], &text);
        free(text);
    }
    ashlar_stats_get(&after);
    /* In the C library these names stand in the object of its own malloc. */
    bool holds = mallinfo2().uordblks <= after.allocated_bytes && malloc_trim(0) && ashlar_check();
    printf("%d lines, %s, heap %s\n", nlines,
           after.mallocs - before.mallocs >= 10 ? "our malloc ran" : "our malloc did not run",
           holds ? "holds" : "is broken");
    return nlines == 100 && holds ? 0 : 3;
}
