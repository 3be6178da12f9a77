#include "mixture.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

static lk_mixture make(size_t d, size_t clusters) {
    return (lk_mixture){.dimensions = d,
                        .clusters = clusters,
                        .widening = 0.02,
                        .each = d % 2,
                        .means = lk_alloc(clusters * d * sizeof(lk_real)),
                        .whitening = lk_alloc(clusters * d * d * sizeof(lk_real)),
                        .offsets = lk_alloc(clusters * sizeof(lk_real))};
}

static void drop(lk_mixture *m) {
    lk_free(m->means), lk_free(m->whitening), lk_free(m->offsets);
}

/* The covariance of the codes whose nearest mean is that of cluster c, about their own mean;
   returns their number. */
static size_t covariance(const lk_mixture *m, const lk_real *codes, size_t n, size_t c,
                         double *mean, double *result) {
    const size_t d = m->dimensions;
    size_t members = 0;
    bool *mine = calloc(n, sizeof *mine);
    memset(mean, 0, d * sizeof *mean);
    memset(result, 0, d * d * sizeof *result);
    for (size_t i = 0; i < n; i++) {
        double least = INFINITY;
        size_t best = 0;
        for (size_t k = 0; k < m->clusters; k++) {
            double sum = 0;
            for (size_t a = 0; a < d; a++)
                sum += pow((double)codes[i * d + a] - (double)m->means[k * d + a], 2);
            if (sum < least) least = sum, best = k;
        }
        mine[i] = best == c;
        members += mine[i];
        for (size_t a = 0; a < d && mine[i]; a++) mean[a] += (double)codes[i * d + a];
    }
    for (size_t a = 0; a < d; a++) mean[a] /= (double)members;
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < d && mine[i]; a++)
            for (size_t b = 0; b < d; b++)
                result[a * d + b] += ((double)codes[i * d + a] - mean[a]) *
                                     ((double)codes[i * d + b] - mean[b]) / (double)members;
    free(mine);
    return members;
}

/* The determinant by Gauss's elimination; destroys a[d][d], which is positive definite. */
static double log_determinant(double *a, size_t d) {
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        sum += log(a[i * d + i]);
        for (size_t j = i + 1; j < d; j++) {
            const double factor = a[j * d + i] / a[i * d + i];
            for (size_t k = i; k < d; k++) a[j * d + k] -= factor * a[i * d + k];
        }
    }
    return sum;
}

/* Means are their members' means, W C W^T = 1 with 2 % of the codes' mean variance on C's diagonal,
   and the offsets are log det C - 2 log share. */
static void check_fit(const lk_mixture *m, const lk_real *codes, size_t n, const char *what) {
    const size_t d = m->dimensions;
    double *mean = malloc(d * sizeof *mean), *c = malloc(d * d * sizeof *c);
    double *variances = malloc(d * sizeof *variances), mean_variance = 0;
    for (size_t a = 0; a < d; a++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++) sum += (double)codes[i * d + a] / (double)n;
        for (size_t i = 0; i < n; i++)
            squares += pow((double)codes[i * d + a] - sum, 2) / (double)n;
        variances[a] = squares;
        mean_variance += squares / (double)d;
    }
    size_t total = 0;
    for (size_t k = 0; k < m->clusters; k++) {
        const lk_real *w = m->whitening + k * d * d;
        const size_t members = covariance(m, codes, n, k, mean, c);
        total += members;
        for (size_t a = 0; a < d; a++) {
            CHECK(fabs(mean[a] - (double)m->means[k * d + a]) < 1e-5 * (1 + fabs(mean[a])),
                  "%s: mean %zu of %zu", what, a, k);
            c[a * d + a] += 0.02 * (m->each ? variances[a] : mean_variance);
        }
        for (size_t a = 0; a < d; a++)
            for (size_t b = 0; b < d; b++) {
                double sum = 0;
                for (size_t i = 0; i < d; i++)
                    for (size_t j = 0; j < d; j++)
                        sum += (double)w[a * d + i] * c[i * d + j] * (double)w[b * d + j];
                CHECK(fabs(sum - (a == b)) < 2e-4, "%s: W C W^T at %zu, %zu is %g", what, a, b,
                      sum);
                CHECK(b <= a || w[a * d + b] == 0, "%s: not a lower triangle", what);
            }
        const double offset = log_determinant(c, d) - 2 * log((double)members / (double)n);
        CHECK(fabs(offset - (double)m->offsets[k]) < 1e-4 * (1 + fabs(offset)),
              "%s: offset %g, not %g", what, (double)m->offsets[k], offset);
    }
    CHECK(total == n, "%s: %zu members", what, total);
    free(variances), free(mean), free(c);
}

