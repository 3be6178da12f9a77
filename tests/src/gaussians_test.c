#include <math.h>

#include "base.h"
#include "rng.h"
#include "test.h"

/* A narrow Gaussian in the middle of a wide one, which k-means cannot part, with tilted axes. */
enum { N = 3000, D = 2 };
static lk_real vectors[N * D];
static uint32_t cluster[N], again[N];

static void make(void) {
    for (size_t i = 0; i < N; i++) {
        const double a = lk_rng_normal(lk_rng_make(1, 1, 0), i);
        const double b = lk_rng_normal(lk_rng_make(1, 1, 1), i);
        const double size = i % 3 ? 0.2 : 4;
        vectors[i * D] = (lk_real)(1 + size * a);
        vectors[i * D + 1] = (lk_real)(size * (0.8 * a + 0.6 * b));
    }
}

static void test_narrow_in_wide(void) {
    make();
    for (size_t i = 0; i < N; i++) {
        const double x = (double)vectors[i * D] - 1, y = (double)vectors[i * D + 1];
        cluster[i] = x * x + y * y > 1; /* a start by distance */
    }
    double likelihood;
    lk_error error = {LK_OK, 0, ""};
    memcpy(again, cluster, sizeof again);
    CHECK(lk_gaussians(vectors, N, D, 2, 1, LK_SIMD_SCALAR, cluster, &likelihood, &error) == LK_OK,
          "%s", error.message);
    size_t right = 0;
    for (size_t i = 0; i < N; i++) right += cluster[i] == (i % 3 == 0);
    /* The best rule by the true densities errs on about 0.7 %. */
    CHECK(right > N * 98 / 100, "%zu of %d", right, N);
    /* The mean log density under the truth: shares 2/3 and 1/3, log det C = 4 log(size) +
       2 log(0.6). */
    double truth = 0;
    for (size_t i = 0; i < N; i++) {
        const double x = (double)vectors[i * D] - 1, y = (double)vectors[i * D + 1];
        const double b = (y - 0.8 * x) / 0.6, squares = x * x + b * b;
        const double narrow = 2 / 3. / (0.04 * 0.6) * exp(-squares / 0.08);
        const double wide = 1 / 3. / (16 * 0.6) * exp(-squares / 32);
        truth += log((narrow + wide) / (2 * 3.14159265358979)) / N;
    }
    CHECK(fabs(likelihood - truth) < 0.01, "%g, not about %g", likelihood, truth);
    CHECK(likelihood > truth, "less likely than the truth, which is no maximum");
    for (int threads = 1; threads <= 3; threads++) {
        uint32_t other[N];
        double same;
        memcpy(other, again, sizeof other);
        lk_gaussians(vectors, N, D, 2, threads, LK_SIMD_BEST, other, &same, NULL);
        CHECK(same == likelihood && memcmp(other, cluster, sizeof other) == 0, "%d threads",
              threads);
    }
}

/* Vectors that are all alike, and a cluster without any. */
static void test_degenerate(void) {
    lk_real alike[40];
    uint32_t of[20];
    double likelihood;
    for (size_t i = 0; i < 40; i++) alike[i] = 3;
    for (size_t i = 0; i < 20; i++) of[i] = i % 2;
    CHECK(lk_gaussians(alike, 20, 2, 3, 1, LK_SIMD_BEST, of, &likelihood, NULL) == LK_OK, "alike");
    for (size_t i = 0; i < 20; i++) CHECK(of[i] < 2, "an empty cluster got %zu", i);
    of[3] = 3;
    CHECK(lk_gaussians(alike, 20, 2, 3, 1, LK_SIMD_BEST, of, &likelihood, NULL) == LK_USAGE,
          "no such cluster");
}

int main(void) {
    test_narrow_in_wide();
    test_degenerate();
    return TEST_RESULT();
}
