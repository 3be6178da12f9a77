/* Principal components: a chain of two linear layers whose weights are solved for, so that
   encoding, decoding, scoring and saving need no special case. */
#include "model.h"

/* Sets the two layers: z = V (x - mean), x_hat = V^T z + mean; inside a chain the values of an
   image stand in another order. */
static void set_weights(const lk_components *c, lk_model *model, lk_real *plain) {
    const size_t d = c->size, k = c->count;
    const lk_layer *encoder = &model->arch.layers[0], *decoder = &model->arch.layers[1];
    const lk_shape shape = model->arch.input;
    lk_real *to = model->parameters + encoder->offset;
    for (size_t v = 0; v < k; v++)
        for (size_t i = 0; i < d; i++)
            plain[v * d + lk_interleaved(shape, i)] = (lk_real)c->vectors[v * d + i];
    encoder->op->pack(encoder, 0, plain, to);
    for (size_t v = 0; v < k; v++) {
        double sum = 0;
        for (size_t i = 0; i < d; i++) sum -= c->vectors[v * d + i] * c->mean[i];
        plain[v] = (lk_real)sum;
    }
    encoder->op->pack(encoder, 1, plain, to);
    to = model->parameters + decoder->offset;
    for (size_t v = 0; v < k; v++)
        for (size_t i = 0; i < d; i++)
            plain[lk_interleaved(shape, i) * k + v] = (lk_real)c->vectors[v * d + i];
    decoder->op->pack(decoder, 0, plain, to);
    for (size_t i = 0; i < d; i++) plain[lk_interleaved(shape, i)] = (lk_real)c->mean[i];
    decoder->op->pack(decoder, 1, plain, to);
}

static bool is_pca(const lk_arch *arch) {
    return arch->count == 2 && arch->encoder == 1 && arch->layers[0].op == &lk_op_dense &&
           arch->layers[1].op == &lk_op_dense && arch->layers[0].activation == LK_LINEAR &&
           arch->layers[1].activation == LK_LINEAR && arch->head == LK_LINEAR;
}

lk_status lk_pca_solve(lk_model *model, const lk_dataset *data, int threads, lk_real *explained,
                       lk_error *error) {
    const lk_arch *arch = &model->arch;
    const size_t d = lk_shape_size(arch->input), k = lk_model_latent(model);
    if (!is_pca(arch) || k > d)
        return lk_fail(error, LK_USAGE, "PCA needs two linear dense layers, the code no wider");
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    if (data->count == 0 || lk_shape_size(data->shape) != d)
        return lk_fail(error, LK_DATA, "the images' shape is not the model's");
    lk_components components;
    lk_status status = lk_components_find(data, k, threads, &components, error);
    if (status != LK_OK) return status;
    lk_real *plain = lk_alloc(k * d * sizeof *plain);
    if (plain) set_weights(&components, model, plain);
    for (size_t v = 0; explained && v < k; v++)
        explained[v] =
            components.total > 0 ? (lk_real)(components.variances[v] / components.total) : 0;
    if (!plain) status = lk_fail(error, LK_MEMORY, "out of memory");
    lk_free(plain);
    lk_components_free(&components);
    return status;
}
