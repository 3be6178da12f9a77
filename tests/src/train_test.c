#include <math.h>
#include <stdlib.h>

#include "training.h"

/* One hash of trained weights for all machines, compilers, threads and instruction sets. */
static void test_same_bits(const lk_dataset *data) {
    static const struct {
        const char *arch;
        uint64_t hash;
    } CASES[] = {{BCE, 0xb682ee4ce1369765},     {MSE, 0x4c4278f1346c2521},
                 {CONV, 0x62026ba82919758d},    {MEET, 0x640ee3e0671d2afd},
                 {CLASSES, 0xa3425ada2af7994e}, {TILES, 0xe42705c3ae754f2d}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) EACH_SIMD(simd)
    for (int threads = 1; threads <= 4; threads++) {
        lk_train_options options = i < 3 ? options_with(threads, simd) : full_options();
        options.threads = threads;
        options.simd = simd;
        lk_bytes weights = train(CASES[i].arch, data, options);
        const uint64_t hash = hash_bytes(weights.data, weights.size);
        CHECK(hash == CASES[i].hash, "chain %zu, %s, %d threads: 0x%llx", i, lk_simd_name(simd),
              threads, (unsigned long long)hash);
        lk_bytes_free(&weights);
    }
}

static void test_batches(const lk_dataset *data) {
    static const uint32_t BATCHES[] = {1, 2, 7, 31, 32, 33, 64, 75, 149, 150, 151, 1000};
    for (size_t i = 0; i < LK_COUNTOF(BATCHES); i++) {
        lk_train_options o = options_with(1, LK_SIMD_SCALAR);
        o.epochs = 1;
        o.batch = BATCHES[i];
        lk_bytes one = train(BCE, data, o);
        o.threads = 3;
        o.simd = LK_SIMD_BEST;
        lk_bytes other = train(BCE, data, o);
        CHECK(equal(one, other), "batches of %u", BATCHES[i]);
        lk_bytes_free(&one);
        lk_bytes_free(&other);
    }
    /* More than all images at once is all images at once. */
    lk_train_options o = options_with(1, LK_SIMD_BEST);
    o.batch = IMAGES;
    lk_bytes all = train(BCE, data, o);
    o.batch = IMAGES + 1;
    lk_bytes more = train(BCE, data, o);
    CHECK(equal(all, more), "a batch over the count");
    lk_bytes_free(&all);
    lk_bytes_free(&more);
}

/* Weights follow from everything they should. */
static void test_dependence(const lk_dataset *data) {
    lk_train_options changed[14];
    for (size_t i = 0; i < LK_COUNTOF(changed); i++) changed[i] = options_with(1, LK_SIMD_BEST);
    changed[1].seed++;
    changed[2].learning_rate *= 1.01;
    changed[3].decay = 0;
    changed[4].batch++;
    changed[5].warmup = 0.5;
    changed[6].fall = LK_FALL_COSINE;
    changed[7].weight_decay = 0.01;
    changed[8].augment.shift = 1;
    changed[9].augment.rotate = 10;
    changed[10].augment.scale = 0.1;
    changed[11].augment.flip = 0.5;
    changed[12].augment.erase = 0.5;
    changed[13].augment.stroke = 1;
    lk_bytes weights[LK_COUNTOF(changed)];
    for (size_t i = 0; i < LK_COUNTOF(changed); i++) {
        weights[i] = train(MSE, data, changed[i]);
        for (size_t k = 0; k < i; k++)
            CHECK(!equal(weights[i], weights[k]), "options %zu and %zu", k, i);
    }
    for (size_t i = 0; i < LK_COUNTOF(changed); i++) lk_bytes_free(&weights[i]);
}

static void test_learning(const lk_dataset *data) {
    static const char *const ARCHS[] = {BCE, MSE};
    for (size_t i = 0; i < LK_COUNTOF(ARCHS); i++) {
        lk_error error = {LK_OK, 0, ""};
        lk_train_options o = options_with(2, LK_SIMD_BEST);
        o.epochs = 60;
        o.batch = 16;
        lk_model *model = new_model(ARCHS[i]);
        double before = NAN, after = NAN, first = NAN;
        CHECK(evaluate_loss(model, data, 1, LK_SIMD_BEST, &before, &error) == LK_OK, "%s",
              error.message);
        lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
        CHECK(step_loss(trainer, &first, &error) == LK_OK, "%s", error.message);
        CHECK(fabs(first - before) < 0.2 * before, "the first step's loss %g, all images' %g",
              first, before);
        steps(trainer, 60 * 10 - 1);
        EACH_SIMD(simd)
        for (int threads = 1; threads <= 3; threads++) {
            double loss = NAN;
            CHECK(evaluate_loss(model, data, threads, simd, &loss, &error) == LK_OK, "%s",
                  error.message);
            if (isnan(after)) after = loss;
            CHECK(loss == after, "%s, %d threads: %.17g, not %.17g", lk_simd_name(simd), threads,
                  loss, after);
        }
        CHECK(after < 0.6 * before, "%s: from %g to %g", ARCHS[i], before, after);
        lk_trainer_free(trainer);
        lk_model_free(model);
    }
}

