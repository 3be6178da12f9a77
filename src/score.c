/* How unusual is an image? Pieces of evidence, each rising with unusualness:

     reconstruction  log(|x - x_hat|^2 / (|x|^2 + 1)): what the network could not say
     mahalanobis     log-density distance of the code to the nearest of a few Gaussians
     neighbour       log(1 - cosine) between the code and the nearest of the reference codes
     parts, gist, style  what layers hold of the image: see aspect.h
     pose            log of the odds against its being upright
     texture         the largest of the numbers of texture.h, relative to the most among held-out
                     images: over 1, the image is greyer, busier or more solid than any of them

   A network that tells poses apart has the four from parts to pose, and parts and gist in the
   place of mahalanobis; one that makes no images has no reconstruction. calibration.c makes the
   pieces comparable and turns them into one p-value. */
#include "score.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "arena.h"
#include "augment.h"

/* An input whose values span less than this says nothing. */
static const lk_real LEAST_SPAN = (lk_real)(2.0 / 255);

/* What is added to the variances of codes, as a share of their mean. */
static const double WIDENING = 0.02;

const char *lk_verdict_name(lk_verdict verdict) {
    static const char *const names[] = {"in", "out", "empty"};
    return names[verdict];
}

const char *lk_evidence_name(size_t which) {
    static const char *const names[LK_EVIDENCES] = {
        "reconstruction", "mahalanobis", "neighbour", "parts", "gist", "style", "pose", "texture"};
    return names[which];
}

bool lk_model_has_evidence(const lk_model *model, size_t which) {
    const bool posed = model->arch.pose < model->arch.count;
    switch (which) {
    case LK_RECONSTRUCTION: return lk_model_output(model) == LK_OUTPUT_IMAGE;
    case LK_MAHALANOBIS: return !posed;
    case LK_POSE: return posed;
    case LK_NEIGHBOUR:
    case LK_TEXTURE: return true;
    default: return lk_aspect_plan(&model->arch, which - LK_ASPECT, 1).values > 0;
    }
}

/* ---- memory ---- */

