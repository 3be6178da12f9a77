#include <math.h>
#include <stdlib.h>

#include "analyses.h"
#include "fixture.h"
#include "test.h"

enum { N = 150, D = 7 };
static lk_real vectors[N * D], positions[2 * N];

/* Of i's others, the place of j when the nearest comes first; of equals the lower number. */
static size_t rank_of(const lk_real *points, size_t d, size_t i, size_t j) {
    size_t rank = 1;
    double at = 0;
    for (size_t k = 0; k < d; k++)
        at += pow((double)points[i * d + k] - (double)points[j * d + k], 2);
    for (size_t l = 0; l < N; l++) {
        double other = 0;
        for (size_t k = 0; k < d; k++)
            other += pow((double)points[i * d + k] - (double)points[l * d + k], 2);
        if (l != i && l != j) rank += other < at || (other == at && l < j);
    }
    return rank;
}

/* By the definition. */
static double truth(size_t k) {
    double sum = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            if (i == j || rank_of(positions, 2, i, j) > k) continue;
            const size_t rank = rank_of(vectors, D, i, j);
            if (rank > k) sum += (double)(rank - k);
        }
    return 1 - 2 * sum / ((double)N * (double)k * (2.0 * N - 3.0 * (double)k - 1));
}

static double measure(size_t k, size_t sample, int threads, lk_simd simd) {
    lk_error error = {LK_OK, 0, ""};
    double trust = NAN;
    const lk_status status =
        lk_trustworthiness(vectors, N, D, positions, k, sample, 1, threads, simd, &trust, &error);
    CHECK(status == LK_OK, "%zu: %s", k, error.message);
    return trust;
}

int main(void) {
    fill_normal(vectors, N * D, 1);
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < 2; c++) positions[2 * i + c] = vectors[i * D + c];
    for (size_t k = 1; k < N / 2; k += 12) {
        const double expected = truth(k), found = measure(k, N, 1, LK_SIMD_BEST);
        CHECK(fabs(found - expected) < 1e-12, "%zu: %.15g, not %.15g", k, found, expected);
        CHECK(found > 0.5 && found < 0.99, "%zu: %g", k, found);
        EACH_SIMD(simd) CHECK(measure(k, N, 2, simd) == found, "%s", lk_simd_name(simd));
    }
    const double part = measure(10, 60, 1, LK_SIMD_BEST), all = measure(10, N, 1, LK_SIMD_BEST);
    CHECK(part != all && fabs(part - all) < 0.05, "%g of some, %g of all", part, all);
    /* A map that leaves nothing out is trusted fully; one that is wrong all over, hardly. */
    for (size_t i = 0; i < N; i++)
        for (size_t c = 2; c < D; c++) vectors[i * D + c] = 0;
    CHECK(measure(10, N, 1, LK_SIMD_BEST) == 1, "the same plane");
    fill_normal(positions, 2 * N, 9);
    const double wrong = measure(10, N, 1, LK_SIMD_BEST);
    CHECK(wrong > 0.4 && wrong < 0.6, "at random: %g", wrong);
    memset(vectors, 0, sizeof vectors);
    CHECK(isfinite(measure(10, N, 1, LK_SIMD_BEST)), "equal vectors");
    double out;
    static const size_t BAD[] = {0, N / 2, 128, 1000};
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++)
        CHECK(lk_trustworthiness(vectors, N, D, positions, BAD[i], N, 1, 1, LK_SIMD_BEST, &out,
                                 NULL) == LK_USAGE,
              "%zu", BAD[i]);
    return TEST_RESULT();
}
