#include "aspect.h"

#include <math.h>
#include <string.h>

#include "augment.h"
#include "directions.h"

/* The most components and Gaussians of each kind, and by what share of its variance each dimension
   is widened. */
static const struct {
    const char *name;
    size_t components, clusters;
    double widening;
    bool scaled; /* to a deviation of 1 each; answers are all logarithms as they are */
} kinds[LK_ASPECTS] = {{"gist", LK_MOST_COMPONENTS, 10, 0.02, true},
                       {"style", LK_MOST_COMPONENTS, 10, 0.02, true},
                       {"tones", LK_MOST_COMPONENTS, 10, 0.02, true},
                       {"views", LK_MOST_COMPONENTS, 10, 0.02, false}};

const char *lk_aspect_name(lk_aspect_kind kind) {
    return kinds[kind].name;
}

static size_t style_values(const lk_arch *arch) {
    size_t channels = 0;
    for (size_t i = 0; i < arch->encoder; i++)
        if (arch->layers[i].op == &lk_op_conv) channels += arch->layers[i].out.channels;
    return channels <= LK_MOST_STYLE / 2 ? 2 * channels : 0;
}

/* Values above 0, and steps between values, in so many heights. */
enum { TONES = 16, ALL_TONES = 2 * (TONES + 1) };
LK_STATIC_ASSERT(ALL_TONES <= (int)LK_MOST_STYLE, tones_have_room);

/* Every answer in every pose. */
static size_t views_values(const lk_arch *arch) {
    return LK_POSES / lk_pose_step(arch->input) * lk_pose_answers(&arch->layers[arch->pose]);
}

static size_t count_values(const lk_arch *arch, lk_aspect_kind kind) {
    switch (kind) {
    case LK_GIST: return lk_shape_size(arch->layers[arch->pose].in);
    case LK_STYLE: return style_values(arch);
    case LK_TONES: return ALL_TONES;
    default: return views_values(arch);
    }
}

lk_aspect lk_aspect_plan(const lk_arch *arch, lk_aspect_kind kind, size_t n) {
    lk_aspect a = {0};
    if (arch->pose == arch->count) return a;
    a.values = count_values(arch, kind);
    a.components = LK_MIN(a.values, kinds[kind].components);
    a.mixture.dimensions = a.components + 1;
    a.mixture.clusters =
        a.values ? LK_MIN(lk_mixture_clusters(n, a.mixture.dimensions), kinds[kind].clusters) : 0;
    a.mixture.widening = kinds[kind].widening;
    a.mixture.each = true;
    a.scaled = kinds[kind].scaled;
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

/* 0 for nothing, then 1 to TONES: up to a share k of TONES it is k. */
static size_t tone(double v) {
    if (!(v > 0)) return 0;
    const double height = LK_MIN(v, 1.0) * TONES;
    const size_t whole = (size_t)height;
    return whole + (height > (double)whole);
}

/* An image whose channels stand side by side. */
static void look_at_tones(const lk_real *x, lk_shape shape, lk_real *tones) {
    const size_t row = (size_t)shape.width * shape.channels;
    size_t counts[ALL_TONES] = {0}, *steps = counts + TONES + 1;
    for (size_t i = 0; i < row * shape.height; i++) {
        counts[tone((double)x[i])]++;
        if (i % row >= shape.channels)
            steps[tone(fabs((double)x[i] - (double)x[i - shape.channels]))]++;
        if (i >= row) steps[tone(fabs((double)x[i] - (double)x[i - row]))]++;
    }
    for (size_t t = 0; t < ALL_TONES; t++) tones[t] = (lk_real)lk_log(1 + (double)counts[t]);
}

/* What is less likely is as good as impossible: the logarithm of a probability is at least this. */
static const double LEAST_LOG = -12;

static const lk_real *look_at_views(const lk_run *run, size_t row) {
    const lk_arch *arch = &run->model->arch;
    const size_t answers = lk_pose_answers(&arch->layers[arch->pose]);
    lk_real *to = run->seen;
    for (uint32_t pose = 0; pose < LK_POSES; pose += lk_pose_step(arch->input)) {
        const lk_real *view = lk_view(run, row, pose);
        for (size_t a = 0; a < answers; a++)
            *to++ = (lk_real)LK_MAX(lk_log(LK_MAX((double)view[a], 1e-30)), LEAST_LOG);
    }
    return run->seen;
}

const lk_real *lk_aspect_look(const lk_run *run, size_t row, lk_aspect_kind kind, lk_real *room) {
    const lk_arch *arch = &run->model->arch;
    if (kind == LK_GIST) return run->value[arch->pose] + row * arch->layers[arch->pose].in_stride;
    if (kind == LK_VIEWS) return look_at_views(run, row);
    if (kind == LK_TONES) {
        look_at_tones(run->value[0] + row * arch->layers[0].in_stride, arch->input, room);
        return room;
    }
    lk_real *style = room;
    for (size_t i = 0; i < arch->encoder; i++) {
        const lk_layer *layer = &arch->layers[i];
        if (layer->op != &lk_op_conv) continue;
        look_at_style(run->value[i + 1] + row * layer->out_stride, layer->out, style);
        style += 2 * layer->out.channels;
    }
    return room;
}

/* ---- views ---- */

const lk_real *lk_view(const lk_run *run, size_t row, uint32_t pose) {
    return run->views + (row * LK_POSES + pose) * lk_view_stride(&run->model->arch);
}

double lk_view_pose(const lk_run *run, const lk_real *view, uint32_t pose) {
    const size_t classes = run->model->arch.posed;
    double sum = 0;
    for (size_t k = 0; k < classes; k++) sum += (double)view[pose * classes + k];
    return sum;
}

/* The upright ones last, so that the rows hold these in the end. */
void lk_look_round(lk_run *run, const lk_real *x, size_t n, size_t last) {
    const lk_arch *arch = &run->model->arch;
    const size_t size = lk_shape_size(arch->input), stride = lk_view_stride(arch);
    const uint32_t step = lk_pose_step(arch->input);
    for (uint32_t pose = arch->posed ? LK_POSES : step; pose > 0;) {
        pose -= step;
        for (size_t i = 0; i < n && pose > 0; i++) {
            lk_augment_pose(x + i * size, arch->input, pose, run->turned);
            lk_run_load(run, run->turned, i, 1);
        }
        if (pose == 0) lk_run_load(run, x, 0, n);
        lk_run_forward(run, 0, pose > 0 ? arch->pose + 1 : last, 0, n, 0);
        for (size_t i = 0; i < n && arch->posed; i++) {
            const lk_layer *layer = &arch->layers[arch->pose];
            run->kernels->softmax(run->memory[arch->pose] + i * layer->memory,
                                  lk_pose_answers(layer),
                                  run->views + (i * LK_POSES + pose) * stride);
        }
    }
}

/* ---- the basis ---- */

/* Values that hardly vary are not blown up. */
static const double LEAST_DEVIATION = 0.05;

/* What brings values[n][aspect->values] to a mean of 0 and, if the aspect is scaled, a deviation of
   1; sums[2][values]. */
static void measure(lk_aspect *aspect, const lk_real *values, size_t n, double *sums) {
    const size_t d = aspect->values;
    double *means = sums, *squares = sums + d, total = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) means[j] += (double)values[i * d + j];
    for (size_t j = 0; j < d; j++) aspect->centre[j] = (lk_real)(means[j] / (double)n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double v = (double)values[i * d + j] - (double)aspect->centre[j];
            squares[j] += v * v;
        }
    for (size_t j = 0; j < d; j++) total += sqrt(squares[j] / (double)n);
    const double least = LK_MAX(LEAST_DEVIATION * total / (double)d, 1e-6);
    for (size_t j = 0; j < d; j++)
        aspect->scale[j] =
            aspect->scaled ? (lk_real)(1 / LK_MAX(sqrt(squares[j] / (double)n), least)) : 1;
}

