#include "fixture.h"
#include "model.h"
#include "test.h"

enum { LATENT = 2, N = 2000 };

/* Codes that are drawn have the mean and the variance of the codes of the training images. */
static void test_fitted(void) {
    static lk_real codes[N * LATENT], drawn[N * LATENT], again[N * LATENT];
    lk_error error = {LK_OK, 0, ""};
    lk_dataset data = make_images((lk_shape){1, 5, 7}, 0, N, 2);
    lk_model *model = lk_model_create("1x5x7 > dense 2 | dense 35 > mse", &error);
    lk_model_init(model, LK_INIT_GLOROT, 1);
    CHECK(lk_model_sample(model, 1, 1, drawn, &error) == LK_MODEL, "%s", error.message);
    CHECK(lk_score_fit(model, &data, 0, false, 10, 1, 1, LK_SIMD_BEST, &error) == LK_OK, "%s",
          error.message);
    CHECK(lk_dataset_encode(&data, model, 1, LK_SIMD_BEST, codes, &error) == LK_OK, "%s",
          error.message);
    CHECK(lk_model_sample(model, 1, N, drawn, &error) == LK_OK, "%s", error.message);
    CHECK(lk_model_sample(model, 1, N, again, &error) == LK_OK, "%s", error.message);
    CHECK(memcmp(drawn, again, sizeof drawn) == 0, "the same seed gives other codes");
    CHECK(lk_model_sample(model, 2, N, again, &error) == LK_OK, "%s", error.message);
    CHECK(memcmp(drawn, again, sizeof drawn) != 0, "another seed gives the same codes");
    for (size_t k = 0; k < LATENT; k++) {
        double mean[2] = {0}, square[2] = {0};
        for (size_t i = 0; i < N; i++) {
            const double v[] = {(double)codes[i * LATENT + k], (double)drawn[i * LATENT + k]};
            for (int s = 0; s < 2; s++) mean[s] += v[s] / N, square[s] += v[s] * v[s] / N;
        }
        const double variance[] = {square[0] - mean[0] * mean[0], square[1] - mean[1] * mean[1]};
        CHECK(fabs(mean[1] - mean[0]) < 5 * sqrt(variance[0] * 2 / N), "%g, not %g", mean[1],
              mean[0]);
        CHECK(fabs(variance[1] / variance[0] - 1) < 0.15, "%g, not %g", variance[1], variance[0]);
    }
    lk_model_free(model);
    free_images(&data);
}

/* Codes of a Gaussian latent are standard normal; what goes together in a book is not known. */
static void test_kinds(void) {
    static lk_real z[N * 4];
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create("1x5x7 > gaussian 4 | dense 35 sigmoid > bce", &error);
    CHECK(lk_model_gaussian(model), "it is");
    CHECK(lk_model_sample(model, 1, N, z, &error) == LK_OK, "%s", error.message);
    double mean = 0, square = 0, within = 0;
    for (size_t i = 0; i < N * 4; i++) {
        mean += (double)z[i] / (N * 4);
        square += (double)z[i] * (double)z[i] / (N * 4);
        within += fabs((double)z[i]) < 1;
    }
    CHECK(fabs(mean) < 5 / sqrt(N * 4), "mean %g", mean);
    CHECK(fabs(square - 1) < 5 * sqrt(2. / (N * 4)), "variance %g", square);
    CHECK(fabs(within / (N * 4) - 0.6827) < 0.026, "share within a deviation %g", within / (N * 4));
    lk_model_free(model);
    model = lk_model_create("1x5x7 > dense 4 > vq 8 | dense 35 sigmoid > bce", &error);
    CHECK(!lk_model_gaussian(model), "it is not");
    CHECK(lk_model_sample(model, 1, N, z, &error) == LK_MODEL, "%s", error.message);
    CHECK(strstr(error.message, "book"), "%s", error.message);
    lk_model_free(model);
}

int main(void) {
    test_fitted();
    test_kinds();
    return TEST_RESULT();
}
