/* What layers hold of an image: the values against their definitions, the basis against a subspace
   that is known, distances by hand; and a network that learns which way up images are. */
#include "aspect.h"

#include <math.h>

#include "augment.h"
#include "score.h"
#include "training.h"

enum { SIDE = 8, SIZE = SIDE * SIDE };
static const lk_shape SHAPE = {1, SIDE, SIDE};
static const char POSED[] = "1x8x8 > conv 5 3 s2 relu > conv 6 3 tanh > dense 9 relu > pose 1 20"
                            " > dense 4 | dense 64 sigmoid > mse";

static void test_plan(void) {
    static const struct {
        const char *arch;
        size_t values[LK_ASPECTS];
    } CASES[] = {
        {POSED, {9, 2 * (5 + 6), 34, 8 * 8}},
        {"1x8x8 > dense 7 > pose 3 1 > dense 3 | dense 64 > mse", {7, 0, 34, 8 * (8 * 3 + 1)}},
        {"1x8x8 > dense 7 > pose 1 1 > dense 3 | dense 64 > mse", {7, 0, 34, 8 * 8}},
        {"1x8x8 > dense 7 > dense 3 | dense 64 > mse", {0}},
        {"1x8x8 > conv 4 3 > dense 3 | dense 64 > mse", {0}},
        {"2x4x8 > conv 300 3 > avgpool 2 > dense 3 > pose 1 1 | dense 64 > mse", {3, 0, 34, 4 * 8}},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_model *model = new_model(CASES[i].arch);
        for (int a = 0; a < LK_ASPECTS; a++) {
            const lk_aspect_kind kind = (lk_aspect_kind)a;
            const lk_aspect aspect = lk_aspect_plan(&model->arch, kind, 1000);
            CHECK(aspect.values == CASES[i].values[a], "%s, %s: %zu", CASES[i].arch,
                  lk_aspect_name(kind), aspect.values);
            CHECK(aspect.components <= aspect.values, "%zu components", aspect.components);
            CHECK(lk_model_has_evidence(model, LK_PREPARE_IMAGE, LK_ASPECT + (size_t)a) ==
                      (aspect.values > 0),
                  "%s", CASES[i].arch);
        }
        const bool posed = strstr(CASES[i].arch, "pose") != NULL;
        CHECK(lk_model_has_evidence(model, LK_PREPARE_IMAGE, LK_POSE) == posed, "%s",
              CASES[i].arch);
        CHECK(lk_model_has_evidence(model, LK_PREPARE_IMAGE, LK_MAHALANOBIS) == !posed, "%s",
              CASES[i].arch);
        CHECK(lk_model_has_evidence(model, LK_PREPARE_IMAGE, LK_SHAPE) == posed, "%s",
              CASES[i].arch);
        lk_model_free(model);
    }
}

/* Of ink, a network that tells classes has fewer pieces of evidence, and one more; others have the
   same. */
static void test_ink(void) {
    static const struct {
        const char *arch;
        bool classes;
    } CASES[] = {{POSED, false},
                 {"1x8x8 > conv 4 3 > dense 7 > pose 3 1 > dense 3 | dense 64 > mse", true},
                 {"1x8x8 > dense 7 > dense 3 | dense 64 > mse", false}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_model *model = new_model(CASES[i].arch);
        for (size_t e = 0; e < LK_EVIDENCES; e++) {
            const bool dropped = e == LK_NEIGHBOUR || e == LK_ASPECT + LK_GIST ||
                                 e == LK_ASPECT + LK_VIEWS || e == LK_LOGIT || e == LK_POSE;
            const bool image = lk_model_has_evidence(model, LK_PREPARE_IMAGE, e);
            const bool wanted =
                e == LK_NONE ? CASES[i].classes
                             : image && e != LK_ASPECT + LK_TONES && !(CASES[i].classes && dropped);
            CHECK(lk_model_has_evidence(model, LK_PREPARE_INK, e) == wanted &&
                      !(image && e == LK_NONE),
                  "%s of %s", lk_evidence_name(e), CASES[i].arch);
        }
        lk_model_free(model);
    }
}

