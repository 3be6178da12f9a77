#include "layer.h"

static const lk_op *const ops[] = {&lk_op_dense};

const lk_op *const *lk_ops(size_t *count) {
    *count = LK_COUNTOF(ops);
    return ops;
}

const char *lk_activation_name(lk_activation activation) {
    static const char *const names[LK_ACTIVATIONS] = {"linear", "relu", "leaky", "sigmoid", "tanh"};
    return names[activation];
}
