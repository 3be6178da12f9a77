/* embed K, classify K A, pose K A: operators that look at labels below K, or at poses.

   embed multiplies a row by its label's vector of as many values; without a label, by the mean of
   all vectors. The packed parameters are the vectors.

   classify lets a row pass, guesses its label by a linear layer and adds A times the cross-entropy
   of the guess to the row's loss: a second task beside that of the chain. The packed parameters are
   those of a dense layer. A row's memory holds its logits, then the gradient of its loss by them.

   pose is the same for one of eight poses: how often the image was turned, and whether it was
   mirrored before. Networks that were taught to tell notice what is not upright (S. Gidaris et al.
   2018, D. Hendrycks et al. 2019). Where K is over 1, class and pose are one answer of 8 K, the
   upright ones first (H. Lee, S. J. Hwang and J. Shin 2020), and another is behind them: the image
   is of no class, because it is made of two or its label is K (D. Hendrycks, M. Mazeika and T.
   Dietterich 2019). */
#include "layer.h"

#include <string.h>

enum { MOST_CLASSES = 65536 };

static lk_status check_classes(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    if (numbers[0] < 2 || numbers[0] > MOST_CLASSES)
        return lk_fail(error, LK_MODEL, "%s needs 2 to %u classes", l->op->name,
                       (unsigned long long)MOST_CLASSES);
    l->classes = numbers[0];
    return LK_OK;
}

/* ---- embed ---- */

static lk_status plan_embed(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    lk_status status = check_classes(l, numbers, error);
    if (status != LK_OK) return status;
    l->out = l->in;
    l->out_stride = l->in_stride;
    l->flops = (double)lk_shape_size(l->in);
    status = lk_layer_check(l->flops * l->classes, l->flops, error);
    if (status != LK_OK) return status;
    l->parameters = l->stored = lk_shape_size(l->in) * l->classes;
    l->packed = l->in_stride * l->classes;
    l->slices = l->classes;
    l->scratch = l->in_stride;
    return LK_OK;
}

/* The mean of all vectors, in scratch. */
static const lk_real *mean_vector(const lk_layer *l, const lk_pass *pass) {
    memset(pass->scratch, 0, l->in_stride * sizeof *pass->scratch);
    for (uint32_t k = 0; k < l->classes; k++)
        for (size_t i = 0; i < l->in_stride; i++)
            pass->scratch[i] += pass->parameters[k * l->in_stride + i];
    for (size_t i = 0; i < l->in_stride; i++) pass->scratch[i] /= (lk_real)l->classes;
    return pass->scratch;
}

/* to[rows] = from[rows] times their vectors: forward and backward. */
static void multiply(const lk_layer *l, const lk_pass *pass, const lk_real *from, lk_real *to,
                     size_t rows) {
    const lk_real *mean = NULL;
    for (size_t r = 0; r < rows; r++, from += l->in_stride, to += l->in_stride) {
        const uint32_t label = pass->labels[r];
        if (label >= l->classes && !mean) mean = mean_vector(l, pass);
        const lk_real *vector = label < l->classes ? pass->parameters + label * l->in_stride : mean;
        for (size_t i = 0; i < l->in_stride; i++) to[i] = from[i] * vector[i];
    }
}

static void embed_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                           const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    if (dx) multiply(l, pass, dy, dx, rows);
}

static lk_slice embed_slice(const lk_layer *l, size_t which) {
    return (lk_slice){which * l->in_stride, l->in_stride, LK_BIAS};
}

static void embed_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                           const lk_real *dy, size_t rows, lk_real *gradient) {
    memset(gradient, 0, l->in_stride * sizeof *gradient);
    for (size_t r = 0; r < rows; r++, x += l->in_stride, dy += l->in_stride)
        for (size_t i = 0; pass->labels[r] == which && i < l->in_stride; i++)
            gradient[i] += x[i] * dy[i];
}

/* Near 1, so that at first all labels mean the same. */
static void embed_init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    (void)how;
    const size_t n = lk_shape_size(l->in);
    memset(parameters, 0, l->packed * sizeof *parameters);
    for (size_t k = 0; k < l->classes; k++)
        for (size_t i = 0; i < n; i++)
            parameters[k * l->in_stride + i] = (lk_real)(1 + 0.1 * lk_rng_normal(rng, k * n + i));
}