lk_score *lk_score_create(const lk_mixture *mixture, const lk_aspect *aspects, size_t references,
                          lk_error *error) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        size_t codes = 0;
        if (!lk_mul_size(references, mixture->dimensions, &codes)) arena.overflow = true;
        lk_score *score = lk_arena_take(&arena, 1, sizeof *score);
        lk_score made = {.mixture = *mixture, .references = references};
        lk_mixture_take(&made.mixture, &arena);
        for (int a = 0; a < LK_ASPECTS; a++) {
            made.aspects[a] = aspects[a];
            lk_aspect_take(&made.aspects[a], &arena);
        }
        made.codes = lk_arena_take(&arena, codes, 1);
        if (score) {
            *score = made;
            return score;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

void lk_score_free(lk_score *score) {
    if (!score) return;
    for (int p = 0; p < LK_PREPARATIONS; p++) lk_free(score->calibration[p]);
    lk_index_free(score->index);
    lk_free(score);
}

void lk_score_attach(lk_model *model, lk_score *score) {
    lk_score_free(model->score);
    model->score = score;
    model->free_score = lk_score_free;
}

/* ---- evidence ---- */

/* The first evidence. A model that makes no images has none of it: the same for all. */
static lk_status measure_error(lk_run *run, size_t row, float *measure, lk_error *error) {
    const lk_arch *arch = &run->model->arch;
    const lk_layer *last = &arch->layers[arch->count - 1];
    const size_t size = lk_shape_size(arch->input);
    const lk_real *x = run->value[0] + row * arch->layers[0].in_stride;
    lk_real *x_hat = run->value[arch->count] + row * last->out_stride;
    *measure = 0;
    if (arch->loss->output != LK_OUTPUT_IMAGE) return LK_OK;
    run->kernels->activate(arch->head, x_hat, last->out_stride);
    double energy = 0;
    for (size_t i = 0; i < size; i++) energy += (double)x[i] * (double)x[i];
    const double error_energy = (double)run->kernels->squared_error(x, x_hat, size);
    if (!isfinite(error_energy) || !isfinite(energy))
        return lk_fail(error, LK_NONFINITE, "the score '%s' is not finite",
                       lk_evidence_name(LK_RECONSTRUCTION));
    /* A perfect copy is as usual as can be; the floor keeps its logarithm finite. */
    *measure = (float)lk_log(LK_MAX(error_energy, 1e-12) / (energy + 1));
    return LK_OK;
}

/* Of a network that tells poses apart: the other poses' probabilities relative to the upright's. */
static double measure_pose(const lk_run *run, size_t row) {
    const size_t at = run->model->arch.pose;
    const lk_real *logits = run->memory[at] + row * run->model->arch.layers[at].memory;
    lk_real odds[LK_LANES] = {0};
    double sum = 0;
    for (int k = 0; k < LK_POSES; k++) odds[k] = logits[k] - logits[0];
    run->kernels->exponential(odds, LK_LANES);
    for (int k = 1; k < LK_POSES; k++) sum += (double)odds[k];
    return lk_log(LK_MAX(sum, 1e-30));
}

/* A piece of evidence other than the first and the last, of a model that has it. */
static double measure_one(lk_run *run, size_t row, size_t which) {
    const lk_arch *arch = &run->model->arch;
    const lk_score *score = run->model->score;
    const lk_real *z = run->value[arch->encoder] + row * arch->layers[arch->encoder - 1].out_stride;
    if (which == LK_MAHALANOBIS) return lk_mixture_distance(&score->mixture, z);
    if (which == LK_POSE) return measure_pose(run, row);
    if (which == LK_NEIGHBOUR) {
        lk_neighbour nearest = {0, 1};
        lk_index_search(score->index, z, 1, 1, 1, run->kernels->simd, &nearest);
        return lk_log(LK_MAX((double)nearest.distance, 1e-6));
    }
    lk_real room[LK_MOST_STYLE];
    const lk_aspect_kind kind = (lk_aspect_kind)(which - LK_ASPECT);
    return lk_aspect_distance(&score->aspects[kind], lk_aspect_look(run, row, kind, room));
}

/* measures[LK_MEASURES] of row `row` of a run that has gone forward. Destroys the row's output. */
static lk_status measure(lk_run *run, size_t row, float *measures, lk_error *error) {
    const lk_arch *arch = &run->model->arch;
    const lk_real *x = run->value[0] + row * arch->layers[0].in_stride;
    const lk_status status = measure_error(run, row, &measures[LK_RECONSTRUCTION], error);
    if (status != LK_OK) return status;
    for (size_t e = LK_RECONSTRUCTION + 1; e < LK_TEXTURE; e++)
        measures[e] = lk_model_has_evidence(run->model, e) ? (float)measure_one(run, row, e) : 0;
    lk_texture_measure(x, arch->input, measures + LK_TEXTURE);
    for (size_t m = 0; m < LK_MEASURES; m++)
        if (!isfinite(measures[m]))
            return lk_fail(error, LK_NONFINITE, "the score '%s' is not finite",
                           lk_evidence_name(LK_MIN(m, (size_t)LK_TEXTURE)));
    return LK_OK;
}

/* ---- fitting ---- */

/* A code of unit length in steps of 1/127. */
static void quantise(const lk_real *z, size_t d, int8_t *code) {
    double squares = 0;
    for (size_t k = 0; k < d; k++) squares += (double)z[k] * (double)z[k];
    const double scale = squares > 0 ? 127 / sqrt(squares) : 0;
    for (size_t k = 0; k < d; k++) code[k] = (int8_t)floor((double)z[k] * scale + 0.5);
}

lk_status lk_score_finish(lk_score *score, lk_error *error) {
    const size_t values = score->references * score->mixture.dimensions;
    lk_real *vectors = lk_alloc(values * sizeof *vectors);
    if (!vectors) return lk_fail(error, LK_MEMORY, "out of memory");
    for (size_t i = 0; i < values; i++) vectors[i] = (lk_real)score->codes[i];
    score->index = lk_index_create(vectors, score->references, score->mixture.dimensions,
                                   LK_METRIC_COSINE, error);
    lk_free(vectors);
    return score->index ? LK_OK : error ? error->status : LK_MEMORY;
}

/* Fills `score` from the codes of the n training images. */
static lk_status describe(lk_score *score, const lk_real *codes, size_t n, uint64_t seed,
                          lk_error *error) {
    lk_status status = lk_mixture_fit(&score->mixture, codes, n, seed, error);
    if (status != LK_OK) return status;
    uint32_t *order = lk_alloc(n * sizeof *order);
    if (!order) return lk_fail(error, LK_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_REFERENCES, 0), order, n);
    const size_t d = score->mixture.dimensions;
    for (size_t i = 0; i < score->references; i++)
        quantise(codes + order[i] * d, d, score->codes + i * d);
    lk_free(order);
    return lk_score_finish(score, error);
}

