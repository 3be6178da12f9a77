#include "score.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { SIZE = 42, LATENT = 5, REFERENCES = 70 };
static const lk_shape SHAPE = {1, 6, 7};
static const char ARCH[] = "1x6x7 > dense 13 leaky > dense 5 | dense 42 sigmoid > bce";

/* A model that has learnt a little of what make_images draws. */
static lk_model *trained(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(ARCH, &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_GLOROT, 1);
    lk_train_options options = lk_train_defaults();
    options.learning_rate = 1e-2;
    lk_trainer *trainer = lk_trainer_create(model, data, &options, &error);
    double loss;
    for (int i = 0; i < 40; i++)
        CHECK(step_loss(trainer, &loss, &error) == LK_OK, "%s", error.message);
    lk_trainer_free(trainer);
    return model;
}

static void fit(lk_model *model, const lk_dataset *data, int threads, lk_simd simd) {
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_score_fit(model, data, 0, false, REFERENCES, 9, threads, simd, &error) == LK_OK, "%s",
          error.message);
}

static void calibrate(lk_model *model, lk_preparation preparation, const lk_dataset *data,
                      int threads, lk_simd simd) {
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_score_calibrate(model, preparation, data, threads, simd, &error) == LK_OK, "%s",
          error.message);
}

/* ---- by hand ---- */

static double by_hand_p(const float *values, size_t n, float v) {
    size_t at_least = 0;
    for (size_t i = 0; i < n; i++) at_least += values[i] >= v;
    return (double)(1 + at_least) / (double)(n + 1);
}

/* The largest of the texture numbers relative to its limit; solidity by looking at all pairs. */
static double by_hand_texture(const lk_real *x, const float *limits) {
    const int height = (int)SHAPE.height, width = (int)SHAPE.width;
    double grey = 0, variation = 0, solidity = 0;
    for (int i = 0; i < SIZE; i++) {
        const int row = i / width, column = i % width;
        grey += (double)x[i] > 0.2 && (double)x[i] < 0.8;
        if (column + 1 < width) variation += fabs((double)x[i + 1] - (double)x[i]);
        if (row + 1 < height) variation += fabs((double)x[i + width] - (double)x[i]);
        if (x[i] < (lk_real)0.5) continue;
        double nearest = fmin(fmin(row + 1, height - row), fmin(column + 1, width - column));
        for (int k = 0; k < SIZE; k++)
            if (x[k] < (lk_real)0.5)
                nearest = fmin(nearest, abs(k / width - row) + abs(k % width - column));
        solidity = fmax(solidity, nearest);
    }
    return fmax(fmax(grey / (double)limits[0], variation / (double)limits[1]),
                solidity / (double)limits[2]);
}

/* The pieces of evidence by their definitions, in doubles. */
static void by_hand_evidence(const lk_model *model, const lk_real *x, const lk_real *z,
                             const lk_real *x_hat, double *evidence) {
    const lk_score *s = model->score;
    double energy = 0, squares = 0, nearest = 2, distance = INFINITY;
    for (size_t i = 0; i < SIZE; i++) {
        energy += (double)x[i] * (double)x[i];
        squares += pow((double)x[i] - (double)x_hat[i], 2);
    }
    for (size_t c = 0; c < s->mixture.clusters; c++) {
        double sum = (double)s->mixture.offsets[c];
        for (size_t a = 0; a < LATENT; a++) {
            double w = 0;
            for (size_t b = 0; b < LATENT; b++)
                w += (double)s->mixture.whitening[(c * LATENT + a) * LATENT + b] *
                     ((double)z[b] - (double)s->mixture.means[c * LATENT + b]);
            sum += w * w;
        }
        distance = fmin(distance, sum);
    }
    for (size_t r = 0; r < s->references; r++) {
        double dot = 0, zz = 0, rr = 0;
        for (size_t k = 0; k < LATENT; k++) {
            const double v = s->codes[r * LATENT + k];
            dot += (double)z[k] * v, zz += (double)z[k] * (double)z[k], rr += v * v;
        }
        nearest = fmin(nearest, 1 - dot / sqrt(zz * rr));
    }
    memset(evidence, 0, LK_EVIDENCES * sizeof *evidence);
    evidence[LK_TEXTURE] = by_hand_texture(x, model->score->calibration[LK_PREPARE_IMAGE]->limits);
    evidence[0] = log(squares / (energy + 1));
    evidence[1] = distance;
    evidence[2] = log(fmax(nearest, 1e-6));
}