static lk_tensor_shape embed_tensor(const lk_layer *l, size_t which) {
    (void)which;
    const size_t n = lk_shape_size(l->in);
    return (lk_tensor_shape){"weight", 2, {l->classes, n}, l->classes * n};
}

static void embed_pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    (void)which;
    const size_t n = lk_shape_size(l->in);
    for (size_t k = 0; k < l->classes; k++)
        memcpy(parameters + k * l->in_stride, plain + k * n, n * sizeof *plain);
}
static void embed_unpack(const lk_layer *l, size_t which, const lk_real *parameters,
                         lk_real *plain) {
    (void)which;
    const size_t n = lk_shape_size(l->in);
    for (size_t k = 0; k < l->classes; k++)
        memcpy(plain + k * n, parameters + k * l->in_stride, n * sizeof *plain);
}

const lk_op lk_op_embed = {
    .name = "embed",
    .arguments = 1,
    .labelled = true,
    .plan = plan_embed,
    .forward = multiply,
    .backward = LK_TRAINS(embed_backward),
    .slice = LK_TRAINS(embed_slice),
    .gradient = LK_TRAINS(embed_gradient),
    .init = embed_init,
    .tensors = 1,
    .tensor = embed_tensor,
    .pack = embed_pack,
    .unpack = embed_unpack,
};

/* ---- classify, pose ---- */

enum { WEIGHT, BIAS };

/* How many answers there are to choose from, and the right ones. */
static uint32_t answers(const lk_layer *l) {
    return l->op == &lk_op_pose ? lk_pose_answers(l) : l->classes;
}
static uint32_t right_answer(const lk_layer *l, const lk_pass *pass, size_t row) {
    const uint32_t label = l->posed == 1 ? 0 : pass->labels[row];
    if (l->op != &lk_op_pose) return label;
    const uint32_t pose = pass->poses[row];
    const bool none = pose == LK_POSES || (pose < LK_POSES && label == l->posed);
    if (l->posed > 1 && none) return lk_pose_answers(l) - 1;
    if (pose >= LK_POSES || label >= l->posed) return LK_NO_LABEL;
    return pose * l->posed + label;
}

uint32_t lk_pose_answers(const lk_layer *l) {
    return l->posed * LK_POSES + (l->posed > 1);
}

static lk_linear linear(const lk_layer *l) {
    return (lk_linear){lk_shape_size(l->in), answers(l)};
}
static size_t stride(const lk_layer *l) {
    return lk_round_up(answers(l), LK_LANES);
}
static size_t bias_start(const lk_layer *l) {
    return lk_linear_packed(linear(l));
}

static lk_status plan_answers(lk_layer *l, lk_error *error) {
    if (!(l->amount > 0)) return lk_fail(error, LK_MODEL, "%s needs a number over 0", l->op->name);
    const double products = (double)lk_shape_size(l->in) * answers(l);
    l->out = l->in;
    l->out_stride = l->in_stride;
    l->flops = 2 * products;
    const lk_status status = lk_layer_check(products, l->flops, error);
    if (status != LK_OK) return status;
    l->parameters = l->stored = lk_shape_size(l->in) * answers(l) + answers(l);
    l->packed = bias_start(l) + stride(l);
    l->transposed = lk_linear_transposed(linear(l));
    l->slices = lk_linear_panels(linear(l)) + 1;
    l->memory = 2 * stride(l);
    return LK_OK;
}
static lk_status plan_classify(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    const lk_status status = check_classes(l, numbers, error);
    return status == LK_OK ? plan_answers(l, error) : status;
}
static lk_status plan_pose(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    if (numbers[0] < 1 || numbers[0] > LK_MOST_POSED)
        return lk_fail(error, LK_MODEL, "pose needs 1 to %u classes",
                       (unsigned long long)LK_MOST_POSED);
    l->posed = numbers[0];
    return plan_answers(l, error);
}

static void classify_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                             size_t rows) {
    (void)y;
    lk_linear_forward(linear(l), pass->kernels, pass->parameters, pass->parameters + bias_start(l),
                      x, l->in_stride, rows, pass->memory, l->memory);
    for (size_t r = 0; pass->penalties && r < rows; r++) {
        const lk_real *logits = pass->memory + r * l->memory;
        lk_real *gradient = pass->memory + r * l->memory + stride(l);
        const uint32_t answer = right_answer(l, pass, r);
        if (answer >= answers(l)) { /* nothing to be right about */
            memset(gradient, 0, stride(l) * sizeof *gradient);
            continue;
        }
        const lk_real total = pass->kernels->softmax(logits, answers(l), gradient);
        pass->penalties[r] += l->amount * (total - logits[answer]);
        gradient[answer] -= 1;
        for (size_t k = 0; k < stride(l); k++)
            gradient[k] = k < answers(l) ? gradient[k] * l->amount * pass->batch->scale : 0;
    }
}

