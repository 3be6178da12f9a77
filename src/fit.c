/* What is usual, learnt from the images that a network was trained on. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "augment.h"
#include "score.h"

/* What is added to the variances of codes, as a share of their mean. */
static const double WIDENING = 0.02;

/* Images that aspects and shapes are learnt from, and values of views: more would cost memory and
   change little. */
enum { MOST_LOOKED_AT = 20000, MOST_VIEWED = 1 << 24 };

/* ---- codes ---- */

/* A code of unit length in steps of 1/127. */
static void quantise(const lk_real *z, size_t d, int8_t *code) {
    double squares = 0;
    for (size_t k = 0; k < d; k++) squares += (double)z[k] * (double)z[k];
    const double scale = squares > 0 ? 127 / sqrt(squares) : 0;
    for (size_t k = 0; k < d; k++) code[k] = (int8_t)floor((double)z[k] * scale + 0.5);
}

/* Keeps the places of images that are visited in order. */
static lk_status keep_places(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                             lk_error *error) {
    const lk_score *score = context;
    (void)error;
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.encoder, 0, n, 0);
    for (size_t i = 0; i < n; i++)
        quantise(lk_score_place(score, run, i), score->width,
                 score->codes + (first + i) * score->width);
    return LK_OK;
}

/* ---- what layers hold, and shapes ---- */

/* Of images that are visited in order. */
typedef struct looking {
    const lk_score *score;
    /* [images][values] of gist and style; NULL: only shapes are wanted */
    lk_real *values[LK_TONES];
    lk_real *shapes; /* [images][values] */
} looking;

static lk_status look(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                      lk_error *error) {
    const looking *l = context;
    const size_t small = lk_local_pca_values(run->model->arch.input);
    lk_real room[LK_MOST_STYLE];
    (void)error;
    lk_run_load(run, x, 0, n);
    for (size_t i = 0; i < n; i++)
        memcpy(l->shapes + (first + i) * small, lk_score_shape(run, i), small * sizeof *l->shapes);
    if (!l->values[0]) return LK_OK;
    lk_run_forward(run, 0, run->model->arch.encoder, 0, n, 0);
    for (size_t i = 0; i < n; i++)
        for (int a = 0; a < LK_TONES; a++) {
            const size_t size = l->score->aspects[a].values;
            const lk_real *values = lk_aspect_look(run, i, (lk_aspect_kind)a, room);
            memcpy(l->values[a] + (first + i) * size, values, size * sizeof *values);
        }
    return LK_OK;
}

