#include "loss.h"

#include <string.h>

static lk_real squared(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    return p->kernels->squared_loss(p->x + row * p->x_stride, p->y + row * p->y_stride, p->n,
                                    p->scale, gradient);
}

static lk_real logistic(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    return p->kernels->logistic_loss(p->x + row * p->x_stride, p->y + row * p->y_stride, p->n,
                                     p->scale, gradient);
}

/* -log of the probability that the softmax of the outputs gives the label. */
static lk_real cross_entropy(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    const lk_real *logits = p->y + row * p->y_stride;
    const uint32_t label = p->labels[row];
    const lk_real total = p->kernels->softmax(logits, p->n, gradient);
    gradient[label] -= 1;
    for (size_t i = 0; i < p->n; i++) gradient[i] *= p->scale;
    memset(gradient + p->n, 0, (p->y_stride - p->n) * sizeof *gradient);
    return total - logits[label];
}

static const lk_loss losses[] = {
    {"mse", LK_ACTIVATIONS, LK_OUTPUT_IMAGE, false, "beta", 1, squared, NULL},
    {"bce", LK_SIGMOID, LK_OUTPUT_IMAGE, false, "beta", 1, logistic, NULL},
    {"ce", LK_LINEAR, LK_OUTPUT_CLASSES, true, NULL, 0, cross_entropy, NULL},
};

const lk_loss *lk_losses(size_t *count) {
    *count = LK_COUNTOF(losses);
    return losses;
}
