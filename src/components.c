/* Principal components: of the covariance of the values, or, where the images are fewer than their
   values, of the products of the images with each other (the Gram matrix), which has the same
   eigenvalues (M. Turk and A. Pentland 1991). Either is square with the smaller side. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "eigen.h"
#include "kernels.h"
#include "subspace.h"

/* 256 images of values up to 255: their products' sums stay below 2^24, so singles hold them
   exactly, and blocks may be summed in any order. */
enum { BLOCK = 256, PANELS = 2 };
LK_STATIC_ASSERT(BLOCK * 255ul * 255ul < 1ul << 24, products_are_exact);

/* Larger matrices are not solved whole, which takes the cube of their side. */
enum { SOLVED_WHOLE = 1000, MOST_SIDE = 20000 };

typedef struct finder {
    const lk_dataset *data;
    const lk_kernels *kernels;
    int threads;
    bool gram;             /* the sides are images, not values */
    size_t side, depth;    /* of the matrix, and the number of products that each of its sums has */
    size_t stride;         /* the side in whole vectors */
    lk_real *block;        /* [BLOCK][stride] pixels of 0..255 */
    lk_real *partial;      /* threads x [side][PANELS * 16] */
    double *wide;          /* [BLOCK][side]: in place of these where there are values, not pixels */
    double *matrix;        /* [side][side] */
    double *values, *room; /* [side], [3 side] */
    double *leading;       /* [count][side] */
} finder;

static size_t size_of(const finder *f) {
    return lk_shape_size(f->data->shape);
}

/* Where in the data the value of a side's number i at depth p stands. */
static size_t place(const finder *f, size_t i, size_t p) {
    return f->gram ? i * size_of(f) + p : p * size_of(f) + i;
}

/* ---- pixels: exact sums of products, centred afterwards ---- */

/* Adds the products of the n rows of the block for `panels` panels from p on. */
static void add_products(finder *f, size_t n, size_t p, size_t panels, lk_real *partial) {
    f->kernels->gemm(&(lk_gemm){.m = f->side,
                                .k = n,
                                .panels = panels,
                                .a = f->block,
                                .a_row = 1,
                                .a_col = f->stride,
                                .b = f->block + p * LK_LANES,
                                .b_panel = LK_LANES,
                                .b_row = f->stride,
                                .c = partial,
                                .c_row = PANELS * LK_LANES,
                                .c_panel = LK_LANES});
    const size_t columns = LK_MIN(panels * LK_LANES, f->side - p * LK_LANES);
    for (size_t i = 0; i < f->side; i++)
        for (size_t j = 0; j < columns; j++)
            f->matrix[i * f->side + p * LK_LANES + j] += (double)partial[i * PANELS * LK_LANES + j];
}

static void multiply_pixels(finder *f) {
    const int groups = (int)((f->stride / LK_LANES + PANELS - 1) / PANELS);
    for (size_t first = 0; first < f->depth; first += BLOCK) {
        const size_t n = LK_MIN((size_t)BLOCK, f->depth - first);
        for (size_t b = 0; b < n; b++)
            for (size_t i = 0; i < f->side; i++)
                f->block[b * f->stride + i] = (lk_real)f->data->pixels[place(f, i, first + b)];
#pragma omp parallel for schedule(dynamic) num_threads(f->threads) if (f->threads > 1)
        for (int g = 0; g < groups; g++) {
            const size_t p = (size_t)g * PANELS;
            add_products(f, n, p, LK_MIN((size_t)PANELS, f->stride / LK_LANES - p),
                         f->partial + (size_t)lk_thread_number() * f->side * PANELS * LK_LANES);
        }
    }
}

/* From sums of products to the covariance, or to the images' products about their mean: its
   products with each are the means of the rows. */
static void centre(finder *f, const double *mean, double *rows) {
    const double n = (double)f->data->count;
    const size_t side = f->side;
    double all = 0;
    for (size_t i = 0; f->gram && i < side; i++) {
        rows[i] = 0;
        for (size_t j = 0; j < side; j++) rows[i] += f->matrix[i * side + j];
        rows[i] /= n;
        all += rows[i] / n;
    }
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++) {
            double *sum = &f->matrix[i * side + j];
            *sum = f->gram ? (*sum - rows[i] - rows[j] + all) / n : *sum / n - mean[i] * mean[j];
        }
}

/* ---- values that are no pixels: about the mean from the start ---- */