/* Means and deviations of channels, which stand side by side; the others are where they are. */
static void test_look(void) {
    lk_model *model = new_model(POSED);
    lk_run *run = lk_run_create(model, 3, LK_SIMD_BEST, NULL);
    lk_dataset data = make_images(SHAPE, 0, 3, 1);
    lk_real x[3 * SIZE], room[LK_MOST_STYLE];
    lk_dataset_images(&data, 0, 3, x);
    lk_look_round(run, x, 3, model->arch.count);
    for (size_t row = 0; row < 3; row++) {
        const lk_real *style = lk_aspect_look(run, row, LK_STYLE, room);
        for (size_t layer = 0, at = 0; layer < 2; layer++)
            for (size_t c = 0; c < 5 + layer; c++, at++) {
                const lk_real *image =
                    run->value[layer + 1] + row * model->arch.layers[layer].out_stride + c;
                double mean = 0, squares = 0;
                for (size_t i = 0; i < 16; i++) {
                    mean += (double)image[i * (5 + layer)] / 16;
                    squares += pow((double)image[i * (5 + layer)], 2) / 16;
                }
                const double deviation = sqrt(fmax(squares - mean * mean, 0));
                CHECK(fabs((double)style[2 * at] - mean) < 1e-6, "mean %zu", at);
                CHECK(fabs((double)style[2 * at + 1] - deviation) < 1e-4, "deviation %zu", at);
            }
        CHECK(lk_aspect_look(run, row, LK_GIST, room) ==
                  run->value[3] + row * model->arch.layers[3].in_stride,
              "gist");
    }
    free_images(&data);
    lk_run_free(run);
    lk_model_free(model);
}

/* How many of values[n] are of this tone: 0 where there is nothing, otherwise the k for which a
   value is over k - 1 and at most k sixteenths. */
static double count_tone(const double *values, size_t n, size_t k) {
    double count = 0;
    for (size_t i = 0; i < n; i++)
        count += k == 0 ? values[i] <= 0 : values[i] > (double)(k - 1) / 16 && values[i] <= k / 16.;
    return count;
}

/* Of images with values that are nothing, everything, and just at the end of a tone, in colour and
   grey: each channel's neighbours are its own. */
static void test_tones(void) {
    static const char *const archs[] = {"3x5x4 > dense 7 > pose 1 1 > dense 3 | dense 60 > mse",
                                        "1x5x4 > dense 7 > pose 1 1 > dense 3 | dense 20 > mse"};
    enum { MOST = 60, ROWS = 50 };
    for (size_t c = 0; c < LK_COUNTOF(archs); c++) {
        lk_model *model = new_model(archs[c]);
        lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
        const size_t channels = c == 0 ? 3 : 1, size = channels * 20;
        for (uint64_t row = 0; row < ROWS; row++) {
            lk_real x[MOST], room[LK_MOST_STYLE];
            double values[MOST], steps[2 * MOST];
            size_t n = 0;
            for (size_t i = 0; i < size; i++) {
                const double u = lk_rng_uniform(lk_rng_make(row, 1, 1), i);
                x[i] = (lk_real)(row % 2 ? u : floor(u * 17) / 16);
            }
            lk_run_load(run, x, 0, 1);
            for (size_t channel = 0; channel < channels; channel++)
                for (size_t i = 0; i < 20; i++) {
                    const lk_real *here = x + channel * 20 + i;
                    values[channel * 20 + i] = (double)*here;
                    if (i % 4 < 3) steps[n++] = fabs((double)here[0] - (double)here[1]);
                    if (i / 4 < 4) steps[n++] = fabs((double)here[0] - (double)here[4]);
                }
            const lk_real *tones = lk_aspect_look(run, 0, LK_TONES, room);
            for (size_t k = 0; k <= 16; k++) {
                CHECK(fabs((double)tones[k] - log(1 + count_tone(values, size, k))) < 1e-5,
                      "%zu channels: values of tone %zu", channels, k);
                CHECK(fabs((double)tones[17 + k] - log(1 + count_tone(steps, n, k))) < 1e-5,
                      "%zu channels: steps of tone %zu", channels, k);
            }
        }
        lk_run_free(run);
        lk_model_free(model);
    }
}