static void classify_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                              const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y, (void)dx;
    const lk_linear back = {answers(l), lk_shape_size(l->in)};
    pass->kernels->gemm(&(lk_gemm){.m = rows,
                                   .k = back.in,
                                   .panels = lk_linear_panels(back),
                                   .a = pass->memory + stride(l),
                                   .a_row = l->memory,
                                   .a_col = 1,
                                   .b = pass->transposed,
                                   .b_panel = back.in * LK_LANES,
                                   .b_row = LK_LANES,
                                   .c = dy,
                                   .c_row = l->in_stride,
                                   .c_panel = LK_LANES,
                                   .accumulate = true});
}

static lk_slice classify_slice(const lk_layer *l, size_t which) {
    if (which + 1 == l->slices) return (lk_slice){bias_start(l), stride(l), LK_BIAS};
    const size_t values = linear(l).in * LK_LANES;
    return (lk_slice){which * values, values, LK_WEIGHT};
}

static void classify_gradient(const lk_layer *l, const lk_pass *pass, size_t which,
                              const lk_real *x, const lk_real *dy, size_t rows, lk_real *gradient) {
    (void)dy;
    const lk_real *errors = pass->memory + stride(l);
    if (which + 1 == l->slices) {
        pass->kernels->column_sums(errors, rows, l->memory, lk_linear_panels(linear(l)), gradient);
        return;
    }
    pass->kernels->gemm(&(lk_gemm){.m = linear(l).in,
                                   .k = rows,
                                   .panels = 1,
                                   .a = x,
                                   .a_row = 1,
                                   .a_col = l->in_stride,
                                   .b = errors + which * LK_LANES,
                                   .b_row = l->memory,
                                   .c = gradient,
                                   .c_row = LK_LANES});
}

static void classify_transpose(const lk_layer *l, const lk_kernels *kernels, size_t which,
                               const lk_real *parameters, lk_real *transposed) {
    if (which + 1 < l->slices)
        lk_linear_transpose(linear(l), kernels, which, which + 1, 0, linear(l).in, parameters,
                            transposed);
}

static void classify_init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    lk_linear_init(linear(l), how, (double)linear(l).in, (double)answers(l), rng, parameters);
    memset(parameters + bias_start(l), 0, stride(l) * sizeof *parameters);
}

static lk_tensor_shape classify_tensor(const lk_layer *l, size_t which) {
    const size_t in = linear(l).in, out = answers(l);
    if (which == BIAS) return (lk_tensor_shape){"bias", 1, {out}, out};
    return (lk_tensor_shape){"weight", 2, {out, in}, out * in};
}

static void classify_pack(const lk_layer *l, size_t which, const lk_real *plain,
                          lk_real *parameters) {
    if (which == WEIGHT)
        lk_linear_pack(linear(l), plain, parameters);
    else
        memcpy(parameters + bias_start(l), plain, answers(l) * sizeof *plain);
}
static void classify_unpack(const lk_layer *l, size_t which, const lk_real *parameters,
                            lk_real *plain) {
    if (which == WEIGHT)
        lk_linear_unpack(linear(l), parameters, plain);
    else
        memcpy(plain, parameters + bias_start(l), answers(l) * sizeof *plain);
}

#define COMMON                                                                                     \
    .decimal = true, .view = true, .forward = classify_forward,                                    \
    .backward = LK_TRAINS(classify_backward), .slice = LK_TRAINS(classify_slice),                  \
    .gradient = LK_TRAINS(classify_gradient), .transpose = LK_TRAINS(classify_transpose),          \
    .init = classify_init, .tensors = 2, .tensor = classify_tensor, .pack = classify_pack,         \
    .unpack = classify_unpack
const lk_op lk_op_classify = {
    .name = "classify", .arguments = 1, .labelled = true, .plan = plan_classify, COMMON};
const lk_op lk_op_pose = {.name = "pose", .arguments = 1, .plan = plan_pose, COMMON};