/* The rate has fallen to 0 at the end of the schedule and stays there. */
static void test_past_the_end(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_model *model = new_model(BCE);
    lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
    lk_bytes before = {NULL, 0}, after = {NULL, 0};
    steps(trainer, STEPS);
    CHECK(lk_model_weights(model, &before, &error) == LK_OK, "%s", error.message);
    steps(trainer, STEPS);
    CHECK(lk_model_weights(model, &after, &error) == LK_OK, "%s", error.message);
    CHECK(equal(before, after), "weights moved behind the end of the schedule");
    lk_bytes_free(&before);
    lk_bytes_free(&after);
    lk_trainer_free(trainer);
    lk_model_free(model);
}

static void test_nonfinite(const lk_dataset *data) {
    static const float BAD[] = {NAN, INFINITY, 3e38f};
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++) EACH_SIMD(simd) {
            lk_error error = {LK_OK, 0, ""};
            const lk_train_options o = options_with(2, simd);
            lk_model *model = new_model(BCE);
            double loss = 0;
            for (size_t k = 0; k < model->arch.packed; k++) model->parameters[k] = BAD[i];
            lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
            CHECK(step_loss(trainer, &loss, &error) == LK_NONFINITE, "%g passes: %g",
                  (double)BAD[i], loss);
            CHECK(error.status == LK_NONFINITE && strstr(error.message, "step 1"), "%s",
                  error.message);
            lk_trainer_free(trainer);
            lk_model_free(model);
        }
    /* Far too high a rate overflows a deep linear chain before long. */
    lk_error error = {LK_OK, 0, ""};
    lk_train_options o = options_with(1, LK_SIMD_BEST);
    o.learning_rate = 10;
    o.epochs = 10000;
    o.decay = 0;
    char arch[500] = "1x7x9 > dense 63";
    for (int i = 0; i < 14; i++) strcat(arch, " > dense 63");
    strcat(arch, " | dense 63 > mse");
    lk_model *model = new_model(arch);
    lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
    lk_status status = LK_OK;
    double loss;
    for (int i = 0; i < 3000 && status == LK_OK; i++) status = step_loss(trainer, &loss, &error);
    CHECK(status == LK_NONFINITE, "the loss stays at %g", loss);
    lk_trainer_free(trainer);
    lk_model_free(model);
}

static void test_options(const lk_dataset *data) {
    const lk_train_options d = lk_train_defaults();
    CHECK(d.batch == 64 && d.learning_rate == 1e-3 && d.epochs == 10 && d.decay == 0 &&
              d.threads == 1 && d.simd == LK_SIMD_BEST,
          "other defaults");
    static const struct {
        const char *says;
        uint32_t batch;
        double rate;
        uint32_t epochs;
        double decay;
        int threads;
        lk_simd simd;
        double warmup, weight_decay;
    } CASES[] = {
        {"batch", 0, 1e-3, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"batch", 65537, 1e-3, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"learning rate", 1, 0, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"learning rate", 1, -1e-3, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"learning rate", 1, NAN, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"learning rate", 1, INFINITY, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"learning rate", 1, 10.1, 1, 0, 1, LK_SIMD_BEST, 0, 0},
        {"epochs", 1, 1e-3, 0, 0, 1, LK_SIMD_BEST, 0, 0},
        {"epochs", 1, 1e-3, 1000001, 0, 1, LK_SIMD_BEST, 0, 0},
        {"decay", 1, 1e-3, 1, -0.1, 1, LK_SIMD_BEST, 0, 0},
        {"decay", 1, 1e-3, 1, 1.1, 1, LK_SIMD_BEST, 0, 0},
        {"decay", 1, 1e-3, 1, NAN, 1, LK_SIMD_BEST, 0, 0},
        {"warmup", 1, 1e-3, 1, 0, 1, LK_SIMD_BEST, -0.1, 0},
        {"warmup", 1, 1e-3, 1, 0.6, 1, LK_SIMD_BEST, 0.5, 0},
        {"warmup", 1, 1e-3, 1, 0, 1, LK_SIMD_BEST, NAN, 0},
        {"weight decay", 1, 1e-3, 1, 0, 1, LK_SIMD_BEST, 0, -0.1},
        {"weight decay", 1, 1e-3, 1, 0, 1, LK_SIMD_BEST, 0, 1.1},
        {"threads", 1, 1e-3, 1, 0, 0, LK_SIMD_BEST, 0, 0},
        {"threads", 1, 1e-3, 1, 0, -1, LK_SIMD_BEST, 0, 0},
        {"threads", 1, 1e-3, 1, 0, 1025, LK_SIMD_BEST, 0, 0},
        {"no kernels", 1, 1e-3, 1, 0, 1, LK_SIMD_WASM, 0, 0},
        {"no kernels", 1, 1e-3, 1, 0, 1, LK_SIMD_COUNT, 0, 0},
    };
    lk_model *model = new_model(MSE);
    lk_error error = {LK_OK, 0, ""};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const lk_train_options o = {.batch = CASES[i].batch,
                                    .learning_rate = CASES[i].rate,
                                    .epochs = CASES[i].epochs,
                                    .decay = CASES[i].decay,
                                    .warmup = CASES[i].warmup,
                                    .weight_decay = CASES[i].weight_decay,
                                    .seed = 1,
                                    .threads = CASES[i].threads,
                                    .simd = CASES[i].simd};
        CHECK(!lk_trainer_create(model, data, &o, &error), "case %zu passes", i);
        CHECK(error.status == LK_USAGE && strstr(error.message, CASES[i].says), "case %zu: %s", i,
              error.message);
    }
    lk_model *compares = new_model("1x7x9 > dense 3 > l2norm | triplet");
    lk_train_options many = d;
    many.batch = 4097;
    CHECK(!lk_trainer_create(compares, data, &many, &error) && error.status == LK_USAGE &&
              strstr(error.message, "4096"),
          "%s", error.message);
    lk_model_free(compares);
    lk_dataset none = *data, turned = *data;
    none.count = 0;
    turned.shape = (lk_shape){1, 9, 7};
    CHECK(!lk_trainer_create(model, &none, &d, &error) && error.status == LK_DATA, "%s",
          error.message);
    CHECK(!lk_trainer_create(model, &turned, &d, &error) && error.status == LK_DATA, "%s",
          error.message);
    lk_trainer_free(NULL);
    lk_model_free(model);
}

