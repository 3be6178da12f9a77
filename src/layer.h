/* Operators: what a chain's links can be. layer.c is the table; each layer_*.c fills a few rows. */
#ifndef LK_LAYER_H
#define LK_LAYER_H

#include "linear.h"

typedef struct lk_op lk_op;

/* One link of a chain, planned: sizes are fixed, parameters live elsewhere. Inside a chain, images
   are height x width x channels: a pixel's channels stand side by side. */
typedef struct lk_layer {
    const lk_op *op;
    size_t index;             /* its place in the chain */
    lk_activation activation; /* applied to the output, in place */
    uint32_t kernel, step;    /* a window's side, and the pixels from one window to the next */
    bool valid;               /* windows stay inside the image, else they are centred on pixels */
    uint32_t classes;         /* labels that it tells apart, or 0 */
    uint32_t posed; /* of `pose`: labels that it tells apart in each pose; 1: poses alone */
    lk_real amount; /* the decimal number that follows the name, if op->decimal */
    lk_shape in, out;
    size_t in_stride, out_stride; /* values a row takes in the activations: padded to 16 */
    size_t parameters;            /* weights and biases, as people count them */
    size_t stored;                /* values in files: the same, but for running averages */
    size_t packed;                /* values in the flat parameter block, padded */
    size_t offset;                /* where they start there; a multiple of 16 */
    size_t transposed;            /* values of the copy that the backward pass reads */
    size_t transposed_offset;
    size_t slices;  /* pieces of parameters whose gradients are independent work */
    size_t scratch; /* values of workspace that a thread needs */
    size_t memory;  /* values that a row leaves behind for the way back, or for a partner */
    size_t shared;  /* values that all rows of a batch leave behind together */
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
    enum { LK_BIAS, LK_WEIGHT, LK_AVERAGE } kind; /* weights may decay; averages follow the data */
} lk_slice;

/* The batch that a pass is a part of, while a loss is asked for. */
typedef struct lk_batch {
    size_t rows;
    bool learning;   /* a training step; else the loss alone is measured */
    uint64_t seed;   /* random numbers depend on this, the layer, and the sample alone */
    uint64_t sample; /* the number of the batch's first row, counted on from batch to batch */
    lk_real beta;    /* factor of the Gaussian latent's divergence */
    lk_real scale;   /* an image's loss times this is its share of the batch's: see loss.h */
} lk_batch;

enum { LK_NO_LABEL = UINT32_MAX };

/* What an operator works with on some rows, beside activations. */
typedef struct lk_pass {
    const lk_kernels *kernels;
    const lk_real *parameters; /* the layer's own */
    const lk_real *transposed; /* their copy for the way back; NULL on the way forward */
    lk_real *scratch;          /* this thread's own, layer->scratch values at least */
    lk_real *memory;           /* [rows][layer->memory], written forward and read backward */
    lk_real *shared;           /* the layer's, of the whole batch; written by meet, meet_back */
    const lk_real *partner;    /* the partner's memory of the same rows */
    const uint32_t *labels;    /* of these rows; LK_NO_LABEL where there is none */
    const uint32_t *poses;     /* of these rows, likewise; LK_POSES: made of two images */
    lk_real *penalties;        /* of these rows: what operators add to their losses; or NULL */
    const lk_batch *batch;     /* or NULL: images are only coded */
    size_t row;                /* the first of these rows in the batch */
} lk_pass;

static inline bool lk_pass_learns(const lk_pass *pass) {
    return pass->batch && pass->batch->learning;
}

/* The random numbers of a layer for one row of a pass that has a batch: value i of n is index
 *first + i. */
lk_rng lk_pass_rng(const lk_layer *layer, const lk_pass *pass, size_t row, size_t n,
                   uint64_t *first);

/* All functions on slices and tensors may be NULL in an operator without parameters. */
struct lk_op {
    const char *name;
    size_t arguments;     /* whole numbers that follow the name in the notation */
    bool decimal;         /* then a decimal number follows: layer->amount */
    bool windows;         /* the words sN (step) and valid may follow them */
    bool activates;       /* an activation may follow */
    bool view;            /* the output is the input, perhaps under another shape */
    bool in_place;        /* its dx may take the place of its dy, which nobody reads later */
    bool labelled;        /* it cannot learn without labels */
    const lk_op *partner; /* the kind of layer before it that this one undoes, or NULL */

