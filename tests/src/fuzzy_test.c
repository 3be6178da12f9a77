#include "fuzzy.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { N = 150, D = 4, NEIGHBOURS = 9 };
static lk_real vectors[N * D];
static double given[N][N], graph[N][N];

static double distance(size_t a, size_t b) {
    double sum = 0;
    for (size_t k = 0; k < D; k++)
        sum += pow((double)vectors[a * D + k] - (double)vectors[b * D + k], 2);
    return sqrt(sum);
}

/* How surely each is a neighbour of vector i, by libm: the nearest for sure, those farther away by
   an exponential whose scale makes the sum log2 of one more than there are. */
static void give(size_t i) {
    bool near[N] = {false};
    double beyond[NEIGHBOURS], least = 0, scale = 1, low = 0, high = INFINITY;
    size_t which[NEIGHBOURS];
    for (size_t k = 0; k < NEIGHBOURS; k++) {
        size_t nearest = N;
        for (size_t j = 0; j < N; j++)
            if (j != i && !near[j] && (nearest == N || distance(i, j) < distance(i, nearest)))
                nearest = j;
        near[nearest] = true;
        which[k] = nearest;
        least = k ? least : distance(i, nearest);
        beyond[k] = distance(i, nearest) - least;
    }
    for (int round = 0; round < 200; round++) {
        double sum = 0;
        for (size_t k = 0; k < NEIGHBOURS; k++) sum += exp(-beyond[k] / scale);
        if (sum > log2(NEIGHBOURS + 1))
            high = scale;
        else
            low = scale;
        scale = isinf(high) ? 2 * scale : (low + high) / 2;
    }
    for (size_t k = 0; k < NEIGHBOURS; k++) given[i][which[k]] = exp(-beyond[k] / scale);
}

static void test_edges(void) {
    lk_fuzzy f, again;
    lk_error error = {LK_OK, 0, ""};
    for (size_t i = 0; i < N * D; i++) vectors[i] = (lk_real)lk_rng_normal(lk_rng_make(3, 1, 0), i);
    for (size_t i = 0; i < N; i++) give(i);
    CHECK(lk_fuzzy_make(vectors, N, D, NEIGHBOURS, 1, LK_SIMD_SCALAR, &f, &error) == LK_OK, "%s",
          error.message);
    for (size_t i = 0; i < N; i++)
        for (size_t e = f.first[i]; e < f.first[i + 1]; e++) {
            CHECK(f.to[e] < N && f.to[e] != i && !(graph[i][f.to[e]] > 0), "%zu to %u", i, f.to[e]);
            graph[i][f.to[e]] = (double)f.certain[e];
        }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            const double wanted = given[i][j] + given[j][i] - given[i][j] * given[j][i];
            CHECK(fabs(graph[i][j] - wanted) < 1e-4, "%zu to %zu: %g, not %g", i, j, graph[i][j],
                  wanted);
        }
    EACH_SIMD(simd) {
        CHECK(lk_fuzzy_make(vectors, N, D, NEIGHBOURS, 3, simd, &again, &error) == LK_OK, "%s",
              error.message);
        CHECK(memcmp(f.first, again.first, (N + 1) * sizeof *f.first) == 0 &&
                  memcmp(f.to, again.to, f.first[N] * sizeof *f.to) == 0 &&
                  memcmp(f.certain, again.certain, f.first[N] * sizeof *f.certain) == 0,
              "%s", lk_simd_name(simd));
        lk_free(again.first);
    }
    lk_free(f.first);
}

int main(void) {
    test_edges();
    return TEST_RESULT();
}
