/* Writes the seeds of fuzz_kir: kernels by hand, in the format of today.
 *
 *     kir_corpus FOLDER
 */
#include <stdio.h>

#include "test/tap.h"

#include "test/kir_kernels.h"

static kir_builder k;

static int write_kernel(const char *folder, const char *name) {
    char path[4096];
    kir_finish(&k);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    size_t written = fwrite(k.bytes, 1, k.nbytes, file);
    return fclose(file) != 0 || written != k.nbytes;
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : ".";
    kir_vector_add(&k, 64);
    int failed = write_kernel(folder, "vector_add.kir");
    kir_sum_up(&k);
    failed |= write_kernel(folder, "sum_up.kir");
    kir_load_many(&k, 5, 64, true);
    failed |= write_kernel(folder, "load_many.kir");
    kir_branch(&k);
    failed |= write_kernel(folder, "branch.kir");
    (void)kir_product(&k, 4, 4, 2, 2);
    failed |= write_kernel(folder, "product.kir");
    (void)kir_use_everything(&k);
    failed |= write_kernel(folder, "everything.kir");
    return failed;
}
