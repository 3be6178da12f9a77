#include <math.h>

#include "fixture.h"
#include "test.h"

static lk_model *new_model(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s: %s", arch, error.message);
    if (model) lk_model_init(model, LK_INIT_GLOROT, 1);
    return model;
}

/* Means 2, 500 and 7; deviations 1, 300 and none, for which a unit stands. */
static lk_real rows[] = {1, 200, 7, 3, 800, 7, 1, 800, 7, 3, 200, 7};
static const lk_dataset data = {.shape = {1, 1, 3}, .count = 4, .values = rows};
static const lk_real wanted[] = {-1, -1, 0, 1, 1, 0, -1, 1, 0, 1, -1, 0};

static void check_prepared(const lk_model *model, const char *what) {
    lk_real x[12];
    lk_table_prepare(model, rows, 4, x);
    for (size_t i = 0; i < 12; i++)
        CHECK(fabs((double)x[i] - (double)wanted[i]) < 1e-6, "%s: value %zu is %g", what, i,
              (double)x[i]);
}

/* What is learnt of columns stays through training and the file, and the chain lets rows pass. */
static void test_kept(void) {
    lk_model *model = new_model("1x1x3 > table > dense 2 | dense 3 > mse");
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_model_is_table(model), "is a table");
    CHECK(lk_table_fit(model, &data, &error) == LK_OK, "%s", error.message);
    check_prepared(model, "fitted");

    lk_real x[12];
    lk_table_prepare(model, rows, 4, x);
    const lk_dataset prepared = {.shape = {1, 1, 3}, .count = 4, .values = x};
    lk_train_options options = lk_train_defaults();
    options.batch = 2;
    options.learning_rate = 0.05;
    lk_trainer *trainer = lk_trainer_create(model, &prepared, &options, &error);
    CHECK(trainer, "%s", error.message);
    double first = 0, loss = 0;
    CHECK(evaluate_loss(model, &prepared, 1, LK_SIMD_BEST, &first, &error) == LK_OK, "loss");
    for (int i = 0; i < 200; i++) CHECK(step_loss(trainer, &loss, &error) == LK_OK, "step");
    lk_trainer_free(trainer);
    CHECK(evaluate_loss(model, &prepared, 1, LK_SIMD_BEST, &loss, &error) == LK_OK, "loss");
    CHECK(loss < 0.01 && loss < first / 10, "two values are enough: %g, from %g", loss, first);
    check_prepared(model, "trained");

    lk_bytes bytes = {NULL, 0};
    CHECK(lk_model_save(model, &bytes, &error) == LK_OK, "%s", error.message);
    lk_model *again = lk_model_load(bytes.data, bytes.size, &error);
    CHECK(again, "%s", error.message);
    check_prepared(again, "loaded");
    lk_real z[8], other[8], x_hat[12];
    lk_run *run = lk_run_create(model, 4, LK_SIMD_BEST, NULL);
    lk_run *second = lk_run_create(again, 4, LK_SIMD_BEST, NULL);
    lk_reconstruct(run, x, 4, z, x_hat);
    lk_encode(second, x, 4, other);
    CHECK(memcmp(z, other, sizeof z) == 0, "the loaded model codes otherwise");
    for (size_t i = 0; i < 12; i++)
        CHECK(fabs((double)x_hat[i] - (double)x[i]) < 0.5, "value %zu: %g", i, (double)x_hat[i]);
    lk_run_free(run);
    lk_run_free(second);
    lk_bytes_free(&bytes);
    lk_model_free(model);
    lk_model_free(again);
}

/* Means and deviations that are given prepare rows as those that are learnt. */
static void test_set(void) {
    static const lk_real means[] = {2, 500, 7}, deviations[] = {1, 300, 1};
    lk_model *model = new_model("1x1x3 > table > dense 2 | dense 3 > mse");
    lk_table_set(model, means, deviations);
    check_prepared(model, "set");
    lk_model_free(model);
}

static void test_refusals(void) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *plain = new_model("1x1x3 > dense 2 | dense 3 > mse");
    lk_model *model = new_model("1x1x3 > table > dense 2 | dense 3 > mse");
    CHECK(!lk_model_is_table(plain), "is none");
    CHECK(lk_table_fit(plain, &data, &error) == LK_USAGE, "no table");
    lk_dataset other = data;
    other.count = 0;
    CHECK(lk_table_fit(model, &other, &error) == LK_DATA, "no rows");
    other = data;
    other.shape.width = 2;
    CHECK(lk_table_fit(model, &other, &error) == LK_USAGE, "another length");
    lk_real huge[] = {3e38f, 0, 0, -3e38f, 0, 0, 3e38f, 0, 0, -3e38f, 0, 0};
    other = data;
    other.values = huge;
    CHECK(lk_table_fit(model, &other, &error) == LK_OK, "%s", error.message);
    CHECK(!lk_model_create("1x1x3 > dense 3 > table | dense 3 > mse", &error) &&
              error.status == LK_MODEL,
          "table in the middle");
    lk_model_free(plain);
    lk_model_free(model);
}

int main(void) {
    test_kept();
    test_set();
    test_refusals();
    return TEST_RESULT();
}
