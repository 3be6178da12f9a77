/* What the last layer that still makes an image holds of it. */
#include "model.h"

/* The layer of the encoder whose input is that image; 0 where it is the model's own input. */
static size_t dissolving(const lk_arch *arch) {
    size_t i = 0;
    while (i < arch->encoder && arch->layers[i].out.height > 1) i++;
    return i < arch->encoder ? i : 0;
}

size_t lk_model_features(const lk_model *model) {
    const size_t i = dissolving(&model->arch);
    return i ? lk_shape_size(model->arch.layers[i].in) : 0;
}

void lk_run_features(const lk_run *run, size_t row, lk_real *features) {
    const lk_arch *arch = &run->model->arch;
    const size_t i = dissolving(arch), count = lk_model_features(run->model);
    const lk_real *from = run->value[i] + row * arch->layers[i].in_stride;
    for (size_t k = 0; k < count; k++) features[k] = from[k];
}
