/* The benchmarks that other simulators run too. */
#include <stdio.h>
#include <string.h>

#include "bench/workload.h"

int main(int n_args, char **args) {
    static const struct {
        const char *name;
        int (*run)(bench_args args);
    } benches[] = {{"hold", bench_hold},
                   {"mm1", bench_mm1},
                   {"pipeline", bench_pipeline},
                   {"fabric", bench_fabric},
                   {"mesh", bench_mesh},
                   {"crowd", bench_crowd},
                   {"memory", bench_memory},
                   {"plain_hold", bench_plain_hold},
                   {"plain_pipeline", bench_plain_pipeline}};
    int at = 1; /* of the bench's name: options may stand before it */
    while (at < n_args && strchr(args[at], '=')) at++;
    for (size_t i = 0; at < n_args && i < sizeof benches / sizeof *benches; i++) {
        if (strcmp(args[at], benches[i].name) != 0) continue;
        for (; at > 1; at--) args[at] = args[at - 1];
        bench_args options = {.n = n_args - 2, .items = args + 2};
        int longer = (int)bench_number(options, "longer", 1);
        options.longer = longer > 0 ? longer : 1;
        return benches[i].run(options);
    }
    (void)fprintf(
        stderr,
        "usage: %s [longer=K] [mode=train|flit] hold|mm1|pipeline|fabric|mesh|crowd|memory|"
        "plain_hold|plain_pipeline [key=value ...]\n",
        args[0]);
    return 3;
}
