#include <math.h>

#include "training.h"

/* The mean over images of the mean over values, by hand. */
static void test_loss(const lk_dataset *data) {
    static lk_real x[IMAGES * 63], z[IMAGES * 5], x_hat[IMAGES * 63];
    static const char *const ARCHS[] = {BCE, MSE};
    for (size_t a = 0; a < 2; a++) {
        lk_model *model = new_model(ARCHS[a]);
        lk_run *run = lk_run_create(model, IMAGES, LK_SIMD_BEST, NULL);
        double loss = NAN, wanted = 0;
        lk_dataset_images(data, 0, IMAGES, x);
        lk_reconstruct(run, x, IMAGES, z, x_hat);
        for (size_t i = 0; i < IMAGES * 63; i++) {
            const double t = (double)x[i], y = (double)x_hat[i];
            wanted -= a ? -(t - y) * (t - y) : t * log(y) + (1 - t) * log(1 - y);
        }
        wanted /= IMAGES * 63;
        CHECK(evaluate_loss(model, data, 2, LK_SIMD_BEST, &loss, NULL) == LK_OK, "loss");
        CHECK(fabs(loss - wanted) < 1e-6 * wanted, "%.9g, not %.9g", loss, wanted);
        lk_run_free(run);
        lk_model_free(model);
    }
}

/* Labels that are missing or too large are told; without need of them nobody asks. */
static void test_labels(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    double loss;
    lk_model *model = new_model(CLASSES), *plain = new_model(MSE);
    lk_dataset none = *data, large = *data;
    uint32_t labels[IMAGES] = {0};
    none.labels = NULL;
    large.labels = labels;
    labels[IMAGES - 1] = 3;
    CHECK(evaluate_loss(model, &none, 1, LK_SIMD_BEST, &loss, &error) == LK_DATA, "no labels");
    CHECK(strstr(error.message, "labels"), "%s", error.message);
    CHECK(evaluate_loss(model, &large, 1, LK_SIMD_BEST, &loss, &error) == LK_DATA, "label 3");
    CHECK(strstr(error.message, "label 3"), "%s", error.message);
    CHECK(evaluate_loss(plain, &none, 1, LK_SIMD_BEST, &loss, &error) == LK_OK, "%s",
          error.message);
    lk_model_free(model);
    lk_model_free(plain);
}

/* Loss and accuracy of a classifier from its probabilities; the same bits whatever computes them.
 */
static void test_accuracy(const lk_dataset *data) {
    static lk_real x[IMAGES * 63], p[IMAGES * 3];
    lk_model *model = new_model("1x7x9 > dense 20 relu > bn > dropout 0.5 | dense 3 > ce");
    lk_run *run = lk_run_create(model, IMAGES, LK_SIMD_BEST, NULL);
    lk_dataset_images(data, 0, IMAGES, x);
    lk_classify(run, x, IMAGES, p);
    double loss = 0;
    size_t right = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        const lk_real *q = p + 3 * i;
        const uint32_t guess = q[0] >= q[1] && q[0] >= q[2] ? 0 : q[1] >= q[2] ? 1 : 2;
        CHECK(fabs((double)(q[0] + q[1] + q[2]) - 1) < 1e-6, "image %zu", i);
        loss -= log((double)q[data->labels[i]]) / IMAGES;
        right += guess == data->labels[i];
    }
    lk_progress first = {0, 0};
    EACH_SIMD(simd) {
        lk_progress found;
        CHECK(lk_evaluate(model, data, 1 + (int)simd, simd, &found, NULL) == LK_OK, "evaluate");
        if (first.loss == 0) first = found;
        CHECK(found.loss == first.loss && found.accuracy == first.accuracy, "%s",
              lk_simd_name(simd));
    }
    CHECK(fabs(first.loss - loss) < 1e-6 * loss, "%.9g, not %.9g", first.loss, loss);
    CHECK(fabs(first.accuracy - (double)right / IMAGES) < 1e-12, "%g, not %zu of them",
          first.accuracy, right);
    lk_run_free(run);
    lk_model_free(model);
}

int main(void) {
    lk_dataset data = make_images((lk_shape){1, 7, 9}, 0, IMAGES, 1);
    test_loss(&data);
    test_labels(&data);
    test_accuracy(&data);
    free_images(&data);
    return TEST_RESULT();
}