/* Images that aspects are learnt from: more would cost memory and change little. */
enum { MOST_LOOKED_AT = 20000 };

typedef struct looking {
    const uint32_t *place; /* of each image, where its values go; UINT32_MAX: nowhere */
    lk_real *values[LK_ASPECTS];
    const lk_aspect *aspects;
} looking;

static lk_status look(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                      lk_error *error) {
    const looking *l = context;
    lk_real room[LK_MOST_STYLE];
    (void)error;
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.encoder, 0, n, 0);
    for (size_t i = 0; i < n; i++)
        for (int a = 0; a < LK_ASPECTS && l->place[first + i] != UINT32_MAX; a++) {
            const size_t size = l->aspects[a].values;
            if (!size) continue;
            const lk_real *values = lk_aspect_look(run, i, (lk_aspect_kind)a, room);
            memcpy(l->values[a] + l->place[first + i] * size, values, size * sizeof *values);
        }
    return LK_OK;
}

static lk_status fit_aspects(lk_score *score, const lk_model *model, const lk_dataset *data,
                             uint64_t seed, int threads, lk_simd simd, lk_error *error) {
    const size_t n = LK_MIN(data->count, (size_t)MOST_LOOKED_AT);
    if (model->arch.pose == model->arch.count) return LK_OK;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        looking l = {.aspects = score->aspects};
        uint32_t *order = lk_arena_take(&arena, data->count, sizeof *order);
        uint32_t *place = lk_arena_take(&arena, data->count, sizeof *place);
        for (int a = 0; a < LK_ASPECTS; a++) {
            size_t values = 0;
            if (!lk_mul_size(n, score->aspects[a].values, &values)) arena.overflow = true;
            l.values[a] = lk_arena_take(&arena, values, sizeof(lk_real));
        }
        if (order) {
            for (size_t i = 0; i < data->count; i++) order[i] = (uint32_t)i;
            lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_COMPONENTS, 1), order, data->count);
            for (size_t i = 0; i < data->count; i++)
                place[order[i]] = i < n ? (uint32_t)i : UINT32_MAX;
            l.place = place;
            lk_status status =
                lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, simd, look, &l, error);
            for (int a = 0; status == LK_OK && a < LK_ASPECTS; a++)
                if (score->aspects[a].values)
                    status = lk_aspect_fit(&score->aspects[a], l.values[a], n, seed, error);
            lk_free(arena.base);
            return status;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

/* A score's room for what n images teach about this model. */
static lk_score *plan(const lk_model *model, size_t n, size_t references, lk_error *error) {
    const size_t d = lk_model_latent(model);
    const lk_mixture mixture = {
        .dimensions = d, .clusters = lk_mixture_clusters(n, d), .widening = WIDENING};
    lk_aspect aspects[LK_ASPECTS];
    for (int a = 0; a < LK_ASPECTS; a++)
        aspects[a] =
            lk_aspect_plan(&model->arch, (lk_aspect_kind)a, LK_MIN(n, (size_t)MOST_LOOKED_AT));
    return lk_score_create(&mixture, aspects, references, error);
}

static lk_status fit(lk_model *model, const lk_dataset *data, size_t references, uint64_t seed,
                     int threads, lk_simd simd, lk_error *error) {
    const size_t d = lk_model_latent(model), n = data->count;
    references = LK_MIN(references, n);
    size_t values;
    if (references == 0) return lk_fail(error, LK_USAGE, "at least one reference code is needed");
    if (!lk_mul_size(n, d, &values) || !lk_mul_size(values, sizeof(lk_real), &values))
        return lk_fail(error, LK_MEMORY, "out of memory");
    lk_real *codes = lk_alloc(values);
    if (!codes) return lk_fail(error, LK_MEMORY, "out of memory");
    lk_status status = lk_dataset_encode(data, model, threads, simd, codes, error);
    lk_score *score = NULL;
    if (status == LK_OK) {
        score = plan(model, n, references, error);
        status = score ? describe(score, codes, n, seed, error) : LK_MEMORY;
    }
    if (status == LK_OK) status = fit_aspects(score, model, data, seed, threads, simd, error);
    lk_free(codes);
    if (status == LK_OK)
        lk_score_attach(model, score);
    else
        lk_score_free(score);
    return status;
}

