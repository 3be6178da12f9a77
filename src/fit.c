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

/* ---- images ---- */

/* Some of a data set's images and their labels, in a block of their own. */
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
        *to = (lk_dataset){.shape = data->shape, .count = n, .classes = data->classes};
        if (!lk_mul_size(n, size, &values)) arena.overflow = true;
        uint32_t *order = lk_arena_take(&arena, data->count, sizeof *order);
        lk_real *x = lk_arena_take(&arena, size, sizeof *x);
        lk_real *scratch = lk_arena_take(&arena, lk_augment_scratch(data->shape), sizeof *scratch);
        to->values = lk_arena_take(&arena, data->values ? values : 0, sizeof *x);
        to->pixels = lk_arena_take(&arena, data->values ? 0 : values, 1);
        to->labels = lk_arena_take(&arena, data->labels ? n : 0, sizeof *to->labels);
        if (x) {
            for (size_t i = 0; i < data->count; i++) order[i] = (uint32_t)i;
            if (n < data->count)
                lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_COMPONENTS, 1), order, data->count);
            for (size_t i = 0; i < n; i++) {
                const lk_change change = draw_change(how, shift, rng, i);
                lk_dataset_images(data, order[i], 1, x);
                if (how != STILL) lk_augment_apply(&change, data->shape, x, scratch);
                if (data->labels) to->labels[i] = data->labels[order[i]];
                for (size_t k = 0; k < size; k++) {
                    if (data->values)
                        to->values[i * size + k] = x[k];
                    else
                        to->pixels[i * size + k] = (uint8_t)(x[k] * 255 + (lk_real)0.5);
                }
            }
            if (!data->values) to->values = NULL;
            if (!data->labels) to->labels = NULL;
            out->block = arena.base;
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

/* What is learnt, and how. */
typedef struct fitting {
    lk_score *score;
    const lk_model *model;
    uint64_t seed;
    int threads;
    lk_simd simd;
    lk_error *error;
} fitting;

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

static lk_status fit_codes(const fitting *f, const lk_dataset *data) {
    lk_mixture *mixture = &f->score->mixture;
    size_t bytes;
    if (!lk_mul_size(data->count, mixture->dimensions * sizeof(lk_real), &bytes))
        return lk_fail(f->error, LK_MEMORY, "out of memory");
    lk_real *codes = lk_alloc(bytes);
    if (!codes) return lk_fail(f->error, LK_MEMORY, "out of memory");
    lk_status status = lk_dataset_encode(data, f->model, f->threads, f->simd, codes, f->error);
    if (status == LK_OK)
        status = lk_mixture_fit(mixture, codes, data->labels, data->count, f->seed, f->error);
    lk_free(codes);
    return status;
}

static lk_status fit_places(const fitting *f, size_t references, const lk_dataset *data) {
    sample known = {0};
    lk_status status = draw(data, references, STILL, 0, f->seed, &known, f->error);
    if (status == LK_OK)
        status = lk_dataset_visit(&known.data, f->model, LK_PREPARE_IMAGE, f->threads, f->simd,
                                  keep_places, f->score, f->error);
    lk_free(known.block);
    return status;
}

/* ---- what layers hold, and shapes ---- */

enum { SHAPES = LK_ASPECTS }; /* beside the kinds of aspects */

/* Values of one kind, of images that are visited in order. */
typedef struct looking {
    int kind;
    size_t size;
    lk_real *values; /* [images][size] */
} looking;

static lk_status look(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                      lk_error *error) {
    const looking *l = context;
    const size_t code = run->model->arch.encoder;
    lk_real room[LK_MOST_STYLE];
    (void)error;
    if (l->kind == LK_VIEWS)
        lk_look_round(run, x, n, code);
    else
        lk_run_load(run, x, 0, n);
    if (l->kind == LK_GIST || l->kind == LK_STYLE) lk_run_forward(run, 0, code, 0, n, 0);
    for (size_t i = 0; i < n; i++)
        memcpy(l->values + (first + i) * l->size,
               l->kind == SHAPES ? lk_score_shape(run, i)
                                 : lk_aspect_look(run, i, (lk_aspect_kind)l->kind, room),
               l->size * sizeof *l->values);
    return LK_OK;
}