static void multiply_values(finder *f, const double *mean) {
    const double n = (double)f->data->count;
    const int side = (int)f->side;
    for (size_t first = 0; first < f->depth; first += BLOCK) {
        const size_t rows = LK_MIN((size_t)BLOCK, f->depth - first);
        for (size_t b = 0; b < rows; b++)
            for (size_t i = 0; i < f->side; i++)
                f->wide[b * f->side + i] =
                    (double)f->data->values[place(f, i, first + b)] - mean[f->gram ? first + b : i];
#pragma omp parallel for schedule(dynamic) num_threads(f->threads) if (f->threads > 1)
        for (int i = 0; i < side; i++)
            for (size_t b = 0; b < rows; b++) {
                const double *row = f->wide + b * f->side, own = row[i] / n;
                double *sums = f->matrix + (size_t)i * f->side;
                for (size_t j = 0; j < f->side; j++) sums[j] += own * row[j];
            }
    }
}

/* ---- either ---- */

static double value_at(const finder *f, size_t at) {
    return f->data->values ? (double)f->data->values[at] : (double)f->data->pixels[at];
}

/* Of values, or of pixels of 0..255. */
static void find_mean(const finder *f, double *mean) {
    const size_t size = size_of(f);
    memset(mean, 0, size * sizeof *mean);
    for (size_t n = 0; n < f->data->count; n++)
        for (size_t i = 0; i < size; i++) mean[i] += value_at(f, n * size + i);
    for (size_t i = 0; i < size; i++) mean[i] /= (double)f->data->count;
}

static void apply(const void *context, const double *x, size_t count, double *y) {
    const finder *f = context;
    memset(y, 0, count * f->side * sizeof *y);
    for (size_t i = 0; i < f->side; i++)
        for (size_t v = 0; v < count; v++) {
            const double share = x[v * f->side + i], *row = f->matrix + i * f->side;
            double *sums = y + v * f->side;
            for (size_t j = 0; j < f->side; j++) sums[j] += share * row[j];
        }
}

static lk_status solve(finder *f, size_t count, lk_error *error) {
    if (f->side > SOLVED_WHOLE) {
        const lk_symmetric a = {f->side, 0, apply, f};
        return lk_subspace_leading(&a, count, 1e-9, 1, f->threads, f->values, f->leading, error);
    }
    if (!lk_eigen_symmetric(f->matrix, f->side, f->values, f->room))
        return lk_fail(error, LK_NONFINITE, "the components did not converge");
    memcpy(f->leading, f->matrix, count * f->side * sizeof *f->leading);
    return LK_OK;
}

/* From the weights of images to the component: the sum of the images times theirs, of length 1. */
static void add_images(const finder *f, const double *weights, const double *mean, double *vector) {
    enum { STRETCH = 4096 };
    const size_t size = size_of(f);
    const int stretches = (int)((size + STRETCH - 1) / STRETCH);
    memset(vector, 0, size * sizeof *vector);
#pragma omp parallel for schedule(dynamic) num_threads(f->threads) if (f->threads > 1)
    for (int s = 0; s < stretches; s++) {
        const size_t first = (size_t)s * STRETCH, end = LK_MIN(first + STRETCH, size);
        for (size_t n = 0; n < f->data->count; n++)
            for (size_t i = first; i < end; i++)
                vector[i] += weights[n] * (value_at(f, n * size + i) - mean[i]);
    }
    double squares = 0;
    size_t largest = 0;
    for (size_t i = 0; i < size; i++) {
        squares += vector[i] * vector[i];
        if (fabs(vector[i]) > fabs(vector[largest])) largest = i;
    }
    const double factor = (vector[largest] < 0 ? -1 : 1) / sqrt(squares);
    for (size_t i = 0; squares > 0 && i < size; i++) vector[i] *= factor;
}

/* From pixels of 0..255 to values of 0..1, where there are pixels. */
static void hand_over(const finder *f, double total, lk_components *out) {
    const double white = f->data->values ? 1 : 255;
    for (size_t v = 0; v < out->count; v++) {
        const double *leading = f->leading + v * f->side;
        double *vector = out->vectors + v * out->size;
        const bool there = v < f->side && f->values[v] > 1e-12 * f->values[0];
        out->variances[v] = there ? f->values[v] / (white * white) : 0;
        if (!f->gram)
            memcpy(vector, leading, out->size * sizeof *vector);
        else if (there)
            add_images(f, leading, out->mean, vector);
    }
    for (size_t i = 0; i < out->size; i++) out->mean[i] /= white;
    out->total = total / (white * white);
}

