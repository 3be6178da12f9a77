#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "model.h"
#include "tensorfile.h"
#include "test.h"

/* Sizes that fill no vector; three blocks of images an epoch, the last of them short. */
static const char BCE[] = "1x7x9 > dense 33 relu > dense 17 leaky > dense 5 "
                          "| dense 21 tanh > dense 63 sigmoid > bce";
static const char CONV[] =
    "1x7x9 > conv 5 3 s2 leaky > conv 17 3 tanh > reshape 17 2 10 > maxpool 2 > dense 6"
    " | dense 85 relu > reshape 17 1 5 > unpool 2 > dense 20 > reshape 1 4 5 > deconv 2 3 s2 relu"
    " > avgpool 2 > up 2 > dense 63 sigmoid > bce";
static const char MSE[] = "1x7x9 > dense 34 sigmoid > dense 3 | dense 63 > mse";
enum { IMAGES = 150, BATCH = 61, EPOCHS = 3, STEPS = 9 };

static lk_train_options options_with(int threads, lk_simd simd) {
    lk_train_options o = lk_train_defaults();
    o.batch = BATCH;
    o.epochs = EPOCHS;
    o.decay = 0.5;
    o.seed = 7;
    o.threads = threads;
    o.simd = simd;
    return o;
}

static lk_model *new_model(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_GLOROT, 3);
    return model;
}

static void steps(lk_trainer *trainer, int n) {
    lk_error error = {LK_OK, 0, ""};
    for (int i = 0; i < n; i++) {
        double loss;
        CHECK(step_loss(trainer, &loss, &error) == LK_OK, "%s", error.message);
    }
}

/* The weights of a new model after a whole training. */
static lk_bytes train(const char *arch, const lk_dataset *data, lk_train_options options) {
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
    CHECK(weights.size == lk_model_parameters(model) * sizeof(float), "%zu", weights.size);
    lk_trainer_free(trainer);
    lk_model_free(model);
    return weights;
}