/* The values of `size` of each image, to be freed. */
static lk_status look_at(const fitting *f, const lk_dataset *data, lk_preparation preparation,
                         looking *l) {
    size_t bytes;
    if (!lk_mul_size(data->count, l->size * sizeof *l->values, &bytes))
        return lk_fail(f->error, LK_MEMORY, "out of memory");
    l->values = lk_alloc(bytes);
    if (!l->values) return lk_fail(f->error, LK_MEMORY, "out of memory");
    return lk_dataset_visit(data, f->model, preparation, f->threads, f->simd, look, l, f->error);
}

/* Tones are learnt as other scanners would have them, too. */
static lk_status fit_aspect(const fitting *f, lk_aspect_kind kind, const lk_dataset *data) {
    lk_aspect *aspect = &f->score->aspects[kind];
    if (aspect->values == 0) return LK_OK;
    const size_t most = kind == LK_VIEWS ? MOST_VIEWED / aspect->values : SIZE_MAX;
    looking l = {kind, aspect->values, NULL};
    sample some = {0};
    lk_status status = draw(data, LK_MIN(most, (size_t)MOST_LOOKED_AT),
                            kind == LK_TONES ? BETWEEN : STILL, 0, f->seed, &some, f->error);
    if (status == LK_OK) status = look_at(f, &some.data, LK_PREPARE_IMAGE, &l);
    if (status == LK_OK)
        status =
            lk_aspect_fit(aspect, l.values, some.data.labels, some.data.count, f->seed, f->error);
    lk_free(l.values);
    lk_free(some.block);
    return status;
}

static lk_status fit_shapes(const fitting *f, lk_preparation preparation, const lk_dataset *data) {
    lk_local_pca *shapes = &f->score->shapes[preparation];
    if (shapes->clusters == 0) return LK_OK;
    looking l = {SHAPES, shapes->values, NULL};
    sample some = {0};
    lk_status status = draw(data, MOST_LOOKED_AT, STILL, 0, f->seed, &some, f->error);
    if (status == LK_OK) status = look_at(f, &some.data, preparation, &l);
    if (status == LK_OK)
        status = lk_local_pca_fit(shapes, l.values, some.data.count, f->seed, f->error);
    lk_free(l.values);
    lk_free(some.block);
    return status;
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

lk_status lk_score_fit(lk_model *model, const lk_dataset *data, uint32_t shift, bool ink,
                       size_t references, uint64_t seed, int threads, lk_simd simd,
                       lk_error *error) {
    if (references == 0) return lk_fail(error, LK_USAGE, "at least one reference code is needed");
    lk_score *score = plan(model, data->count, ink, references, error);
    const fitting f = {score, model, seed, threads, simd, error};
    sample shifted = {0};
    const lk_dataset *moved = shift > 0 ? &shifted.data : data;
    lk_status status = score ? LK_OK : LK_MEMORY;
    if (status == LK_OK && shift > 0)
        status = draw(data, SIZE_MAX, WHOLE, shift, seed, &shifted, error);
    if (status == LK_OK) status = fit_codes(&f, moved);
    for (int a = 0; status == LK_OK && a < LK_ASPECTS; a++)
        status = fit_aspect(&f, (lk_aspect_kind)a, a == LK_GIST || a == LK_STYLE ? moved : data);
    for (int p = 0; status == LK_OK && p < LK_PREPARATIONS; p++)
        status = fit_shapes(&f, (lk_preparation)p, p == LK_PREPARE_IMAGE ? moved : data);
    if (status == LK_OK) status = fit_places(&f, references, moved);
    if (status == LK_OK) status = lk_score_finish(score, error);
    if (status == LK_OK)
        lk_score_attach(model, score);
    else
        lk_score_free(score);
    lk_free(shifted.block);
    return status;
}