/* -log of the share of values at least v, between two of them something between, with the
   exponential tail from the 97 % quantile on. */
static double by_hand_surprise(const lk_calibration *c, size_t e, double v) {
    const float *values = c->evidence[e];
    const size_t n = c->shaping, first = (size_t)(0.97 * (double)(n - 1));
    if (e == LK_TEXTURE) return 20 * fmax(v - 1, 0); /* it is not ranked, but has a limit */
    double mean = 0;
    for (size_t i = first; i < n; i++)
        mean += ((double)values[i] - (double)values[first]) / (double)(n - first);
    const double alike = ((double)values[first] - (double)values[n / 2]) / 28;
    if (v > (double)values[first])
        return (v - (double)values[first]) / fmax(fmax(mean, alike), 1e-6) - log(0.03);
    size_t below = 0;
    while ((double)values[below] < v) below++;
    double at_least = (double)(n - below);
    if (below > 0)
        at_least +=
            ((double)values[below] - v) / ((double)values[below] - (double)values[below - 1]);
    return -log((1 + at_least) / (1 + (double)n));
}

/* The length of two answers, as ranks: of the error, and of all else together; and what is over a
   limit. */
static double by_hand_score(const lk_calibration *c, const lk_result *r) {
    double sum = 0;
    for (size_t e = LK_RECONSTRUCTION + 1; e < LK_TEXTURE; e++) sum += r->evidence[e].surprise;
    return hypot(by_hand_surprise(c, LK_ANSWER + LK_CONTENT, sum),
                 by_hand_surprise(c, LK_ANSWER + LK_LOOK, r->evidence[0].surprise)) +
           r->evidence[LK_TEXTURE].surprise;
}

static void test_by_hand(lk_model *model, const lk_dataset *fresh) {
    const lk_calibration *c = model->score->calibration[LK_PREPARE_IMAGE];
    CHECK(c->shaping == 80 && c->judging == 120, "%zu and %zu of 200", c->shaping, c->judging);
    size_t count;
    CHECK(lk_model_calibration(model, LK_PREPARE_IMAGE, &count) == c->scores && count == 120, "%zu",
          count);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    size_t tails = 0;
    for (size_t i = 0; i < fresh->count + 20; i++) {
        lk_real x[SIZE], z[LATENT], x_hat[SIZE];
        lk_error error = {LK_OK, 0, ""};
        lk_result r;
        double evidence[LK_EVIDENCES];
        if (i < fresh->count)
            lk_dataset_images(fresh, i, 1, x);
        else /* noise */
            for (size_t k = 0; k < SIZE; k++)
                x[k] = (lk_real)lk_rng_uniform(lk_rng_make(i, 1, 1), k);
        CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.05, &r, &error) == LK_OK, "%s",
              error.message);
        lk_reconstruct(run, x, 1, z, x_hat);
        by_hand_evidence(model, x, z, x_hat, evidence);
        for (size_t e = 0; e < LK_EVIDENCES; e++) {
            /* 1 - cosine of singles loses digits near 0, and its logarithm shows it. */
            const double tolerance =
                e == 2 ? 1e-6 / exp(evidence[2]) : 1e-5 * (1 + fabs(evidence[e]));
            CHECK(fabs((double)r.evidence[e].value - evidence[e]) <= tolerance, "%s: %g, not %g",
                  lk_evidence_name(e), (double)r.evidence[e].value, evidence[e]);
            CHECK(r.evidence[e].p == by_hand_p(c->evidence[e], c->shaping, r.evidence[e].value),
                  "%s: p %g", lk_evidence_name(e), r.evidence[e].p);
            const double surprise = by_hand_surprise(c, e, (double)r.evidence[e].value);
            CHECK(fabs(r.evidence[e].surprise - surprise) <= 1e-9 * (1 + surprise),
                  "%s: surprise %g, not %g", lk_evidence_name(e), r.evidence[e].surprise, surprise);
            tails += r.evidence[e].value > c->evidence[e][(size_t)(0.97 * 79)];
        }
        const double score = by_hand_score(c, &r);
        CHECK(fabs((double)r.score - score) <= 1e-6 * (1 + score), "score %.9g, not %.9g",
              (double)r.score, score);
        CHECK(r.p == by_hand_p(c->scores, c->judging, r.score), "p %g", r.p);
        CHECK(r.verdict == (r.p <= 0.05 ? LK_OUT : LK_IN), "verdict %s",
              lk_verdict_name(r.verdict));
        CHECK(i < fresh->count || r.verdict == LK_OUT, "noise %zu passes with p %g", i, r.p);
    }
    CHECK(tails > 20, "tails were hardly tested: %zu", tails);
    lk_run_free(run);
}