static bool equal(lk_bytes a, lk_bytes b) {
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* One hash of trained weights for all machines, compilers, threads and instruction sets. */
static void test_same_bits(const lk_dataset *data) {
    static const struct {
        const char *arch;
        uint64_t hash;
    } CASES[] = {{BCE, 0xb682ee4ce1369765}, {MSE, 0x4c4278f1346c2521}, {CONV, 0x373cbc0ea57b06b0}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) EACH_SIMD(simd)
    for (int threads = 1; threads <= 4; threads++) {
        lk_bytes weights = train(CASES[i].arch, data, options_with(threads, simd));
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
    lk_train_options changed[5];
    for (size_t i = 0; i < LK_COUNTOF(changed); i++) changed[i] = options_with(1, LK_SIMD_BEST);
    changed[1].seed++;
    changed[2].learning_rate *= 1.01;
    changed[3].decay = 0;
    changed[4].batch++;
    lk_bytes weights[LK_COUNTOF(changed)];
    for (size_t i = 0; i < LK_COUNTOF(changed); i++) {
        weights[i] = train(MSE, data, changed[i]);
        for (size_t k = 0; k < i; k++)
            CHECK(!equal(weights[i], weights[k]), "options %zu and %zu", k, i);
    }
    for (size_t i = 0; i < LK_COUNTOF(changed); i++) lk_bytes_free(&weights[i]);
}

static void test_resume(const lk_dataset *data) {
    for (int stop = 0; stop <= STEPS; stop++) {
        lk_error error = {LK_OK, 0, ""};
        const lk_train_options o = options_with(2, LK_SIMD_BEST);
        lk_bytes whole = train(BCE, data, o), saved = {NULL, 0}, resaved = {NULL, 0};
        lk_model *first = new_model(BCE), *second = new_model(BCE);
        lk_trainer *trainer = lk_trainer_create(first, data, &o, &error);
        steps(trainer, stop);
        CHECK(lk_trainer_save(trainer, "a note: \"\xc3\xa4\"", &saved, &error) == LK_OK, "%s",
              error.message);
        lk_trainer_free(trainer);
        lk_model_free(first);

        /* Going on does not ask for the same threads or kernels. */
        const lk_train_options other = options_with(1, LK_SIMD_SCALAR);
        lk_model_init(second, LK_INIT_HE, 99);
        trainer = lk_trainer_create(second, data, &other, &error);
        steps(trainer, stop % 3); /* what it had done before is forgotten */
        CHECK(lk_trainer_restore(trainer, saved.data, saved.size, &error) == LK_OK, "%s",
              error.message);
        CHECK((int)lk_trainer_steps(trainer) == stop, "%d", (int)lk_trainer_steps(trainer));
        CHECK(lk_trainer_save(trainer, "a note: \"\xc3\xa4\"", &resaved, &error) == LK_OK, "%s",
              error.message);
        CHECK(equal(saved, resaved), "saving again at step %d", stop);
        steps(trainer, STEPS - stop);
        lk_bytes weights = {NULL, 0}, note = {NULL, 0};
        CHECK(lk_model_weights(second, &weights, &error) == LK_OK, "%s", error.message);
        CHECK(equal(whole, weights), "resumed at step %d", stop);
        CHECK(lk_checkpoint_note(saved.data, saved.size, &note, &error) == LK_OK, "%s",
              error.message);
        CHECK(strcmp((const char *)note.data, "a note: \"\xc3\xa4\"") == 0 &&
                  note.size == strlen((const char *)note.data),
              "'%s'", (const char *)note.data);
        lk_trainer_free(trainer);
        lk_model_free(second);
        lk_bytes_free(&whole);
        lk_bytes_free(&saved);
        lk_bytes_free(&resaved);
        lk_bytes_free(&weights);
        lk_bytes_free(&note);
    }
}

/* Restores into a trainer of these properties; on failure nothing of it may have changed. */
static lk_status try_restore(const char *arch, const lk_dataset *data, lk_train_options options,
                             lk_bytes file, lk_error *error) {
    lk_model *model = new_model(arch);
    lk_trainer *trainer = lk_trainer_create(model, data, &options, error);
    lk_bytes before = {NULL, 0}, after = {NULL, 0};
    lk_trainer_save(trainer, "", &before, NULL);
    const lk_status status = lk_trainer_restore(trainer, file.data, file.size, error);
    lk_trainer_save(trainer, "", &after, NULL);
    CHECK(status == LK_OK || equal(before, after), "a refused checkpoint changed the trainer");
    lk_bytes_free(&before);
    lk_bytes_free(&after);
    lk_trainer_free(trainer);
    lk_model_free(model);
    return status;
}

static lk_bytes checkpoint(const lk_dataset *data, int after) {
    lk_bytes saved = {NULL, 0};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_model *model = new_model(MSE);
    lk_trainer *trainer = lk_trainer_create(model, data, &o, NULL);
    steps(trainer, after);
    CHECK(lk_trainer_save(trainer, "note", &saved, NULL) == LK_OK, "save");
    lk_trainer_free(trainer);
    lk_model_free(model);
    return saved;
}

static void test_refused_restore(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    lk_bytes saved = checkpoint(data, 4);
    lk_train_options o = options_with(1, LK_SIMD_BEST);
    CHECK(try_restore(MSE, data, o, saved, &error) == LK_OK, "%s", error.message);
    CHECK(try_restore(BCE, data, o, saved, &error) == LK_USAGE, "another architecture");
    CHECK(strstr(error.message, "architecture"), "%s", error.message);
    lk_dataset fewer = *data;
    fewer.count--;
    CHECK(try_restore(MSE, &fewer, o, saved, &error) == LK_USAGE, "fewer images");
    CHECK(strstr(error.message, "data or options"), "%s", error.message);
    lk_train_options others[] = {o, o, o, o, o};
    others[0].seed++;
    others[1].batch++;
    others[2].epochs++;
    others[3].decay += 0.1;
    others[4].learning_rate *= 2;
    for (size_t i = 0; i < LK_COUNTOF(others); i++)
        CHECK(try_restore(MSE, data, others[i], saved, &error) == LK_USAGE, "option %zu", i);

    for (size_t size = 0; size < saved.size; size += size < 700 ? 1 : 97) {
        uint8_t *part = malloc(size + !size);
        memcpy(part, saved.data, size);
        CHECK(try_restore(MSE, data, o, (lk_bytes){part, size}, &error) != LK_OK, "%zu bytes",
              size);
        lk_bytes note = {NULL, 0};
        CHECK(lk_checkpoint_note(part, size, &note, &error) != LK_OK, "%zu bytes have a note",
              size);
        free(part);
    }
    lk_bytes_free(&saved);
}

/* Files that are well formed and yet wrong: each change of a checkpoint's parts is refused. */
static void test_corrupted(const lk_dataset *data) {
    static const struct {
        const char *what, *says;
        size_t tensor, value;
        float put;
    } VALUES[] = {
        {"NaN parameter", "'parameters' holds what cannot be", 1, 5, NAN},
        {"infinite parameter", "'parameters' holds what cannot be", 1, 0, INFINITY},
        {"NaN moment", "'adam.m' holds what cannot be", 2, 17, NAN},
        {"infinite moment", "'adam.v' holds what cannot be", 3, 1, INFINITY},
        {"negative mean of squares", "'adam.v' holds what cannot be", 3, 1, -1e-9f},
    };
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_bytes saved = checkpoint(data, 4);
    lk_tensorfile *file = lk_tensorfile_open(saved.data, saved.size, &error);
    CHECK(file && file->tensor_count == 4, "%s", error.message);
    for (size_t i = 0; i < LK_COUNTOF(VALUES); i++) {
        lk_bytes bad = {malloc(saved.size), saved.size};
        memcpy(bad.data, saved.data, saved.size);
        const uint8_t *at = (const uint8_t *)file->tensors[VALUES[i].tensor].data;
        memcpy(bad.data + (at - saved.data) + VALUES[i].value * sizeof(float), &VALUES[i].put,
               sizeof(float));
        CHECK(try_restore(MSE, data, o, bad, &error) == LK_MODEL, "%s", VALUES[i].what);
        CHECK(strstr(error.message, VALUES[i].says), "%s", error.message);
        free(bad.data);
    }
    for (size_t change = 0; change < 7; change++) {
        lk_tensor tensors[4];
        lk_metadata metadata[8];
        size_t count = 4;
        memcpy(tensors, file->tensors, sizeof tensors);
        memcpy(metadata, file->metadata, file->metadata_count * sizeof *metadata);
        uint64_t place[8];
        memcpy(place, tensors[0].data, tensors[0].bytes);
        switch (change) {
        case 0: count = 3; break;
        case 1: tensors[2].name = "adam.n"; break;
        case 2: tensors[1].dtype = LK_I32; break;
        case 3: tensors[1].dims[0] -= 16, tensors[1].bytes -= 64; break;
        case 4:
            for (size_t i = 0; i < file->metadata_count; i++)
                if (strcmp(metadata[i].key, "format") == 0)
                    metadata[i].value = "likeness checkpoint 2";
            break;
        case 5: place[0] = STEPS + 1, tensors[0].data = place; break;
        case 6: place[0] = UINT64_MAX, tensors[0].data = place; break;
        }
        lk_bytes bad = {NULL, 0};
        CHECK(lk_tensorfile_write(tensors, count, metadata, file->metadata_count, &bad, &error) ==
                  LK_OK,
              "%s", error.message);
        CHECK(try_restore(MSE, data, o, bad, &error) == LK_MODEL, "change %zu", change);
        lk_bytes_free(&bad);
    }
    lk_tensorfile_free(file);
    lk_bytes_free(&saved);

    lk_bytes weights = {NULL, 0}, note = {NULL, 0};
    lk_model *model = new_model(MSE);
    CHECK(lk_model_save(model, &weights, &error) == LK_OK, "%s", error.message);
    CHECK(try_restore(MSE, data, o, weights, &error) == LK_MODEL, "a model is no checkpoint");
    CHECK(lk_checkpoint_note(weights.data, weights.size, &note, &error) == LK_MODEL, "a note");
    lk_bytes_free(&weights);
    lk_model_free(model);
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

/* A bit of a state that flips is found, wherever it is. */
static void test_damage(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_bytes saved = checkpoint(data, 4);
    CHECK(try_restore(MSE, data, o, saved, &error) == LK_OK, "%s", error.message);
    uint64_t header = 0;
    memcpy(&header, saved.data, sizeof header);
    for (size_t at = 8 + (size_t)header; at < saved.size; at += 53) {
        saved.data[at] ^= (uint8_t)(1 << at % 8);
        CHECK(try_restore(MSE, data, o, saved, &error) != LK_OK, "byte %zu passes", at);
        saved.data[at] ^= (uint8_t)(1 << at % 8);
    }
    lk_bytes_free(&saved);
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

int main(void) {
    lk_dataset data = make_images((lk_shape){1, 7, 9}, 0, IMAGES, 1);
    test_same_bits(&data);
    test_batches(&data);
    test_dependence(&data);
    test_resume(&data);
    test_refused_restore(&data);
    test_corrupted(&data);
    test_damage(&data);
    test_learning(&data);
    test_past_the_end(&data);
    test_loss(&data);
    test_nonfinite(&data);
    test_options(&data);
    test_limits(&data);
    free_images(&data);
    return TEST_RESULT();
}
