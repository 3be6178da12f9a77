#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { D = 48, K = 6, N = 301 };
static const lk_shape SHAPE = {1, 6, 8};

static lk_model *new_model(size_t latent) {
    char arch[100];
    lk_error error = {LK_OK, 0, ""};
    snprintf(arch, sizeof arch, "1x6x8 > dense %zu | dense 48 > mse", latent);
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    return model;
}

/* Leading eigenvectors of the covariance by power iteration, each taken out before the next: slow
   and plain. Vectors as rows; values are variances of pixels in 0..1. */
static void power_iteration(const lk_dataset *data, double *mean, double (*vectors)[D],
                            double *values, double *total) {
    static double c[D][D];
    memset(c, 0, sizeof c);
    *total = 0;
    for (size_t k = 0; k < D; k++) {
        mean[k] = 0;
        for (size_t i = 0; i < N; i++) mean[k] += data->pixels[i * D + k] / 255. / N;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t a = 0; a < D; a++)
            for (size_t b = 0; b < D; b++)
                c[a][b] += (data->pixels[i * D + a] / 255. - mean[a]) *
                           (data->pixels[i * D + b] / 255. - mean[b]) / N;
    for (size_t a = 0; a < D; a++) *total += c[a][a];
    for (size_t k = 0; k < K; k++) {
        double v[D];
        for (size_t a = 0; a < D; a++) v[a] = lk_rng_normal(lk_rng_make(1, 1, 1), a);
        for (int i = 0; i < 20000; i++) {
            double w[D], length = 0;
            for (size_t a = 0; a < D; a++) {
                w[a] = 0;
                for (size_t b = 0; b < D; b++) w[a] += c[a][b] * v[b];
                length += w[a] * w[a];
            }
            values[k] = sqrt(length);
            for (size_t a = 0; a < D; a++) v[a] = w[a] / values[k];
        }
        for (size_t a = 0; a < D; a++)
            for (size_t b = 0; b < D; b++) c[a][b] -= values[k] * v[a] * v[b];
        memcpy(vectors[k], v, sizeof v);
    }
}

static void test_against_power_iteration(const lk_dataset *data) {
    double mean[D], vectors[K][D], values[K], total;
    power_iteration(data, mean, vectors, values, &total);
    lk_error error = {LK_OK, 0, ""};
    lk_real explained[K];
    lk_model *model = new_model(K);
    CHECK(lk_pca_solve(model, data, 1, explained, &error) == LK_OK, "%s", error.message);
    lk_bytes bytes = {NULL, 0};
    CHECK(lk_model_weights(model, &bytes, &error) == LK_OK, "%s", error.message);
    const float *encoder = (const float *)(const void *)bytes.data, *encoder_bias = encoder + K * D;
    const float *decoder = encoder_bias + K, *decoder_bias = decoder + D * K;
    for (size_t k = 0; k < K; k++) {
        double dot = 0, bias = 0;
        for (size_t a = 0; a < D; a++) dot += (double)encoder[k * D + a] * vectors[k][a];
        CHECK(fabs(fabs(dot) - 1) < 1e-6, "component %zu: cosine %.9g", k, dot);
        const double sign = dot < 0 ? -1 : 1;
        for (size_t a = 0; a < D; a++) {
            CHECK(fabs((double)encoder[k * D + a] - sign * vectors[k][a]) < 1e-4, "component %zu",
                  k);
            CHECK(decoder[a * K + k] == encoder[k * D + a], "the decoder is not the transpose");
            bias -= sign * vectors[k][a] * mean[a];
        }
        CHECK(fabs((double)encoder_bias[k] - bias) < 1e-4, "bias %zu: %g, not %g", k,
              (double)encoder_bias[k], bias);
        CHECK(fabs((double)explained[k] - values[k] / total) < 1e-5, "share %zu: %g, not %g", k,
              (double)explained[k], values[k] / total);
    }
    for (size_t a = 0; a < D; a++)
        CHECK(fabs((double)decoder_bias[a] - mean[a]) < 1e-6, "mean %zu", a);

    /* What is left of the variance is the reconstruction's squared error. */
    static lk_real x[N * D], z[N * K], x_hat[N * D];
    double left = total, squares = 0;
    lk_run *run = lk_run_create(model, N, LK_SIMD_BEST, NULL);
    lk_dataset_images(data, 0, N, x);
    lk_reconstruct(run, x, N, z, x_hat);
    for (size_t i = 0; i < N * D; i++) squares += pow((double)x[i] - (double)x_hat[i], 2) / N;
    for (size_t k = 0; k < K; k++) left -= values[k];
    CHECK(fabs(squares - left) < 1e-5 * total, "error %g, not %g", squares, left);
    lk_run_free(run);
    lk_bytes_free(&bytes);
    lk_model_free(model);
}