/* Black and white images know no greys; those that are moved by a part of a pixel have them, and
   are usual still, which images of the same greys in other numbers are not. */
static void test_scanned(void) {
    enum { N = 400 };
    static uint8_t pixels[N * SIZE];
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < SIZE; k++) {
            const lk_rng rng = lk_rng_make(i, 1, 1);
            pixels[i * SIZE + k] = k / 8 >= lk_rng_below(rng, k % 8, 8) ? 255 : 0;
        }
    lk_dataset data = {.shape = SHAPE, .count = N, .pixels = pixels};
    lk_model *model = new_model(POSED);
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_score_fit(model, &data, 0, false, 20, 1, 1, LK_SIMD_BEST, &error) == LK_OK, "%s",
          error.message);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    double still = -INFINITY, moved = -INFINITY, grey = INFINITY;
    for (size_t i = 0; i < N; i++) {
        lk_real x[SIZE], scratch[1024], room[LK_MOST_STYLE];
        CHECK(lk_augment_scratch(SHAPE) <= LK_COUNTOF(scratch), "scratch");
        for (int kind = 0; kind < 3; kind++) {
            const lk_change half = {.across = 0.5, .down = 0.5, .scale = 1};
            lk_dataset_images(&data, i, 1, x);
            if (kind == 1) lk_augment_apply(&half, SHAPE, x, scratch);
            for (size_t k = 0; k < SIZE && kind == 2; k++)
                x[k] = (lk_real)(0.25 + 0.5 * (double)x[k]);
            lk_run_load(run, x, 0, 1);
            const double distance = lk_aspect_distance(&model->score->aspects[LK_TONES],
                                                       lk_aspect_look(run, 0, LK_TONES, room));
            if (kind == 0) still = fmax(still, distance);
            if (kind == 1) moved = fmax(moved, distance);
            if (kind == 2) grey = fmin(grey, distance);
        }
    }
    CHECK(grey > still && grey > moved, "%g, but still %g, moved %g", grey, still, moved);
    lk_run_free(run);
    lk_model_free(model);
}

/* An image brought into a pose: mirrored left to right from the fourth on, then turned clockwise.
 */
static void bring(const lk_real *x, lk_shape shape, uint32_t pose, lk_real *out) {
    const uint32_t h = shape.height, w = shape.width;
    for (uint32_t i = 0; i < h; i++)
        for (uint32_t j = 0; j < w; j++) {
            uint32_t row = i, column = pose < 4 ? j : w - 1 - j;
            for (uint32_t turn = 0; turn < pose % 4; turn++) {
                const uint32_t down = column;
                column = (turn % 2 ? w : h) - 1 - row;
                row = down;
            }
            out[row * w + column] = x[i * w + j];
        }
}

/* Looking round leaves each row as loading it and going forward does, and knows how each pose is
   answered; what is made of the answers, by hand. */