/* With scores put in place, p is what counting on fingers gives, ties included. */
static void test_exact_p(lk_model *model, const lk_dataset *fresh) {
    lk_calibration *c = model->score->calibration[LK_PREPARE_IMAGE];
    float *kept = malloc(c->judging * sizeof *kept);
    memcpy(kept, c->scores, c->judging * sizeof *kept);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    lk_real x[SIZE];
    lk_result r;
    lk_dataset_images(fresh, 0, 1, x);
    CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.05, &r, NULL) == LK_OK, "check");
    const float s = r.score;
    const size_t n = c->judging;
    static const struct {
        size_t below, equal;
    } CASES[] = {{120, 0}, {0, 0}, {119, 1}, {0, 120}, {60, 10}, {115, 0}, {114, 0}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        for (size_t k = 0; k < n; k++)
            c->scores[k] = k < CASES[i].below                    ? s - 1
                           : k < CASES[i].below + CASES[i].equal ? s
                                                                 : s + 1;
        const double p = (double)(1 + n - CASES[i].below) / 121.;
        CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 6 / 121., &r, NULL) == LK_OK, "check");
        CHECK(r.p == p, "case %zu: %.17g, not %.17g", i, r.p, p);
        CHECK(r.verdict == (n - CASES[i].below <= 5 ? LK_OUT : LK_IN), "case %zu: %s", i,
              lk_verdict_name(r.verdict));
    }
    memcpy(c->scores, kept, n * sizeof *kept);
    free(kept);
    lk_run_free(run);
}

/* ---- exchangeability ---- */

/* Fresh images of the same kind are flagged about as often as was chosen: 12 calibrations, each on
   images of its own, 600 of each 1,000 judging. p <= alpha has probability floor(601 alpha) / 601;
   the variance is that of the calibration's beta and of the fresh images' binomial distribution. */
