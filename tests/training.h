/* Small chains and their training, for the tests of all that has to do with it. */
#ifndef TRAINING_H
#define TRAINING_H

#include <stdlib.h>

#include "fixture.h"
#include "model.h"
#include "test.h"

/* Sizes that fill no vector; three blocks of images an epoch, the last of them short. */
static const char BCE[] = "1x7x9 > dense 33 relu > dense 17 leaky > dense 5 "
                          "| dense 21 tanh > dense 63 sigmoid > bce";
static const char TILES[] =
    "1x7x9 > conv 16 3 relu > conv 32 3 > bn relu > conv 16 3 valid > dense 6"
    " | dense 320 relu > reshape 16 4 5 > conv 16 3 leaky > deconv 32 3 relu > deconv 1 3 valid"
    " > dense 63 sigmoid > bce";
static const char CONV[] =
    "1x7x9 > conv 5 3 s2 leaky > conv 17 3 tanh > reshape 17 2 10 > maxpool 2 > dense 6"
    " | dense 85 relu > reshape 17 1 5 > unpool 2 > dense 20 > reshape 1 4 5 > deconv 2 3 s2 relu"
    " > avgpool 2 > up 2 > dense 63 sigmoid > bce";
/* Rows that meet, chance, labels, averages. */
static const char MEET[] =
    "1x7x9 > noise 0.1 > conv 5 3 > bn leaky > salt 0.1 > dense 17 > bn > l1 0.01 | dropout 0.25"
    " > dense 21 tanh > embed 3 > classify 3 0.5 > dense 63 sigmoid > bce";
static const char CLASSES[] = "1x7x9 > mask 0.1 > dense 20 relu > l2norm | dense 3 > ce";
static const char MSE[] = "1x7x9 > dense 34 sigmoid > dense 3 | dense 63 > mse";
enum { IMAGES = 150, BATCH = 61, EPOCHS = 3, STEPS = 9 };

static inline lk_train_options options_with(int threads, lk_simd simd) {
    lk_train_options o = lk_train_defaults();
    o.batch = BATCH;
    o.epochs = EPOCHS;
    o.decay = 0.5;
    o.seed = 7;
    o.threads = threads;
    o.simd = simd;
    return o;
}

/* Every option that says something else than nothing. */
static inline lk_train_options full_options(void) {
    lk_train_options o = options_with(2, LK_SIMD_BEST);
    o.warmup = 0.2;
    o.fall = LK_FALL_COSINE;
    o.weight_decay = 0.01;
    o.augment = (lk_augmentation){1, 10, 0.1, 0.5, 0.3, 0.5};
    return o;
}

static inline lk_model *new_model(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_GLOROT, 3);
    return model;
}

static inline void steps(lk_trainer *trainer, int n) {
    lk_error error = {LK_OK, 0, ""};
    for (int i = 0; i < n; i++) {
        double loss;
        CHECK(step_loss(trainer, &loss, &error) == LK_OK, "%s", error.message);
    }
}

/* The weights of a new model after a whole training. */
static inline lk_bytes train(const char *arch, const lk_dataset *data, lk_train_options options) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = new_model(arch);
    lk_trainer *trainer = lk_trainer_create(model, data, &options, &error);
    CHECK(trainer, "%s", error.message);
    if (!trainer) abort();
    CHECK(lk_trainer_steps_per_epoch(trainer) == (data->count + options.batch - 1) / options.batch,
          "%d", (int)lk_trainer_steps_per_epoch(trainer));
    const int total = (int)(lk_trainer_steps_per_epoch(trainer) * options.epochs);
    steps(trainer, total);
    CHECK((int)lk_trainer_steps(trainer) == total, "%d", (int)lk_trainer_steps(trainer));
    lk_bytes weights = {NULL, 0};
    CHECK(lk_model_weights(model, &weights, &error) == LK_OK, "%s", error.message);
    CHECK(weights.size >= lk_model_parameters(model) * sizeof(float), "%zu", weights.size);
    lk_trainer_free(trainer);
    lk_model_free(model);
    return weights;
}

static inline bool equal(lk_bytes a, lk_bytes b) {
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

#endif
