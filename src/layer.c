#include "layer.h"

static const lk_op *const ops[] = {
    &lk_op_dense,    &lk_op_conv,    &lk_op_deconv, &lk_op_maxpool, &lk_op_unpool,   &lk_op_avgpool,
    &lk_op_up,       &lk_op_reshape, &lk_op_noise,  &lk_op_mask,    &lk_op_salt,     &lk_op_dropout,
    &lk_op_bn,       &lk_op_l2norm,  &lk_op_l1,     &lk_op_embed,   &lk_op_classify, &lk_op_pose,
    &lk_op_gaussian, &lk_op_vq,      &lk_op_table,
};

const lk_op *const *lk_ops(size_t *count) {
    *count = LK_COUNTOF(ops);
    return ops;
}

const char *lk_activation_name(lk_activation activation) {
    static const char *const names[LK_ACTIVATIONS] = {"linear", "relu", "leaky", "sigmoid", "tanh"};
    return names[activation];
}

lk_rng lk_pass_rng(const lk_layer *layer, const lk_pass *pass, size_t row, size_t n,
                   uint64_t *first) {
    const lk_batch *batch = pass->batch;
    *first = (batch->sample + pass->row + row) * n;
    return lk_rng_make(batch->seed, LK_STREAM_NOISE, layer->index);
}

lk_status lk_layer_check(double parameters, double flops, lk_error *error) {
    if (parameters > LK_MAX_PARAMETERS)
        return lk_fail(error, LK_MODEL, "architecture: more than %u parameters",
                       (unsigned long long)LK_MAX_PARAMETERS);
    if (flops > LK_MAX_FLOPS)
        return lk_fail(error, LK_MODEL, "architecture: too much work for one image");
    return LK_OK;
}
