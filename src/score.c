/* How unusual is an image? Pieces of evidence, each rising with unusualness:

     reconstruction  log(|x - x_hat|^2 / (|x|^2 + 1)): what the network could not say
     mahalanobis     log-density distance of the code to the nearest of a few Gaussians
     neighbour       log(1 - cosine) between where the image lies, by its code and its gist, and the
                     nearest of the references
     shape           log of what lies outside of the flat pieces near which small images are: see
                     local_pca.h
     gist, style     what layers hold of the image: see aspect.h
     tones           how many values there are of each, and steps between them: see there, too
     views           what is answered of it in each pose: see there, too
     class           -log of the probability of the likeliest class, upright
     logit           less the answer for that class before it is made a probability: the largest
                     logit (D. Hendrycks et al. 2022), which says how much there is to go by
     none            log of the probability of its being of no class, the mean of all poses
     pose            log of the odds against its being upright, whatever it is, and of its mirror
                     image's being mirrored: the mean of both
     texture         the largest of the numbers of texture.h, relative to the most among held-out
                     images: over 1, the image is greyer, busier or more solid than any of them

   A network that tells poses apart has those from shape to pose, class, logit and none only if it
   tells classes too, and shape and gist in the place of mahalanobis; one that makes no images has
   no reconstruction. Of these, logit is for images alone and none for drawings alone.
   calibration.c makes the pieces comparable and turns them into one p-value. */
#include "score.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "arena.h"
#include "augment.h"

enum { MIRRORED = 4 }; /* the pose of a mirror image: see augment.h */

/* An input whose values span less than this says nothing. */
static const lk_real LEAST_SPAN = (lk_real)(2.0 / 255);

const char *lk_verdict_name(lk_verdict verdict) {
    static const char *const names[] = {"in", "out", "empty"};
    return names[verdict];
}

const char *lk_evidence_name(size_t which) {
    static const char *const names[LK_EVIDENCES] = {
        "reconstruction", "mahalanobis", "neighbour", "shape", "gist", "style",  "tones",
        "views",          "class",       "logit",     "none",  "pose", "texture"};
    return names[which];
}

bool lk_model_has_evidence(const lk_model *model, lk_preparation preparation, size_t which) {
    const uint32_t posed = model->arch.posed;
    /* Of ink, where classes tell what is none of them, what was fitted to images alone says less
       than it costs, and so does the pose: what people draw is seldom a digit turned. */
    const bool all = preparation == LK_PREPARE_IMAGE || posed <= 1;
    switch (which) {
    case LK_RECONSTRUCTION: return lk_model_output(model) == LK_OUTPUT_IMAGE;
    case LK_MAHALANOBIS: return !posed;
    case LK_SHAPE: return posed && lk_local_pca_values(model->arch.input) > 0;
    case LK_POSE: return posed && all;
    case LK_CLASS: return posed > 1;
    case LK_LOGIT: return posed > 1 && preparation == LK_PREPARE_IMAGE;
    case LK_NONE: return posed > 1 && preparation == LK_PREPARE_INK;
    case LK_NEIGHBOUR: return all;
    case LK_TEXTURE: return true;
    case LK_ASPECT + LK_TONES: return posed && preparation == LK_PREPARE_IMAGE; /* ink: one pen */
    default:
        return lk_aspect_plan(&model->arch, which - LK_ASPECT, 1).values > 0 &&
               (all || which == LK_ASPECT + LK_STYLE);
    }
}

bool lk_model_ranks(const lk_model *model, lk_preparation preparation, size_t e) {
    if (e < LK_ANSWER) return lk_model_has_evidence(model, preparation, e);
    for (size_t piece = 0; piece < LK_EVIDENCES; piece++)
        if (LK_ANSWER + (size_t)lk_evidence_question(preparation, piece) == e &&
            lk_model_has_evidence(model, preparation, piece))
            return true;
    return false;
}

/* ---- memory ---- */

lk_score *lk_score_create(const lk_score *sizes, lk_error *error) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        size_t codes = 0;
        if (!lk_mul_size(sizes->references, sizes->width, &codes)) arena.overflow = true;
        lk_score *score = lk_arena_take(&arena, 1, sizeof *score);
        lk_score made = *sizes;
        lk_mixture_take(&made.mixture, &arena);
        for (int a = 0; a < LK_ASPECTS; a++) lk_aspect_take(&made.aspects[a], &arena);
        for (int p = 0; p < LK_PREPARATIONS; p++) lk_local_pca_take(&made.shapes[p], &arena);
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

