/* Operators: what a chain's links can be. layer.c is the table; each layer_*.c fills a few rows. */
#ifndef LK_LAYER_H
#define LK_LAYER_H

#include "base.h"
#include "kernels.h"
#include "rng.h"

typedef struct lk_op lk_op;

/* One link of a chain, planned: sizes are fixed, parameters live elsewhere. */
typedef struct lk_layer {
    const lk_op *op;
    lk_activation activation; /* applied to the output, in place */
    lk_shape in, out;
    size_t in_stride, out_stride; /* values a row takes in the activations: padded to 16 */
    size_t parameters;            /* weights and biases, as people count them */
    size_t packed;                /* values in the flat parameter block, padded */
    size_t offset;                /* where they start there; a multiple of 16 */
    size_t transposed;            /* values of the copy that the backward pass reads */
    size_t transposed_offset;
    size_t slices; /* pieces of parameters whose gradients are independent work */
    double flops;  /* of one image, forward */
} lk_layer;

/* A tensor as files know it; dims as PyTorch orders them. */
typedef struct lk_tensor_shape {
    const char *name;
    size_t rank, dims[LK_MAX_RANK], size;
} lk_tensor_shape;

/* A contiguous part of a layer's packed parameters. */
typedef struct lk_slice {
    size_t first, count;
} lk_slice;

struct lk_op {
    const char *name;
    size_t arguments; /* numbers that follow the name in the notation */

    /* Fills out, sizes, slices and flops from `in` and the numbers. */
    lk_status (*plan)(lk_layer *layer, const uint32_t *numbers, lk_error *error);

    /* y[rows][out_stride] = f(op(x[rows][in_stride])); parameters are the layer's own. */
    void (*forward)(const lk_layer *layer, const lk_kernels *kernels, const lk_real *parameters,
                    const lk_real *x, lk_real *y, size_t rows);
    /* dy, the gradient of the output, becomes that of the sum before the activation; then
       dx[rows][in_stride] from it, unless dx is NULL. Padding is zero in both. */
    void (*backward)(const lk_layer *layer, const lk_kernels *kernels, const lk_real *transposed,
                     const lk_real *y, lk_real *dy, lk_real *dx, size_t rows);
    /* The gradient of one slice of the parameters over all rows of a batch, in row order. */
    lk_slice (*slice)(const lk_layer *layer, size_t which);
    void (*gradient)(const lk_layer *layer, const lk_kernels *kernels, size_t which,
                     const lk_real *x, const lk_real *dy, size_t rows, lk_real *gradient);
    /* Brings the transposed copy up to date with one slice. */
    void (*transpose)(const lk_layer *layer, size_t which, const lk_real *parameters,
                      lk_real *transposed);

    void (*init)(const lk_layer *layer, lk_init init, lk_rng rng, lk_real *parameters);

    /* The layer's tensors in files: their shapes, and packed <-> plain row-major values. */
    size_t tensors;
    lk_tensor_shape (*tensor)(const lk_layer *layer, size_t which);
    void (*pack)(const lk_layer *layer, size_t which, const lk_real *plain, lk_real *parameters);
    void (*unpack)(const lk_layer *layer, size_t which, const lk_real *parameters, lk_real *plain);
};

extern const lk_op lk_op_dense;

/* All operators, *count of them. */
const lk_op *const *lk_ops(size_t *count);

const char *lk_activation_name(lk_activation activation);

#endif
