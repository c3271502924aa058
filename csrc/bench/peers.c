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
                   {"fabric", bench_fabric}};
    for (size_t i = 0; n_args > 1 && i < sizeof benches / sizeof *benches; i++)
        if (strcmp(args[1], benches[i].name) == 0)
            return benches[i].run((bench_args){n_args - 2, args + 2});
    (void)fprintf(stderr, "usage: %s hold|mm1|pipeline|fabric [key=value ...]\n", args[0]);
    return 3;
}