static void check_views(const char *arch, uint32_t step) {
    enum { N = 5, POSED_MOST = 3 };
    lk_model *model = new_model(arch);
    const lk_shape shape = model->arch.input;
    const size_t size = lk_shape_size(shape), classes = model->arch.posed;
    const size_t answers = 8 * classes + (classes > 1), at = model->arch.pose;
    lk_dataset data = make_images(shape, 0, 60, 1);
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_score_fit(model, &data, 0, true, 20, 1, 2, LK_SIMD_BEST, &error) == LK_OK, "%s",
          error.message);
    for (int p = 0; p < LK_PREPARATIONS; p++)
        CHECK(lk_score_calibrate(model, (lk_preparation)p, &data, 2, LK_SIMD_BEST, &error) == LK_OK,
              "%s", error.message);
    lk_run *run = lk_run_create(model, N, LK_SIMD_BEST, NULL);
    lk_run *plain = lk_run_create(model, N, LK_SIMD_BEST, NULL);
    lk_real x[N * SIZE], one[SIZE], room[LK_MOST_STYLE];
    lk_dataset_images(&data, 0, N, x);
    lk_look_round(run, x, N, model->arch.count);
    lk_run_load(plain, x, 0, N);
    lk_run_forward(plain, 0, model->arch.count, 0, N, 0);
    const size_t end = model->arch.count, stride = model->arch.layers[end - 1].out_stride;
    CHECK(memcmp(run->value[end], plain->value[end], N * stride * sizeof(lk_real)) == 0, "%s",
          arch);
    for (size_t row = 0; row < N; row++) {
        const lk_real *value = lk_aspect_look(run, row, LK_VIEWS, room);
        double none = 0, odds[2] = {0}, likeliest = 0, logit = -INFINITY;
        for (uint32_t pose = 0; pose < LK_POSES; pose += step) {
            double p[8 * POSED_MOST + 1], sum = 0, of_pose[LK_POSES] = {0};
            bring(x + row * size, shape, pose, one);
            lk_run_load(plain, one, 0, 1);
            lk_run_forward(plain, 0, at + 1, 0, 1, 0);
            for (size_t a = 0; a < answers; a++) sum += exp((double)plain->memory[at][a]);
            for (size_t a = 0; a < answers; a++) {
                p[a] = exp((double)plain->memory[at][a]) / sum;
                CHECK(fabs(p[a] - (double)lk_view(run, row, pose)[a]) < 1e-6, "%s: pose %u", arch,
                      pose);
                if (a < 8 * classes) of_pose[a / classes] += p[a];
                if (pose > 0 || a >= classes) continue;
                likeliest = fmax(likeliest, p[a]);
                logit = fmax(logit, (double)plain->memory[at][a]);
            }
            for (size_t a = 0; a < answers; a++, value++)
                CHECK(fabs((double)*value - fmax(log(p[a]), -12)) < 1e-4, "%s: a view", arch);
            if (classes > 1) none += p[8 * classes] * step / LK_POSES;
            double all = 0;
            for (uint32_t other = 0; other < LK_POSES; other++) all += of_pose[other];
            if (pose % 4 == 0) odds[pose / 4] = log((all - of_pose[pose]) / of_pose[pose]);
        }
        lk_result r;
        CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x + row * size, 0.05, &r, &error) == LK_OK,
              "%s", error.message);
        /* Checked in row 0, whose answers are this image's now. */
        CHECK(fabs((double)r.evidence[LK_POSE].value - (odds[0] + odds[1]) / 2) < 1e-4, "%s: odds",
              arch);
        const lk_real *seen = lk_aspect_look(run, 0, LK_VIEWS, room);
        CHECK(r.evidence[LK_ASPECT + LK_VIEWS].value ==
                  (float)lk_aspect_distance(&model->score->aspects[LK_VIEWS], seen),
              "%s: distance", arch);
        if (classes > 1) {
            CHECK(fabs((double)r.evidence[LK_CLASS].value + log(likeliest)) < 1e-4, "%s: class",
                  arch);
            CHECK(fabs((double)r.evidence[LK_LOGIT].value + logit) < 1e-4, "%s: logit", arch);
            CHECK(lk_check_input(run, LK_PREPARE_INK, x + row * size, 0.05, &r, &error) == LK_OK,
                  "%s", error.message);
            CHECK(fabs((double)r.evidence[LK_NONE].value - log(none)) < 1e-4, "%s: none", arch);
        }
        lk_look_round(run, x, N, model->arch.count);
    }
    free_images(&data);
    lk_run_free(run);
    lk_run_free(plain);
    lk_model_free(model);
}

