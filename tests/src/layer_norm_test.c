#include <math.h>

#include "training.h"

static const double EPSILON = 1e-5;

/* Averages follow the batches by a tenth of the way, and are what counts in use. */
static void test_averages(void) {
    enum { N = 48, STEPS_DONE = 4 };
    lk_dataset data = make_images((lk_shape){2, 3, 4}, 0, N, 5);
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = new_model("2x3x4 > bn > dense 5 | dense 24 > mse");
    lk_train_options o = options_with(1, LK_SIMD_BEST);
    o.batch = N;
    o.epochs = 100;
    o.learning_rate = 1e-9; /* scale and shift stay where they are */
    lk_trainer *trainer = lk_trainer_create(model, &data, &o, &error);
    steps(trainer, STEPS_DONE);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, &error);
    lk_real x[24], z[5], x_hat[24];
    for (size_t c = 0; c < 2; c++) {
        double mean = 0, variance = 0, m = 0, v = 1;
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < 12; k++) mean += data.pixels[i * 24 + c * 12 + k] / 255.0;
        mean /= N * 12;
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < 12; k++)
                variance += pow(data.pixels[i * 24 + c * 12 + k] / 255.0 - mean, 2);
        for (int s = 0; s < STEPS_DONE; s++) {
            m += 0.1 * (mean - m);
            v += 0.1 * (variance / (N * 12 - 1) - v);
        }
        lk_dataset_images(&data, 0, 1, x);
        lk_reconstruct(run, x, 1, z, x_hat);
        for (size_t k = 0; k < 12; k++) {
            const double wanted = ((double)x[c * 12 + k] - m) / sqrt(v + EPSILON);
            const double found = (double)run->value[1][k * 2 + c];
            CHECK(fabs(found - wanted) < 1e-5, "channel %zu: %g, not %g", c, found, wanted);
        }
    }
    lk_run_free(run);
    lk_trainer_free(trainer);
    lk_model_free(model);
    free_images(&data);
}

/* A batch comes out with mean 0 and variance 1: of each channel, or of each value of a row. */
static void test_batch(void) {
    static const struct {
        const char *arch;
        lk_shape shape;
        size_t features;
    } CASES[] = {{"3x4x5 > bn > dense 2 | dense 60 > mse", {3, 4, 5}, 3},
                 {"1x1x21 > bn > dense 2 | dense 21 > mse", {1, 1, 21}, 21},
                 {"1x4x4 > bn > dense 2 | dense 16 > mse", {1, 4, 4}, 1}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        enum { N = 40 };
        lk_dataset data = make_images(CASES[i].shape, 0, N, 2);
        lk_model *model = new_model(CASES[i].arch);
        lk_run *run = lk_run_create_training(model, N, 1, LK_SIMD_BEST, NULL);
        const lk_layer *l = &model->arch.layers[0];
        const lk_batch batch = {.rows = N, .learning = true};
        for (size_t r = 0; r < N; r++)
            lk_run_load_pixels(run, data.pixels + r * lk_shape_size(data.shape), r);
        run->batch = &batch;
        const lk_pass pass = lk_run_pass(run, 0, 0, 0);
        l->op->gather(l, &pass, run->value[0], N);
        l->op->meet(l, &pass);
        lk_run_forward(run, 0, 1, 0, N, 0);
        const size_t features = CASES[i].features, pixels = lk_shape_size(l->in) / features;
        for (size_t f = 0; f < features; f++) {
            double sum = 0, squares = 0;
            for (size_t r = 0; r < N; r++)
                for (size_t k = 0; k < pixels; k++) {
                    const double v = (double)run->value[1][r * l->out_stride + k * features + f];
                    sum += v / (double)(N * pixels);
                    squares += v * v / (double)(N * pixels);
                }
            CHECK(fabs(sum) < 1e-4, "%s: mean %g", CASES[i].arch, sum);
            CHECK(fabs(squares - 1) < 0.02, "%s: variance %g", CASES[i].arch, squares);
        }
        run->batch = NULL;
        lk_run_free(run);
        lk_model_free(model);
        free_images(&data);
    }
}