/* Fits the shapes of one preparation, and with those of images gist and style, to `data`. */
static lk_status fit_looks(lk_score *score, const lk_model *model, const lk_dataset *data,
                           lk_preparation preparation, uint64_t seed, int threads, lk_simd simd,
                           lk_error *error) {
    const size_t n = data->count;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        looking l = {.score = score};
        size_t values = 0;
        for (int a = 0; a < LK_TONES && preparation == LK_PREPARE_IMAGE; a++) {
            if (!lk_mul_size(n, score->aspects[a].values, &values)) arena.overflow = true;
            l.values[a] = lk_arena_take(&arena, values, sizeof(lk_real));
        }
        if (!lk_mul_size(n, score->shapes[preparation].values, &values)) arena.overflow = true;
        l.shapes = lk_arena_take(&arena, values, sizeof(lk_real));
        if (l.shapes) {
            lk_status status =
                lk_dataset_visit(data, model, preparation, threads, simd, look, &l, error);
            for (int a = 0; status == LK_OK && a < LK_TONES && l.values[a]; a++)
                if (score->aspects[a].values)
                    status = lk_aspect_fit(&score->aspects[a], l.values[a], n, seed, error);
            if (status == LK_OK && score->shapes[preparation].clusters > 0)
                status = lk_local_pca_fit(&score->shapes[preparation], l.shapes, n, seed, error);
            lk_free(arena.base);
            return status;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

typedef struct looking_at_one {
    lk_aspect_kind kind;
    size_t size;
    lk_real *values; /* [images][size] */
} looking_at_one;

static lk_status look_at_one(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                             lk_error *error) {
    const looking_at_one *l = context;
    lk_real room[LK_MOST_STYLE];
    (void)error;
    if (l->kind == LK_VIEWS)
        lk_look_round(run, x, n, run->model->arch.encoder);
    else
        lk_run_load(run, x, 0, n);
    for (size_t i = 0; i < n; i++)
        memcpy(l->values + (first + i) * l->size, lk_aspect_look(run, i, l->kind, room),
               l->size * sizeof *l->values);
    return LK_OK;
}

/* Fits tones or views to `data`. */
static lk_status fit_one(lk_score *score, const lk_model *model, lk_aspect_kind kind,
                         const lk_dataset *data, uint64_t seed, int threads, lk_simd simd,
                         lk_error *error) {
    lk_aspect *aspect = &score->aspects[kind];
    size_t values;
    if (!lk_mul_size(data->count, aspect->values * sizeof(lk_real), &values))
        return lk_fail(error, LK_MEMORY, "out of memory");
    looking_at_one l = {kind, aspect->values, lk_alloc(values)};
    if (!l.values) return lk_fail(error, LK_MEMORY, "out of memory");
    lk_status status =
        lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, simd, look_at_one, &l, error);
    if (status == LK_OK) status = lk_aspect_fit(aspect, l.values, data->count, seed, error);
    lk_free(l.values);
    return status;
}

/* ---- images ---- */

/* Some of a data set's images, in a block of their own. */
typedef struct sample {
    lk_dataset data;
    void *block;
} sample;

/* How each image of a sample is moved. */
typedef enum moving {
    STILL,
    WHOLE,  /* by whole pixels, at most `shift` each way */
    BETWEEN /* every second one by less than a pixel each way, as if it had been scanned anew */
} moving;

static lk_change draw_change(moving how, uint32_t shift, lk_rng rng, size_t i) {
    lk_change change = {.scale = 1};
    if (how == WHOLE) {
        const uint64_t ways = 2 * (uint64_t)shift + 1;
        change.across = (double)lk_rng_below(rng, 2 * i, ways) - (double)shift;
        change.down = (double)lk_rng_below(rng, 2 * i + 1, ways) - (double)shift;
    } else if (how == BETWEEN && i % 2 > 0) {
        change.across = 2 * lk_rng_uniform(rng, 2 * i) - 1;
        change.down = 2 * lk_rng_uniform(rng, 2 * i + 1) - 1;
    }
    return change;
}

/* So many images that are drawn, or all in order where there are not more. */
static lk_status draw(const lk_dataset *data, size_t wanted, moving how, uint32_t shift,
                      uint64_t seed, sample *out, lk_error *error) {
    const size_t size = lk_shape_size(data->shape), n = LK_MIN(data->count, wanted);
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 2);
    size_t values = 0;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_dataset *to = &out->data;
        *to = (lk_dataset){.shape = data->shape, .count = n};
        if (!lk_mul_size(n, size, &values)) arena.overflow = true;
        uint32_t *order = lk_arena_take(&arena, data->count, sizeof *order);
        lk_real *x = lk_arena_take(&arena, size, sizeof *x);
        lk_real *scratch = lk_arena_take(&arena, lk_augment_scratch(data->shape), sizeof *scratch);
        to->values = lk_arena_take(&arena, data->values ? values : 0, sizeof *x);
        to->pixels = lk_arena_take(&arena, data->values ? 0 : values, 1);
        if (x) {
            for (size_t i = 0; i < data->count; i++) order[i] = (uint32_t)i;
            if (n < data->count)
                lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_COMPONENTS, 1), order, data->count);
            for (size_t i = 0; i < n; i++) {
                const lk_change change = draw_change(how, shift, rng, i);
                lk_dataset_images(data, order[i], 1, x);
                if (how != STILL) lk_augment_apply(&change, data->shape, x, scratch);
                for (size_t k = 0; k < size; k++) {
                    if (data->values)
                        to->values[i * size + k] = x[k];
                    else
                        to->pixels[i * size + k] = (uint8_t)(x[k] * 255 + (lk_real)0.5);
                }
            }
            if (!data->values) to->values = NULL;
            out->block = arena.base;
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

/* ---- all of it ---- */