static void test_false_alarms(lk_model *model) {
    enum { TIMES = 12, IMAGES = 1000, JUDGING = 600 };
    static const double ALPHAS[] = {0.01, 0.05, 0.1, 0.3};
    size_t flagged[LK_COUNTOF(ALPHAS)] = {0};
    for (size_t t = 0; t < TIMES; t++) {
        lk_dataset held_out = make_images(SHAPE, 2 * t * IMAGES, IMAGES, 50);
        lk_dataset fresh = make_images(SHAPE, (2 * t + 1) * IMAGES, IMAGES, 50);
        calibrate(model, LK_PREPARE_IMAGE, &held_out, 2, LK_SIMD_BEST);
        lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
        for (size_t i = 0; i < IMAGES; i++) {
            const lk_picture picture = {fresh.pixels + i * SIZE, SHAPE.width, SHAPE.height, 1};
            lk_result r;
            CHECK(lk_check(run, LK_PREPARE_IMAGE, picture, 0.01, &r, NULL) == LK_OK, "check");
            for (size_t a = 0; a < LK_COUNTOF(ALPHAS); a++) flagged[a] += r.p <= ALPHAS[a];
        }
        lk_run_free(run);
        free_images(&held_out);
        free_images(&fresh);
    }
    for (size_t a = 0; a < LK_COUNTOF(ALPHAS); a++) {
        const double wanted = floor((JUDGING + 1) * ALPHAS[a]) / (JUDGING + 1);
        const double rate = (double)flagged[a] / (TIMES * IMAGES);
        const double deviation =
            sqrt(wanted * (1 - wanted) * (1. / (JUDGING + 2) + 1. / IMAGES) / TIMES);
        CHECK(fabs(rate - wanted) < 5 * deviation, "alpha %g: %g, give or take %g", ALPHAS[a], rate,
              deviation);
    }
}

/* ---- same bits ---- */

static uint64_t results_hash(const lk_model *model, const lk_dataset *data, lk_simd simd) {
    lk_run *run = lk_run_create(model, 3, simd, NULL);
    uint64_t hash = 0;
    for (size_t i = 0; i < data->count; i++)
        for (int p = 0; p < LK_PREPARATIONS; p++) {
            const lk_picture picture = {data->pixels + i * SIZE, SHAPE.width, SHAPE.height, 1};
            lk_result r;
            CHECK(lk_check(run, (lk_preparation)p, picture, 0.1, &r, NULL) == LK_OK, "check");
            hash = hash * 31 + hash_bytes(&r.p, sizeof r.p);
            hash = hash * 31 + hash_bytes(&r.score, sizeof r.score);
            for (size_t e = 0; e < LK_EVIDENCES; e++)
                hash = hash * 31 + hash_bytes(&r.evidence[e].value, sizeof(float));
        }
    lk_run_free(run);
    return hash;
}

/* The whole way from data to verdicts, in one hash for all machines. */
static void test_same_bits(const lk_dataset *data, const lk_dataset *held_out,
                           const lk_dataset *fresh) {
    EACH_SIMD(simd)
    for (int threads = 1; threads <= 3; threads++) {
        lk_model *model = trained(data);
        fit(model, data, threads, simd);
        for (int p = 0; p < LK_PREPARATIONS; p++)
            calibrate(model, (lk_preparation)p, held_out, threads, simd);
        const uint64_t hash = results_hash(model, fresh, simd);
        CHECK(hash == 0x34f637c1e1500dc8, "%s, %d threads: 0x%llx", lk_simd_name(simd), threads,
              (unsigned long long)hash);
        lk_model_free(model);
    }
}

/* ---- refusals and edges ---- */

static void test_empty(const lk_model *model) {
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    for (int level = 0; level < 256; level += 51) {
        uint8_t pixels[SIZE];
        lk_real x[SIZE];
        lk_error error = {LK_OK, 0, ""};
        lk_result r;
        memset(pixels, level, sizeof pixels);
        for (size_t i = 0; i < SIZE; i++) x[i] = (lk_real)level / 255;
        x[3] += (lk_real)(1.0 / 255); /* hardly more than nothing */
        CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, &error) == LK_OK, "%s",
              error.message);
        CHECK(r.verdict == LK_EMPTY && r.p == 0 && r.score == FLT_MAX, "level %d: %s", level,
              lk_verdict_name(r.verdict));
        for (size_t e = 0; e < LK_EVIDENCES; e++) CHECK(r.evidence[e].p == 0, "level %d", level);
        for (int p = 0; p < LK_PREPARATIONS; p++) {
            const lk_picture picture = {pixels, SHAPE.width, SHAPE.height, 1};
            CHECK(lk_check(run, (lk_preparation)p, picture, 0.1, &r, &error) == LK_OK, "%s",
                  error.message);
            CHECK(r.verdict == LK_EMPTY && r.p == 0, "level %d: %s", level,
                  lk_verdict_name(r.verdict));
        }
    }
    lk_run_free(run);
}