static void test_shares(const lk_dataset *data) {
    static lk_real explained[D];
    for (size_t k = 1; k <= D; k += 47) {
        lk_error error = {LK_OK, 0, ""};
        lk_model *model = new_model(k);
        double sum = 0;
        CHECK(lk_pca_solve(model, data, 2, explained, &error) == LK_OK, "%s", error.message);
        for (size_t i = 0; i < k; i++) {
            CHECK(explained[i] >= 0 && (i == 0 || explained[i] <= explained[i - 1]), "share %zu",
                  i);
            sum += (double)explained[i];
        }
        CHECK(sum <= 1 + 1e-6, "%zu components: %.9g", k, sum);
        CHECK(k < D || fabs(sum - 1) < 1e-6, "all components: %.9g", sum);
        CHECK(lk_pca_solve(model, data, 2, NULL, &error) == LK_OK, "%s", error.message);
        lk_model_free(model);
    }
}

static void test_same_bits(const lk_dataset *data) {
    uint64_t first = 0;
    for (int threads = 1; threads <= 3; threads++) {
        lk_model *model = new_model(K);
        lk_bytes weights = {NULL, 0};
        CHECK(lk_pca_solve(model, data, threads, NULL, NULL) == LK_OK, "%d threads", threads);
        CHECK(lk_model_weights(model, &weights, NULL) == LK_OK, "weights");
        const uint64_t hash = hash_bytes(weights.data, weights.size);
        if (threads == 1) first = hash;
        CHECK(hash == first, "%d threads", threads);
        lk_bytes_free(&weights);
        lk_model_free(model);
    }
}

/* Images that are all alike, or just one. */
static void test_degenerate(const lk_dataset *data) {
    static uint8_t same[40 * D];
    for (size_t i = 0; i < 40; i++) memcpy(same + i * D, data->pixels, D);
    for (size_t n = 1; n <= 40; n += 39) {
        const lk_dataset alike = {.shape = SHAPE, .count = n, .pixels = same};
        lk_real explained[K], x[D], z[K], x_hat[D];
        lk_model *model = new_model(K);
        lk_error error = {LK_OK, 0, ""};
        CHECK(lk_pca_solve(model, &alike, 1, explained, &error) == LK_OK, "%s", error.message);
        lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
        lk_dataset_images(&alike, 0, 1, x);
        lk_reconstruct(run, x, 1, z, x_hat);
        for (size_t k = 0; k < D; k++)
            CHECK(fabs((double)x[k] - (double)x_hat[k]) < 1e-5, "%g, not %g", (double)x_hat[k],
                  (double)x[k]);
        for (size_t k = 0; k < K; k++) CHECK(isfinite(explained[k]) && isfinite(z[k]), "%zu", k);
        lk_run_free(run);
        lk_model_free(model);
    }
}

static void test_refusals(const lk_dataset *data) {
    static const char *const NOT_PCA[] = {
        "1x6x8 > dense 6 relu | dense 48 > mse",    "1x6x8 > dense 6 | dense 48 tanh > mse",
        "1x6x8 > dense 6 | dense 48 sigmoid > bce", "1x6x8 > dense 6 > dense 6 | dense 48 > mse",
        "1x6x8 > dense 49 | dense 48 > mse",
    };
    lk_error error = {LK_OK, 0, ""};
    for (size_t i = 0; i < LK_COUNTOF(NOT_PCA); i++) {
        lk_model *model = lk_model_create(NOT_PCA[i], &error);
        CHECK(lk_pca_solve(model, data, 1, NULL, &error) == LK_USAGE, "%s", NOT_PCA[i]);
        lk_model_free(model);
    }
    lk_model *model = new_model(K);
    lk_dataset none = *data, other = *data;
    none.count = 0;
    other.shape.width = 7;
    CHECK(lk_pca_solve(model, &none, 1, NULL, &error) == LK_DATA, "no images");
    CHECK(lk_pca_solve(model, &other, 1, NULL, &error) == LK_DATA, "another shape");
    CHECK(lk_pca_solve(model, data, 0, NULL, &error) == LK_USAGE, "no threads");
    CHECK(lk_pca_solve(model, data, -3, NULL, &error) == LK_USAGE, "fewer than no threads");
    lk_model_free(model);
}

int main(void) {
    lk_dataset data = make_images(SHAPE, 0, N, 4);
    test_against_power_iteration(&data);
    test_shares(&data);
    test_same_bits(&data);
    test_degenerate(&data);
    test_refusals(&data);
    free_images(&data);
    return TEST_RESULT();
}