/* The images, each moved by whole pixels, at most `most` each way: *moved owns a block. */
static lk_status move_images(const lk_dataset *data, uint32_t most, uint64_t seed,
                             lk_dataset *moved, void **block, lk_error *error) {
    const size_t size = lk_shape_size(data->shape);
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 2);
    size_t values = 0;
    lk_arena arena = {0};
    *moved = *data;
    for (int pass = 0; pass < 2; pass++) {
        if (!lk_mul_size(data->count, size, &values)) arena.overflow = true;
        lk_real *x = lk_arena_take(&arena, size, sizeof *x);
        lk_real *scratch = lk_arena_take(&arena, lk_augment_scratch(data->shape), sizeof *scratch);
        moved->values = lk_arena_take(&arena, data->values ? values : 0, sizeof *x);
        moved->pixels = lk_arena_take(&arena, data->values ? 0 : values, 1);
        if (x) {
            for (size_t i = 0; i < data->count; i++) {
                const uint64_t way = 2 * most + 1;
                const lk_change change = {
                    .across = (double)lk_rng_below(rng, 2 * i, way) - (double)most,
                    .down = (double)lk_rng_below(rng, 2 * i + 1, way) - (double)most,
                    .scale = 1};
                lk_dataset_images(data, i, 1, x);
                lk_augment_apply(&change, data->shape, x, scratch);
                for (size_t k = 0; k < size; k++) {
                    if (data->values)
                        moved->values[i * size + k] = x[k];
                    else
                        moved->pixels[i * size + k] = (uint8_t)(x[k] * 255 + (lk_real)0.5);
                }
            }
            if (!data->values) moved->values = NULL;
            *block = arena.base;
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

lk_status lk_score_fit(lk_model *model, const lk_dataset *data, uint32_t shift, size_t references,
                       uint64_t seed, int threads, lk_simd simd, lk_error *error) {
    lk_dataset moved;
    void *block = NULL;
    if (shift == 0) return fit(model, data, references, seed, threads, simd, error);
    lk_status status = move_images(data, shift, seed, &moved, &block, error);
    if (status == LK_OK) status = fit(model, &moved, references, seed, threads, simd, error);
    lk_free(block);
    return status;
}

/* ---- calibration ---- */

static lk_status take_measures(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                               lk_error *error) {
    float *measures = context;
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.count, 0, n, 0);
    for (size_t i = 0; i < n; i++) {
        const lk_status status = measure(run, i, measures + (first + i) * LK_MEASURES, error);
        if (status != LK_OK) return status;
    }
    return LK_OK;
}

lk_status lk_score_calibrate(lk_model *model, lk_preparation preparation,
                             const lk_dataset *held_out, int threads, lk_simd simd,
                             lk_error *error) {
    const size_t n = held_out->count;
    if (!model->score)
        return lk_fail(error, LK_MODEL, "the model has no scores to calibrate; train it again");
    if (n < LK_MIN_CALIBRATION)
        return lk_fail(error, LK_DATA, "calibration needs at least %u images, here are %u",
                       (unsigned long long)LK_MIN_CALIBRATION, (unsigned long long)n);
    const size_t shaping = n * 2 / 5;
    float *measures = lk_alloc(n * LK_MEASURES * sizeof *measures);
    uint32_t *order = lk_alloc(n * sizeof *order);
    lk_calibration *calibration = lk_calibration_create(shaping, n - shaping, error);
    lk_status status = LK_MEMORY;
    if (measures && order && calibration)
        status = lk_dataset_visit(held_out, model, preparation, threads, simd, take_measures,
                                  measures, error);
    else
        lk_fail(error, LK_MEMORY, "out of memory");
    if (status == LK_OK) {
        /* The images may come sorted by class: the two parts are drawn. */
        lk_permutation(0, order, n);
        lk_calibration_fill(calibration, measures, order);
        if (!isfinite(calibration->scores[calibration->judging - 1]))
            status = lk_fail(error, LK_NONFINITE, "a combined score is not finite");
    }
    if (status == LK_OK) {
        lk_free(model->score->calibration[preparation]);
        model->score->calibration[preparation] = calibration;
    } else {
        lk_free(calibration);
    }
    lk_free(order);
    lk_free(measures);
    return status;
}

bool lk_model_calibrated(const lk_model *model, lk_preparation preparation) {
    return model->score && model->score->calibration[preparation];
}

const float *lk_model_calibration(const lk_model *model, lk_preparation preparation,
                                  size_t *count) {
    const bool has = lk_model_calibrated(model, preparation);
    *count = has ? model->score->calibration[preparation]->judging : 0;
    return has ? model->score->calibration[preparation]->scores : NULL;
}

/* ---- the verdict ---- */

static bool is_alpha(double alpha) {
    return alpha > 0 && alpha < 1;
}

double lk_model_alpha(const lk_model *model) {
    double alpha;
    return lk_decimal(lk_model_text(model, LK_TEXT_ALPHA), &alpha) && is_alpha(alpha) ? alpha
                                                                                      : 0.01;
}

/* What is not finite is not blank: it has no score, which is for `measure` to say. */
static bool is_blank(const lk_real *x, size_t n) {
    lk_real least = x[0], most = x[0];
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
        least = LK_MIN(least, x[i]);
        most = LK_MAX(most, x[i]);
    }
    return most - least < LEAST_SPAN;
}