lk_status lk_score_finish(lk_score *score, lk_error *error) {
    const size_t values = score->references * score->width;
    lk_real *vectors = lk_alloc(values * sizeof *vectors);
    if (!vectors) return lk_fail(error, LK_MEMORY, "out of memory");
    for (size_t i = 0; i < values; i++) vectors[i] = (lk_real)score->codes[i];
    for (int p = 0; p < LK_PREPARATIONS; p++) lk_local_pca_finish(&score->shapes[p]);
    score->index =
        lk_index_create(vectors, score->references, score->width, LK_METRIC_COSINE, error);
    lk_free(vectors);
    return score->index ? LK_OK : error ? error->status : LK_MEMORY;
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
    const size_t size = lk_shape_size(arch->input);
    const lk_real *x = run->value[0] + row * arch->layers[0].in_stride;
    *measure = 0;
    if (arch->loss->output != LK_OUTPUT_IMAGE) return LK_OK;
    const lk_real *x_hat = lk_run_output(run, row, x);
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

/* Of a network that tells poses apart: what it answers of the image, and of the image turned and
   mirrored. Of its mirror image it says once more, and not in quite the same way, how the image
   stands; what is of no class is of none whichever way it is turned. */
static double measure_answer(const lk_run *run, size_t row, size_t which) {
    const lk_arch *arch = &run->model->arch;
    const uint32_t classes = arch->posed, step = lk_pose_step(arch->input);
    const lk_real *upright = lk_view(run, row, 0);
    double sum = 0;
    if (which == LK_CLASS) {
        for (uint32_t k = 0; k < classes; k++) sum = LK_MAX(sum, (double)upright[k]);
        return -lk_log(LK_MAX(sum, 1e-30));
    }
    if (which == LK_LOGIT) {
        const lk_real *logits = run->memory[arch->pose] + row * arch->layers[arch->pose].memory;
        sum = (double)logits[0];
        for (uint32_t k = 1; k < classes; k++) sum = LK_MAX(sum, (double)logits[k]);
        return -sum;
    }
    if (which == LK_NONE) {
        for (uint32_t pose = 0; pose < LK_POSES; pose += step)
            sum += (double)lk_view(run, row, pose)[LK_POSES * classes];
        return lk_log(LK_MAX(sum * step / LK_POSES, 1e-30));
    }
    for (uint32_t pose = 0; pose < LK_POSES; pose += MIRRORED) {
        const lk_real *view = lk_view(run, row, pose);
        double others = 0;
        for (uint32_t other = 0; other < LK_POSES; other++)
            if (other != pose) others += lk_view_pose(run, view, other);
        sum += lk_log(LK_MAX(others, 1e-30) / LK_MAX(lk_view_pose(run, view, pose), 1e-30));
    }
    return sum * MIRRORED / LK_POSES;
}

const lk_real *lk_score_shape(lk_run *run, size_t row) {
    const lk_arch *arch = &run->model->arch;
    memcpy(run->picture, run->value[0] + row * arch->layers[0].in_stride,
           lk_shape_size(arch->input) * sizeof *run->picture);
    lk_local_pca_shrink(arch->input, run->picture);
    return run->picture;
}

static double measure_shape(lk_run *run, size_t row, lk_preparation preparation) {
    const lk_local_pca *shapes = &run->model->score->shapes[preparation];
    if (shapes->clusters == 0) return 0;
    return lk_local_pca_distance(shapes, run->kernels, lk_score_shape(run, row));
}

/* Brings v[n] to unit length, unless it has none. */
static void make_unit(lk_real *v, size_t n) {
    double squares = 0;
    for (size_t k = 0; k < n; k++) squares += (double)v[k] * (double)v[k];
    const double length = squares > 0 ? sqrt(squares) : 1;
    for (size_t k = 0; k < n; k++) v[k] = (lk_real)((double)v[k] / length);
}

const lk_real *lk_score_place(const lk_score *score, lk_run *run, size_t row) {
    const lk_arch *arch = &run->model->arch;
    const lk_aspect *gist = &score->aspects[LK_GIST];
    const size_t d = lk_model_latent(run->model);
    memcpy(run->place, run->value[arch->encoder] + row * arch->layers[arch->encoder - 1].out_stride,
           d * sizeof *run->place);
    make_unit(run->place, d);
    if (gist->values)
        lk_aspect_project(gist, lk_aspect_look(run, row, LK_GIST, NULL), run->place + d);
    make_unit(run->place + d, gist->components);
    return run->place;
}

static double measure_neighbour(lk_run *run, size_t row) {
    const lk_score *score = run->model->score;
    lk_neighbour nearest = {0, 1};
    lk_index_search(score->index, lk_score_place(score, run, row), 1, 1, 1, run->kernels->simd,
                    &nearest);
    return lk_log(LK_MAX((double)nearest.distance, 1e-6));
}

/* A piece of evidence other than the first and the last, of a model that has it. */
static double measure_one(lk_run *run, size_t row, lk_preparation preparation, size_t which) {
    const lk_arch *arch = &run->model->arch;
    const lk_score *score = run->model->score;
    const lk_real *z = run->value[arch->encoder] + row * arch->layers[arch->encoder - 1].out_stride;
    if (which == LK_MAHALANOBIS) return lk_mixture_distance(&score->mixture, z);
    if (which >= LK_CLASS) return measure_answer(run, row, which);
    if (which == LK_SHAPE) return measure_shape(run, row, preparation);
    if (which == LK_NEIGHBOUR) return measure_neighbour(run, row);
    lk_real room[LK_MOST_STYLE];
    const lk_aspect_kind kind = (lk_aspect_kind)(which - LK_ASPECT);
    return lk_aspect_distance(&score->aspects[kind], lk_aspect_look(run, row, kind, room));
}

/* measures[LK_MEASURES] of row `row` of a run that has gone forward. Destroys the row's output. */
static lk_status measure(lk_run *run, size_t row, lk_preparation preparation, float *measures,
                         lk_error *error) {
    const lk_arch *arch = &run->model->arch;
    const lk_real *x = run->value[0] + row * arch->layers[0].in_stride;
    const lk_status status = measure_error(run, row, &measures[LK_RECONSTRUCTION], error);
    if (status != LK_OK) return status;
    for (size_t e = LK_RECONSTRUCTION + 1; e < LK_TEXTURE; e++)
        measures[e] = lk_model_has_evidence(run->model, preparation, e)
                          ? (float)measure_one(run, row, preparation, e)
                          : 0;
    lk_texture_measure(x, arch->input, measures + LK_TEXTURE);
    for (size_t m = 0; m < LK_MEASURES; m++)
        if (!isfinite(measures[m]))
            return lk_fail(error, LK_NONFINITE, "the score '%s' is not finite",
                           lk_evidence_name(LK_MIN(m, (size_t)LK_TEXTURE)));
    return LK_OK;
}

/* ---- calibration ---- */

typedef struct measuring {
    lk_preparation preparation;
    float *measures; /* [images][LK_MEASURES] */
} measuring;

static lk_status take_measures(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                               lk_error *error) {
    const measuring *m = context;
    lk_look_round(run, x, n, run->model->arch.count);
    for (size_t i = 0; i < n; i++) {
        const lk_status status =
            measure(run, i, m->preparation, m->measures + (first + i) * LK_MEASURES, error);
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
    lk_calibration *calibration = lk_calibration_create(preparation, shaping, n - shaping, error);
    lk_status status = LK_MEMORY;
    if (measures && order && calibration)
        status = lk_dataset_visit(held_out, model, preparation, threads, simd, take_measures,
                                  &(measuring){preparation, measures}, error);
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

static lk_status judge(lk_run *run, lk_preparation preparation, const lk_real *x, double alpha,
                       lk_result *result, lk_error *error) {
    const lk_calibration *c = run->model->score->calibration[preparation];
    lk_look_round(run, x, 1, run->model->arch.count);
    float measures[LK_MEASURES], evidence[LK_EVIDENCES];
    const lk_status status = measure(run, 0, preparation, measures, error);
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
    return judge(run, preparation, run->picture, alpha, result, error);
}

lk_status lk_check_input(lk_run *run, lk_preparation preparation, const lk_real *x, double alpha,
                         lk_result *result, lk_error *error) {
    const lk_status status = check_request(run, preparation, alpha, error);
    if (status != LK_OK) return status;
    if (is_blank(x, lk_shape_size(run->model->arch.input))) {
        judge_empty(result);
        return LK_OK;
    }
    return judge(run, preparation, x, alpha, result, error);
}
