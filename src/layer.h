/* Operators: what a chain's links can be. layer.c is the table; each layer_*.c fills a few rows. */
#ifndef LK_LAYER_H
#define LK_LAYER_H

#include "linear.h"

typedef struct lk_op lk_op;

/* One link of a chain, planned: sizes are fixed, parameters live elsewhere. Inside a chain, images
   are height x width x channels: a pixel's channels stand side by side. */
typedef struct lk_layer {
    const lk_op *op;
    lk_activation activation; /* applied to the output, in place */
    uint32_t kernel, step;    /* a window's side, and the pixels from one window to the next */
    bool valid;               /* windows stay inside the image, else they are centred on pixels */
    lk_shape in, out;
    size_t in_stride, out_stride; /* values a row takes in the activations: padded to 16 */
    size_t parameters;            /* weights and biases, as people count them */
    size_t packed;                /* values in the flat parameter block, padded */
    size_t offset;                /* where they start there; a multiple of 16 */
    size_t transposed;            /* values of the copy that the backward pass reads */
    size_t transposed_offset;
    size_t slices;  /* pieces of parameters whose gradients are independent work */
    size_t scratch; /* values of workspace that a thread needs */
    size_t memory;  /* values that a row leaves behind for the way back, or for a partner */
    size_t partner; /* the layer whose memory this one reads, if op->partner */
    double flops;   /* of one image, forward */
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

/* What an operator works with on some rows, beside parameters and activations. */
typedef struct lk_pass {
    const lk_kernels *kernels;
    lk_real *scratch;       /* this thread's own, layer->scratch values at least */
    lk_real *memory;        /* [rows][layer->memory], written forward and read backward */
    const lk_real *partner; /* the partner's memory of the same rows */
} lk_pass;

/* All functions on slices and tensors may be NULL in an operator without parameters. */
struct lk_op {
    const char *name;
    size_t arguments;     /* numbers that follow the name in the notation */
    bool windows;         /* the words sN (step) and valid may follow them */
    bool activates;       /* an activation may follow */
    bool view;            /* the output is the input under another shape: nothing is computed */
    const lk_op *partner; /* the kind of layer before it that this one undoes, or NULL */

    /* Fills out, sizes, slices and flops from `in`, the window and the numbers. Products that are
       counted here must be within the limits, which is to be checked in doubles first. */
    lk_status (*plan)(lk_layer *layer, const uint32_t *numbers, lk_error *error);

    /* y[rows][out_stride] = f(op(x[rows][in_stride])); parameters are the layer's own. */
    void (*forward)(const lk_layer *layer, const lk_pass *pass, const lk_real *parameters,
                    const lk_real *x, lk_real *y, size_t rows);
    /* dy, the gradient of the output, becomes that of the sum before the activation; then
       dx[rows][in_stride] from it, unless dx is NULL. Padding is zero in both. */
    void (*backward)(const lk_layer *layer, const lk_pass *pass, const lk_real *transposed,
                     const lk_real *y, lk_real *dy, lk_real *dx, size_t rows);
    /* The gradient of one slice of the parameters over all rows of a batch, in row order. */
    lk_slice (*slice)(const lk_layer *layer, size_t which);
    void (*gradient)(const lk_layer *layer, const lk_pass *pass, size_t which, const lk_real *x,
                     const lk_real *dy, size_t rows, lk_real *gradient);
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

extern const lk_op lk_op_dense, lk_op_conv, lk_op_deconv;
extern const lk_op lk_op_maxpool, lk_op_unpool, lk_op_avgpool, lk_op_up, lk_op_reshape;

/* LK_MODEL when this many parameters or operations are over the limits of one model. */
lk_status lk_layer_check(double parameters, double flops, lk_error *error);

/* All operators, *count of them. */
const lk_op *const *lk_ops(size_t *count);

const char *lk_activation_name(lk_activation activation);

#endif
