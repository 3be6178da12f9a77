#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "model.h"
#include "test.h"

enum { IMAGES = 37 };
static const lk_shape SHAPE = {1, 5, 7};

static lk_model *new_model(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s: %s", arch, error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_GLOROT, 1);
    return model;
}

static double activation(lk_activation f, double v) {
    switch (f) {
    case LK_RELU: return v > 0 ? v : 0;
    case LK_LEAKY: return v > 0 ? v : 0.01 * v;
    case LK_SIGMOID: return 1 / (1 + exp(-v));
    case LK_TANH: return tanh(v);
    default: return v;
    }
}

/* One image through a chain of dense layers in plain loops, from the weights as a file has them:
   per layer W[out][in], then b[out]. */
static void plain(const lk_model *model, const lk_real *x, double *z, double *x_hat) {
    enum { MOST = 1024 };
    static double from[MOST], to[MOST];
    lk_bytes bytes = {NULL, 0};
    CHECK(lk_model_weights(model, &bytes, NULL) == LK_OK, "weights");
    const float *w = (const float *)(const void *)bytes.data;
    const lk_arch *arch = &model->arch;
    for (size_t i = 0; i < lk_shape_size(arch->input); i++) from[i] = (double)x[i];
    for (size_t l = 0; l < arch->count; l++) {
        const size_t in = lk_shape_size(arch->layers[l].in),
                     out = lk_shape_size(arch->layers[l].out);
        for (size_t o = 0; o < out; o++) {
            double sum = (double)w[in * out + o];
            for (size_t k = 0; k < in; k++) sum += from[k] * (double)w[o * in + k];
            to[o] = activation(
                l + 1 == arch->count && arch->head ? arch->head : arch->layers[l].activation, sum);
        }
        w += in * out + out;
        memcpy(from, to, out * sizeof *to);
        if (l + 1 == arch->encoder) memcpy(z, to, out * sizeof *to);
    }
    memcpy(x_hat, from, lk_shape_size(arch->input) * sizeof *x_hat);
    lk_bytes_free(&bytes);
}

static void check_plain(const lk_model *model, const lk_real *x, const lk_real *z,
                        const lk_real *x_hat) {
    const size_t size = lk_shape_size(lk_model_shape(model)), latent = lk_model_latent(model);
    double wanted_z[1024], wanted[1024];
    for (size_t i = 0; i < IMAGES; i++) {
        plain(model, x + i * size, wanted_z, wanted);
        for (size_t k = 0; k < latent; k++)
            CHECK(fabs((double)z[i * latent + k] - wanted_z[k]) <= 1e-5 * (1 + fabs(wanted_z[k])),
                  "%s: z %.9g, not %.9g", lk_model_arch(model), (double)z[i * latent + k],
                  wanted_z[k]);
        for (size_t k = 0; k < size; k++)
            CHECK(fabs((double)x_hat[i * size + k] - wanted[k]) <= 1e-5 * (1 + fabs(wanted[k])),
                  "%s: x_hat %.9g, not %.9g", lk_model_arch(model), (double)x_hat[i * size + k],
                  wanted[k]);
    }
}

/* Whether the chain is of dense layers alone, and whether its decoder needs more than the code. */
static bool all_dense(const lk_model *model) {
    for (size_t i = 0; i < model->arch.count; i++)
        if (model->arch.layers[i].op != &lk_op_dense) return false;
    return true;
}
static bool remembers(const lk_model *model) {
    for (size_t i = 0; i < model->arch.count; i++)
        if (model->arch.layers[i].op->partner) return true;
    return model->arch.loss->shares; /* of how much */
}

