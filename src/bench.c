/* Pieces of training and search by themselves, at the sizes that they meet; for `likeness bench`.
 */
#include "model.h"

/* Layers of four networks: A and B are the families ae and deep, C is vae-conv and D is cnn; and
   two of them for one image. Name, the layer, rows; then its products as one of matrices, [m][k] x
   [k][n]. */
#define LAYERS(X)                                                                                  \
    X("A dense 784-64", "1x1x784 > dense 64", 64, 64, 784, 64)                                     \
    X("B dense 784-1000", "1x1x784 > dense 1000", 128, 128, 784, 1000)                             \
    X("B dense 1000-500", "1x1x1000 > dense 500", 128, 128, 1000, 500)                             \
    X("B dense 500-250", "1x1x500 > dense 250", 128, 128, 500, 250)                                \
    X("B dense 250-30", "1x1x250 > dense 30", 128, 128, 250, 30)                                   \
    X("B dense 30-250", "1x1x30 > dense 250", 128, 128, 30, 250)                                   \
    X("C conv 1-32 s2", "1x28x28 > conv 32 3 s2", 16, 3136, 9, 32)                                 \
    X("C conv 32-64 s2", "32x14x14 > conv 64 3 s2", 16, 784, 288, 64)                              \
    X("C dense 3136-256", "1x1x3136 > dense 256", 128, 128, 3136, 256)                             \
    X("C deconv 64-32 s2", "64x7x7 > deconv 32 3 s2", 16, 784, 64, 288)                            \
    X("C deconv 32-1 s2", "32x14x14 > deconv 1 3 s2", 16, 3136, 32, 9)                             \
    X("D conv 1-32", "1x28x28 > conv 32 3", 16, 12544, 9, 32)                                      \
    X("D conv 32-32", "32x28x28 > conv 32 3", 16, 12544, 288, 32)                                  \
    X("D conv 32-64", "32x14x14 > conv 64 3", 16, 3136, 288, 64)                                   \
    X("D conv 64-64", "64x14x14 > conv 64 3", 16, 3136, 576, 64)                                   \
    X("A row 784-64", "1x1x784 > dense 64", 1, 1, 784, 64)                                         \
    X("B row 784-1000", "1x1x784 > dense 1000", 1, 1, 784, 1000)

enum { VALUES = 65536, POINTS = 1024, DIMENSIONS = 64, QUERIES = 32, SIDE = 28, CHANNELS = 32 };
enum pass { FORWARD, BACKWARD, GRADIENT, PASSES };

/* What each name ends with, and the products that it means. */
#define THREE_PASSES(name, text, rows, m, k, n)                                                    \
    {name " forward", 2.0 * m * k * n, m, k, n}, {name " dX", 2.0 * m * k * n, m, n, k},           \
        {name " dW", 2.0 * m * k * n, k, m, n},
#define NO_PRODUCT 0, 0, 0
static const lk_kernel_bench benches[] = {
    LAYERS(THREE_PASSES) /* the others come behind them */
    {"maxpool 28x32", 4.0 * SIDE *CHANNELS, NO_PRODUCT},
    {"distances 1024x64", 3.0 * POINTS *DIMENSIONS, NO_PRODUCT},
    {"nearness 32x1024x64", 2.0 * QUERIES *POINTS *DIMENSIONS, NO_PRODUCT},
    {"sigmoid 65536", 20.0 * VALUES, NO_PRODUCT},
    {"adam 65536", 12.0 * VALUES, NO_PRODUCT},
};

#define ITS_CHAIN(name, text, rows, m, k, n) {text " | triplet margin 0.2", rows},
static const struct {
    const char *arch; /* the layer; the loss asks nothing of what it makes */
    size_t rows;
} layers[] = {LAYERS(ITS_CHAIN)};
enum { FIRST_KERNEL = LK_COUNTOF(layers) * PASSES };

struct lk_bench_run {
    size_t which;
    const lk_kernels *kernels;
    lk_model *model; /* NULL where there is no layer */
    lk_run *run;
    lk_batch batch;
    lk_real *room; /* the transposed weights, then a slice's gradient; or a kernel's values */
    size_t transposed;
};

const lk_kernel_bench *lk_kernel_benches(size_t *count) {
    *count = LK_COUNTOF(benches);
    return benches;
}

static void fill(lk_real *values, size_t n) {
    const lk_rng rng = lk_rng_make(1, 0, 0);
    for (size_t i = 0; i < n; i++) values[i] = (lk_real)lk_rng_uniform(rng, i);
}

/* ---- a layer ---- */

