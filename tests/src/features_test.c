/* The feature map is what a network is that ends there. */
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { COUNT = 3, VALUES = 2 * 4 * 4 };

static lk_model *create(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s: %s", arch, error.message);
    return model;
}

static size_t features_of(const char *arch) {
    lk_model *model = create(arch);
    const size_t count = lk_model_features(model);
    lk_model_free(model);
    return count;
}

int main(void) {
    lk_model *whole = create("1x8x8 > conv 3 3 relu > conv 2 3 s2 relu > dense 6 | dense 64 > mse");
    lk_model *part = create("1x8x8 > conv 3 3 relu > conv 2 3 s2 relu | dense 64 > mse");
    lk_model_init(whole, LK_INIT_HE, 3);
    CHECK(lk_model_adopt(part, 0, whole, 0, 2) == 2, "adopted");
    CHECK(lk_model_features(whole) == VALUES && lk_model_latent(part) == VALUES, "%zu",
          lk_model_features(whole));
    lk_real x[COUNT * 64], z[COUNT * VALUES], code[COUNT * 6], features[VALUES];
    fill_normal(x, COUNT * 64, 1);
    EACH_SIMD(simd) {
        lk_run *first = lk_run_create(whole, COUNT, simd, NULL);
        lk_run *second = lk_run_create(part, COUNT, simd, NULL);
        lk_encode(first, x, COUNT, code);
        lk_encode(second, x, COUNT, z);
        for (size_t i = 0; i < COUNT; i++) {
            double sum = 0;
            lk_run_features(first, i, features);
            for (size_t k = 0; k < VALUES; k++) sum += (double)features[k];
            CHECK(sum > 0, "image %zu: nothing", i);
            CHECK(memcmp(features, z + i * VALUES, sizeof features) == 0, "image %zu by %s", i,
                  lk_simd_name(simd));
        }
        lk_run_free(first), lk_run_free(second);
    }
    lk_model_free(whole), lk_model_free(part);
    CHECK(features_of("1x8x8 > dense 16 relu > dense 4 | dense 64 > mse") == 0, "no map");
    CHECK(features_of("1x8x8 > conv 5 3 > bn relu > maxpool 2 > dropout 0.2 > dense 9 > bn relu"
                      " | dropout 0.4 > dense 3 > ce") == 5 * 4 * 4,
          "behind the dropout");
    return TEST_RESULT();
}