static void judge_empty(lk_result *result) {
    memset(result, 0, sizeof *result);
    result->verdict = LK_EMPTY;
    result->score = FLT_MAX;
}

/* Judges the input that stands in row 0 of the run. */
static lk_status judge(lk_run *run, const lk_calibration *c, double alpha, lk_result *result,
                       lk_error *error) {
    lk_run_forward(run, 0, run->model->arch.count, 0, 1, 0);
    float measures[LK_MEASURES], evidence[LK_EVIDENCES];
    const lk_status status = measure(run, 0, measures, error);
    if (status != LK_OK) return status;
    lk_calibration_evidence(c, measures, evidence);
    result->score = lk_calibration_score(c, evidence);
    if (!isfinite(result->score))
        return lk_fail(error, LK_NONFINITE, "the combined score is not finite");
    result->p = lk_calibration_p(c->scores, c->judging, result->score);
    result->verdict = result->p <= alpha ? LK_OUT : LK_IN;
    for (size_t e = 0; e < LK_EVIDENCES; e++) {
        result->evidence[e].value = evidence[e];
        result->evidence[e].p = lk_calibration_p(c->evidence[e], c->shaping, evidence[e]);
        result->evidence[e].surprise = lk_calibration_surprise(c, e, evidence[e]);
    }
    return LK_OK;
}

static lk_status check_request(const lk_run *run, lk_preparation preparation, double alpha,
                               lk_error *error) {
    if (!is_alpha(alpha)) return lk_fail(error, LK_USAGE, "alpha must be between 0 and 1");
    if (!lk_model_calibrated(run->model, preparation))
        return lk_fail(error, LK_MODEL, "the model is not calibrated for '%s'",
                       lk_preparation_name(preparation));
    return LK_OK;
}

lk_status lk_check(lk_run *run, lk_preparation preparation, lk_picture picture, double alpha,
                   lk_result *result, lk_error *error) {
    lk_status status = check_request(run, preparation, alpha, error);
    if (status != LK_OK) return status;
    bool empty;
    status = lk_prepare(preparation, picture, run->model->arch.input, run->picture, &empty, error);
    if (status != LK_OK) return status;
    if (empty) {
        judge_empty(result);
        return LK_OK;
    }
    lk_run_load(run, run->picture, 0, 1);
    return judge(run, run->model->score->calibration[preparation], alpha, result, error);
}

lk_status lk_check_input(lk_run *run, lk_preparation preparation, const lk_real *x, double alpha,
                         lk_result *result, lk_error *error) {
    const lk_status status = check_request(run, preparation, alpha, error);
    if (status != LK_OK) return status;
    if (is_blank(x, lk_shape_size(run->model->arch.input))) {
        judge_empty(result);
        return LK_OK;
    }
    lk_run_load(run, x, 0, 1);
    return judge(run, run->model->score->calibration[preparation], alpha, result, error);
}
