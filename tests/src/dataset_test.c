#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { COUNT = 150, SIZE = 30 };
static const lk_shape SHAPE = {1, 5, 6};

static lk_model *new_model(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_GLOROT, 1);
    return model;
}

static void test_images(const lk_dataset *data) {
    static lk_real x[COUNT * SIZE];
    for (size_t first = 0; first < COUNT; first += 41)
        for (size_t n = 0; n <= COUNT - first; n += 13) {
            lk_dataset_images(data, first, n, x);
            for (size_t i = 0; i < n * SIZE; i++)
                CHECK(x[i] == (float)data->pixels[first * SIZE + i] / 255.f, "%zu", i);
        }
}

typedef struct seen {
    size_t count, most;
    uint8_t times[COUNT];
    const lk_dataset *data;
    size_t fail_from; /* visits of images at or behind this one fail */
} seen;

static lk_status look(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                      lk_error *error) {
    seen *s = context;
    CHECK(lk_run_max_batch(run) >= n, "a run for %zu", lk_run_max_batch(run));
    for (size_t i = 0; i < n; i++) s->times[first + i]++;
    for (size_t i = 0; i < n * SIZE; i++)
        CHECK(x[i] == (float)s->data->pixels[first * SIZE + i] / 255.f, "image %zu", first);
#pragma omp critical
    {
        s->count += n;
        s->most = LK_MAX(s->most, n);
    }
    if (first + n <= s->fail_from) return LK_OK;
    return lk_fail(error, LK_NONFINITE, "block %u", (unsigned long long)first);
}

static void test_visits(const lk_dataset *data, const lk_model *model) {
    for (int threads = 1; threads <= 5; threads++) {
        lk_error error = {LK_OK, 0, ""};
        seen s = {.data = data, .fail_from = COUNT};
        CHECK(lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, LK_SIMD_BEST, look, &s,
                               &error) == LK_OK,
              "%s", error.message);
        CHECK(s.count == COUNT && s.most <= 64, "%zu images, %zu at most", s.count, s.most);
        for (size_t i = 0; i < COUNT; i++) CHECK(s.times[i] == 1, "image %zu", i);

        /* Of all errors the one of the first block is told, whoever came first. */
        seen failing = {.data = data, .fail_from = 0};
        CHECK(lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, LK_SIMD_BEST, look, &failing,
                               &error) == LK_NONFINITE,
              "passes");
        CHECK(strcmp(error.message, "block 0") == 0, "%s", error.message);
        CHECK(lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, LK_SIMD_BEST, look, &failing,
                               NULL) == LK_NONFINITE,
              "passes without an error to fill");
    }
    lk_dataset none = *data;
    none.count = 0;
    seen s = {.data = data};
    CHECK(lk_dataset_visit(&none, model, LK_PREPARE_IMAGE, 2, LK_SIMD_BEST, look, &s, NULL) ==
              LK_OK,
          "no images");
    CHECK(s.count == 0, "%zu", s.count);
}

/* Codes do not depend on blocks, threads or kernels: they are those of each image by itself. */
static void test_encode(const lk_dataset *data, const lk_model *model) {
    static lk_real wanted[COUNT * 7], codes[COUNT * 7];
    lk_real x[SIZE];
    lk_run *run = lk_run_create(model, 1, LK_SIMD_SCALAR, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        lk_dataset_images(data, i, 1, x);
        lk_encode(run, x, 1, wanted + i * 7);
    }
    lk_run_free(run);
    EACH_SIMD(simd)
    for (int threads = 1; threads <= 4; threads++) {
        lk_error error = {LK_OK, 0, ""};
        memset(codes, 0, sizeof codes);
        CHECK(lk_dataset_encode(data, model, threads, simd, codes, &error) == LK_OK, "%s",
              error.message);
        CHECK(memcmp(codes, wanted, sizeof codes) == 0, "%s, %d threads", lk_simd_name(simd),
              threads);
    }
}

static lk_status take_input(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                            lk_error *error) {
    (void)run, (void)error;
    memcpy((lk_real *)context + first * SIZE, x, n * SIZE * sizeof *x);
    return LK_OK;
}

static void test_ink(const lk_dataset *data, const lk_model *model) {
    static lk_real x[COUNT * SIZE];
    lk_real wanted[SIZE];
    CHECK(lk_dataset_visit(data, model, LK_PREPARE_INK, 3, LK_SIMD_BEST, take_input, x, NULL) ==
              LK_OK,
          "ink");
    for (size_t i = 0; i < COUNT; i++) {
        const lk_picture picture = {data->pixels + i * SIZE, SHAPE.width, SHAPE.height, 1};
        bool empty;
        CHECK(lk_prepare(LK_PREPARE_INK, picture, SHAPE, wanted, &empty, NULL) == LK_OK, "%zu", i);
        CHECK(memcmp(x + i * SIZE, wanted, sizeof wanted) == 0, "image %zu", i);
    }
}

static void test_refusals(const lk_dataset *data, const lk_model *model) {
    lk_error error = {LK_OK, 0, ""};
    seen s = {.data = data, .fail_from = COUNT};
    lk_dataset turned = *data;
    turned.shape = (lk_shape){1, 6, 5};
    CHECK(lk_dataset_visit(&turned, model, LK_PREPARE_IMAGE, 1, LK_SIMD_BEST, look, &s, &error) ==
              LK_DATA,
          "another shape");
    static const int THREADS[] = {0, -1, 1025};
    for (size_t i = 0; i < LK_COUNTOF(THREADS); i++)
        CHECK(lk_dataset_visit(data, model, LK_PREPARE_IMAGE, THREADS[i], LK_SIMD_BEST, look, &s,
                               &error) == LK_USAGE,
              "%d threads", THREADS[i]);
    CHECK(lk_dataset_visit(data, model, LK_PREPARE_IMAGE, 2, LK_SIMD_WASM, look, &s, &error) ==
              LK_USAGE,
          "WASM kernels");
    lk_model *colour = new_model("3x2x5 > dense 2 | dense 30 > mse");
    turned.shape = (lk_shape){3, 2, 5};
    CHECK(lk_dataset_visit(&turned, colour, LK_PREPARE_INK, 1, LK_SIMD_BEST, look, &s, &error) ==
              LK_USAGE,
          "ink in colour");
    CHECK(s.count == 0, "%zu images were visited", s.count);
    lk_model_free(colour);
}

int main(void) {
    lk_dataset data = make_images(SHAPE, 0, COUNT, 5);
    lk_model *model = new_model("1x5x6 > dense 9 relu > dense 7 tanh | dense 30 sigmoid > bce");
    test_images(&data);
    test_visits(&data, model);
    test_encode(&data, model);
    test_ink(&data, model);
    test_refusals(&data, model);
    lk_model_free(model);
    free_images(&data);
    return TEST_RESULT();
}