/* Codes around far centres: cluster i % clusters at 20 x its own direction, correlated inside. */
static lk_real *known_codes(size_t n, size_t d, size_t clusters) {
    lk_real *codes = malloc(n * d * sizeof *codes);
    fill_normal(codes, n * d, 8);
    for (size_t i = 0; i < n; i++) {
        for (size_t a = 1; a < d; a++) codes[i * d + a] += codes[i * d + a - 1] * 0.7f;
        codes[i * d + i % clusters % d] += i % clusters < d ? 20 : -20;
    }
    return codes;
}

static void test_known_clusters(void) {
    static const struct {
        size_t n, d, clusters;
    } CASES[] = {{600, 3, 1}, {600, 3, 2}, {900, 5, 3}, {1000, 5, 10}, {400, 1, 2}, {2000, 32, 5}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const size_t n = CASES[i].n, d = CASES[i].d, clusters = CASES[i].clusters;
        lk_error error = {LK_OK, 0, ""};
        lk_real *codes = known_codes(n, d, clusters);
        lk_mixture m = make(d, clusters), again = make(d, clusters);
        char what[60];
        snprintf(what, sizeof what, "%zu codes of %zu in %zu", n, d, clusters);
        /* k-means may start badly; some seed of ten must find centres that are 20 apart. */
        bool found = false;
        for (uint64_t seed = 0; seed < 10 && !found; seed++) {
            CHECK(lk_mixture_fit(&m, codes, NULL, n, seed, &error) == LK_OK, "%s", error.message);
            CHECK(lk_mixture_fit(&again, codes, NULL, n, seed, &error) == LK_OK, "%s",
                  error.message);
            CHECK(memcmp(m.whitening, again.whitening, clusters * d * d * sizeof(lk_real)) == 0 &&
                      memcmp(m.means, again.means, clusters * d * sizeof(lk_real)) == 0,
                  "%s: two fits, two results", what);
            check_fit(&m, codes, n, what);
            size_t near = 0;
            for (size_t c = 0; c < clusters; c++) {
                size_t hits = 0;
                for (size_t k = 0; k < clusters; k++) {
                    double distance = 0;
                    for (size_t a = 0; a < d; a++) {
                        const double centre = a == c % d ? (c < d ? 20 : -20) : 0;
                        distance += pow((double)m.means[k * d + a] - centre, 2);
                    }
                    hits += sqrt(distance) < 2;
                }
                near += hits == 1;
            }
            found = near == clusters;
        }
        CHECK(found, "%s: the clusters were not found", what);
        drop(&m), drop(&again), free(codes);
    }
}

/* Classes that lie among each other have clusters of their own where there are enough codes of
   each, as if they were alone; else labels change nothing. */