static void test_nonfinite(lk_model *model, const lk_dataset *fresh) {
    static const lk_real BAD[] = {NAN, INFINITY, -INFINITY, FLT_MAX, 1e30f};
    EACH_SIMD(simd)
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++)
        for (size_t at = 0; at < SIZE; at += 41) {
            lk_run *run = lk_run_create(model, 1, simd, NULL);
            lk_real x[SIZE];
            lk_error error = {LK_OK, 0, ""};
            lk_result r = {.verdict = LK_IN, .p = -1};
            lk_dataset_images(fresh, 0, 1, x);
            x[at] = BAD[i];
            CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, &error) == LK_NONFINITE,
                  "%g at %zu passes: %s, p %g", (double)BAD[i], at, lk_verdict_name(r.verdict),
                  r.p);
            CHECK(strstr(error.message, "the score '"), "%s", error.message);
            lk_run_free(run);
        }
    /* All of it. */
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    lk_real x[SIZE];
    lk_result r;
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++) {
        for (size_t k = 0; k < SIZE; k++) x[k] = BAD[i];
        const lk_status status = lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, NULL);
        CHECK(status == LK_NONFINITE || (status == LK_OK && r.verdict == LK_EMPTY), "%g: %d",
              (double)BAD[i], status);
    }
    /* One in a blank image. */
    for (size_t at = 0; at < SIZE; at += 41) {
        memset(x, 0, sizeof x);
        x[at] = NAN;
        CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, NULL) == LK_NONFINITE, "at %zu",
              at);
    }
    /* A run is of use after an error. */
    lk_dataset_images(fresh, 0, 1, x);
    CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, NULL) == LK_OK, "after an error");
    lk_run_free(run);
}

/* Images that are all alike give evidence that does not vary: whatever is asked, a score is finite
   or an error. */
static void test_no_variation(const lk_dataset *data) {
    enum { N = 25 };
    static uint8_t pixels[N * SIZE];
    for (size_t i = 0; i < N; i++) memcpy(pixels + i * SIZE, data->pixels, SIZE);
    const lk_dataset alike = {.shape = SHAPE, .count = N, .pixels = pixels};
    lk_model *model = trained(data);
    fit(model, &alike, 1, LK_SIMD_BEST);
    calibrate(model, LK_PREPARE_IMAGE, &alike, 1, LK_SIMD_BEST);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    lk_real x[SIZE];
    lk_result r;
    lk_dataset_images(&alike, 0, 1, x);
    CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, NULL) == LK_OK, "check");
    CHECK(r.p == 1 && r.verdict == LK_IN && isfinite(r.score), "p %g, score %g", r.p,
          (double)r.score);
    for (lk_real scale = 2; scale < 1e25f; scale *= 10) {
        for (size_t k = 0; k < SIZE; k++) x[k] = (lk_real)data->pixels[k] * scale;
        const lk_status status = lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, NULL);
        CHECK(status == LK_NONFINITE ||
                  (status == LK_OK && isfinite(r.score) && r.verdict == LK_OUT),
              "scale %g: %d, score %g", (double)scale, status, (double)r.score);
    }
    lk_run_free(run);
    lk_model_free(model);
}