static void run_layer(lk_bench_run *b, enum pass what) {
    const lk_layer *layer = &b->model->arch.layers[0];
    const size_t rows = b->run->max_batch;
    const lk_real *x = b->run->value[0], *y = b->run->value[1];
    lk_real *dy = b->run->delta[1];
    lk_pass pass = lk_run_pass(b->run, 0, 0, 0);
    if (what == FORWARD) layer->op->forward(layer, &pass, x, b->run->value[1], rows);
    for (size_t s = 0; s < layer->slices && what == GRADIENT; s++)
        layer->op->gradient(layer, &pass, s, x, dy, rows, b->room + b->transposed);
    pass.transposed = b->room;
    if (what == BACKWARD) layer->op->backward(layer, &pass, x, y, dy, b->run->delta[0], rows);
}

/* All that a pass finds done when it is its turn in training. */
static lk_status prepare_layer(lk_bench_run *b, lk_simd simd, lk_error *error) {
    const size_t which = b->which / PASSES, rows = layers[which].rows;
    b->model = lk_model_create(layers[which].arch, error);
    if (!b->model) return error->status;
    b->run = lk_run_create_training(b->model, rows, 1, simd, error);
    if (!b->run) return error->status;
    const lk_layer *layer = &b->model->arch.layers[0];
    size_t largest = 0;
    for (size_t s = 0; s < layer->slices; s++)
        largest = LK_MAX(largest, layer->op->slice(layer, s).count);
    b->transposed = layer->transposed;
    b->room = lk_alloc((layer->transposed + largest) * sizeof *b->room);
    if (!b->room) return lk_fail(error, LK_MEMORY, "out of memory");
    lk_model_init(b->model, LK_INIT_GLOROT, 1);
    for (size_t s = 0; s < layer->slices; s++)
        layer->op->transpose(layer, b->run->kernels, s, b->model->parameters, b->room);
    fill(b->run->value[0], rows * layer->in_stride);
    fill(b->run->delta[1], rows * layer->out_stride);
    b->batch = (lk_batch){.rows = rows, .learning = true, .scale = 1};
    b->run->batch = &b->batch;
    run_layer(b, FORWARD);
    run_layer(b, BACKWARD);
    return LK_OK;
}

/* ---- a kernel ---- */

static void run_kernel(lk_bench_run *b) {
    static const lk_adam step = {(lk_real)1e-3, 1, (lk_real)0.9, (lk_real)0.999, (lk_real)1e-8, 1};
    static const lk_windows windows = {SIDE / 2, 2, CHANNELS, SIDE * CHANNELS};
    lk_real *p = b->room, *q = p + VALUES, *r = p + 2 * VALUES, *s = p + 3 * VALUES;
    const lk_whole nearness = {.m = QUERIES,
                               .pairs = DIMENSIONS / 2,
                               .panels = POINTS / LK_LANES,
                               .a = (const int16_t *)(const void *)p,
                               .b = (const int16_t *)(const void *)q,
                               .scale = r,
                               .c = s,
                               .c_row = POINTS};
    switch (b->which - FIRST_KERNEL) {
    case 0: b->kernels->pool_max(&windows, p, q, r); break;
    case 1: b->kernels->squared_distances(p, DIMENSIONS, q, POINTS / LK_LANES, r); break;
    case 2: b->kernels->whole_products(&nearness); break;
    case 3: b->kernels->activate(LK_SIGMOID, p, VALUES); break;
    default: b->kernels->adam(&step, p, q, r, s, VALUES); break;
    }
}
LK_STATIC_ASSERT(POINTS *DIMENSIONS <= VALUES && QUERIES * POINTS <= VALUES &&
                     SIDE * 2 * CHANNELS <= VALUES,
                 room_suffices);

static lk_status prepare_kernel(lk_bench_run *b, lk_error *error) {
    b->room = lk_alloc(4 * VALUES * sizeof *b->room);
    return b->room ? LK_OK : lk_fail(error, LK_MEMORY, "out of memory");
}

/* ---- either ---- */

lk_bench_run *lk_bench_create(size_t which, lk_simd simd, lk_error *error) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    if (!kernels || which >= LK_COUNTOF(benches)) {
        lk_fail(error, LK_USAGE, "no such kernel");
        return NULL;
    }
    lk_bench_run *b = lk_alloc(sizeof *b);
    if (!b) {
        lk_fail(error, LK_MEMORY, "out of memory");
        return NULL;
    }
    *b = (lk_bench_run){.which = which, .kernels = kernels};
    const bool layer = which < FIRST_KERNEL;
    if ((layer ? prepare_layer(b, simd, error) : prepare_kernel(b, error)) == LK_OK) return b;
    lk_bench_free(b);
    return NULL;
}

void lk_bench_repeat(lk_bench_run *b, size_t times) {
    for (size_t i = 0; i < times; i++)
        if (b->model)
            run_layer(b, (enum pass)(b->which % PASSES));
        else
            run_kernel(b);
}

void lk_bench_free(lk_bench_run *b) {
    if (!b) return;
    lk_run_free(b->run);
    lk_model_free(b->model);
    lk_free(b->room);
    lk_free(b);
}
