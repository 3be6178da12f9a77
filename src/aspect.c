#include "aspect.h"

#include <math.h>
#include <string.h>

enum { MOST_COMPONENTS = 48 };
/* The most components and Gaussians of each kind, and by what share of its variance each dimension
   is widened. */
static const struct {
    const char *name;
    size_t components, clusters;
    double widening;
} kinds[LK_ASPECTS] = {
    {"parts", MOST_COMPONENTS, 10, 0.02}, {"gist", 32, 10, 0.02}, {"style", 32, 10, 0.02}};

const char *lk_aspect_name(lk_aspect_kind kind) {
    return kinds[kind].name;
}

/* Before which layer of the encoder the image is dissolved: the first that makes none of one. */
static size_t dissolving(const lk_arch *arch) {
    size_t i = 0;
    while (i < arch->encoder && arch->layers[i].out.height > 1) i++;
    return i;
}

static size_t style_values(const lk_arch *arch) {
    size_t channels = 0;
    for (size_t i = 0; i < arch->encoder; i++)
        if (arch->layers[i].op == &lk_op_conv) channels += arch->layers[i].out.channels;
    return channels <= LK_MOST_STYLE / 2 ? 2 * channels : 0;
}

lk_aspect lk_aspect_plan(const lk_arch *arch, lk_aspect_kind kind, size_t n) {
    lk_aspect a = {0};
    const size_t image = dissolving(arch);
    if (arch->pose == arch->count) return a;
    if (kind == LK_PARTS && image > 0 && image < arch->encoder)
        a.values = lk_shape_size(arch->layers[image].in);
    if (kind == LK_GIST) a.values = lk_shape_size(arch->layers[arch->pose].in);
    if (kind == LK_STYLE) a.values = style_values(arch);
    a.components = LK_MIN(a.values, kinds[kind].components);
    a.mixture.dimensions = a.components + 1;
    a.mixture.clusters =
        a.values ? LK_MIN(lk_mixture_clusters(n, a.mixture.dimensions), kinds[kind].clusters) : 0;
    a.mixture.widening = kinds[kind].widening;
    a.mixture.each = true;
    return a;
}

void lk_aspect_take(lk_aspect *a, lk_arena *arena) {
    size_t basis = 0;
    if (!lk_mul_size(a->components, a->values, &basis)) arena->overflow = true;
    a->centre = lk_arena_take(arena, a->values, sizeof *a->centre);
    a->scale = lk_arena_take(arena, a->values, sizeof *a->scale);
    a->basis = lk_arena_take(arena, basis, sizeof *a->basis);
    lk_mixture_take(&a->mixture, arena);
}

/* Mean and deviation of the channels of an image whose channels stand side by side. */
static void look_at_style(const lk_real *image, lk_shape shape, lk_real *style) {
    const size_t pixels = (size_t)shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < pixels; i++) sum += (double)image[i * shape.channels + c];
        const double mean = sum / (double)pixels;
        for (size_t i = 0; i < pixels; i++) {
            const double v = (double)image[i * shape.channels + c] - mean;
            squares += v * v;
        }
        style[2 * c] = (lk_real)mean;
        style[2 * c + 1] = (lk_real)sqrt(squares / (double)pixels);
    }
}

const lk_real *lk_aspect_look(const lk_run *run, size_t row, lk_aspect_kind kind, lk_real *room) {
    const lk_arch *arch = &run->model->arch;
    const size_t at = kind == LK_PARTS ? dissolving(arch) : arch->pose;
    if (kind != LK_STYLE) return run->value[at] + row * arch->layers[at].in_stride;
    lk_real *style = room;
    for (size_t i = 0; i < arch->encoder; i++) {
        const lk_layer *layer = &arch->layers[i];
        if (layer->op != &lk_op_conv) continue;
        look_at_style(run->value[i + 1] + row * layer->out_stride, layer->out, style);
        style += 2 * layer->out.channels;
    }
    return room;
}

/* ---- the basis ---- */

enum { BLOCK = 256 }; /* rows whose products are summed in singles */

/* The workspace of a fit. */
typedef struct fit {
    size_t n, d, k, stride;
    const lk_real *values; /* [n][d] */
    lk_real *block;        /* [BLOCK][stride]: some of them, padded */
    lk_real *partial;      /* [d][stride] */
    double *gram;          /* [d][d]: the sums of products of values */
    double *basis;         /* [k][d] */
    double *products;      /* [k][d] */
    lk_real *projected;    /* [n][dimensions] */
} fit;

/* Values that hardly vary are not blown up. */
static const double LEAST_DEVIATION = 0.05;

/* What brings values to a mean of 0 and a deviation of 1. */
static void measure(fit *f, lk_aspect *aspect) {
    double *means = f->products, *squares = f->basis, total = 0;
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->d; j++) means[j] += (double)f->values[i * f->d + j];
    for (size_t j = 0; j < f->d; j++) aspect->centre[j] = (lk_real)(means[j] / (double)f->n);
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->d; j++) {
            const double v = (double)f->values[i * f->d + j] - (double)aspect->centre[j];
            squares[j] += v * v;
        }
    for (size_t j = 0; j < f->d; j++) total += sqrt(squares[j] / (double)f->n);
    const double least = LK_MAX(LEAST_DEVIATION * total / (double)f->d, 1e-6);
    for (size_t j = 0; j < f->d; j++)
        aspect->scale[j] = (lk_real)(1 / LK_MAX(sqrt(squares[j] / (double)f->n), least));
}

/* Rows of the basis become perpendicular and of unit length, one after the other, twice over
   against rounding (modified Gram and Schmidt). A row that others hold already becomes zero. */