/* A first part that does not vary and a far second one: the scores would overflow. */
static void test_overflowing_calibration(const lk_dataset *data) {
    enum { N = 25, SHAPING = 10 };
    static uint8_t pixels[N * SIZE];
    uint32_t order[N];
    lk_permutation(0, order, N);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < SIZE; k++)
            pixels[order[i] * SIZE + k] = data->pixels[k] / (i < SHAPING ? 1 : 3);
    const lk_dataset first = {.shape = SHAPE, .count = 1, .pixels = pixels + order[0] * SIZE};
    const lk_dataset both = {.shape = SHAPE, .count = N, .pixels = pixels};
    lk_model *model = lk_model_create("1x6x7 > dense 5 | dense 42 > mse", NULL);
    lk_model_init(model, LK_INIT_GLOROT, 1);
    for (size_t i = 0; i < model->arch.packed; i++)
        model->parameters[i] *= i < model->arch.layers[1].offset ? 1e12f : 0;
    lk_error error = {LK_OK, 0, ""};
    fit(model, &first, 1, LK_SIMD_BEST);
    CHECK(lk_score_calibrate(model, LK_PREPARE_IMAGE, &both, 1, LK_SIMD_BEST, &error) ==
              LK_NONFINITE,
          "passes");
    CHECK(strstr(error.message, "combined score"), "%s", error.message);
    CHECK(!lk_model_calibrated(model, LK_PREPARE_IMAGE), "calibrated all the same");
    lk_model_free(model);
}

static void test_refusals(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = trained(data);
    lk_result r;
    lk_real x[SIZE];
    size_t count = 1;
    lk_dataset_images(data, 0, 1, x);
    CHECK(!lk_model_calibration(model, LK_PREPARE_INK, &count) && count == 0, "%zu", count);
    CHECK(lk_score_calibrate(model, LK_PREPARE_IMAGE, data, 1, LK_SIMD_BEST, &error) == LK_MODEL,
          "calibrated without a fit");
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.1, &r, &error) == LK_MODEL, "not fitted");

    CHECK(lk_score_fit(model, data, 0, false, 0, 1, 1, LK_SIMD_BEST, &error) == LK_USAGE,
          "no references");
    CHECK(lk_score_fit(model, data, 0, false, 5, 1, 0, LK_SIMD_BEST, &error) == LK_USAGE,
          "no threads");
    CHECK(!model->score, "a failed fit left something");
    fit(model, data, 1, LK_SIMD_BEST);
    CHECK(model->score->references == REFERENCES, "%zu", model->score->references);

    lk_dataset few = *data;
    few.count = LK_MIN_CALIBRATION - 1;
    CHECK(lk_score_calibrate(model, LK_PREPARE_IMAGE, &few, 1, LK_SIMD_BEST, &error) == LK_DATA,
          "19 images");
    CHECK(strstr(error.message, "at least 20 images, here are 19"), "%s", error.message);
    CHECK(!lk_model_calibrated(model, LK_PREPARE_IMAGE), "calibrated by 19");
    few.count++;
    calibrate(model, LK_PREPARE_IMAGE, &few, 1, LK_SIMD_BEST);
    CHECK(lk_model_calibrated(model, LK_PREPARE_IMAGE), "not calibrated by 20");
    CHECK(!lk_model_calibrated(model, LK_PREPARE_INK), "calibrated for ink too");
    CHECK(lk_model_calibration(model, LK_PREPARE_IMAGE, &count) && count == 12, "%zu", count);
    CHECK(lk_check_input(run, LK_PREPARE_INK, x, 0.1, &r, &error) == LK_MODEL, "ink passes");
    CHECK(strstr(error.message, "'ink'"), "%s", error.message);

    static const double ALPHAS[] = {0, 1, -0.1, 1.1, NAN, INFINITY, -INFINITY};
    const lk_picture picture = {data->pixels, SHAPE.width, SHAPE.height, 1};
    for (size_t i = 0; i < LK_COUNTOF(ALPHAS); i++) {
        CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, ALPHAS[i], &r, &error) == LK_USAGE,
              "alpha %g passes", ALPHAS[i]);
        CHECK(lk_check(run, LK_PREPARE_IMAGE, picture, ALPHAS[i], &r, &error) == LK_USAGE,
              "alpha %g passes", ALPHAS[i]);
    }
    const lk_picture nothing = {data->pixels, 0, SHAPE.height, 1};
    CHECK(lk_check(run, LK_PREPARE_IMAGE, nothing, 0.1, &r, &error) == LK_DATA, "no pixels");

    /* A calibration that fails keeps the one there is. */
    lk_dataset turned = *data;
    turned.shape = (lk_shape){1, 7, 6};
    CHECK(lk_score_calibrate(model, LK_PREPARE_IMAGE, &turned, 1, LK_SIMD_BEST, &error) == LK_DATA,
          "another shape");
    CHECK(lk_model_calibration(model, LK_PREPARE_IMAGE, &count) && count == 12, "%zu", count);
    /* More references than images are all images; a new fit needs a new calibration. */
    CHECK(lk_score_fit(model, &few, 0, false, 1000, 1, 1, LK_SIMD_BEST, &error) == LK_OK, "%s",
          error.message);
    CHECK(model->score->references == 20, "%zu", model->score->references);
    CHECK(!lk_model_calibrated(model, LK_PREPARE_IMAGE), "an old calibration of a new fit");
    lk_run_free(run);
    lk_model_free(model);
}

