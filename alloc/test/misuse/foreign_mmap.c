/* Memory that the program itself took from the system. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 3;
    return misuse(argv, pages + 4096, NULL);
}
