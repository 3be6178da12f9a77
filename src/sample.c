/* Codes drawn at random, to be decoded into images that were never there. */
#include "score.h"

lk_status lk_model_sample(const lk_model *model, uint64_t seed, size_t n, lk_real *z,
                          lk_error *error) {
    const size_t d = lk_model_latent(model);
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_SAMPLE, 0);
    if (lk_model_gaussian(model)) {
        for (size_t i = 0; i < n * d; i++) z[i] = (lk_real)lk_rng_normal(rng, i);
        return LK_OK;
    }
    if (lk_model_codes(model) > 0)
        return lk_fail(error, LK_MODEL, "which codes of its book go together is not known");
    if (!model->score)
        return lk_fail(error, LK_MODEL, "where its codes lie is not known: it is not calibrated");
    for (size_t i = 0; i < n; i++) lk_mixture_sample(&model->score->mixture, rng, i, z + i * d);
    return LK_OK;
}