    /* Fills out, sizes, slices and flops from `in`, the window and the numbers. Products that are
       counted here must be within the limits, which is to be checked in doubles first. */
    lk_status (*plan)(lk_layer *layer, const uint32_t *numbers, lk_error *error);

    /* y[rows][out_stride] = f(op(x[rows][in_stride])). A view's may be NULL: y is x. */
    void (*forward)(const lk_layer *layer, const lk_pass *pass, const lk_real *x, lk_real *y,
                    size_t rows);
    /* dy, the gradient of the output, becomes that of the sum before the activation; then
       dx[rows][in_stride] from it, unless dx is NULL. Padding is zero in both. A view's dx is its
       dy, and its function may be NULL. */
    void (*backward)(const lk_layer *layer, const lk_pass *pass, const lk_real *x, const lk_real *y,
                     lk_real *dy, lk_real *dx, size_t rows);
    /* Of operators whose rows depend on each other while learning, else NULL. Each is called for
       all rows of a batch, in any order, before `forward` or `backward` is for any: it leaves in
       each row's memory what the others need of it. gather_back turns dy into the gradient before
       the activation, which `backward` then does not. When all rows are done, meet (meet_back) is
       called once, to put into `shared` what it makes of their memory. */
    void (*gather)(const lk_layer *layer, const lk_pass *pass, const lk_real *x, size_t rows);
    void (*meet)(const lk_layer *layer, const lk_pass *pass);
    void (*gather_back)(const lk_layer *layer, const lk_pass *pass, const lk_real *x,
                        const lk_real *y, lk_real *dy, size_t rows);
    void (*meet_back)(const lk_layer *layer, const lk_pass *pass);
    /* The gradient of one slice of the parameters over all rows of a batch, in row order. */
    lk_slice (*slice)(const lk_layer *layer, size_t which);
    void (*gradient)(const lk_layer *layer, const lk_pass *pass, size_t which, const lk_real *x,
                     const lk_real *dy, size_t rows, lk_real *gradient);
    /* Moves a slice of averages after a step; x as for `gradient`. */
    void (*follow)(const lk_layer *layer, const lk_pass *pass, size_t which, const lk_real *x,
                   size_t rows, lk_real *parameters);
    /* Brings the transposed copy up to date with one slice; NULL: there is none. */
    void (*transpose)(const lk_layer *layer, const lk_kernels *kernels, size_t which,
                      const lk_real *parameters, lk_real *transposed);

    void (*init)(const lk_layer *layer, lk_init init, lk_rng rng, lk_real *parameters);

    /* The layer's tensors in files: their shapes, and packed <-> plain row-major values. */
    size_t tensors;
    lk_tensor_shape (*tensor)(const lk_layer *layer, size_t which);
    void (*pack)(const lk_layer *layer, size_t which, const lk_real *plain, lk_real *parameters);
    void (*unpack)(const lk_layer *layer, size_t which, const lk_real *parameters, lk_real *plain);
};

/* Functions that training alone calls, and that a module without it does not hold. */
#ifdef LK_NO_TRAINING
#define LK_TRAINS(function) (0 ? (function) : NULL)
#else
#define LK_TRAINS(function) (function)
#endif

extern const lk_op lk_op_dense, lk_op_conv, lk_op_deconv;
extern const lk_op lk_op_maxpool, lk_op_unpool, lk_op_avgpool, lk_op_up, lk_op_reshape;
extern const lk_op lk_op_noise, lk_op_mask, lk_op_salt, lk_op_dropout;
extern const lk_op lk_op_bn, lk_op_l2norm, lk_op_l1;
extern const lk_op lk_op_gaussian, lk_op_vq;
extern const lk_op lk_op_embed, lk_op_classify, lk_op_pose;
/* The answers of `pose`: see layer_label.c. */
uint32_t lk_pose_answers(const lk_layer *layer);
extern const lk_op lk_op_table;

/* LK_MODEL when this many parameters or operations are over the limits of one model. */
lk_status lk_layer_check(double parameters, double flops, lk_error *error);

/* All operators, *count of them. */
const lk_op *const *lk_ops(size_t *count);

const char *lk_activation_name(lk_activation activation);

#endif
