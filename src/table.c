/* Rows of numbers: each column about its mean, in units of its deviation. */
#include <math.h>

#include "model.h"

bool lk_model_is_table(const lk_model *model) {
    return model->arch.layers[0].op == &lk_op_table;
}

lk_status lk_table_fit(lk_model *model, const lk_dataset *data, lk_error *error) {
    const size_t size = lk_shape_size(model->arch.input), n = data->count;
    if (!lk_model_is_table(model) || !data->values || lk_shape_size(data->shape) != size)
        return lk_fail(error, LK_USAGE, "no rows of the model's length");
    if (n == 0) return lk_fail(error, LK_DATA, "there are no rows");
    const lk_layer *layer = &model->arch.layers[0];
    lk_real *mean = model->parameters + layer->offset, *deviation = mean + layer->in_stride;
    for (size_t k = 0; k < size; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++) sum += (double)data->values[i * size + k];
        for (size_t i = 0; i < n; i++) {
            const double apart = (double)data->values[i * size + k] - sum / (double)n;
            squares += apart * apart;
        }
        mean[k] = (lk_real)(sum / (double)n);
        deviation[k] = (lk_real)sqrt(squares / (double)n);
        if (!isfinite(mean[k]) || !isfinite(deviation[k]))
            return lk_fail(error, LK_NONFINITE, "the deviation of column %u is not finite",
                           (unsigned long long)k + 1);
        /* In a column of one value any other is as far as can be told by this: a unit each. */
        if (!(deviation[k] > 0)) deviation[k] = 1;
    }
    return LK_OK;
}

void lk_table_set(lk_model *model, const lk_real *means, const lk_real *deviations) {
    const lk_layer *layer = &model->arch.layers[0];
    layer->op->pack(layer, 0, means, model->parameters + layer->offset);
    layer->op->pack(layer, 1, deviations, model->parameters + layer->offset);
}

void lk_table_prepare(const lk_model *model, const lk_real *rows, size_t n, lk_real *x) {
    const lk_layer *layer = &model->arch.layers[0];
    const lk_real *mean = model->parameters + layer->offset, *deviation = mean + layer->in_stride;
    const size_t size = lk_shape_size(model->arch.input);
    for (size_t i = 0; i < n * size; i++) {
        const size_t k = i % size;
        const double unit = deviation[k] > 0 ? (double)deviation[k] : 1;
        x[i] = (lk_real)(((double)rows[i] - (double)mean[k]) / unit);
    }
}
