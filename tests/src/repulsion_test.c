#include "repulsion.h"

#include <math.h>
#include <stdlib.h>

#include "rng.h"
#include "test.h"

/* Three clouds, of which one is much denser, and a few points far out. */
static void scatter(size_t n, double span, uint64_t seed, double *y) {
    const lk_rng rng = lk_rng_make(seed, 78, 0);
    for (size_t i = 0; i < n; i++) {
        const double width = i % 16 == 0 ? 1 : i % 3 == 0 ? 0.02 : 0.15;
        for (size_t c = 0; c < 2; c++) {
            const double middle = i % 16 == 0 ? 0 : i % 3 == c ? 0.6 : -0.4;
            const double off = 2 * lk_rng_uniform(rng, 2 * i + c) - 1;
            y[2 * i + c] = span * (middle + width * off);
        }
    }
}

static double by_pairs(const double *y, size_t n, double *forces) {
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        forces[2 * i] = forces[2 * i + 1] = 0;
        for (size_t j = 0; j < n; j++) {
            const double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1];
            const double k = 1 / (1 + dx * dx + dy * dy);
            forces[2 * i] += k * k * dx;
            forces[2 * i + 1] += k * k * dy;
            if (i != j) total += k;
        }
    }
    return total;
}

/* All forces together are off by little, and so is the total; by nothing between threads. */
static void check(size_t n, double span) {
    double *y = malloc(2 * n * sizeof *y), *forces = malloc(2 * n * sizeof *forces);
    double *truth = malloc(2 * n * sizeof *truth);
    lk_repulsion *r = lk_repulsion_create(n);
    CHECK(r, "%zu", n);
    scatter(n, span, n, y);
    const double total = lk_repulsion_measure(r, y, 1, forces), exact = by_pairs(y, n, truth);
    double wrong = 0, all = 0;
    for (size_t i = 0; i < 2 * n; i++) {
        wrong += (forces[i] - truth[i]) * (forces[i] - truth[i]);
        all += truth[i] * truth[i];
    }
    CHECK(sqrt(wrong / all) < 0.02, "%zu over %g: forces off by %g", n, span, sqrt(wrong / all));
    CHECK(fabs(total / exact - 1) < 0.01, "%zu over %g: total off by %g", n, span,
          total / exact - 1);
    for (int threads = 2; threads <= 3; threads++) { /* from another square and back, too */
        y[0] *= 4;
        lk_repulsion_measure(r, y, threads, truth);
        y[0] /= 4;
        CHECK(lk_repulsion_measure(r, y, threads, truth) == total, "%d threads", threads);
        CHECK(memcmp(forces, truth, 2 * n * sizeof *truth) == 0, "%d threads", threads);
    }
    lk_free(r);
    free(y), free(forces), free(truth);
}

int main(void) {
    static const double SPANS[] = {1e-4, 1, 10, 20, 40, 150};
    for (size_t i = 0; i < LK_COUNTOF(SPANS); i++) check(2000, SPANS[i]);
    check(8, 5);
    check(1000, 5);
    return TEST_RESULT();
}