static void test_views(void) {
    check_views(POSED, 1);
    check_views("1x8x8 > conv 4 3 s2 relu > dense 9 > pose 3 20 > dense 4 | dense 64 > mse", 1);
    check_views("1x4x8 > conv 4 3 relu > dense 9 > pose 3 20 > dense 4 | dense 32 > mse", 2);
}

/* Values that fill three directions and hardly any other. */
static void draw(lk_real *values, size_t n, size_t d, uint64_t seed) {
    for (size_t i = 0; i < n; i++) {
        lk_real z[3], noise[64];
        fill_normal(z, 3, seed + 2 * i);
        fill_normal(noise, d, seed + 2 * i + 1);
        for (size_t j = 0; j < d; j++)
            values[i * d + j] = (lk_real)(5 + 2 * z[0] * (lk_real)((j * 7 % 5) - 2.0) +
                                          z[1] * (lk_real)((j * 3 % 7) - 3.0) +
                                          z[2] * (lk_real)((j * 5 % 3) - 1.0)) +
                                (lk_real)0.05 * noise[j];
    }
}

static void test_fit(void) {
    enum { N = 400, D = 60 };
    static lk_real values[N * D], strange[N * D];
    draw(values, N, D, 1000);
    draw(strange, N, D, 9000);
    lk_aspect aspect = {.values = D, .components = 3, .scaled = true};
    aspect.mixture = (lk_mixture){.dimensions = 4, .clusters = 2, .widening = 0.02, .each = true};
    lk_arena arena = {0};
    lk_aspect_take(&aspect, &arena);
    CHECK(lk_arena_commit(&arena), "memory");
    lk_aspect_take(&aspect, &arena);
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_aspect_fit(&aspect, values, NULL, N, 1, &error) == LK_OK, "%s", error.message);

    double worst_dot = 0, total = 0, left = 0;
    for (size_t a = 0; a < 3; a++)
        for (size_t b = 0; b <= a; b++) {
            double dot = 0;
            for (size_t j = 0; j < D; j++)
                dot += (double)aspect.basis[j * 3 + a] * (double)aspect.basis[j * 3 + b];
            worst_dot = fmax(worst_dot, fabs(dot - (a == b)));
        }
    CHECK(worst_dot < 1e-5, "not orthonormal: %g", worst_dot);
    for (size_t i = 0; i < N; i++) {
        double sums[3] = {0}, squares = 0;
        lk_real z[4];
        for (size_t j = 0; j < D; j++) {
            const double v =
                ((double)values[i * D + j] - (double)aspect.centre[j]) * (double)aspect.scale[j];
            squares += v * v;
            for (size_t k = 0; k < 3; k++) sums[k] += v * (double)aspect.basis[j * 3 + k];
        }
        total += squares;
        for (size_t k = 0; k < 3; k++) {
            squares -= sums[k] * sums[k];
            z[k] = (lk_real)sums[k];
        }
        left += squares;
        z[3] = (lk_real)log(squares);
        const double wanted = lk_mixture_distance(&aspect.mixture, z);
        const double found = lk_aspect_distance(&aspect, values + i * D);
        CHECK(fabs(found - wanted) < 2e-2 * (1 + fabs(wanted)), "%g, not %g", found, wanted);
    }
    CHECK(fabs(total / (N * D) - 1) < 1e-3, "variance %g", total / (N * D));
    CHECK(left < 0.01 * total, "%g of %g outside of the basis", left, total);

    /* What leaves the three directions is further away than anything that does not. */
    double farthest = -INFINITY;
    for (size_t i = 0; i < N; i++)
        farthest = fmax(farthest, lk_aspect_distance(&aspect, strange + i * D));
    for (size_t i = 0; i < N; i++) {
        strange[i * D + 7] += 2;
        strange[i * D + 11] -= 2;
        CHECK(lk_aspect_distance(&aspect, strange + i * D) > farthest, "row %zu", i);
    }
    values[77] = NAN;
    CHECK(lk_aspect_fit(&aspect, values, NULL, N, 1, &error) == LK_NONFINITE, "%s", error.message);
    lk_free(arena.base);
}