/* Whole and half passes, batches and single images, all kernels: one answer, and the right one. */
static void check_passes(const lk_model *model, const lk_dataset *data) {
    const size_t size = lk_shape_size(data->shape), latent = lk_model_latent(model);
    lk_real *x = lk_alloc(IMAGES * size * sizeof *x), *y = lk_alloc(IMAGES * size * sizeof *y);
    lk_real *y2 = lk_alloc(IMAGES * size * sizeof *y), *z = lk_alloc(IMAGES * latent * sizeof *z);
    lk_real *z2 = lk_alloc(IMAGES * latent * sizeof *z);
    lk_dataset_images(data, 0, IMAGES, x);
    lk_run *first = lk_run_create(model, IMAGES, LK_SIMD_SCALAR, NULL);
    lk_reconstruct(first, x, IMAGES, z, y);
    if (all_dense(model)) check_plain(model, x, z, y);
    EACH_SIMD(simd) {
        const char *name = lk_simd_name(simd);
        lk_run *run = lk_run_create(model, IMAGES + 3, simd, NULL);
        lk_reconstruct(run, x, IMAGES, z2, y2);
        CHECK(memcmp(z, z2, IMAGES * latent * sizeof *z) == 0, "%s: codes", name);
        CHECK(memcmp(y, y2, IMAGES * size * sizeof *y) == 0, "%s: reconstructions", name);
        memset(z2, 0, IMAGES * latent * sizeof *z);
        memset(y2, 0, IMAGES * size * sizeof *y);
        lk_encode(run, x, IMAGES, z2);
        lk_decode(run, z2, IMAGES, y2);
        CHECK(memcmp(z, z2, IMAGES * latent * sizeof *z) == 0, "%s: encode", name);
        CHECK((memcmp(y, y2, IMAGES * size * sizeof *y) == 0) != remembers(model), "%s: decode",
              name);
        for (size_t n = 1; n <= 16; n += n < 4 ? 1 : 4)
            for (size_t i = 0; i + n <= IMAGES; i += n) {
                memset(z2, 0, n * latent * sizeof *z);
                lk_reconstruct(run, x + i * size, n, z2, y2);
                CHECK(memcmp(z + i * latent, z2, n * latent * sizeof *z) == 0, "%s: %zu of %zu",
                      name, i, n);
                CHECK(memcmp(y + i * size, y2, n * size * sizeof *y) == 0, "%s: %zu of %zu", name,
                      i, n);
            }
        CHECK(lk_run_model(run) == model && lk_run_max_batch(run) == IMAGES + 3, "%s", name);
        lk_run_free(run);
    }
    lk_run_free(first);
    lk_free(x), lk_free(y), lk_free(y2), lk_free(z), lk_free(z2);
}

static void test_passes(const lk_dataset *data) {
    static const char *const CHAINS[] = {
        "1x5x7 > dense 1 | dense 35 > mse",
        "1x5x7 > dense 17 leaky > dense 33 sigmoid > dense 2 tanh | dense 31 > dense 35 tanh > mse",
        "1x5x7 > dense 300 relu | dense 35 sigmoid > bce",
    };
    static const char *const IMAGE_CHAINS[] = {
        "2x8x4 > conv 3 3 s2 leaky > conv 16 2 valid tanh | deconv 3 2 valid relu"
        " > deconv 2 3 s2 sigmoid > bce",
        "2x8x4 > avgpool 2 > reshape 4 2 2 > dense 5 | dense 4 > reshape 2 2 1 > up 4 > mse",
        "2x8x4 > conv 17 3 relu > maxpool 4 > dense 3 | dense 34 > reshape 17 2 1 > unpool 4"
        " > deconv 2 5 > mse",
    };
    lk_dataset images = make_images((lk_shape){2, 8, 4}, 0, IMAGES, 2);
    for (size_t i = 0; i < LK_COUNTOF(IMAGE_CHAINS); i++) {
        lk_model *model = new_model(IMAGE_CHAINS[i]);
        check_passes(model, &images);
        lk_model_free(model);
    }
    size_t count;
    const lk_family *families = lk_families(&count);
    lk_dataset square = make_images((lk_shape){2, 8, 8}, 0, IMAGES, 2);
    for (size_t i = 0; i < count + LK_COUNTOF(CHAINS); i++) {
        char arch[1024];
        /* Some families need sides that 8 divides; some know no more values than an image has. */
        const bool other =
            i < count && (strstr(families[i].arch, "{h/") || strstr(families[i].arch, "pool"));
        const lk_dataset *set = other ? &square : data;
        if (i < count)
            CHECK(lk_family_arch(&families[i], set->shape, 0, 10, arch, sizeof arch, NULL) ==
                          LK_OK ||
                      lk_family_arch(&families[i], set->shape, 9, 10, arch, sizeof arch, NULL) ==
                          LK_OK,
                  "%s", families[i].name);
        else
            strcpy(arch, CHAINS[i - count]);
        lk_model *model = new_model(arch);
        check_passes(model, set);
        lk_model_free(model);
    }
    free_images(&square);
    free_images(&images);
}

