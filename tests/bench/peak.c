/* What this CPU can do at most without fused multiply-adds: products and sums of vectors that stay
   in registers, on 1 to argv[1] threads; and how long two threads take to hand a value over, which
   depends on whether their cores share a cache. Prints JSON: {"gflops": [for each number of
   threads], "handover": nanoseconds}. Built with -DBYTES=(of a vector) -march=native
   -ffp-contract=off -fopenmp, by the bench alone. */
#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef float vec __attribute__((vector_size(BYTES)));

enum { CHAINS = 12, LANES = BYTES / sizeof(float), ROUNDS = 4, MOST_THREADS = 64 };
static const long STEPS = 10000000;

/* Twelve chains hide the latency of a product and a sum on two units, and fit into sixteen
   registers. The compiler must not see through them, nor keep them anywhere else. */
static float run(void) {
    const vec zero = {0}, factor = zero + 0.999f, term = zero + 0.001f;
    vec a = zero, b = zero, c = zero, d = zero, e = zero, f = zero;
    vec g = zero, h = zero, i = zero, j = zero, k = zero, l = zero;
    for (long n = 0; n < STEPS; n++) {
        a = a * factor + term, b = b * factor + term, c = c * factor + term, d = d * factor + term;
        e = e * factor + term, f = f * factor + term, g = g * factor + term, h = h * factor + term;
        i = i * factor + term, j = j * factor + term, k = k * factor + term, l = l * factor + term;
        __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f));
        __asm__ volatile("" : "+x"(g), "+x"(h), "+x"(i), "+x"(j), "+x"(k), "+x"(l));
    }
    a += b + c + d + e + f + g + h + i + j + k + l;
    return a[0];
}

static double rate(int threads) {
    static float results[MOST_THREADS]; /* looked at, so that they are computed */
    const double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    results[omp_get_thread_num()] = run();
    __asm__ volatile("" : : "m"(results));
    const double seconds = omp_get_wtime() - start;
    return 2.0 * CHAINS * LANES * (double)STEPS * threads / seconds * 1e-9;
}

/* Two threads count by turns; should both have but one core, they leave it to each other. */
static double handover(void) {
    enum { TURNS = 20000, PATIENCE = 10000 };
    static atomic_int turn;
    turn = 0;
    const double start = omp_get_wtime();
#pragma omp parallel num_threads(2)
    for (int i = omp_get_thread_num(); i < TURNS && omp_get_num_threads() == 2; i += 2) {
        for (int spins = 0; atomic_load(&turn) != i; spins++)
            if (spins % PATIENCE == PATIENCE - 1) sched_yield();
        atomic_store(&turn, i + 1);
    }
    return (omp_get_wtime() - start) / TURNS * 1e9;
}

int main(int argc, char **argv) {
    const int asked = argc > 1 ? atoi(argv[1]) : 1;
    const int most = asked < MOST_THREADS ? asked : MOST_THREADS;
    printf("{\"gflops\": [");
    for (int threads = 1; threads <= most; threads++) {
        double best = 0;
        for (int round = 0; round < ROUNDS; round++) {
            const double now = rate(threads);
            if (now > best) best = now;
        }
        printf("%s%.1f", threads > 1 ? ", " : "", best);
    }
    printf("], \"handover\": %.1f}\n", handover());
    return 0;
}
