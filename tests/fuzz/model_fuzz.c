/* Any bytes are refused or give a model that can be used: its verdicts are finite or named, and it
   is saved and loaded again to the same bytes. */
#include <math.h>

#include "fuzz.h"

static lk_bytes seed(int scored) {
    static lk_bytes seeds[2];
    if (!seeds[scored].data) {
        lk_model *model =
            scored ? seed_model() : lk_model_create("1x1x2 > dense 1 | dense 2 > mse", NULL);
        demand(lk_model_save(model, &seeds[scored], NULL) == LK_OK);
        lk_model_free(model);
    }
    return seeds[scored];
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned int draw) {
    return mutate_seed(seed(draw / 7 % 2), bytes, size, room, draw);
}

static void use(const lk_model *model) {
    const lk_shape shape = lk_model_shape(model);
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    lk_run *run = lk_run_create(model, 2, LK_SIMD_BEST, NULL);
    float *x = lk_alloc(2 * size * sizeof *x);
    float *z = lk_alloc(2 * lk_model_latent(model) * sizeof *z);
    demand(run && x && z);
    for (size_t i = 0; i < 2 * size; i++) x[i] = (float)(i % 2);
    for (int p = 0; p < LK_PREPARATIONS; p++) {
        lk_result r;
        const lk_status status = lk_check_input(run, (lk_preparation)p, x, 0.1, &r, NULL);
        demand(status == LK_OK || status == LK_NONFINITE || status == LK_MODEL);
        demand(status != LK_OK || r.verdict == LK_EMPTY ||
               (isfinite(r.score) && r.p > 0 && r.p <= 1));
    }
    lk_reconstruct(run, x, 2, z, x);
    lk_free(z);
    lk_free(x);
    lk_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_load(bytes, size, &error);
    if (!model) {
        demand((error.status == LK_MODEL || error.status == LK_MEMORY) && error.message[0]);
        return 0;
    }
    lk_bytes first, second;
    demand(lk_model_save(model, &first, &error) == LK_OK);
    lk_model *again = lk_model_load(first.data, first.size, &error);
    demand(again && lk_model_save(again, &second, &error) == LK_OK);
    demand(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    if (lk_model_flops(model) < 1e6) use(model);
    lk_bytes_free(&first);
    lk_bytes_free(&second);
    lk_model_free(again);
    lk_model_free(model);
    return 0;
}