static lk_model *trained(const lk_dataset *data, int threads, lk_simd simd) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = new_model(POSED);
    lk_train_options o = options_with(threads, simd);
    o.learning_rate = 1e-2;
    o.epochs = 12;
    lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
    CHECK(trainer, "%s", error.message);
    steps(trainer, (int)(o.epochs * lk_trainer_steps_per_epoch(trainer)));
    lk_trainer_free(trainer);
    return model;
}

/* Bands from the top downwards: turned by a right angle they run across, and are told. */
static void test_verdicts(const lk_dataset *data, const lk_dataset *held_out,
                          const lk_dataset *fresh) {
    uint64_t first = 0;
    EACH_SIMD(simd)
    for (int threads = 1; threads <= 3; threads++) {
        lk_error error = {LK_OK, 0, ""};
        lk_model *model = trained(data, threads, simd);
        CHECK(lk_score_fit(model, data, 0, false, 50, 1, threads, simd, &error) == LK_OK &&
                  lk_score_calibrate(model, LK_PREPARE_IMAGE, held_out, threads, simd, &error) ==
                      LK_OK,
              "%s", error.message);
        lk_run *run = lk_run_create(model, 1, simd, NULL);
        uint64_t hash = 0;
        size_t flagged = 0, turned_flagged = 0;
        for (size_t i = 0; i < fresh->count; i++) {
            lk_real x[SIZE], turned[SIZE];
            lk_result upright, other;
            lk_dataset_images(fresh, i, 1, x);
            for (size_t k = 0; k < SIZE; k++) turned[k % SIDE * SIDE + k / SIDE] = x[k];
            CHECK(lk_check_input(run, LK_PREPARE_IMAGE, x, 0.05, &upright, NULL) == LK_OK, "check");
            CHECK(lk_check_input(run, LK_PREPARE_IMAGE, turned, 0.05, &other, NULL) == LK_OK,
                  "check");
            flagged += upright.verdict == LK_OUT;
            turned_flagged += other.verdict == LK_OUT;
            hash = hash * 31 + hash_bytes(&upright.score, sizeof upright.score);
            hash = hash * 31 + hash_bytes(&other.evidence[LK_POSE].value, sizeof(float));
            CHECK(other.evidence[LK_MAHALANOBIS].value == 0 &&
                      other.evidence[LK_MAHALANOBIS].p == 1,
                  "what the model has not");
        }
        if (!first) first = hash;
        CHECK(hash == first, "%s, %d threads: 0x%llx", lk_simd_name(simd), threads,
              (unsigned long long)hash);
        CHECK(flagged <= fresh->count / 8, "%zu of %zu flagged", flagged, fresh->count);
        CHECK(turned_flagged > fresh->count * 9 / 10, "%zu turned flagged", turned_flagged);
        lk_run_free(run);
        lk_model_free(model);
    }
}

/* The nearest of the references by the mean of two cosines, of the code and of the gist in the
   directions of its aspect. */
static double by_hand_neighbour(const lk_score *s, const lk_real *code, const lk_real *gist) {
    enum { CODE = 4, GIST = 9 };
    const lk_aspect *aspect = &s->aspects[LK_GIST];
    double z[CODE + GIST] = {0}, nearest = 2;
    for (size_t k = 0; k < CODE; k++) z[k] = (double)code[k];
    for (size_t j = 0; j < aspect->values; j++)
        for (size_t k = 0; k < GIST; k++)
            z[CODE + k] += ((double)gist[j] - (double)aspect->centre[j]) *
                           (double)aspect->scale[j] * (double)aspect->basis[j * GIST + k];
    for (size_t r = 0; r < s->references; r++) {
        const int8_t *known = s->codes + r * (CODE + GIST);
        double dot[2] = {0}, zz[2] = {0}, rr = 0;
        for (size_t k = 0; k < CODE + GIST; k++) {
            dot[k >= CODE] += z[k] * known[k];
            zz[k >= CODE] += z[k] * z[k];
            rr += known[k] * known[k];
        }
        const double both = dot[0] / sqrt(zz[0]) + dot[1] / sqrt(zz[1]);
        nearest = fmin(nearest, 1 - both / sqrt(2 * rr));
    }
    return log(fmax(nearest, 1e-6));
}

