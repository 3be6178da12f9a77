/* Shapes: small images by the definition, flat pieces that are known, distances by hand, the same
   bits everywhere, and ink beside images. */
#include "local_pca.h"

#include <math.h>

#include "score.h"
#include "training.h"

/* One axis by the definition: what lies beyond an end is like the end. */
static void halve_plainly(const double *from, size_t n, double *to) {
    static const double WEIGHTS[4] = {0.125, 0.375, 0.375, 0.125};
    for (size_t i = 0; i < (n + 1) / 2; i++) {
        to[i] = 0;
        for (int k = 0; k < 4; k++) {
            const long at = (long)(2 * i) + k - 1;
            to[i] += WEIGHTS[k] * from[LK_MIN(LK_MAX(at, 0L), (long)n - 1)];
        }
    }
}

static void test_shrink(void) {
    enum { MOST = 3 * 70 * 70 };
    static const struct {
        lk_shape shape;
        size_t values;
    } CASES[] = {{{1, 28, 28}, 14 * 14},  {{3, 32, 32}, 3 * 16 * 16}, {{1, 16, 16}, 16 * 16},
                 {{2, 5, 33}, 2 * 5 * 9}, {{3, 17, 70}, 3 * 9 * 9},   {{1, 1, 1}, 1},
                 {{5, 16, 16}, 0}};
    static lk_real x[MOST];
    static double wide[MOST], now[MOST];
    for (size_t t = 0; t < LK_COUNTOF(CASES); t++) {
        const lk_shape s = CASES[t].shape;
        CHECK(lk_local_pca_values(s) == CASES[t].values, "%ux%ux%u: %zu", s.channels, s.height,
              s.width, lk_local_pca_values(s));
        if (!CASES[t].values) continue;
        fill_normal(x, lk_shape_size(s), t);
        for (size_t i = 0; i < lk_shape_size(s); i++) now[i] = (double)x[i];
        size_t height = s.height, width = s.width;
        for (; width > 16; width = (width + 1) / 2) {
            for (size_t y = 0; y < height; y++)
                for (size_t c = 0; c < s.channels; c++) {
                    double row[70], half[70];
                    for (size_t i = 0; i < width; i++)
                        row[i] = now[(y * width + i) * s.channels + c];
                    halve_plainly(row, width, half);
                    for (size_t i = 0; i < (width + 1) / 2; i++)
                        wide[(y * ((width + 1) / 2) + i) * s.channels + c] = half[i];
                }
            memcpy(now, wide, sizeof now);
        }
        for (; height > 16; height = (height + 1) / 2) {
            for (size_t i = 0; i < width * s.channels; i++) {
                double column[70], half[70];
                for (size_t y = 0; y < height; y++) column[y] = now[y * width * s.channels + i];
                halve_plainly(column, height, half);
                for (size_t y = 0; y < (height + 1) / 2; y++)
                    wide[y * width * s.channels + i] = half[y];
            }
            memcpy(now, wide, sizeof now);
        }
        lk_local_pca_shrink(s, x);
        double worst = 0;
        for (size_t i = 0; i < CASES[t].values; i++)
            worst = fmax(worst, fabs((double)x[i] - now[i]));
        CHECK(worst < 1e-5, "%ux%ux%u: off by %g", s.channels, s.height, s.width, worst);
    }
}

/* Two clusters far from each other, each in three directions of its own and hardly any other. */
enum { D = 40, N = 600 };
static void draw(lk_real *values, size_t n, uint64_t seed) {
    for (size_t i = 0; i < n; i++) {
        lk_real z[3], noise[D];
        fill_normal(z, 3, seed + 2 * i);
        fill_normal(noise, D, seed + 2 * i + 1);
        const size_t k = i % 2 ? 5 : 3;
        for (size_t j = 0; j < D; j++)
            values[i * D + j] = (i % 2 ? (lk_real)4 : -(lk_real)4) * (lk_real)(j % 4 == 0) +
                                z[0] * (lk_real)(j * k % 7 == 1) +
                                z[1] * (lk_real)(j * k % 7 == 2) +
                                z[2] * (lk_real)(j * k % 7 == 3) + (lk_real)0.02 * noise[j];
    }
}

static lk_local_pca make(size_t values, size_t clusters, lk_arena *arena) {
    lk_local_pca s = {.values = values, .clusters = clusters};
    lk_local_pca_take(&s, arena);
    CHECK(lk_arena_commit(arena), "memory");
    lk_local_pca_take(&s, arena);
    return s;
}

/* The distance, which is the same by every variant and what means and steps alone say. */
static double checked_distance(const lk_local_pca *s, const lk_real *x) {
    double least = INFINITY, energy = 0.25;
    for (size_t j = 0; j < D; j++) energy += (double)x[j] * (double)x[j];
    for (size_t c = 0; c < s->clusters; c++) {
        double left = 0;
        for (size_t j = 0; j < D; j++) left += pow((double)x[j] - (double)s->means[c * D + j], 2);
        for (size_t k = 0; k < LK_LANES; k++) {
            const int8_t *steps = s->steps + (c * LK_LANES + k) * D;
            double dot = 0, squares = 0;
            for (size_t j = 0; j < D; j++) {
                dot += ((double)x[j] - (double)s->means[c * D + j]) * steps[j];
                squares += steps[j] * steps[j];
            }
            if (squares > 0) left -= dot * dot / squares;
        }
        least = fmin(least, left);
    }
    const double wanted = (fmax(least, 0) + 1e-3) / energy;
    const double found = lk_local_pca_distance(s, lk_kernels_get(LK_SIMD_BEST), x);
    CHECK(fabs(exp(found) - wanted) < 1e-6 * (1 + wanted), "%g, not %g", exp(found), wanted);
    EACH_SIMD(simd)
    CHECK(lk_local_pca_distance(s, lk_kernels_get(simd), x) == found, "%s", lk_simd_name(simd));
    return found;
}

