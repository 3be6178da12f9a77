/* Principal components: a chain of two linear layers whose weights are solved for, so that
   encoding, decoding, scoring and saving need no special case. */
#include "arena.h"
#include "eigen.h"
#include "model.h"

/* 256 images of values up to 255: their products' sums stay below 2^24, so singles hold them
   exactly, and blocks may be summed in any order. */
enum { BLOCK = 256, PANELS = 2 };
LK_STATIC_ASSERT(BLOCK * 255ul * 255ul < 1ul << 24, products_are_exact);

typedef struct solver {
    const lk_dataset *data;
    const lk_kernels *kernels;
    size_t d, stride;
    lk_real *block;   /* [BLOCK][stride] pixels of 0..255 */
    lk_real *partial; /* threads x [d][PANELS * 16] */
    double *gram;     /* [d][d]: sums of products, then covariance, then eigenvectors as rows */
    double *mean;     /* [d] */
    double *values;   /* [d] */
    double *room;     /* [3 d] */
} solver;

/* Adds the products of the n images of the block for `panels` panels from p on. */
static void add_products(solver *s, size_t n, size_t p, size_t panels, lk_real *partial) {
    s->kernels->gemm(&(lk_gemm){.m = s->d,
                                .k = n,
                                .panels = panels,
                                .a = s->block,
                                .a_row = 1,
                                .a_col = s->stride,
                                .b = s->block + p * LK_LANES,
                                .b_panel = LK_LANES,
                                .b_row = s->stride,
                                .c = partial,
                                .c_row = PANELS * LK_LANES,
                                .c_panel = LK_LANES});
    const size_t columns = LK_MIN(panels * LK_LANES, s->d - p * LK_LANES);
    for (size_t i = 0; i < s->d; i++)
        for (size_t j = 0; j < columns; j++)
            s->gram[i * s->d + p * LK_LANES + j] += (double)partial[i * PANELS * LK_LANES + j];
}

static void accumulate(solver *s, int threads) {
    const int groups = (int)((s->stride / LK_LANES + PANELS - 1) / PANELS);
    for (size_t first = 0; first < s->data->count; first += BLOCK) {
        const size_t n = LK_MIN((size_t)BLOCK, s->data->count - first);
        for (size_t b = 0; b < n; b++)
            for (size_t i = 0; i < s->d; i++) {
                const uint8_t pixel = s->data->pixels[(first + b) * s->d + i];
                s->block[b * s->stride + i] = (lk_real)pixel;
                s->mean[i] += (double)pixel;
            }
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int g = 0; g < groups; g++) {
            const size_t p = (size_t)g * PANELS;
            add_products(s, n, p, LK_MIN((size_t)PANELS, s->stride / LK_LANES - p),
                         s->partial + (size_t)lk_thread_number() * s->d * PANELS * LK_LANES);
        }
    }
    const double n = (double)s->data->count;
    for (size_t i = 0; i < s->d; i++) s->mean[i] /= n;
    for (size_t i = 0; i < s->d; i++)
        for (size_t j = 0; j < s->d; j++)
            s->gram[i * s->d + j] = s->gram[i * s->d + j] / n - s->mean[i] * s->mean[j];
}

/* Sets the two layers: z = V (x - mean), x_hat = V^T z + mean, for pixels of 0..1; inside a chain
   the values of an image stand in another order. */
static void set_weights(const solver *s, lk_model *model, lk_real *plain) {
    const size_t d = s->d, k = lk_model_latent(model);
    const lk_layer *encoder = &model->arch.layers[0], *decoder = &model->arch.layers[1];
    const lk_shape shape = model->arch.input;
    lk_real *to = model->parameters + encoder->offset;
    for (size_t c = 0; c < k; c++)
        for (size_t i = 0; i < d; i++)
            plain[c * d + lk_interleaved(shape, i)] = (lk_real)s->gram[c * d + i];
    encoder->op->pack(encoder, 0, plain, to);
    for (size_t c = 0; c < k; c++) {
        double sum = 0;
        for (size_t i = 0; i < d; i++) sum -= s->gram[c * d + i] * s->mean[i] / 255;
        plain[c] = (lk_real)sum;
    }
    encoder->op->pack(encoder, 1, plain, to);
    to = model->parameters + decoder->offset;
    for (size_t c = 0; c < k; c++)
        for (size_t i = 0; i < d; i++)
            plain[lk_interleaved(shape, i) * k + c] = (lk_real)s->gram[c * d + i];
    decoder->op->pack(decoder, 0, plain, to);
    for (size_t i = 0; i < d; i++) plain[lk_interleaved(shape, i)] = (lk_real)(s->mean[i] / 255);
    decoder->op->pack(decoder, 1, plain, to);
}

static void explain(const solver *s, size_t k, lk_real *explained) {
    double total = 0;
    for (size_t i = 0; i < s->d; i++) total += LK_MAX(s->values[i], 0.0);
    for (size_t c = 0; c < k; c++)
        explained[c] = total > 0 ? (lk_real)(LK_MAX(s->values[c], 0.0) / total) : 0;
}

static bool is_pca(const lk_arch *arch) {
    return arch->count == 2 && arch->encoder == 1 && arch->layers[0].op == &lk_op_dense &&
           arch->layers[1].op == &lk_op_dense && arch->layers[0].activation == LK_LINEAR &&
           arch->layers[1].activation == LK_LINEAR && arch->head == LK_LINEAR;
}

lk_status lk_pca_solve(lk_model *model, const lk_dataset *data, int threads, lk_real *explained,
                       lk_error *error) {
    const lk_arch *arch = &model->arch;
    const size_t d = lk_shape_size(arch->input), k = lk_model_latent(model);
    if (!is_pca(arch) || k > d)
        return lk_fail(error, LK_USAGE, "PCA needs two linear dense layers, the code no wider");
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    if (data->count == 0 || lk_shape_size(data->shape) != d)
        return lk_fail(error, LK_DATA, "the images' shape is not the model's");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        solver s = {.data = data, .kernels = lk_kernels_get(LK_SIMD_BEST), .d = d};
        s.stride = lk_round_up(d, LK_LANES);
        size_t square = 0;
        if (!lk_mul_size(d, d, &square)) arena.overflow = true;
        s.block = lk_arena_take(&arena, BLOCK * s.stride, sizeof *s.block);
        s.partial =
            lk_arena_take(&arena, (size_t)threads * d * PANELS * LK_LANES, sizeof *s.partial);
        s.gram = lk_arena_take(&arena, square, sizeof *s.gram);
        s.mean = lk_arena_take(&arena, d, sizeof *s.mean);
        s.values = lk_arena_take(&arena, d, sizeof *s.values);
        s.room = lk_arena_take(&arena, 3 * d, sizeof *s.room);
        lk_real *plain = lk_arena_take(&arena, k * d, sizeof *plain);
        if (s.block) {
            accumulate(&s, threads);
            const bool solved = lk_eigen_symmetric(s.gram, d, s.values, s.room);
            if (solved) set_weights(&s, model, plain);
            if (solved && explained) explain(&s, k, explained);
            lk_free(arena.base);
            return solved ? LK_OK : lk_fail(error, LK_NONFINITE, "the components did not converge");
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}
