/* Runs a fuzz target without libFuzzer: every file of a corpus folder, then mutations of each from a
 * fixed seed, so that `meson test` repeats exactly.
 *
 *     fuzz_topology CORPUS_FOLDER [MUTATIONS_PER_FILE]
 *
 * With libFuzzer leave this file out: clang -fsanitize=fuzzer,address fuzz_topology.c ...
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MAX_FILE = 1 << 20, DEFAULT_MUTATIONS = 200, MAX_FILES = 4096 };

static uint32_t next_random(uint64_t *seed, size_t n) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n ? (uint32_t)((*seed >> 33) % n) : 0;
}

/* One small change, in place; the new length. */
static size_t mutate(uint8_t *bytes, size_t n_bytes, uint64_t *seed) {
    size_t at = next_random(seed, n_bytes), to = next_random(seed, n_bytes);
    size_t n = 1 + next_random(seed, 16);
    if (n_bytes == 0) return 0;
    switch (next_random(seed, 6)) {
    case 0: bytes[at] = (uint8_t)next_random(seed, 256); return n_bytes;
    case 1: bytes[at] ^= (uint8_t)(1u << next_random(seed, 8)); return n_bytes;
    case 2: return at; /* cut off */
    case 3:            /* delete */
        if (at + n > n_bytes) n = n_bytes - at;
        memmove(bytes + at, bytes + at + n, n_bytes - at - n);
        return n_bytes - n;
    case 4: /* copy over */
        if (at + n > n_bytes || to + n > n_bytes) return n_bytes;
        memmove(bytes + to, bytes + at, n);
        return n_bytes;
    default: /* insert a digit or a mark of YAML */
        memmove(bytes + at + 1, bytes + at, n_bytes - at);
        bytes[at] = (uint8_t)"0123456789-.{}[]:,&*!|>'\"#% \n\te"[next_random(seed, 32)];
        return n_bytes + 1;
    }
}

static int run_file(const char *path, int n_mutations) {
    uint8_t *original = malloc(MAX_FILE), *mutated = malloc(MAX_FILE + DEFAULT_MUTATIONS);
    FILE *file = fopen(path, "rb");
    int good = file && original && mutated;
    if (good) {
        size_t n_bytes = fread(original, 1, MAX_FILE, file);
        uint64_t seed = n_bytes;
        (void)LLVMFuzzerTestOneInput(original, n_bytes);
        for (int i = 0; i < n_mutations; i++) {
            size_t length = n_bytes;
            memcpy(mutated, original, n_bytes);
            for (uint32_t k = next_random(&seed, 4) + 1; k > 0; k--)
                length = mutate(mutated, length, &seed);
            /* an exact copy, so that a sanitizer sees reads beyond the end */
            uint8_t *copy = malloc(length ? length : 1);
            if (!copy) break;
            memcpy(copy, mutated, length);
            (void)LLVMFuzzerTestOneInput(copy, length);
            free(copy);
        }
    }
    if (!good) (void)fprintf(stderr, "%s: cannot be read\n", path);
    if (file) (void)fclose(file);
    free(mutated);
    free(original);
    return good;
}

int main(int argc, char **argv) {
    int n_mutations = argc > 2 ? atoi(argv[2]) : DEFAULT_MUTATIONS, n_files = 0, good = 1;
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    if (!folder) {
        (void)fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS_PER_FILE]\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && n_files < MAX_FILES;) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        good = run_file(path, n_mutations) && good;
        n_files++;
    }
    (void)closedir(folder);
    (void)printf("%d files, %d mutations of each\n", n_files, n_mutations);
    return n_files > 0 && good ? 0 : 1;
}