static void test_fit(void) {
    static lk_real values[N * D], fresh[N * D];
    draw(values, N, 1000);
    draw(fresh, N, 9000);
    lk_arena arena = {0};
    lk_local_pca s = make(D, 4, &arena);
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_local_pca_fit(&s, values, N, 1, &error) == LK_OK, "%s", error.message);
    for (size_t c = 0; c < s.clusters; c++)
        for (size_t a = 0; a < LK_LANES; a++)
            for (size_t b = 0; b <= a; b++) {
                double dot = 0;
                for (size_t j = 0; j < D; j++)
                    dot += (double)s.bases[(c * D + j) * LK_LANES + a] *
                           (double)s.bases[(c * D + j) * LK_LANES + b];
                CHECK(a == b ? fabs(dot - 1) < 1e-5 || dot == 0 : fabs(dot) < 0.03,
                      "cluster %zu: directions %zu, %zu: %g", c, a, b, dot);
            }
    /* Usual images are near; those that leave the flat pieces are not. */
    double farthest = -INFINITY;
    for (size_t i = 0; i < N; i++) farthest = fmax(farthest, checked_distance(&s, fresh + i * D));
    for (size_t i = 0; i < N; i++) {
        lk_real *x = fresh + i * D;
        x[5] += 3;
        x[11] -= 3;
        x[17] += 3;
        CHECK(checked_distance(&s, x) > farthest, "image %zu", i);
    }
    values[77] = NAN;
    CHECK(lk_local_pca_fit(&s, values, N, 1, &error) == LK_NONFINITE, "%s", error.message);
    lk_free(arena.base);
}

/* Few and alike images: directions that there are not are 0, and all is finite. */
static void test_degenerate(void) {
    enum { FEW = 3, SMALL = 5 };
    lk_real values[FEW * SMALL] = {0};
    lk_arena arena = {0};
    lk_local_pca s = make(SMALL, 2, &arena);
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_local_pca_fit(&s, values, FEW, 1, &error) == LK_OK, "%s", error.message);
    const lk_kernels *kernels = lk_kernels_get(LK_SIMD_BEST);
    const lk_real other[SMALL] = {1, 0, 0, 0, 0};
    CHECK(fabs(lk_local_pca_distance(&s, kernels, values) - log(1e-3 / 0.25)) < 1e-6, "alike");
    CHECK(fabs(lk_local_pca_distance(&s, kernels, other) - log(1.001 / 1.25)) < 1e-6, "other");
    CHECK(lk_local_pca_clusters(0) == 1 && lk_local_pca_clusters(1600) == 10 &&
              lk_local_pca_clusters(1000000) == LK_MAX_PIECES,
          "clusters");
    lk_free(arena.base);
}

/* Of drawings it is learnt only where that was asked for; other preparations keep to their own. */
static void test_ink(void) {
    lk_dataset data = make_images((lk_shape){1, 8, 8}, 0, 200, 1);
    for (int ink = 0; ink < 2; ink++) {
        lk_error error = {LK_OK, 0, ""};
        lk_model *model = new_model("1x8x8 > conv 5 3 s2 relu > dense 9 relu > pose 1 20 > dense 4"
                                    " | dense 64 sigmoid > mse");
        CHECK(lk_score_fit(model, &data, 1, ink, 20, 1, 2, LK_SIMD_BEST, &error) == LK_OK, "%s",
              error.message);
        for (int p = 0; p < LK_PREPARATIONS; p++)
            CHECK(lk_score_calibrate(model, (lk_preparation)p, &data, 1, LK_SIMD_BEST, &error) ==
                      LK_OK,
                  "%s", error.message);
        lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
        lk_real x[64];
        lk_result result[LK_PREPARATIONS];
        lk_dataset_images(&data, 3, 1, x);
        for (int p = 0; p < LK_PREPARATIONS; p++)
            CHECK(lk_check_input(run, (lk_preparation)p, x, 0.01, &result[p], &error) == LK_OK,
                  "%s", error.message);
        const float image = result[LK_PREPARE_IMAGE].evidence[LK_SHAPE].value;
        const float drawn = result[LK_PREPARE_INK].evidence[LK_SHAPE].value;
        CHECK(image != 0 && (ink ? drawn != 0 && drawn != image : drawn == 0), "%g, %g",
              (double)image, (double)drawn);
        lk_run_free(run);
        lk_model_free(model);
    }
    free_images(&data);
}

int main(void) {
    test_shrink();
    test_fit();
    test_degenerate();
    test_ink();
    return TEST_RESULT();
}