static void test_limits(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = lk_train_defaults();
    lk_model *model = new_model("1x7x9 > dense 180000 relu | dense 63 > mse");
    CHECK(!lk_trainer_create(model, data, &o, &error) && error.status == LK_USAGE, "passes");
    CHECK(strstr(error.message, "too large to train"), "%s", error.message);
    const lk_dataset none = {.shape = data->shape, .pixels = data->pixels};
    double loss;
    CHECK(evaluate_loss(model, &none, 1, LK_SIMD_BEST, &loss, &error) == LK_DATA, "a loss");
    lk_model_free(model);
}

/* Field by field, since what pads them may differ. */
static bool same_options(const lk_train_options *a, const lk_train_options *b) {
    return a->batch == b->batch && a->learning_rate == b->learning_rate && a->epochs == b->epochs &&
           a->warmup == b->warmup && a->decay == b->decay && a->fall == b->fall &&
           a->weight_decay == b->weight_decay && !lk_augmentation_any(&a->augment) &&
           !lk_augmentation_any(&b->augment) && a->seed == b->seed && a->threads == b->threads &&
           a->simd == b->simd;
}

/* A family's own way of training, and epochs by the number of images. */
static void test_family_defaults(void) {
    const lk_train_options usual = lk_train_defaults();
    const lk_train_options plain = lk_train_family_defaults(lk_family_find("ae"), 1000);
    CHECK(same_options(&plain, &usual), "ae is not trained as any network");
    const lk_train_options none = lk_train_family_defaults(NULL, 1000);
    CHECK(same_options(&none, &usual), "no family is not trained as any network");
    const lk_family *gate = lk_family_find("gate");
    static const struct {
        size_t images;
        uint32_t epochs;
    } CASES[] = {{0, 10}, {1, 4000}, {128, 4000}, {129, 2000}, {1667, 286}, {1000000, 10}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const lk_train_options o = lk_train_family_defaults(gate, CASES[i].images);
        CHECK(o.epochs == CASES[i].epochs, "%zu images: %u epochs", CASES[i].images, o.epochs);
        CHECK(o.batch == 128 && o.decay == 0.5 && o.augment.shift == 2, "the way of gate");
    }
    /* What zoo.c says can be read. */
    size_t count;
    const lk_family *families = lk_families(&count);
    for (size_t i = 0; i < count; i++) {
        lk_augmentation augment;
        const char *text = families[i].training.augment;
        CHECK(!text || lk_augmentation_parse(text, &augment, NULL) == LK_OK, "%s", text);
    }
}

int main(void) {
    lk_dataset data = make_images((lk_shape){1, 7, 9}, 0, IMAGES, 1);
    test_same_bits(&data);
    test_batches(&data);
    test_dependence(&data);
    test_learning(&data);
    test_past_the_end(&data);
    test_nonfinite(&data);
    test_options(&data);
    test_family_defaults();
    test_limits(&data);
    free_images(&data);
    return TEST_RESULT();
}