static lk_status find(finder *f, lk_components *out, lk_error *error) {
    const size_t leading = LK_MIN(out->count, f->side);
    find_mean(f, out->mean);
    if (f->data->values) {
        multiply_values(f, out->mean);
    } else {
        multiply_pixels(f);
        centre(f, out->mean, f->room);
    }
    double total = 0;
    for (size_t i = 0; i < f->side; i++) total += LK_MAX(f->matrix[i * f->side + i], 0.0);
    const lk_status status = solve(f, leading, error);
    if (status == LK_OK) hand_over(f, total, out);
    return status;
}

static lk_status make(const lk_dataset *data, size_t count, lk_components *out, lk_error *error) {
    lk_arena arena = {0};
    const size_t size = lk_shape_size(data->shape);
    for (int pass = 0; pass < 2; pass++) {
        *out = (lk_components){.count = count, .size = size};
        size_t values = 0;
        if (!lk_mul_size(count, size, &values)) arena.overflow = true;
        out->mean = lk_arena_take(&arena, size, sizeof *out->mean);
        out->vectors = lk_arena_take(&arena, values, sizeof *out->vectors);
        out->variances = lk_arena_take(&arena, count, sizeof *out->variances);
        if (out->mean) return LK_OK;
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

lk_status lk_components_find(const lk_dataset *data, size_t count, int threads, lk_components *out,
                             lk_error *error) {
    const size_t size = lk_shape_size(data->shape), n = data->count;
    *out = (lk_components){0};
    if (n == 0 || size == 0) return lk_fail(error, LK_DATA, "there are no images");
    if (count == 0 || count > size)
        return lk_fail(error, LK_USAGE, "%u components of images of %u values",
                       (unsigned long long)count, (unsigned long long)size);
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    /* Small matrices are those of the values in any case, which has all components. */
    finder f = {.data = data, .kernels = lk_kernels_get(LK_SIMD_BEST), .threads = threads};
    f.gram = n < size && size > SOLVED_WHOLE;
    f.side = f.gram ? n : size;
    f.depth = f.gram ? size : n;
    f.stride = lk_round_up(f.side, LK_LANES);
    if (f.side > MOST_SIDE)
        return lk_fail(error, LK_DATA, "both images and their values are more than %u",
                       (unsigned long long)MOST_SIDE);
    const size_t leading = LK_MIN(count, f.side);
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        if (!data->values) {
            f.block = lk_arena_take(&arena, BLOCK * f.stride, sizeof *f.block);
            f.partial = lk_arena_take(&arena, (size_t)threads * f.side * PANELS * LK_LANES,
                                      sizeof *f.partial);
        } else {
            f.wide = lk_arena_take(&arena, BLOCK * f.side, sizeof *f.wide);
        }
        f.matrix = lk_arena_take(&arena, f.side * f.side, sizeof *f.matrix);
        f.values = lk_arena_take(&arena, f.side, sizeof *f.values);
        f.room = lk_arena_take(&arena, 3 * f.side, sizeof *f.room);
        f.leading = lk_arena_take(&arena, leading * f.side, sizeof *f.leading);
        if (f.matrix) break;
        if (!lk_arena_commit(&arena)) return lk_fail(error, LK_MEMORY, "out of memory");
    }
    lk_status status = make(data, count, out, error);
    if (status == LK_OK) status = find(&f, out, error);
    lk_free(arena.base);
    if (status != LK_OK) lk_components_free(out);
    return status;
}

void lk_components_free(lk_components *components) {
    lk_free(components->mean);
    *components = (lk_components){0};
}

void lk_components_encode(const lk_components *components, const lk_real *x, lk_real *z) {
    for (size_t v = 0; v < components->count; v++) {
        const double *vector = components->vectors + v * components->size;
        double sum = 0;
        for (size_t i = 0; i < components->size; i++)
            sum += vector[i] * ((double)x[i] - components->mean[i]);
        z[v] = (lk_real)sum;
    }
}

void lk_components_decode(const lk_components *components, const lk_real *z, size_t count,
                          lk_real *x_hat) {
    for (size_t i = 0; i < components->size; i++) {
        double sum = components->mean[i];
        for (size_t v = 0; v < count; v++)
            sum += (double)z[v] * components->vectors[v * components->size + i];
        x_hat[i] = (lk_real)sum;
    }
}