/* Normal weights of the documented deviation, biases zero; seeds and layers differ. */
static void test_init(void) {
    lk_model *model = new_model("1x5x7 > dense 200 | dense 35 > mse");
    for (int how = LK_INIT_GLOROT; how <= LK_INIT_HE; how++) {
        lk_model_init(model, (lk_init)how, 5);
        lk_bytes weights = {NULL, 0}, again = {NULL, 0}, other = {NULL, 0};
        CHECK(lk_model_weights(model, &weights, NULL) == LK_OK, "weights");
        lk_model_init(model, (lk_init)how, 5);
        CHECK(lk_model_weights(model, &again, NULL) == LK_OK, "weights");
        lk_model_init(model, (lk_init)how, 6);
        CHECK(lk_model_weights(model, &other, NULL) == LK_OK, "weights");
        CHECK(memcmp(weights.data, again.data, weights.size) == 0, "one seed, two models");
        CHECK(memcmp(weights.data, other.data, weights.size) != 0, "two seeds, one model");
        const float *w = (const float *)(const void *)weights.data;
        const size_t n = 200 * 35;
        for (size_t layer = 0; layer < 2; layer++) {
            const double fan_in = layer ? 200 : 35;
            const double variance = how == LK_INIT_HE ? 2 / fan_in : 2. / 235;
            double mean = 0, squares = 0;
            for (size_t i = 0; i < n; i++) {
                mean += (double)w[i] / n;
                squares += (double)w[i] * (double)w[i] / n;
            }
            CHECK(fabs(mean) < 5 * sqrt(variance / n), "layer %zu: mean %g", layer, mean);
            CHECK(fabs(squares / variance - 1) < 5 * sqrt(2. / n), "layer %zu: variance %g, not %g",
                  layer, squares, variance);
            for (size_t i = 0; i < (layer ? 35 : 200); i++) CHECK(w[n + i] == 0, "bias %zu", i);
            w += n + 200;
        }
        lk_bytes_free(&weights);
        lk_bytes_free(&again);
        lk_bytes_free(&other);
    }
    lk_model_free(model);
}

static void test_facts(void) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = new_model("3x2x4>dense 5 linear|dense 24 sigmoid>bce");
    CHECK(strcmp(lk_model_arch(model), "3x2x4 > dense 5 | dense 24 sigmoid > bce") == 0, "%s",
          lk_model_arch(model));
    CHECK(lk_model_latent(model) == 5, "%u", lk_model_latent(model));
    CHECK(lk_model_parameters(model) == 24 * 5 + 5 + 5 * 24 + 24, "%zu",
          lk_model_parameters(model));
    CHECK(lk_model_flops(model) == 480, "%g", lk_model_flops(model));
    const lk_shape s = lk_model_shape(model);
    CHECK(s.channels == 3 && s.height == 2 && s.width == 4, "shape");
    CHECK(!lk_model_calibrated(model, LK_PREPARE_IMAGE), "calibrated");

    char text[300];
    for (int i = 0; i < LK_TEXTS; i++) {
        CHECK(lk_model_text(model, (lk_text)i)[0] == 0, "text %d", i);
        memset(text, 'a' + i, sizeof text);
        text[255] = 0;
        CHECK(lk_model_set_text(model, (lk_text)i, text, &error) == LK_OK, "%s", error.message);
    }
    for (int i = 0; i < LK_TEXTS; i++) {
        const char *have = lk_model_text(model, (lk_text)i);
        CHECK(strlen(have) == 255 && have[254] == 'a' + i, "text %d", i);
    }
    memset(text, 'x', sizeof text);
    text[256] = 0;
    CHECK(lk_model_set_text(model, LK_TEXT_WORDS, text, &error) == LK_OK, "there are more words");
    CHECK(strlen(lk_model_text(model, LK_TEXT_WORDS)) == 256, "all of them");
    CHECK(lk_model_set_text(model, LK_TEXT_CLASSES, text, &error) == LK_OK, "and more classes");
    CHECK(lk_model_set_text(model, LK_TEXT_TITLE, text, &error) == LK_USAGE, "256 bytes pass");
    CHECK(lk_model_text(model, LK_TEXT_TITLE)[0] == 'a' + LK_TEXT_TITLE, "changed all the same");
    lk_model_free(model);
}

