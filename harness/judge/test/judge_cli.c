/* judge_cli.c: judge_run() from a shell, for the tests: judge-cli [--color] RUN. */
#include "../judge.h"

#include <string.h>

int main(int argc, char **argv)
{
    bool color = argc == 3 && strcmp(argv[1], "--color") == 0;
    char err[1024];
    int exit_code;
    if (argc != 2 && !color) {
        fprintf(stderr, "usage: judge-cli [--color] RUN\n");
        return 2;
    }
    if (!judge_run(argv[argc - 1], color, stdout, err, sizeof err, &exit_code)) {
        fprintf(stderr, "judge-cli: %s\n", err);
    }
    return exit_code;
}