static void make_orthonormal(fit *f) {
    for (size_t a = 0; a < f->k; a++) {
        double *row = f->basis + a * f->d, before = 0, squares = 0;
        for (size_t j = 0; j < f->d; j++) before += row[j] * row[j];
        for (size_t b = 0; b < 2 * a; b++) {
            const double *other = f->basis + b % a * f->d;
            double sum = 0;
            for (size_t j = 0; j < f->d; j++) sum += row[j] * other[j];
            for (size_t j = 0; j < f->d; j++) row[j] -= sum * other[j];
        }
        for (size_t j = 0; j < f->d; j++) squares += row[j] * row[j];
        const double scale = squares > 1e-24 * before ? 1 / sqrt(squares) : 0;
        for (size_t j = 0; j < f->d; j++) row[j] *= scale;
    }
}

/* The products of standardised values. */
static void multiply_values(fit *f, const lk_aspect *aspect) {
    const lk_kernels *kernels = lk_kernels_get(LK_SIMD_BEST);
    for (size_t first = 0; first < f->n; first += BLOCK) {
        const size_t n = LK_MIN((size_t)BLOCK, f->n - first);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < f->d; j++)
                f->block[i * f->stride + j] =
                    (f->values[(first + i) * f->d + j] - aspect->centre[j]) * aspect->scale[j];
        kernels->gemm(&(lk_gemm){.m = f->d,
                                 .k = n,
                                 .panels = f->stride / LK_LANES,
                                 .a = f->block,
                                 .a_row = 1,
                                 .a_col = f->stride,
                                 .b = f->block,
                                 .b_panel = LK_LANES,
                                 .b_row = f->stride,
                                 .c = f->partial,
                                 .c_row = f->stride,
                                 .c_panel = LK_LANES});
        for (size_t a = 0; a < f->d; a++)
            for (size_t b = 0; b < f->d; b++)
                f->gram[a * f->d + b] += (double)f->partial[a * f->stride + b];
    }
}

/* The leading components, by the power method on all of them at once (G. H. Golub and C. F. Van
   Loan, Matrix Computations, section 8.2). They need not be told apart, since the Gaussians do not
   care how the basis is turned. */
static void find_components(fit *f, const lk_aspect *aspect, uint64_t seed) {
    enum { STEPS = 8 };
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 0);
    for (size_t i = 0; i < f->k * f->d; i++) f->basis[i] = lk_rng_normal(rng, i);
    multiply_values(f, aspect);
    for (int step = 0; step < STEPS; step++) {
        make_orthonormal(f);
        memset(f->products, 0, f->k * f->d * sizeof *f->products);
        for (size_t a = 0; a < f->k; a++)
            for (size_t i = 0; i < f->d; i++) {
                const double x = f->basis[a * f->d + i];
                const double *row = f->gram + i * f->d;
                double *to = f->products + a * f->d;
                for (size_t j = 0; j < f->d; j++) to[j] += x * row[j];
            }
        memcpy(f->basis, f->products, f->k * f->d * sizeof *f->basis);
    }
    make_orthonormal(f);
}

/* ---- fitting and measuring ---- */

/* z[dimensions] of values as they are. */
static void project(const lk_aspect *a, const lk_real *values, lk_real *z) {
    double sums[MOST_COMPONENTS] = {0}, left = 0;
    for (size_t j = 0; j < a->values; j++) {
        const double v = (double)((values[j] - a->centre[j]) * a->scale[j]);
        const lk_real *row = a->basis + j * a->components;
        for (size_t k = 0; k < a->components; k++) sums[k] += (double)row[k] * v;
        left += v * v;
    }
    for (size_t k = 0; k < a->components; k++) {
        z[k] = (lk_real)sums[k];
        left -= sums[k] * sums[k];
    }
    z[a->components] = (lk_real)lk_log(LK_MAX(left, 1e-6));
}

lk_status lk_aspect_fit(lk_aspect *aspect, const lk_real *values, size_t n, uint64_t seed,
                        lk_error *error) {
    const size_t d = aspect->values, k = aspect->components, dims = aspect->mixture.dimensions;
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(values[i])) return lk_fail(error, LK_NONFINITE, "a value is not finite");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        fit f = {.n = n, .d = d, .k = k, .values = values, .stride = lk_round_up(d, LK_LANES)};
        f.block = lk_arena_take(&arena, BLOCK * f.stride, sizeof *f.block);
        f.partial = lk_arena_take(&arena, d * f.stride, sizeof *f.partial);
        f.gram = lk_arena_take(&arena, d * d, sizeof *f.gram);
        f.basis = lk_arena_take(&arena, k * d, sizeof *f.basis);
        f.products = lk_arena_take(&arena, k * d, sizeof *f.products);
        f.projected = lk_arena_take(&arena, n * dims, sizeof *f.projected);
        if (f.block) {
            measure(&f, aspect);
            find_components(&f, aspect, seed);
            for (size_t j = 0; j < d; j++)
                for (size_t c = 0; c < k; c++)
                    aspect->basis[j * k + c] = (lk_real)f.basis[c * d + j];
            for (size_t i = 0; i < n; i++) project(aspect, values + i * d, f.projected + i * dims);
            const lk_status status = lk_mixture_fit(&aspect->mixture, f.projected, n, seed, error);
            lk_free(arena.base);
            return status;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

double lk_aspect_distance(const lk_aspect *aspect, const lk_real *values) {
    lk_real z[MOST_COMPONENTS + 1];
    project(aspect, values, z);
    return lk_mixture_distance(&aspect->mixture, z);
}
