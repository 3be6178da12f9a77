#include "affinity.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { N = 200, D = 5 };
static lk_real vectors[N * D];
static double dense[N][N];

/* The perplexity of some weights, by libm. */
static double perplexity_of(const lk_real *weights, size_t count) {
    double entropy = 0;
    for (size_t j = 0; j < count; j++)
        if (weights[j] > 0) entropy -= (double)weights[j] * log((double)weights[j]);
    return exp(entropy);
}

static void test_weights(void) {
    static const double WANTED[] = {2, 5, 13.5, 30, 42};
    lk_neighbour near[LK_MAX_NEIGHBOURS];
    lk_real weights[LK_MAX_NEIGHBOURS], scalar[LK_MAX_NEIGHBOURS];
    static const double SCALES[] = {1e-8, 1, 1e8};
    for (size_t w = 0; w < LK_COUNTOF(WANTED); w++)
        for (size_t s = 0; s < LK_COUNTOF(SCALES); s++) {
            const size_t count = (size_t)(3 * WANTED[w]);
            for (size_t j = 0; j < count; j++)
                near[j] = (lk_neighbour){(uint32_t)j, (float)(SCALES[s] * (1 + 0.05 * (double)j))};
            EACH_SIMD(simd) {
                lk_affinity_weights(lk_kernels_get(simd), near, count, WANTED[w], weights);
                if (simd == LK_SIMD_SCALAR) memcpy(scalar, weights, sizeof scalar);
                CHECK(memcmp(scalar, weights, count * sizeof *weights) == 0, "%s",
                      lk_simd_name(simd));
            }
            double sum = 0;
            for (size_t j = 0; j < count; j++) {
                sum += (double)weights[j];
                CHECK(j == 0 || weights[j] <= weights[j - 1], "%zu of %zu", j, count);
            }
            CHECK(fabs(sum - 1) < 1e-5, "sum %g", sum);
            const double found = perplexity_of(weights, count);
            CHECK(fabs(found / WANTED[w] - 1) < 1e-3, "%g, not %g", found, WANTED[w]);
        }
    /* All as far away: nothing but equal weights will do. */
    for (size_t j = 0; j < 90; j++) near[j] = (lk_neighbour){(uint32_t)j, 3};
    lk_affinity_weights(lk_kernels_get(LK_SIMD_BEST), near, 90, 30, weights);
    for (size_t j = 0; j < 90; j++)
        CHECK(fabs((double)weights[j] - 1 / 90.0) < 1e-6, "%g", (double)weights[j]);
}

static lk_affinity make(double perplexity, int threads) {
    lk_affinity p = {0};
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_affinity_make(vectors, N, D, perplexity, threads, LK_SIMD_BEST, &p, &error) == LK_OK,
          "%s", error.message);
    return p;
}

/* Symmetric, of sum 1, ascending, nobody next to himself, and the mean of both ways: each row's own
   part is at least half of 1/n. */
static void check(const lk_affinity *p) {
    double sum = 0;
    memset(dense, 0, sizeof dense);
    for (size_t i = 0; i < N; i++)
        for (size_t k = p->first[i]; k < p->first[i + 1]; k++) {
            CHECK(p->column[k] != i, "%zu", i);
            CHECK(k == p->first[i] || p->column[k] > p->column[k - 1], "order in row %zu", i);
            dense[i][p->column[k]] = (double)p->share[k];
            sum += (double)p->share[k];
        }
    CHECK(fabs(sum - 1) < 1e-5, "sum %g", sum);
    for (size_t i = 0; i < N; i++) {
        double row = 0;
        for (size_t j = 0; j < N; j++) {
            CHECK(dense[i][j] == dense[j][i], "%zu %zu", i, j);
            row += dense[i][j];
        }
        CHECK(row > 0.4999 / N, "row %zu: %g", i, row);
    }
}

static void test_matrix(void) {
    fill_normal(vectors, N * D, 2);
    for (int perplexity = 2; perplexity <= 42; perplexity += 20) {
        lk_affinity p = make(perplexity, 1), q = make(perplexity, 2);
        check(&p);
        const size_t count = p.first[N];
        CHECK(q.first[N] == count && memcmp(p.share, q.share, count * sizeof *p.share) == 0 &&
                  memcmp(p.column, q.column, count * sizeof *p.column) == 0,
              "two threads");
        lk_free(p.first), lk_free(q.first);
    }
    /* Many equal vectors: some do not even find themselves. */
    for (size_t i = 0; i < N * D; i++) vectors[i] = (lk_real)(i / D % 2);
    lk_affinity p = make(10, 2);
    check(&p);
    lk_free(p.first);
}

int main(void) {
    test_weights();
    test_matrix();
    return TEST_RESULT();
}
