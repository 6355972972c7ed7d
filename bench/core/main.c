/* main.c: ashlar-bench, one binary for all workloads. See args.h for the command line. */
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "phase.h"
#include "result.h"
#include "run.h"

static int run_workload(const struct workload *workload, int nwords, char **words)
{
    static struct run run;
    switch (args_parse(&run, workload, nwords, words)) {
    case ERRAND_HELP:
        help_workload(workload);
        return EXIT_FINE;
    case ERRAND_DESCRIBE:
        result_describe(&run);
        return EXIT_FINE;
    case ERRAND_RUN:
        break;
    }
    run_all(&run);
    result_print(&run);
    phase_announce(PHASE_END, 0);
    return run_check_failures(&run) == 0 ? EXIT_FINE : EXIT_INTEGRITY;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        die(EXIT_USAGE,
            "no workload given; 'ashlar-bench --list' names them, 'ashlar-bench --help' "
            "explains");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_binary();
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--list") == 0) {
        for (unsigned i = 0; workloads[i] != NULL; i++) {
            static struct run defaults;
            args_defaults(&defaults, workloads[i]);
            result_list(&defaults, common_options);
        }
        return EXIT_FINE;
    }
    if (argv[1][0] == '-') {
        die(EXIT_USAGE,
            "unknown option '%s' before a workload; write ashlar-bench WORKLOAD "
            "[OPTION]..., or --list, or --help",
            argv[1]);
    }
    return run_workload(args_workload(argv[1]), argc - 2, argv + 2);
}