static void test_labelled(void) {
    enum { N = 1200, D = 4 };
    static const struct {
        uint32_t step; /* between labels */
        size_t classes, rare, room, clusters;
    } CASES[] = {{1, 3, 0, 3, 3},  {70000, 3, 0, 3, 3}, {1, 3, 0, 10, 9},
                 {1, 2, 0, 5, 4},  {1, 3, 0, 2, 2},     {1, 1, 0, 4, 4},
                 {1, 3, 30, 3, 3}, {1, 3, 300, 10, 6},  {1, 40, 0, 10, 10}};
    lk_real *codes = malloc(N * D * sizeof *codes);
    uint32_t *labels = malloc(N * sizeof *labels);
    fill_normal(codes, N * D, 5);
    for (size_t t = 0; t < LK_COUNTOF(CASES); t++) {
        const size_t classes = CASES[t].classes, room = CASES[t].room;
        const bool apart = t < 4 || t == 7;
        lk_mixture m = make(D, room), same = make(D, room);
        for (size_t i = 0; i < N; i++) {
            const size_t label =
                CASES[t].rare && i >= CASES[t].rare ? i % (classes - 1) : i % classes;
            labels[i] = (uint32_t)label * CASES[t].step;
        }
        CHECK(lk_mixture_fit(&m, codes, labels, N, 3, NULL) == LK_OK, "case %zu", t);
        CHECK(m.clusters == CASES[t].clusters, "case %zu: %zu clusters", t, m.clusters);
        CHECK(lk_mixture_fit(&same, codes, NULL, N, 3, NULL) == LK_OK, "case %zu", t);
        CHECK(apart || (same.clusters == m.clusters &&
                        memcmp(m.means, same.means, room * D * sizeof *m.means) == 0),
              "case %zu: labels told apart what they cannot", t);
        const size_t each = m.clusters / classes;
        for (size_t k = 0; k < classes && apart; k++) {
            size_t n = 0;
            double mean[D] = {0}, found[D] = {0}, shares = 0;
            for (size_t i = 0; i < N; i++)
                for (size_t a = 0; a < D && labels[i] == k * CASES[t].step; a++) {
                    mean[a] += (double)codes[i * D + a];
                    n += a == 0;
                }
            for (size_t c = k * each; c < (k + 1) * each; c++) {
                double log_det = 0;
                for (size_t a = 0; a < D; a++)
                    log_det -= 2 * log((double)m.whitening[(c * D + a) * D + a]);
                const double share = exp((log_det - (double)m.offsets[c]) / 2);
                for (size_t a = 0; a < D; a++) found[a] += share * (double)m.means[c * D + a];
                shares += share;
            }
            CHECK(fabs(shares - (double)n / N) < 1e-4, "case %zu, class %zu: %g of %g", t, k,
                  shares, (double)n / N);
            for (size_t a = 0; a < D; a++)
                CHECK(fabs(found[a] - mean[a] / N) < (each > 1 ? 1e-2 : 1e-4),
                      "case %zu, class %zu: %g, not %g", t, k, found[a], mean[a] / N);
        }
        drop(&m), drop(&same);
    }
    free(codes), free(labels);
}

/* The least over clusters of |W (z - mean)|^2 + offset, by hand. */
static void test_distance(void) {
    lk_real means[] = {0, 0, 10, 10}, whitening[] = {1, 0, 0, 2, 1, 0, 1, 1}, offsets[] = {1, -3};
    const lk_mixture m = {
        .dimensions = 2, .clusters = 2, .means = means, .whitening = whitening, .offsets = offsets};
    const struct {
        lk_real z[2];
        double distance;
    } CASES[] = {
        {{0, 0}, 1}, {{3, 1}, 9 + 4 + 1}, {{10, 10}, -3}, {{11, 8}, 1 + 1 - 3}, {{4, 0}, 17}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++)
        CHECK(lk_mixture_distance(&m, CASES[i].z) == CASES[i].distance, "case %zu: %g", i,
              lk_mixture_distance(&m, CASES[i].z));
    const lk_real nan[2] = {NAN, 0};
    CHECK(!isfinite(lk_mixture_distance(&m, nan)), "%g", lk_mixture_distance(&m, nan));
}

static bool all_finite(const lk_mixture *m) {
    bool finite = true;
    for (size_t c = 0; c < m->clusters; c++) {
        finite = finite && isfinite(m->offsets[c]);
        for (size_t a = 0; a < m->dimensions; a++) finite = finite && isfinite(m->means[c + a]);
        for (size_t a = 0; a < m->dimensions * m->dimensions; a++)
            finite = finite && isfinite(m->whitening[c * m->dimensions * m->dimensions + a]);
    }
    return finite;
}