/* Neighbours are looked for by code and gist; the score is the length of what content, look and
   pose say, and of ink all are parts of content. */
static void test_score(const lk_dataset *data, const lk_dataset *held_out,
                       const lk_dataset *fresh) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = trained(data, 1, LK_SIMD_BEST);
    CHECK(lk_score_fit(model, data, 0, true, 50, 1, 1, LK_SIMD_BEST, &error) == LK_OK, "%s",
          error.message);
    CHECK(model->score->width == 4 + 9 && model->score->references == 50, "%zu of %zu values",
          model->score->references, model->score->width);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    for (int p = 0; p < LK_PREPARATIONS; p++) {
        const lk_preparation preparation = (lk_preparation)p;
        CHECK(lk_score_calibrate(model, preparation, held_out, 1, LK_SIMD_BEST, &error) == LK_OK,
              "%s", error.message);
        const lk_calibration *c = model->score->calibration[p];
        size_t by_pose = 0;
        for (size_t i = 0; i < fresh->count; i++) {
            lk_real x[SIZE], turned[SIZE];
            lk_result r;
            lk_dataset_images(fresh, i, 1, x);
            for (size_t k = 0; k < SIZE; k++) turned[k] = x[i % 2 ? SIZE - 1 - k : k];
            CHECK(lk_check_input(run, preparation, turned, 0.05, &r, NULL) == LK_OK, "check");
            const size_t encoder = model->arch.encoder;
            const double nearest = by_hand_neighbour(model->score, run->value[encoder],
                                                     lk_aspect_look(run, 0, LK_GIST, NULL));
            CHECK(fabs((double)r.evidence[LK_NEIGHBOUR].value - nearest) < 1e-5 / exp(nearest),
                  "image %zu: %g, not %g", i, (double)r.evidence[LK_NEIGHBOUR].value, nearest);
            double content = 0, look = 0, pose = r.evidence[LK_POSE].surprise;
            for (size_t e = 0; e < LK_POSE; e++) {
                const bool looks = e == LK_RECONSTRUCTION || e == LK_SHAPE ||
                                   e == LK_ASPECT + LK_STYLE || e == LK_ASPECT + LK_TONES ||
                                   e == LK_ASPECT + LK_VIEWS;
                *(looks ? &look : &content) += r.evidence[e].surprise;
            }
            if (preparation == LK_PREPARE_INK) {
                content += look + pose;
                look = pose = 0;
            }
            content = lk_calibration_surprise(c, LK_ANSWER + LK_CONTENT, (float)content);
            look = lk_calibration_surprise(c, LK_ANSWER + LK_LOOK, (float)look);
            const double score =
                hypot(content, hypot(look, pose)) + r.evidence[LK_TEXTURE].surprise;
            CHECK(fabs((double)r.score - score) < 1e-4 * (1 + score), "image %zu: %g, not %g", i,
                  (double)r.score, score);
            by_pose += pose > content && content > 0;
        }
        CHECK((by_pose > 10) == (preparation == LK_PREPARE_IMAGE), "the pose weighs more %zu times",
              by_pose);
    }
    lk_run_free(run);
    lk_model_free(model);
}

int main(void) {
    lk_dataset data = make_images(SHAPE, 0, 300, 1), fresh = make_images(SHAPE, 2000, 200, 1);
    lk_dataset held_out = make_images(SHAPE, 1000, 200, 1);
    test_plan();
    test_ink();
    test_look();
    test_tones();
    test_scanned();
    test_views();
    test_fit();
    test_verdicts(&data, &held_out, &fresh);
    test_score(&data, &held_out, &fresh);
    free_images(&data);
    free_images(&held_out);
    free_images(&fresh);
    return TEST_RESULT();
}
