#include "loss.h"

static lk_real squared(const lk_kernels *kernels, const lk_real *x, const lk_real *y, size_t n,
                       lk_real scale, lk_real *gradient) {
    return kernels->squared_loss(x, y, n, scale, gradient);
}

static lk_real logistic(const lk_kernels *kernels, const lk_real *x, const lk_real *y, size_t n,
                        lk_real scale, lk_real *gradient) {
    return kernels->logistic_loss(x, y, n, scale, gradient);
}

static const lk_loss losses[] = {
    {"mse", LK_ACTIVATIONS, squared},
    {"bce", LK_SIGMOID, logistic},
};

const lk_loss *lk_losses(size_t *count) {
    *count = LK_COUNTOF(losses);
    return losses;
}