static int compare_bytes(const void *a, const void *b) {
    return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* Of an image's four sides, corners counted twice. */
static uint8_t border_median(const uint8_t *pixels) {
    uint8_t border[2 * 6 + 2 * 7];
    size_t n = 0;
    for (size_t k = 0; k < SHAPE.width; k++) {
        border[n++] = pixels[k];
        border[n++] = pixels[(SHAPE.height - 1) * SHAPE.width + k];
    }
    for (size_t k = 0; k < SHAPE.height; k++) {
        border[n++] = pixels[k * SHAPE.width];
        border[n++] = pixels[(k + 1) * SHAPE.width - 1];
    }
    qsort(border, n, 1, compare_bytes);
    return border[n / 2];
}

/* Moving by a shift is what it says: the same bits as of images moved by hand, on the median of
   their borders, whether they are bytes or values. */
static void test_moved(const lk_dataset *data) {
    const int height = (int)SHAPE.height, width = (int)SHAPE.width;
    const lk_rng rng = lk_rng_make(9, LK_STREAM_COMPONENTS, 2);
    lk_dataset by_hand = *data, values = *data;
    uint8_t *pixels = malloc(data->count * SIZE);
    lk_real *x = malloc(data->count * SIZE * sizeof *x);
    lk_dataset_images(data, 0, data->count, x);
    for (size_t i = 0; i < data->count; i++) {
        const int across = (int)lk_rng_below(rng, 2 * i, 5) - 2;
        const int down = (int)lk_rng_below(rng, 2 * i + 1, 5) - 2;
        for (int k = 0; k < SIZE; k++) {
            const int row = k / width - down, column = k % width - across;
            const bool inside = row >= 0 && row < height && column >= 0 && column < width;
            pixels[i * SIZE + (size_t)k] =
                inside ? data->pixels[i * SIZE + (size_t)(row * width + column)]
                       : border_median(data->pixels + i * SIZE);
        }
    }
    by_hand.pixels = pixels;
    values.values = x;
    lk_bytes saved[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const lk_dataset *sets[3] = {&by_hand, data, &values};
    for (int i = 0; i < 3; i++) {
        lk_error error = {LK_OK, 0, ""};
        lk_model *model = trained(data);
        CHECK(lk_score_fit(model, sets[i], i ? 2 : 0, false, REFERENCES, 9, 1, LK_SIMD_BEST,
                           &error) == LK_OK,
              "%s", error.message);
        CHECK(lk_model_save(model, &saved[i], &error) == LK_OK, "%s", error.message);
        lk_model_free(model);
        CHECK(saved[i].size == saved[0].size &&
                  memcmp(saved[i].data, saved[0].data, saved[0].size) == 0,
              "moved %s", i == 1 ? "bytes" : "values");
    }
    for (int i = 0; i < 3; i++) lk_bytes_free(&saved[i]);
    free(pixels);
    free(x);
}

/* References are unit codes in steps of 1/127, drawn without repeats. */
static void test_references(const lk_dataset *data) {
    lk_model *model = trained(data);
    lk_real *codes = malloc(data->count * LATENT * sizeof *codes);
    bool *used = calloc(data->count, sizeof *used);
    fit(model, data, 1, LK_SIMD_BEST);
    CHECK(lk_dataset_encode(data, model, 1, LK_SIMD_BEST, codes, NULL) == LK_OK, "encode");
    for (size_t r = 0; r < REFERENCES; r++) {
        bool found = false;
        for (size_t i = 0; i < data->count && !found; i++) {
            double length = 0;
            for (size_t k = 0; k < LATENT; k++)
                length += (double)codes[i * LATENT + k] * (double)codes[i * LATENT + k];
            found = !used[i];
            for (size_t k = 0; k < LATENT && found; k++)
                found = fabs((double)codes[i * LATENT + k] / sqrt(length) * 127 -
                             model->score->codes[r * LATENT + k]) <= 0.5001;
            if (found) used[i] = true;
        }
        CHECK(found, "reference %zu is the code of no image", r);
    }
    free(codes), free(used);
    lk_model_free(model);
}

static void test_names(void) {
    CHECK(strcmp(lk_verdict_name(LK_IN), "in") == 0, "in");
    CHECK(strcmp(lk_verdict_name(LK_OUT), "out") == 0, "out");
    CHECK(strcmp(lk_verdict_name(LK_EMPTY), "empty") == 0, "empty");
    CHECK(strcmp(lk_evidence_name(0), "reconstruction") == 0, "0");
    CHECK(strcmp(lk_evidence_name(1), "mahalanobis") == 0, "1");
    CHECK(strcmp(lk_evidence_name(2), "neighbour") == 0, "2");
}

/* What is not a share leaves the usual one. */
static void test_alpha(lk_model *model) {
    static const struct {
        const char *text;
        double alpha;
    } CASES[] = {{"", 0.01}, {"0.05", 0.05}, {"0", 0.01}, {"1", 0.01}, {"most", 0.01}, {"", 0.01}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        CHECK(lk_model_set_text(model, LK_TEXT_ALPHA, CASES[i].text, NULL) == LK_OK, "%zu", i);
        CHECK(lk_model_alpha(model) == CASES[i].alpha, "'%s' gives %g", CASES[i].text,
              lk_model_alpha(model));
    }
}

int main(void) {
    lk_dataset data = make_images(SHAPE, 0, 300, 20), held_out = make_images(SHAPE, 300, 200, 20);
    lk_dataset fresh = make_images(SHAPE, 500, 60, 20);
    lk_model *model = trained(&data);
    fit(model, &data, 1, LK_SIMD_BEST);
    calibrate(model, LK_PREPARE_IMAGE, &held_out, 1, LK_SIMD_BEST);
    calibrate(model, LK_PREPARE_INK, &held_out, 1, LK_SIMD_BEST);
    test_by_hand(model, &fresh);
    test_exact_p(model, &fresh);
    test_empty(model);
    test_nonfinite(model, &fresh);
    test_false_alarms(model);
    test_no_variation(&data);
    test_overflowing_calibration(&data);
    test_same_bits(&data, &held_out, &fresh);
    test_refusals(&data);
    test_references(&data);
    test_moved(&data);
    test_names();
    test_alpha(model);
    lk_model_free(model);
    free_images(&data);
    free_images(&held_out);
    free_images(&fresh);
    return TEST_RESULT();
}
