/* invalid_read.c: a read of a page that is mapped to nobody any more. memcheck must find it, also
 * where the program survives the signal. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

static sigjmp_buf back;

static void survive(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

int main(void)
{
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap((void *)page, 4096);
    signal(SIGSEGV, survive);
    if (sigsetjmp(back, 1) == 0)
        return page[17];
    return 0;
}