/* Values far from 0 that hardly differ; and one value alone, which moves nothing. */
static void test_narrow(void) {
    enum { N = 60 };
    lk_error error = {LK_OK, 0, ""};
    lk_dataset data = make_images((lk_shape){1, 4, 4}, 0, N, 2);
    double mean = 0, variance = 0;
    for (size_t i = 0; i < N * 16; i++) data.pixels[i] = (uint8_t)(200 + i * 7 % 3);
    for (size_t i = 0; i < N * 16; i++) mean += data.pixels[i] / 255.0 / (N * 16);
    for (size_t i = 0; i < N * 16; i++) variance += pow(data.pixels[i] / 255.0 - mean, 2);
    lk_model *model = new_model("1x4x4 > bn > dense 2 | dense 16 > mse");
    lk_train_options o = options_with(1, LK_SIMD_BEST);
    o.batch = N;
    o.epochs = 1000;
    lk_trainer *trainer = lk_trainer_create(model, &data, &o, &error);
    steps(trainer, 200);
    const double found = (double)model->parameters[3 * LK_LANES];
    CHECK(fabs(found / (variance / (N * 16 - 1)) - 1) < 1e-3, "%g, not %g", found,
          variance / (N * 16 - 1));
    lk_trainer_free(trainer);
    lk_model_free(model);

    lk_dataset one = make_images((lk_shape){1, 1, 8}, 0, 1, 2);
    model = new_model("1x1x8 > bn > dense 2 | dense 8 > mse");
    trainer = lk_trainer_create(model, &one, &o, &error);
    steps(trainer, 3);
    CHECK(model->parameters[2 * LK_LANES] == 0 && model->parameters[3 * LK_LANES] == 1, "moved");
    lk_trainer_free(trainer);
    lk_model_free(model);
    free_images(&one);
    free_images(&data);
}

static void test_l2norm(void) {
    lk_model *model = new_model("1x3x7 > l2norm | dense 21 > mse");
    lk_run *run = lk_run_create(model, 3, LK_SIMD_BEST, NULL);
    lk_real x[63], z[63];
    fill_normal(x, 63, 1);
    for (size_t i = 42; i < 63; i++) x[i] = 0; /* nothing has no direction */
    lk_encode(run, x, 3, z);
    for (size_t r = 0; r < 3; r++) {
        double length = 0;
        for (size_t i = 0; i < 21; i++) length += pow((double)x[r * 21 + i], 2);
        for (size_t i = 0; i < 21; i++) {
            const double wanted = r < 2 ? (double)x[r * 21 + i] / sqrt(length) : 0;
            CHECK(fabs((double)z[r * 21 + i] - wanted) < 1e-6, "row %zu", r);
        }
    }
    lk_run_free(run);
    lk_model_free(model);
}

/* l1 changes no value; its penalty is part of the loss, divided as the loss is. */
static void test_l1(void) {
    lk_dataset data = make_images((lk_shape){1, 5, 5}, 0, 30, 3);
    lk_model *plain = new_model("1x5x5 > dense 7 tanh | dense 25 > mse");
    lk_model *model = new_model("1x5x5 > dense 7 tanh > l1 0.25 | dense 25 > mse");
    memcpy(model->parameters, plain->parameters, plain->arch.packed * sizeof(lk_real));
    lk_run *run = lk_run_create(model, 30, LK_SIMD_BEST, NULL);
    static lk_real x[30 * 25], z[30 * 7];
    double with, without, sum = 0;
    lk_dataset_images(&data, 0, 30, x);
    lk_encode(run, x, 30, z);
    for (size_t i = 0; i < 30 * 7; i++) sum += fabs((double)z[i]);
    CHECK(evaluate_loss(plain, &data, 1, LK_SIMD_BEST, &without, NULL) == LK_OK, "plain");
    CHECK(evaluate_loss(model, &data, 1, LK_SIMD_BEST, &with, NULL) == LK_OK, "l1");
    CHECK(fabs(with - without - 0.25 * sum / (30 * 25)) < 1e-6, "%g and %g", with, without);
    lk_run_free(run);
    lk_model_free(model);
    lk_model_free(plain);
    free_images(&data);
}

int main(void) {
    test_averages();
    test_batch();
    test_narrow();
    test_l2norm();
    test_l1();
    return TEST_RESULT();
}
