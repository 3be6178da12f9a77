#include <math.h>
#include <stdlib.h>

#include "base.h"
#include "rng.h"
#include "test.h"

enum { N = 600, D = 3 };
static lk_real vectors[N * D], centres[16 * D];
static uint32_t cluster[N], again[N];

/* Balls of deviation 0.1 about points far from each other, in turn. */
static void make_balls(size_t balls) {
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < D; k++) {
            const double centre = 3 * lk_rng_normal(lk_rng_make(balls, 1, i % balls), k);
            vectors[i * D + k] = (lk_real)(centre + 0.1 * lk_rng_normal(lk_rng_make(7, 1, k), i));
        }
}

/* The centres are the means of their members, each vector is with the nearest, and the inertia is
   the sum of squared distances: told anew, in doubles. */
static void check(const char *what, size_t k, double inertia) {
    double sums[16][D] = {{0}}, members[16] = {0}, squares = 0;
    for (size_t i = 0; i < N; i++) {
        double own = 0, least = INFINITY;
        for (size_t c = 0; c < k; c++) {
            double distance = 0;
            for (size_t j = 0; j < D; j++)
                distance += pow((double)vectors[i * D + j] - (double)centres[c * D + j], 2);
            least = LK_MIN(least, distance);
            if (c == cluster[i]) own = distance;
        }
        CHECK(own <= least + 1e-4, "%s: vector %zu is not with the nearest centre", what, i);
        squares += own;
        members[cluster[i]]++;
        for (size_t j = 0; j < D; j++) sums[cluster[i]][j] += (double)vectors[i * D + j];
    }
    CHECK(fabs(squares - inertia) <= 1e-3 * (1 + squares), "%s: inertia %g, not %g", what, inertia,
          squares);
    for (size_t c = 0; c < k; c++) {
        CHECK(members[c] > 0, "%s: cluster %zu is empty", what, c);
        for (size_t j = 0; j < D; j++)
            CHECK(fabs(sums[c][j] / members[c] - (double)centres[c * D + j]) < 1e-4,
                  "%s: centre %zu is not the mean", what, c);
    }
}

static void test_balls(void) {
    for (size_t balls = 1; balls <= 12; balls++) {
        make_balls(balls);
        double inertia;
        lk_error error = {LK_OK, 0, ""};
        CHECK(lk_kmeans(vectors, N, D, balls, 5, 1, 1, LK_SIMD_BEST, centres, cluster, &inertia,
                        &error) == LK_OK,
              "%s", error.message);
        check("balls", balls, inertia);
        for (size_t i = balls; i < N; i++)
            CHECK(cluster[i] == cluster[i % balls], "%zu balls: vector %zu", balls, i);
    }
}

/* Of all ways to part nine points on a line in three, which must be three stretches, the best. */
static void test_brute_force(void) {
    for (uint64_t part = 0; part < 20; part++) {
        lk_real line[9];
        double least = INFINITY, inertia;
        for (size_t i = 0; i < 9; i++)
            line[i] = (lk_real)lk_rng_uniform(lk_rng_make(5, 1, part), i) + (i ? line[i - 1] : 0);
        for (size_t a = 1; a < 8; a++)
            for (size_t b = a + 1; b < 9; b++) {
                const size_t ends[] = {0, a, b, 9};
                double sum = 0;
                for (size_t c = 0; c < 3; c++) {
                    double mean = 0;
                    for (size_t i = ends[c]; i < ends[c + 1]; i++)
                        mean += (double)line[i] / (double)(ends[c + 1] - ends[c]);
                    for (size_t i = ends[c]; i < ends[c + 1]; i++)
                        sum += pow((double)line[i] - mean, 2);
                }
                least = LK_MIN(least, sum);
            }
        CHECK(lk_kmeans(line, 9, 1, 3, 20, part, 1, LK_SIMD_BEST, centres, cluster, &inertia,
                        NULL) == LK_OK,
              "part %d", (int)part);
        CHECK(fabs(inertia - least) < 1e-5, "part %d: %g, not %g", (int)part, inertia, least);
    }
}

/* As many clusters as vectors, and vectors of which many are the same. */
static void test_degenerate(void) {
    lk_real few[] = {0, 1, 2, 3, 10}, same[8] = {5, 5, 5, 5, 5, 5, 5, 6};
    double inertia;
    CHECK(lk_kmeans(few, 5, 1, 5, 1, 1, 1, LK_SIMD_BEST, centres, cluster, &inertia, NULL) == LK_OK,
          "five of five");
    CHECK(inertia == 0, "five of five: %g", inertia);
    CHECK(lk_kmeans(same, 8, 1, 2, 3, 1, 1, LK_SIMD_BEST, centres, cluster, &inertia, NULL) ==
              LK_OK,
          "two values");
    CHECK(inertia == 0 && cluster[7] != cluster[0], "two values: %g", inertia);
    CHECK(lk_kmeans(same, 8, 1, 4, 3, 1, 1, LK_SIMD_BEST, centres, cluster, &inertia, NULL) ==
                  LK_OK &&
              inertia == 0,
          "more clusters than values: %g", inertia);
    lk_error error;
    CHECK(lk_kmeans(few, 5, 1, 6, 1, 1, 1, LK_SIMD_BEST, centres, cluster, &inertia, &error) ==
              LK_DATA,
          "more clusters than vectors");
    few[2] = NAN;
    CHECK(lk_kmeans(few, 5, 1, 2, 1, 1, 1, LK_SIMD_BEST, centres, cluster, &inertia, &error) ==
              LK_NONFINITE,
          "NaN");
}

static void test_same_bits(void) {
    make_balls(9);
    double first, inertia;
    lk_real others[16 * D];
    lk_kmeans(vectors, N, D, 7, 4, 3, 1, LK_SIMD_SCALAR, centres, cluster, &first, NULL);
    for (int threads = 1; threads <= 3; threads++) {
        lk_kmeans(vectors, N, D, 7, 4, 3, threads, LK_SIMD_BEST, others, again, &inertia, NULL);
        CHECK(inertia == first && memcmp(cluster, again, sizeof cluster) == 0 &&
                  memcmp(centres, others, 7 * D * sizeof *centres) == 0,
              "%d threads", threads);
    }
}

int main(void) {
    test_balls();
    test_brute_force();
    test_degenerate();
    test_same_bits();
    return TEST_RESULT();
}