static void test_refusals(void) {
    lk_error error = {LK_OK, 0, ""};
    CHECK(!lk_model_create("1x5x7 > dense", &error) && error.status == LK_MODEL, "%s",
          error.message);
    lk_model *model = new_model("1x5x7 > dense 4 | dense 35 > mse");
    CHECK(!lk_run_create(model, 1, LK_SIMD_WASM, &error) && error.status == LK_USAGE,
          "no WASM here");
    CHECK(strstr(error.message, "'wasm'"), "%s", error.message);
    CHECK(!lk_run_create(model, SIZE_MAX / 2, LK_SIMD_BEST, &error) && error.status == LK_MEMORY,
          "%s", error.message);
    CHECK(!lk_run_create(model, SIZE_MAX / 256, LK_SIMD_BEST, NULL), "memory for all");
    lk_model_free(model);
    lk_model_free(NULL);
    lk_run_free(NULL);
}

/* What is not finite comes out as not finite, in every activation. */
static void test_nan(void) {
    for (int f = 0; f < LK_ACTIVATIONS; f++) {
        char arch[100];
        snprintf(arch, sizeof arch, "1x5x7 > dense 4 %s | dense 35 > mse",
                 lk_activation_name((lk_activation)f));
        lk_model *model = new_model(arch);
        EACH_SIMD(simd) {
            lk_run *run = lk_run_create(model, 1, simd, NULL);
            lk_real x[35] = {0}, z[4], x_hat[35];
            x[17] = NAN;
            lk_reconstruct(run, x, 1, z, x_hat);
            for (int i = 0; i < 4; i++) CHECK(isnan(z[i]), "%s, %s", arch, lk_simd_name(simd));
            for (int i = 0; i < 35; i++) CHECK(isnan(x_hat[i]), "%s, %s", arch, lk_simd_name(simd));
            lk_run_free(run);
        }
        lk_model_free(model);
    }
}

/* How many layers of `from` go into `model`, and that these and no others do: the stored weights of
   the first of both, up to `same` values, are then alike, and the next one is not. */
static void check_adopted(const char *arch, size_t at, const char *from_arch, size_t first,
                          size_t count, size_t taken, size_t to_skip, size_t from_skip,
                          size_t same) {
    lk_model *model = new_model(arch), *from = new_model(from_arch);
    lk_model_init(from, LK_INIT_HE, 9);
    lk_bytes before = {NULL, 0}, after = {NULL, 0}, source = {NULL, 0};
    CHECK(lk_model_weights(model, &before, NULL) == LK_OK, "weights");
    CHECK(lk_model_weights(from, &source, NULL) == LK_OK, "weights");
    const size_t got = lk_model_adopt(model, at, from, first, count);
    CHECK(got == taken, "%s: %zu layers, not %zu", arch, got, taken);
    CHECK(lk_model_weights(model, &after, NULL) == LK_OK, "weights");
    const float *old = (const float *)(const void *)before.data;
    const float *now = (const float *)(const void *)after.data;
    const float *wanted = (const float *)(const void *)source.data;
    for (size_t i = 0; i < after.size / sizeof *now; i++) {
        const bool inside = i >= to_skip && i < to_skip + same;
        const float value = inside ? wanted[i - to_skip + from_skip] : old[i];
        CHECK(now[i] == value, "%s: value %zu", arch, i);
    }
    lk_bytes_free(&before), lk_bytes_free(&after), lk_bytes_free(&source);
    lk_model_free(model), lk_model_free(from);
}

