/* Replays files through a fuzz target with any compiler: `fuzz_x FILE…`. Each file is also tried cut short and with a few
 * bytes changed (FUZZ_MUTATIONS variants a file, the same ones every time), so that a build without libFuzzer still
 * meets broken input. Prints the file before it is tried when FUZZ_VERBOSE is set: the last line names the culprit. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 << 20, MUTATIONS_DEFAULT = 32 };

static uint64_t random_next(uint64_t *state) { /* xorshift64*: quality is no matter, repeatability is */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* The target gets a block of exactly the input's size, so that a sanitizer sees the first byte read past it. */
static void try_input(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        fprintf(stderr, "driver: no memory for %zu bytes\n", size);
        exit(1);
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void try_mutations(uint8_t *data, size_t size, long n) {
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15) ^ size;
    uint8_t *changed = malloc(size ? size : 1);
    if (!changed || size == 0) {
        free(changed);
        return;
    }
    for (long i = 0; i < n; i++) {
        memcpy(changed, data, size);
        size_t cut = i % 4 == 0 ? (size_t)(random_next(&state) % size) : size;
        for (long k = i % 4; k > 0; k--) {
            changed[random_next(&state) % size] = (uint8_t)random_next(&state);
        }
        try_input(changed, cut);
    }
    free(changed);
}

static uint8_t *read_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "driver: %s: cannot be opened\n", path);
        exit(1);
    }
    uint8_t *data = malloc(INPUT_MAX);
    if (!data) {
        fprintf(stderr, "driver: no memory\n");
        exit(1);
    }
    *size = fread(data, 1, INPUT_MAX, f);
    if (ferror(f) || !feof(f)) {
        fprintf(stderr, "driver: %s: unreadable, or more than %d bytes\n", path, INPUT_MAX);
        exit(1);
    }
    fclose(f);
    return data;
}

int main(int argc, char **argv) {
    const char *setting = getenv("FUZZ_MUTATIONS");
    long mutations = setting ? strtol(setting, NULL, 10) : MUTATIONS_DEFAULT;
    for (int i = 1; i < argc; i++) {
        if (getenv("FUZZ_VERBOSE")) {
            printf("%s\n", argv[i]);
            fflush(stdout);
        }
        size_t size;
        uint8_t *data = read_file(argv[i], &size);
        try_input(data, size);
        try_mutations(data, size, mutations);
        free(data);
    }
    printf("%d files\n", argc - 1);
    return 0;
}
