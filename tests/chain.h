/* One batch through a chain and back, in the order of a training step, for tests of gradients. */
#ifndef CHAIN_H
#define CHAIN_H

#include "model.h"

/* A learning batch of all rows of a run. */
static inline lk_batch whole_batch(const lk_model *model, size_t rows) {
    return (lk_batch){.rows = rows,
                      .learning = true,
                      .seed = 1,
                      .beta = model->arch.option,
                      .scale = (lk_real)(1 / ((double)model->arch.loss_values * (double)rows))};
}

/* The batch's loss, its inputs and labels being loaded; that of each row goes to losses[rows]
   unless it is NULL. `mined` says that pairs are as they were. */
static inline double chain_loss(lk_run *run, const lk_batch *batch, bool mined, double *losses) {
    const lk_arch *arch = &run->model->arch;
    const size_t rows = batch->rows;
    run->batch = batch;
    for (size_t r = 0; r < rows; r++) run->penalties[r] = 0;
    for (size_t i = 0; i < arch->count; i++) {
        const lk_layer *l = &arch->layers[i];
        const lk_pass pass = lk_run_pass(run, i, 0, 0);
        if (i == 0) lk_run_forward(run, 0, 0, 0, rows, 0);
        if (l->op->meet) l->op->meet(l, &pass);
        lk_run_forward(run, i, i + 1, 0, rows, 0);
    }
    const lk_loss_pass pass = lk_run_loss(run);
    for (size_t r = 0; arch->loss->mine && !mined && r < rows; r++) arch->loss->mine(&pass, r);
    double sum = 0;
    for (size_t r = 0; r < rows; r++) {
        lk_real *gradient = run->delta[arch->count] + r * pass.y_stride;
        const double loss = (double)arch->loss->row(&pass, r, gradient) + (double)run->penalties[r];
        if (losses) losses[r] = loss;
        sum += loss;
    }
    return sum * (double)batch->scale;
}

/* Brings transposed[arch.transposed] up to date with all parameters. */
static inline void chain_transpose(const lk_run *run, lk_real *transposed) {
    const lk_model *model = run->model;
    for (size_t i = 0; i < model->arch.count; i++) {
        const lk_layer *l = &model->arch.layers[i];
        for (size_t s = 0; l->op->transpose && s < l->slices; s++)
            l->op->transpose(l, run->kernels, s, model->parameters + l->offset,
                             transposed + l->transposed_offset);
    }
}

/* After chain_loss: the gradients of all parameters into gradient[arch.packed], 0 for averages. */
static inline void chain_gradients(lk_run *run, const lk_real *transposed, lk_real *gradient) {
    const lk_arch *arch = &run->model->arch;
    const size_t rows = run->batch->rows;
    for (size_t i = arch->count; i-- > 0;) {
        const lk_layer *l = &arch->layers[i];
        const lk_pass pass = lk_run_pass(run, i, 0, 0);
        if (i + 1 == arch->count) lk_run_backward(run, transposed, i + 1, i + 1, 0, rows, 0);
        if (l->op->meet_back) l->op->meet_back(l, &pass);
        lk_run_backward(run, transposed, i, i + 1, 0, rows, 0);
    }
    for (size_t i = 0; i < arch->count; i++) {
        const lk_layer *l = &arch->layers[i];
        const lk_pass pass = lk_run_pass(run, i, 0, 0);
        for (size_t s = 0; s < l->slices; s++) {
            const lk_slice slice = l->op->slice(l, s);
            if (slice.kind != LK_AVERAGE)
                l->op->gradient(l, &pass, s, run->value[i], run->delta[i + 1], rows,
                                gradient + l->offset + slice.first);
        }
    }
}

#endif
