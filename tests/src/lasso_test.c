/* Against coordinate descent over all vectors, and against what a solution must meet. */
#include <math.h>
#include <stdlib.h>

#include "analyses.h"
#include "fixture.h"
#include "test.h"

enum { N = 160, D = 24 };
static lk_real vectors[N * D];
static double units[N][D], truth[N];
static lk_link links[N * LK_MOST_LINKS], other[N * LK_MOST_LINKS];
static uint32_t counts[N], other_counts[N];

static double dot(const double *a, const double *b) {
    double sum = 0;
    for (size_t k = 0; k < D; k++) sum += a[k] * b[k];
    return sum;
}

/* Vectors near a few lines, so that some are alike. */
static void make_vectors(void) {
    lk_real lines[8 * D];
    fill_normal(lines, 8 * D, 1);
    fill_normal(vectors, N * D, 2);
    for (size_t i = 0; i < N; i++) {
        double mean = 0, squares = 0;
        for (size_t k = 0; k < D; k++) {
            vectors[i * D + k] = vectors[i * D + k] * (lk_real)0.5 + lines[i % 8 * D + k] -
                                 (i % 3 == 0 ? 2 * lines[(i + 1) % 8 * D + k] : 0) + 3;
            mean += (double)vectors[i * D + k] / D;
        }
        for (size_t k = 0; k < D; k++)
            squares += pow(units[i][k] = (double)vectors[i * D + k] - mean, 2);
        for (size_t k = 0; k < D; k++) units[i][k] /= sqrt(squares);
    }
}

/* truth[] = the coefficients of vector i; returns lambda. */
static double solve_all(size_t i, double ratio) {
    double residual[D], lambda = 0;
    memcpy(residual, units[i], sizeof residual);
    memset(truth, 0, sizeof truth);
    for (size_t j = 0; j < N; j++)
        if (j != i) lambda = fmax(lambda, ratio * fabs(dot(units[j], units[i])));
    for (int sweep = 0; sweep < 5000; sweep++)
        for (size_t j = 0; j < N; j++) {
            if (j == i) continue;
            const double z = dot(units[j], residual) + truth[j];
            const double to = fabs(z) > lambda ? copysign(fabs(z) - lambda, z) : 0;
            for (size_t k = 0; k < D; k++) residual[k] -= (to - truth[j]) * units[j][k];
            truth[j] = to;
        }
    return lambda;
}

static double objective(size_t i, const double *b, double lambda) {
    double residual[D], sum = 0;
    memcpy(residual, units[i], sizeof residual);
    for (size_t j = 0; j < N; j++) {
        sum += lambda * fabs(b[j]);
        for (size_t k = 0; k < D; k++) residual[k] -= b[j] * units[j][k];
    }
    return sum + dot(residual, residual) / 2;
}

static void check(size_t i, double ratio) {
    const double lambda = solve_all(i, ratio);
    double b[N] = {0};
    for (size_t a = 0; a < counts[i]; a++) {
        const lk_link l = links[i * LK_MOST_LINKS + a];
        CHECK(l.index < N && l.index != i && l.weight != 0, "%zu: %u", i, l.index);
        if (l.index < N) b[l.index] = (double)l.weight;
    }
    const double ours = objective(i, b, lambda), best = objective(i, truth, lambda);
    CHECK(ours < best + 1e-5, "%zu at %g: %.8g, best %.8g", i, ratio, ours, best);
    for (size_t j = 0; j < N; j++)
        CHECK(fabs(b[j] - truth[j]) < 5e-3, "%zu at %g: %g, not %g", i, ratio, b[j], truth[j]);
}

int main(void) {
    static const double RATIOS[] = {0.9, 0.5, 0.2};
    lk_error error = {LK_OK, 0, ""};
    double total = 0;
    make_vectors();
    for (size_t r = 0; r < LK_COUNTOF(RATIOS); r++) {
        CHECK(lk_lasso(vectors, N, D, RATIOS[r], 1, LK_SIMD_SCALAR, links, counts, &error) == LK_OK,
              "%s", error.message);
        for (size_t i = 0; i < N; i += 13) check(i, RATIOS[r]);
        double mean = 0;
        for (size_t i = 0; i < N; i++) mean += (double)counts[i] / N;
        CHECK(mean > total && mean < D, "at %g: %g links each", RATIOS[r], mean);
        total = mean;
        EACH_SIMD(simd) {
            lk_lasso(vectors, N, D, RATIOS[r], simd == LK_SIMD_V3 ? 3 : 1, simd, other,
                     other_counts, NULL);
            bool same = memcmp(counts, other_counts, sizeof counts) == 0;
            for (size_t i = 0; i < N; i++)
                same &= memcmp(links + i * LK_MOST_LINKS, other + i * LK_MOST_LINKS,
                               counts[i] * sizeof *links) == 0;
            CHECK(same, "%s", lk_simd_name(simd));
        }
    }
    /* Equal vectors are made of each other, those that do not vary of none. */
    for (size_t i = 0; i < N * D; i++) vectors[i] = i < 8 * D ? (lk_real)(i % D % 3) : 1;
    CHECK(lk_lasso(vectors, N, D, 0.5, 1, LK_SIMD_BEST, links, counts, &error) == LK_OK, "equal");
    for (size_t i = 0; i < N; i++) CHECK((counts[i] > 0) == (i < 8), "%zu: %u", i, counts[i]);
    CHECK(lk_lasso(vectors, N, D, 0, 1, LK_SIMD_BEST, links, counts, NULL) == LK_USAGE, "0");
    CHECK(lk_lasso(vectors, N, D, 1, 1, LK_SIMD_BEST, links, counts, NULL) == LK_USAGE, "1");
    /* More than there is room for the products of. */
    CHECK(lk_lasso(vectors, LK_MOST_COMBINED + 1, D, 0.5, 1, LK_SIMD_BEST, links, counts, NULL) ==
              LK_DATA,
          "too many");
    CHECK(lk_lasso(vectors, 1, D, 0.5, 1, LK_SIMD_BEST, links, counts, NULL) == LK_DATA, "one");
    return TEST_RESULT();
}