static void test_degenerate(void) {
    enum { N = 50, D = 4 };
    static lk_real codes[N * D];
    static const lk_real SCALES[] = {0, 1e-30f, 1, 1e6f, 1e18f};
    for (size_t s = 0; s < LK_COUNTOF(SCALES); s++)
        for (int kind = 0; kind < 4; kind++)
            for (size_t clusters = 1; clusters <= 5; clusters += 4) {
                fill_normal(codes, N * D, 3);
                for (size_t i = 0; i < N * D; i++) {
                    if (kind == 0) codes[i] = codes[0];         /* all alike */
                    if (kind == 1) codes[i] = codes[i / D * D]; /* on one line */
                    if (kind == 2 && i % D) codes[i] = 0;       /* dead values */
                    codes[i] *= SCALES[s];
                }
                lk_mixture m = make(D, clusters);
                lk_error error = {LK_OK, 0, ""};
                CHECK(lk_mixture_fit(&m, codes, NULL, N, 1, &error) == LK_OK, "%s", error.message);
                CHECK(all_finite(&m), "scale %g, kind %d", (double)SCALES[s], kind);
                for (size_t i = 0; i < N; i++)
                    CHECK(isfinite(lk_mixture_distance(&m, codes + i * D)), "scale %g, kind %d",
                          (double)SCALES[s], kind);
                drop(&m);
            }
    /* Fewer codes than values or clusters. */
    lk_mixture m = make(D, 3);
    CHECK(lk_mixture_fit(&m, codes, NULL, 1, 1, NULL) == LK_OK && all_finite(&m), "one code");
    CHECK(lk_mixture_fit(&m, codes, NULL, 2, 1, NULL) == LK_OK && all_finite(&m), "two codes");
    codes[7] = NAN;
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_mixture_fit(&m, codes, NULL, N, 1, &error) == LK_NONFINITE, "%s", error.message);
    codes[7] = INFINITY;
    CHECK(lk_mixture_fit(&m, codes, NULL, N, 1, NULL) == LK_NONFINITE, "an infinite code");
    drop(&m);
}

static void test_clusters(void) {
    CHECK(lk_mixture_clusters(60000, 32) == 10, "%zu", lk_mixture_clusters(60000, 32));
    CHECK(lk_mixture_clusters(60000, 1000) == 6, "%zu", lk_mixture_clusters(60000, 1000));
    CHECK(lk_mixture_clusters(10, 64) == 1, "%zu", lk_mixture_clusters(10, 64));
    CHECK(lk_mixture_clusters(1, 1) == 1, "%zu", lk_mixture_clusters(1, 1));
    CHECK(lk_mixture_clusters(29, 1) == 2, "%zu", lk_mixture_clusters(29, 1));
}

/* Two Gaussians by hand: a quarter about (0, 0) with covariance [4 2; 2 5], the rest about
   (100, 50) with variance 1/100. What is drawn has their shares, means and covariances. */
static void test_sample(void) {
    enum { N = 40000 };
    lk_mixture m = make(2, 2);
    static const lk_real means[] = {0, 0, 100, 50};
    static const lk_real whitening[] = {0.5, 0, -0.25, 0.5, 10, 0, 0, 10};
    memcpy(m.means, means, sizeof means);
    memcpy(m.whitening, whitening, sizeof whitening);
    m.offsets[0] = (lk_real)(log(16) - 2 * log(0.25));
    m.offsets[1] = (lk_real)(2 * log(0.01) - 2 * log(0.75));
    const lk_rng rng = lk_rng_make(1, 79, 0);
    double n[2] = {0}, sums[2][5] = {{0}};
    for (uint64_t i = 0; i < N; i++) {
        lk_real z[2], again[2];
        lk_mixture_sample(&m, rng, i, z);
        lk_mixture_sample(&m, rng, i, again);
        CHECK(memcmp(z, again, sizeof z) == 0, "code %d depends on who drew before", (int)i);
        const int c = z[0] > 50;
        const double a = (double)z[0] - (c ? 100 : 0), b = (double)z[1] - (c ? 50 : 0);
        const double values[] = {a, b, a * a, a * b, b * b};
        n[c]++;
        for (int v = 0; v < 5; v++) sums[c][v] += values[v];
    }
    static const double expected[2][5] = {{0, 0, 4, 2, 5}, {0, 0, 0.01, 0, 0.01}};
    CHECK(fabs(n[0] / N - 0.25) < 0.01, "share %g", n[0] / N);
    for (int c = 0; c < 2; c++)
        for (int v = 0; v < 5; v++)
            CHECK(fabs(sums[c][v] / n[c] - expected[c][v]) < (c ? 0.002 : 0.3), "%d, %d: %g", c, v,
                  sums[c][v] / n[c]);
    drop(&m);
}

int main(void) {
    test_known_clusters();
    test_labelled();
    test_distance();
    test_degenerate();
    test_clusters();
    test_sample();
    return TEST_RESULT();
}
