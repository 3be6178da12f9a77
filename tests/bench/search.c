/* Nearest neighbours among codes, on one thread:

       search CODES QUERIES DIMENSIONS

   Both files hold floats alone. Answers each line of its input with the seconds that the ten
   nearest take: "one" of one query after the other (the mean of a hundred), "all" of all queries at
   once; each by "l2" or "cosine"; "found" instead lists the nearest of the first hundred. Linked
   with build/libcore.a by the bench alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "likeness.h"

enum { NEAREST = 10, SOME = 100 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct vectors {
    float *values;
    size_t count;
} vectors;

static vectors read_vectors(const char *path, size_t dimensions) {
    FILE *file = fopen(path, "rb");
    vectors v = {0};
    if (!file || fseek(file, 0, SEEK_END)) exit(1);
    v.count = (size_t)ftell(file) / sizeof(float) / dimensions;
    v.values = lk_alloc(v.count * dimensions * sizeof(float));
    rewind(file);
    if (!v.values || fread(v.values, sizeof(float) * dimensions, v.count, file) != v.count) exit(1);
    fclose(file);
    return v;
}

static lk_index *make_index(vectors codes, size_t dimensions, lk_metric metric) {
    lk_error error;
    lk_index *index = lk_index_create(codes.values, codes.count, dimensions, metric, &error);
    if (!index) exit(1);
    return index;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const size_t d = (size_t)atoi(argv[3]);
    const vectors codes = read_vectors(argv[1], d), queries = read_vectors(argv[2], d);
    lk_neighbour *found = lk_alloc(queries.count * NEAREST * sizeof *found);
    lk_index *indices[] = {make_index(codes, d, LK_METRIC_L2),
                           make_index(codes, d, LK_METRIC_COSINE)};
    if (!found || queries.count < SOME) return 1;
    char what[16], by[16];
    size_t next = 0;
    while (scanf("%15s %15s", what, by) == 2) {
        const lk_index *index = indices[strcmp(by, "cosine") == 0];
        const double start = now();
        if (strcmp(what, "all") == 0)
            lk_index_search(index, queries.values, queries.count, NEAREST, 1, LK_SIMD_BEST, found);
        for (size_t i = 0; i < SOME && strcmp(what, "one") == 0; i++, next++)
            lk_index_search(index, queries.values + next % queries.count * d, 1, NEAREST, 1,
                            LK_SIMD_BEST, found);
        const double seconds = now() - start;
        if (strcmp(what, "found") == 0) {
            lk_index_search(index, queries.values, SOME, NEAREST, 1, LK_SIMD_BEST, found);
            for (size_t i = 0; i < SOME * NEAREST; i++)
                printf("%s%u", i ? ", " : "[", (unsigned)found[i].index);
            printf("]\n");
        } else {
            printf("%.9f\n", strcmp(what, "one") == 0 ? seconds / SOME : seconds);
        }
        fflush(stdout);
    }
    return 0;
}