/* A score's room for what n images teach about this model, of drawings too or not. */
static lk_score *plan(const lk_model *model, size_t n, bool ink, size_t references,
                      lk_error *error) {
    const size_t d = lk_model_latent(model), looked_at = LK_MIN(n, (size_t)MOST_LOOKED_AT);
    lk_score sizes = {.references = LK_MIN(references, n)};
    sizes.mixture =
        (lk_mixture){.dimensions = d, .clusters = lk_mixture_clusters(n, d), .widening = WIDENING};
    for (int a = 0; a < LK_ASPECTS; a++)
        sizes.aspects[a] = lk_aspect_plan(&model->arch, (lk_aspect_kind)a, looked_at);
    sizes.width = d + sizes.aspects[LK_GIST].components;
    for (int p = 0;
         p < LK_PREPARATIONS && lk_model_has_evidence(model, (lk_preparation)p, LK_SHAPE); p++)
        if (p == LK_PREPARE_IMAGE || ink)
            sizes.shapes[p] = (lk_local_pca){.values = lk_local_pca_values(model->arch.input),
                                             .clusters = lk_local_pca_clusters(looked_at)};
    return lk_score_create(&sizes, error);
}

static lk_status fit_codes(lk_score *score, const lk_model *model, const lk_dataset *data,
                           uint64_t seed, int threads, lk_simd simd, lk_error *error) {
    size_t values;
    if (!lk_mul_size(data->count, score->mixture.dimensions, &values) ||
        !lk_mul_size(values, sizeof(lk_real), &values))
        return lk_fail(error, LK_MEMORY, "out of memory");
    lk_real *codes = lk_alloc(values);
    if (!codes) return lk_fail(error, LK_MEMORY, "out of memory");
    lk_status status = lk_dataset_encode(data, model, threads, simd, codes, error);
    if (status == LK_OK) status = lk_mixture_fit(&score->mixture, codes, data->count, seed, error);
    lk_free(codes);
    return status;
}

lk_status lk_score_fit(lk_model *model, const lk_dataset *data, uint32_t shift, bool ink,
                       size_t references, uint64_t seed, int threads, lk_simd simd,
                       lk_error *error) {
    if (references == 0) return lk_fail(error, LK_USAGE, "at least one reference code is needed");
    sample all = {0}, some = {0}, still = {0}, scanned = {0}, drawings = {0}, known = {0};
    lk_score *score = plan(model, data->count, ink, references, error);
    lk_status status = score ? LK_OK : LK_MEMORY;
    const lk_dataset *moved = shift > 0 ? &all.data : data;
    if (status == LK_OK && shift > 0)
        status = draw(data, SIZE_MAX, WHOLE, shift, seed, &all, error);
    if (status == LK_OK) status = fit_codes(score, model, moved, seed, threads, simd, error);
    const bool looks = lk_model_has_evidence(model, LK_PREPARE_IMAGE, LK_POSE);
    if (status == LK_OK && looks)
        status = draw(moved, MOST_LOOKED_AT, STILL, 0, seed, &some, error);
    if (status == LK_OK && looks)
        status = fit_looks(score, model, &some.data, LK_PREPARE_IMAGE, seed, threads, simd, error);
    if (status == LK_OK && looks) {
        const size_t most = MOST_VIEWED / score->aspects[LK_VIEWS].values;
        status = draw(data, LK_MIN(most, (size_t)MOST_LOOKED_AT), STILL, 0, seed, &still, error);
    }
    if (status == LK_OK && looks)
        status = fit_one(score, model, LK_VIEWS, &still.data, seed, threads, simd, error);
    if (status == LK_OK && looks)
        status = draw(data, MOST_LOOKED_AT, BETWEEN, 0, seed, &scanned, error);
    if (status == LK_OK && looks)
        status = fit_one(score, model, LK_TONES, &scanned.data, seed, threads, simd, error);
    if (status == LK_OK && looks && ink)
        status = draw(data, MOST_LOOKED_AT, STILL, 0, seed, &drawings, error);
    if (status == LK_OK && looks && ink)
        status =
            fit_looks(score, model, &drawings.data, LK_PREPARE_INK, seed, threads, simd, error);
    if (status == LK_OK) status = draw(moved, references, STILL, 0, seed, &known, error);
    if (status == LK_OK)
        status = lk_dataset_visit(&known.data, model, LK_PREPARE_IMAGE, threads, simd, keep_places,
                                  score, error);
    if (status == LK_OK) status = lk_score_finish(score, error);
    if (status == LK_OK)
        lk_score_attach(model, score);
    else
        lk_score_free(score);
    lk_free(all.block);
    lk_free(some.block);
    lk_free(still.block);
    lk_free(scanned.block);
    lk_free(drawings.block);
    lk_free(known.block);
    return status;
}
