/* The benchmarks that other simulators run too. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
                   {"mesh", bench_mesh}};
    bool longer = n_args > 1 && strncmp(args[1], "longer=", 7) == 0;
    int n_before = longer ? 2 : 1, factor = longer ? atoi(args[1] + 7) : 1;
    for (size_t i = 0; n_args > n_before && i < sizeof benches / sizeof *benches; i++)
        if (strcmp(args[n_before], benches[i].name) == 0)
            return benches[i].run((bench_args){.n = n_args - n_before - 1,
                                               .items = args + n_before + 1,
                                               .longer = factor > 0 ? factor : 1});
    (void)fprintf(stderr, "usage: %s [longer=K] hold|mm1|pipeline|fabric|mesh [key=value ...]\n",
                  args[0]);
    return 3;
}
