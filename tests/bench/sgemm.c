/* The products of training on one thread: Likeness beside OpenBLAS, interleaved.

       sgemm ROUNDS [PART OF A NAME]

   Prints a line of JSON for each: GF/s of each round. Linked with build/libcore.a and, for peers,
   with OpenBLAS, by the bench alone. Convolutions are compared with the one product that they come
   to once all windows are laid out, which OpenBLAS finds done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "likeness.h"

static const double ROUND_SECONDS = 0.02;

/* Of the processor, which other programs may use meanwhile. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct product {
    lk_bench_run *ours;
    size_t m, k, n;
    float *a, *b, *c;
} product;

#ifdef WITH_BLAS
enum { ROW_MAJOR = 101, AS_IT_IS = 111 };
void cblas_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static void theirs(const product *p, size_t times) {
    const int m = (int)p->m, k = (int)p->k, n = (int)p->n;
    for (size_t i = 0; i < times; i++)
        cblas_sgemm(ROW_MAJOR, AS_IT_IS, AS_IT_IS, m, n, k, 1, p->a, k, p->b, n, 0, p->c, n);
}
#endif

static void ours(const product *p, size_t times) {
    lk_bench_repeat(p->ours, times);
}

typedef void repeat(const product *, size_t);
enum { MOST_ROUNDS = 100 };
typedef struct side {
    const char *name;
    repeat *run;
    size_t times;
    double gflops[MOST_ROUNDS];
} side;

static double seconds_of(repeat *run, const product *p, size_t times) {
    const double start = now();
    run(p, times);
    return now() - start;
}

static float *values(size_t n) {
    float *v = lk_alloc(n * sizeof *v);
    if (!v) exit(1);
    for (size_t i = 0; i < n; i++) v[i] = (float)(i % 97) / 97;
    return v;
}

static void compare(size_t which, const lk_kernel_bench *bench, int rounds) {
    lk_error error;
    product p = {lk_bench_create(which, LK_SIMD_BEST, &error),
                 bench->m,
                 bench->k,
                 bench->n,
                 values(bench->m * bench->k),
                 values(bench->k * bench->n),
                 values(bench->m * bench->n)};
    if (!p.ours) exit(1);
    side sides[] = {
        {.name = "ours", .run = ours},
#ifdef WITH_BLAS
        {.name = "peer", .run = theirs},
#endif
    };
    const size_t count = sizeof sides / sizeof *sides;
    for (size_t s = 0; s < count; s++)
        for (sides[s].times = 1; seconds_of(sides[s].run, &p, sides[s].times) < ROUND_SECONDS;)
            sides[s].times *= 2;
    for (int r = 0; r < rounds; r++)
        for (size_t s = 0; s < count; s++)
            sides[s].gflops[r] = (double)sides[s].times * bench->flops * 1e-9 /
                                 seconds_of(sides[s].run, &p, sides[s].times);
    printf("{\"name\": \"%s\"", bench->name);
    for (size_t s = 0; s < count; s++) {
        printf(", \"%s\": [", sides[s].name);
        for (int r = 0; r < rounds; r++) printf("%s%.2f", r ? ", " : "", sides[s].gflops[r]);
        printf("]");
    }
    printf("}\n");
    lk_bench_free(p.ours);
    lk_free(p.a);
    lk_free(p.b);
    lk_free(p.c);
}

int main(int argc, char **argv) {
    const int asked = argc > 1 ? atoi(argv[1]) : 5;
    const int rounds = asked < MOST_ROUNDS ? asked : MOST_ROUNDS;
    size_t count;
    const lk_kernel_bench *benches = lk_kernel_benches(&count);
    for (size_t i = 0; i < count; i++)
        if (benches[i].m > 0 && (argc < 3 || strstr(benches[i].name, argv[2])))
            compare(i, &benches[i], rounds);
    return 0;
}