/* The leading components of the values so brought. */
static void find_components(lk_directions *c, const lk_aspect *aspect, const lk_real *values,
                            size_t n, uint64_t seed) {
    const size_t d = aspect->values;
    for (size_t first = 0; first < n; first += LK_DIRECTIONS_BLOCK) {
        const size_t some = LK_MIN((size_t)LK_DIRECTIONS_BLOCK, n - first);
        for (size_t i = 0; i < some; i++)
            for (size_t j = 0; j < d; j++)
                c->block[i * c->stride + j] =
                    (values[(first + i) * d + j] - aspect->centre[j]) * aspect->scale[j];
        lk_directions_add(c, some);
    }
    lk_directions_find(c, lk_rng_make(seed, LK_STREAM_COMPONENTS, 0));
}

/* ---- fitting and measuring ---- */

void lk_aspect_project(const lk_aspect *a, const lk_real *values, lk_real *z) {
    double sums[LK_MOST_COMPONENTS] = {0}, left = 0;
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

lk_status lk_aspect_fit(lk_aspect *aspect, const lk_real *values, const uint32_t *labels, size_t n,
                        uint64_t seed, lk_error *error) {
    const size_t d = aspect->values, k = aspect->components, dims = aspect->mixture.dimensions;
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(values[i])) return lk_fail(error, LK_NONFINITE, "a value is not finite");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_directions c = {.values = d, .count = k};
        lk_directions_take(&c, &arena);
        double *sums = lk_arena_take(&arena, 2 * d, sizeof *sums);
        lk_real *projected = lk_arena_take(&arena, n * dims, sizeof *projected);
        if (sums) {
            measure(aspect, values, n, sums);
            find_components(&c, aspect, values, n, seed);
            for (size_t j = 0; j < d; j++)
                for (size_t i = 0; i < k; i++)
                    aspect->basis[j * k + i] = (lk_real)c.basis[i * d + j];
            for (size_t i = 0; i < n; i++)
                lk_aspect_project(aspect, values + i * d, projected + i * dims);
            const lk_status status =
                lk_mixture_fit(&aspect->mixture, projected, labels, n, seed, error);
            lk_free(arena.base);
            return status;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

double lk_aspect_distance(const lk_aspect *aspect, const lk_real *values) {
    lk_real z[LK_MOST_COMPONENTS + 1];
    lk_aspect_project(aspect, values, z);
    return lk_mixture_distance(&aspect->mixture, z);
}