static void test_adopt(void) {
    static const char STACK[] =
        "1x5x7 > dense 20 relu > l1 0.001 > dense 6 | dense 20 relu > dense 35 > mse";
    enum { FIRST = 35 * 20 + 20, SECOND = 20 * 6 + 6, THIRD = 6 * 20 + 20, LAST = 20 * 35 + 35 };
    /* From the front, links without parameters passed over, to the first that differs. */
    check_adopted("1x5x7 > dense 20 relu > dense 6 relu | dense 3 > ce", 0, STACK, 0, SIZE_MAX, 2,
                  0, 0, FIRST + SECOND);
    check_adopted(STACK, 0, STACK, 0, SIZE_MAX, 4, 0, 0, FIRST + SECOND + THIRD + LAST);
    check_adopted("1x5x7 > noise 0.3 > dense 20 | dense 35 > mse", 0, STACK, 0, SIZE_MAX, 1, 0, 0,
                  FIRST);
    /* One layer out of the middle; the outermost pair of a stack. */
    check_adopted(STACK, 2, "1x1x20 > dense 6 | dense 20 relu > mse", 0, 1, 1, FIRST, 0, SECOND);
    check_adopted(STACK, 3, "1x1x20 > dense 6 | dense 20 relu > mse", 1, 1, 1, FIRST + SECOND,
                  SECOND, THIRD);
    check_adopted(STACK, 4, "1x5x7 > dense 20 | dense 35 > mse", 1, 1, 1, FIRST + SECOND + THIRD,
                  FIRST, LAST);
    /* Running averages go along. */
    check_adopted("1x5x7 > dense 20 > bn relu | dense 3 > ce", 0,
                  "1x5x7 > dense 20 > bn | dense 35 > mse", 0, SIZE_MAX, 2, 0, 0, FIRST + 4 * 20);
    /* What does not fit stays as it was; also where padding makes the blocks as large. */
    check_adopted("1x1x32 > vq 500 | dense 32 > mse", 0, "1x1x32 > vq 512 | dense 32 > mse", 0,
                  SIZE_MAX, 0, 0, 0, 0);
    check_adopted("1x5x7 > dense 21 | dense 35 > mse", 0, STACK, 0, SIZE_MAX, 0, 0, 0, 0);
    check_adopted("1x7x5 > dense 20 | dense 35 > mse", 0, STACK, 0, SIZE_MAX, 0, 0, 0, 0);
    check_adopted("2x8x4 > conv 4 3 > dense 2 | dense 64 > mse", 0,
                  "2x8x4 > conv 4 5 > dense 2 | dense 64 > mse", 0, SIZE_MAX, 0, 0, 0, 0);
    check_adopted(STACK, 0, STACK, 0, 0, 0, 0, 0, 0);
    check_adopted(STACK, 9, STACK, 0, 3, 0, 0, 0, 0);
    check_adopted(STACK, 0, STACK, 9, 3, 0, 0, 0, 0);
}

/* Decoding z under a label is decoding z times that label's vector, over label 0's, under label 0.
 */
static void test_embedding(void) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = new_model("1x5x7 > dense 6 | classify 3 0.5 > dropout 0.5 > embed 3"
                                " > dense 35 sigmoid > bce");
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, &error);
    lk_real z[6] = {1, -2, 3, -4, 5, -6}, other[6], zero[6], vector[6], x[35], y[35];
    CHECK(lk_model_embedding(model, 0, zero), "label 0");
    for (uint32_t label = 1; label < 3; label++) {
        CHECK(lk_model_embedding(model, label, NULL), "label %u", label);
        lk_model_embedding(model, label, vector);
        CHECK(memcmp(vector, zero, sizeof zero) != 0, "label %u is label 0", label);
        for (int i = 0; i < 6; i++) other[i] = z[i] * vector[i] / zero[i];
        lk_run_set_label(run, label);
        lk_decode(run, z, 1, x);
        lk_run_set_label(run, 0);
        lk_decode(run, other, 1, y);
        for (int i = 0; i < 35; i++)
            CHECK(fabs((double)x[i] - (double)y[i]) < 1e-5, "%g %g", (double)x[i], (double)y[i]);
    }
    CHECK(!lk_model_embedding(model, 3, NULL), "a label too many");
    CHECK(!lk_model_gaussian(model), "no Gaussian latent");
    lk_run_free(run);
    lk_model_free(model);
    model = new_model("1x5x7 > dense 6 | dense 4 > embed 3 > dense 35 > mse");
    CHECK(!lk_model_embedding(model, 0, NULL), "it does not multiply the code");
    lk_model_free(model);
}

int main(void) {
    lk_dataset data = make_images(SHAPE, 0, IMAGES, 2);
    test_passes(&data);
    test_init();
    test_facts();
    test_refusals();
    test_nan();
    test_adopt();
    test_embedding();
    free_images(&data);
    return TEST_RESULT();
}
