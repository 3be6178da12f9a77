/* gaussian and vq against their definitions, computed once more in doubles. */
#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "model.h"
#include "test.h"

enum { MOST = 4096 };

/* A model, and a run in which some batch is under way. */
typedef struct bench {
    lk_model *model;
    lk_run *run;
    lk_batch batch;
} bench;

static bench make_bench(const char *arch, size_t rows, lk_simd simd) {
    lk_error error = {LK_OK, 0, ""};
    bench b = {.model = lk_model_create(arch, &error)};
    CHECK(b.model, "%s: %s", arch, error.message);
    if (!b.model) abort();
    lk_model_init(b.model, LK_INIT_HE, 5);
    b.run = lk_run_create_training(b.model, rows, 1, simd, &error);
    if (!b.run) abort();
    b.batch = (lk_batch){.rows = rows, .learning = true, .seed = 2, .scale = 1};
    b.batch.beta = b.model->arch.option;
    return b;
}

static void free_bench(bench *b) {
    lk_run_free(b->run);
    lk_model_free(b->model);
}

/* Puts plain values into a tensor of the first layer, and takes them out. */
static void put(bench *b, size_t which, const lk_real *values) {
    const lk_layer *l = &b->model->arch.layers[0];
    l->op->pack(l, which, values, b->model->parameters);
}
static size_t take(const bench *b, size_t which, lk_real *values) {
    const lk_layer *l = &b->model->arch.layers[0];
    l->op->unpack(l, which, b->model->parameters, values);
    return l->op->tensor(l, which).size;
}

/* The first layer alone, forward: returns what it made, [rows][stride]. */
static const lk_real *forward(bench *b, const lk_real *x) {
    b->run->batch = &b->batch;
    memset(b->run->penalties, 0, b->batch.rows * sizeof *b->run->penalties);
    lk_run_load(b->run, x, 0, b->batch.rows);
    lk_run_forward(b->run, 0, 1, 0, b->batch.rows, 0);
    return b->run->value[1];
}

/* ---- gaussian ---- */

enum { MEAN_WEIGHT, MEAN_BIAS, LOG_VARIANCE_WEIGHT, LOG_VARIANCE_BIAS };

/* Row r of W x + b in doubles. */
static double linear(const lk_real *weight, const lk_real *bias, const lk_real *x, size_t in,
                     size_t o) {
    double sum = (double)bias[o];
    for (size_t i = 0; i < in; i++) sum += (double)weight[o * in + i] * (double)x[i];
    return sum;
}

static void test_divergence(void) {
    enum { ROWS = 5, IN = 7, OUT = 19 };
    lk_real w[2][IN * OUT], c[2][OUT], x[ROWS * IN];
    fill_normal(w[0], IN * OUT, 1), fill_normal(w[1], IN * OUT, 2);
    fill_normal(c[0], OUT, 3), fill_normal(c[1], OUT, 4), fill_normal(x, ROWS * IN, 5);
    for (size_t i = 0; i < IN * OUT; i++) w[1][i] /= 2;
    EACH_SIMD(simd) {
        bench b = make_bench("1x1x7 > gaussian 19 | dense 7 > mse beta 0.75", ROWS, simd);
        put(&b, MEAN_WEIGHT, w[0]), put(&b, LOG_VARIANCE_WEIGHT, w[1]);
        put(&b, MEAN_BIAS, c[0]), put(&b, LOG_VARIANCE_BIAS, c[1]);
        const lk_layer *l = &b.model->arch.layers[0];
        const lk_real *y = forward(&b, x);
        const lk_rng rng = lk_rng_make(2, LK_STREAM_NOISE, 0);
        for (size_t r = 0; r < ROWS; r++) {
            double divergence = 0;
            for (size_t o = 0; o < l->out_stride; o++) {
                if (o >= OUT) {
                    CHECK(y[r * l->out_stride + o] == 0, "padding %zu", o);
                    continue;
                }
                const double mean = linear(w[0], c[0], x + r * IN, IN, o);
                const double log_variance = linear(w[1], c[1], x + r * IN, IN, o);
                const double eps = lk_rng_normal(rng, r * OUT + o);
                const double wanted = mean + exp(log_variance / 2) * eps;
                const double got = (double)y[r * l->out_stride + o];
                CHECK(fabs(got - wanted) < 2e-6 * (1 + fabs(wanted)), "%zu %zu: %g, not %g", r, o,
                      got, wanted);
                divergence += 0.5 * (exp(log_variance) + mean * mean - 1 - log_variance);
            }
            const double got = (double)b.run->penalties[r];
            CHECK(fabs(got - 0.75 * divergence) < 1e-5 * divergence, "%zu: %g, not %g", r, got,
                  0.75 * divergence);
        }
        /* In use, the means. */
        lk_real z[ROWS * OUT];
        b.run->batch = NULL;
        lk_encode(b.run, x, ROWS, z);
        for (size_t i = 0; i < ROWS * OUT; i++) {
            const double wanted = linear(w[0], c[0], x + i / OUT * IN, IN, i % OUT);
            CHECK(fabs((double)z[i] - wanted) < 2e-6 * (1 + fabs(wanted)), "mean %zu", i);
        }
        free_bench(&b);
    }
}

/* Even where the network goes astray, nothing is infinite. */
static void test_extremes(void) {
    bench b = make_bench("1x1x1 > gaussian 2 | dense 1 > mse", 2, LK_SIMD_BEST);
    const lk_real bias[] = {500, -500}, x[] = {0, 1};
    put(&b, LOG_VARIANCE_BIAS, bias);
    const lk_real *y = forward(&b, x);
    for (size_t r = 0; r < 2; r++)
        CHECK(isfinite((double)y[r * 16]) && isfinite((double)y[r * 16 + 1]) &&
                  isfinite((double)b.run->penalties[r]),
              "row %zu", r);
    free_bench(&b);
}

/* Samples of one distribution: their moments, and that no number is used twice. */
static void test_samples(void) {
    enum { ROWS = 3000, OUT = 5 };
    bench b = make_bench("1x1x1 > gaussian 5 | dense 1 > mse", ROWS, LK_SIMD_BEST);
    const lk_real nothing[OUT] = {0}, means[OUT] = {-2, -1, 0, 0.5, 3};
    const lk_real log_variances[OUT] = {-2, -1, 0, 1, 2};
    lk_real *x = lk_alloc(ROWS * sizeof *x), *early = lk_alloc(ROWS * 16 * sizeof *early);
    put(&b, MEAN_WEIGHT, nothing), put(&b, MEAN_BIAS, means);
    put(&b, LOG_VARIANCE_BIAS, log_variances);
    const lk_real *y = forward(&b, x);
    for (size_t o = 0; o < OUT; o++) {
        double mean = 0, square = 0, with_next = 0, deviation = exp((double)log_variances[o] / 2);
        for (size_t r = 0; r < ROWS; r++) {
            const double eps = ((double)y[r * 16 + o] - (double)means[o]) / deviation;
            const size_t next = (o + 1) % OUT;
            mean += eps / ROWS;
            square += eps * eps / ROWS;
            with_next += eps * ((double)y[r * 16 + next] - (double)means[next]) / ROWS;
        }
        CHECK(fabs(mean) < 4 / sqrt(ROWS), "value %zu: mean %g", o, mean);
        CHECK(fabs(square - 1) < 4 * sqrt(2.0 / ROWS), "value %zu: variance %g", o, square);
        CHECK(fabs(with_next) < 4 * exp(1) / sqrt(ROWS), "value %zu: covariance %g", o, with_next);
    }
    memcpy(early, y, ROWS * 16 * sizeof *y);
    size_t same = 0;
    for (size_t i = 1; i < ROWS; i++) same += y[i * 16] == y[i * 16 - 16];
    CHECK(same < 3, "%zu rows as the one before", same);

    /* A row's numbers depend on its place alone, not on where its batch starts. */
    b.batch.sample = 7;
    y = forward(&b, x);
    CHECK(memcmp(y, early + 7 * 16, (ROWS - 7) * 16 * sizeof *y) == 0, "samples 7 on");
    b.batch.sample = 0;
    lk_run_forward(b.run, 0, 1, 1000, 50, 0);
    CHECK(memcmp(y + 16000, early + 16000, 50 * 16 * sizeof *y) == 0, "rows 1000 on");
    b.batch.learning = false;
    y = forward(&b, x);
    CHECK(memcmp(y, early, ROWS * 16 * sizeof *y) == 0, "while a loss is measured");
    b.batch.seed++;
    y = forward(&b, x);
    CHECK(y[0] != early[0] && y[1] != early[1], "another seed");
    lk_free(x), lk_free(early);
    free_bench(&b);
}

/* ---- vq ---- */

enum { CODEBOOK, USAGE };

/* Which of k vectors is nearest, the first of equals; in doubles. */
static size_t nearest(const lk_real *x, const double *vectors, size_t k, size_t d) {
    size_t best = 0;
    double least = HUGE_VAL;
    for (size_t i = 0; i < k; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++) {
            const double gap = (double)x[j] - vectors[i * d + j];
            sum += gap * gap;
        }
        if (sum < least) best = i;
        least = LK_MIN(sum, least);
    }
    return best;
}

static void test_nearest(void) {
    static const struct {
        const char *arch;
        size_t depth, vectors, pixels;
    } CASES[] = {
        {"3x4x2 > vq 21 | dense 24 > mse", 3, 21, 8},
        {"1x1x17 > vq 5 | dense 17 > mse", 17, 5, 1},
        {"1x3x3 > vq 2 | dense 9 > mse", 1, 2, 9},
        {"2x5x5 > vq 64 | dense 50 > mse", 2, 64, 25},
    };
    enum { ROWS = 6 };
    for (size_t t = 0; t < LK_COUNTOF(CASES); t++) EACH_SIMD(simd) {
            const size_t d = CASES[t].depth, k = CASES[t].vectors, n = CASES[t].pixels;
            lk_real vectors[MOST], x[MOST], z[MOST], x_hat[MOST];
            double wide[MOST];
            bench b = make_bench(CASES[t].arch, ROWS, simd);
            CHECK(lk_model_codes(b.model) == n && lk_model_codebook(b.model) == k, "case %zu", t);
            CHECK(lk_model_parameters(b.model) - b.model->arch.layers[1].parameters == d * k, "%zu",
                  t);
            fill_normal(vectors, d * k, t + 1);
            fill_normal(x, ROWS * n * d, t + 9);
            /* Two vectors that are one. */
            memcpy(vectors + (k - 1) * d, vectors, d * sizeof *vectors);
            for (size_t i = 0; i < d * k; i++) wide[i] = (double)vectors[i];
            put(&b, CODEBOOK, vectors);
            lk_reconstruct(b.run, x, ROWS, z, x_hat);
            for (size_t r = 0; r < ROWS; r++) {
                uint32_t indices[MOST];
                lk_run_codes(b.run, r, indices);
                for (size_t p = 0; p < n; p++) {
                    lk_real pixel[MOST]; /* outside a chain an image is channel after channel */
                    for (size_t j = 0; j < d; j++)
                        pixel[j] = x[r * n * d + (n > 1 ? j * n + p : j)];
                    const size_t wanted = nearest(pixel, wide, k, d);
                    CHECK(indices[p] == wanted && indices[p] + 1 < k,
                          "case %zu, %zu %zu: %u, not %zu", t, r, p, indices[p], wanted);
                    for (size_t j = 0; j < d; j++)
                        CHECK(z[(r * n + p) * d + j] == vectors[wanted * d + j], "value %zu", j);
                }
            }
            free_bench(&b);
        }
}

/* Between two vectors that are equally far, the first. */
static void test_ties(void) {
    EACH_SIMD(simd) {
        bench b = make_bench("1x2x2 > vq 20 | dense 4 > mse", 1, simd);
        lk_real vectors[20], z[4];
        uint32_t indices[4];
        for (size_t i = 0; i < 20; i++) vectors[i] = (lk_real)(2 * (19 - (int)i));
        put(&b, CODEBOOK, vectors);
        lk_encode(b.run, (const lk_real[]){1, 7, 37.5, -3}, 1, z);
        lk_run_codes(b.run, 0, indices);
        CHECK(indices[0] == 18 && indices[1] == 15 && indices[2] == 0 && indices[3] == 19,
              "%u %u %u %u", indices[0], indices[1], indices[2], indices[3]);
        CHECK(z[0] == 2 && z[1] == 8 && z[2] == 38 && z[3] == 0, "%g %g %g %g", (double)z[0],
              (double)z[1], (double)z[2], (double)z[3]);
        free_bench(&b);
    }
}

static void follow(bench *b, const lk_real *x) {
    const lk_layer *l = &b->model->arch.layers[0];
    forward(b, x);
    const lk_pass pass = lk_run_pass(b->run, 0, 0, 0);
    CHECK(l->slices == 1 && l->op->slice(l, 0).kind == LK_AVERAGE, "slices");
    l->op->follow(l, &pass, 0, b->run->value[0], b->batch.rows, b->model->parameters);
    b->batch.sample += b->batch.rows;
}

/* Counts and sums of pixels fade by 0.99 a step; vectors are their quotients. */
static void test_averages(void) {
    enum { ROWS = 12, D = 3, K = 6, STEPS = 40 };
    lk_real vectors[K * D], usage[K], x[ROWS * D];
    double counts[K], sums[K * D], wide[K * D];
    bench b = make_bench("1x1x3 > vq 6 | dense 3 > mse", ROWS, LK_SIMD_BEST);
    fill_normal(vectors, K * D, 1);
    for (size_t k = 0; k < K; k++) usage[k] = 2;
    put(&b, CODEBOOK, vectors), put(&b, USAGE, usage);
    for (size_t i = 0; i < K * D; i++) sums[i] = 2 * (wide[i] = (double)vectors[i]);
    for (size_t k = 0; k < K; k++) counts[k] = 2;
    for (uint64_t step = 0; step < STEPS; step++) {
        fill_normal(x, ROWS * D, 100 + step);
        double penalty[ROWS] = {0};
        for (size_t k = 0; k < K; k++) counts[k] *= 0.99;
        for (size_t i = 0; i < K * D; i++) sums[i] *= 0.99;
        for (size_t r = 0; r < ROWS; r++) {
            const size_t k = nearest(x + r * D, wide, K, D);
            counts[k] += 0.01;
            for (size_t j = 0; j < D; j++) {
                const double v = (double)x[r * D + j];
                sums[k * D + j] += 0.01 * v;
                penalty[r] += 0.25 * (v - wide[k * D + j]) * (v - wide[k * D + j]);
            }
        }
        for (size_t i = 0; i < K * D; i++) wide[i] = sums[i] / counts[i / D];
        follow(&b, x);
        for (size_t r = 0; r < ROWS; r++)
            CHECK(fabs((double)b.run->penalties[r] - penalty[r]) < 1e-5 * (1 + penalty[r]),
                  "%g, not %g", (double)b.run->penalties[r], penalty[r]);
    }
    take(&b, CODEBOOK, vectors), take(&b, USAGE, usage);
    for (size_t i = 0; i < K * D; i++)
        CHECK(fabs((double)vectors[i] - wide[i]) < 1e-5, "%zu: %g, not %g", i, (double)vectors[i],
              wide[i]);
    for (size_t k = 0; k < K; k++)
        CHECK(fabs((double)usage[k] - counts[k]) < 1e-5, "%zu: %g", k, (double)usage[k]);
    free_bench(&b);
}

static bool is_row(const lk_real *vector, const lk_real *x, size_t rows, size_t d) {
    for (size_t r = 0; r < rows; r++)
        if (memcmp(vector, x + r * d, d * sizeof *x) == 0) return true;
    return false;
}

/* The codebook starts from the first batch; a vector that is not used for long comes back, as a
   pixel of the batch and not before its time. */
static void test_lives(void) {
    enum { ROWS = 64, D = 2, K = 8 };
    lk_real vectors[K * D], usage[K], x[ROWS * D];
    bench b = make_bench("1x1x2 > vq 8 | dense 2 > mse", ROWS, LK_SIMD_BEST);
    take(&b, USAGE, usage);
    for (size_t k = 0; k < K; k++) CHECK(usage[k] == 0, "used before");
    fill_normal(x, ROWS * D, 1);
    follow(&b, x);
    take(&b, CODEBOOK, vectors), take(&b, USAGE, usage);
    size_t different = 0;
    for (size_t k = 0; k < K; k++) {
        CHECK(is_row(vectors + k * D, x, ROWS, D), "vector %zu", k);
        CHECK(usage[k] == (lk_real)ROWS / K, "usage %g", (double)usage[k]);
        different += k > 0 && memcmp(vectors + k * D, vectors, sizeof *vectors * D) != 0;
    }
    CHECK(different > K / 2, "%zu different", different);

    /* One far away: 0.99^n is below a tenth of its even share from 230 steps on. */
    for (size_t j = 0; j < D; j++) vectors[3 * D + j] = 1000;
    put(&b, CODEBOOK, vectors);
    int lived = 0;
    for (bool alive = true; alive && lived < 400; lived++) {
        fill_normal(x, ROWS * D, 1000 + (uint64_t)lived);
        follow(&b, x);
        take(&b, CODEBOOK, vectors), take(&b, USAGE, usage);
        alive = vectors[3 * D] == 1000;
        CHECK(!alive || vectors[3 * D + 1] == 1000, "unused vectors stay");
    }
    CHECK(lived == 230, "lived for %d steps", lived);
    CHECK(is_row(vectors + 3 * D, x, ROWS, D), "reborn elsewhere");
    double total = 0;
    for (size_t k = 0; k < K; k++) total += (double)usage[k];
    CHECK(fabs((double)usage[3] - 8) < 0.01 && fabs(total - (64 - 0.8 + 8)) < 0.1, "%g of %g",
          (double)usage[3], total);
    free_bench(&b);
}

/* ---- both, in training ---- */

static uint64_t trained(const char *arch, const lk_dataset *data, int threads, lk_simd simd,
                        int stop) {
    lk_error error = {LK_OK, 0, ""};
    lk_train_options options = lk_train_defaults();
    options.batch = 45;
    options.threads = threads;
    options.simd = simd;
    options.learning_rate = 0.005;
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s: %s", arch, error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_HE, 3);
    lk_trainer *trainer = lk_trainer_create(model, data, &options, &error);
    double first = 0, loss = 0;
    for (int i = 0; i < 40; i++) {
        CHECK(step_loss(trainer, &loss, &error) == LK_OK, "%s: %s", arch, error.message);
        if (i == 0) first = loss;
        if (i != stop) continue;
        lk_bytes state;
        CHECK(lk_trainer_save(trainer, "", &state, &error) == LK_OK, "%s", error.message);
        lk_trainer_free(trainer);
        lk_model_init(model, LK_INIT_HE, 4);
        trainer = lk_trainer_create(model, data, &options, &error);
        CHECK(lk_trainer_restore(trainer, state.data, state.size, &error) == LK_OK, "%s",
              error.message);
        lk_bytes_free(&state);
    }
    CHECK(loss < 0.8 * first, "%s: from %g to %g", arch, first, loss);
    lk_bytes file;
    CHECK(lk_model_save(model, &file, &error) == LK_OK, "%s", error.message);
    lk_model *again = lk_model_load(file.data, file.size, &error);
    CHECK(again && memcmp(again->parameters, model->parameters,
                          model->arch.packed * sizeof(lk_real)) == 0,
          "%s: %s", arch, error.message);
    const uint64_t hash = hash_bytes(model->parameters, model->arch.packed * sizeof(lk_real));
    lk_bytes_free(&file);
    lk_model_free(again);
    lk_trainer_free(trainer);
    lk_model_free(model);
    return hash;
}

/* The same bits whatever the threads and the instruction set, and after an interruption. */
static void test_same_bits(void) {
    static const struct {
        const char *arch;
        uint64_t hash;
    } CASES[] = {
        {"1x8x8 > dense 20 relu > gaussian 5 | dense 20 relu > dense 64 sigmoid > bce",
         0x08e538b6c2d4b2b5},
        {"1x8x8 > conv 6 4 s2 relu > conv 5 3 > vq 19 | conv 6 3 relu > deconv 1 4 s2 sigmoid"
         " > bce",
         0x09f2093656ca6d79},
        {"1x8x8 > dense 20 relu > dense 7 > vq 4 > gaussian 3 | dense 64 > mse",
         0x312b48f2929e2045},
    };
    lk_dataset data = make_images((lk_shape){1, 8, 8}, 0, 130, 5);
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        EACH_SIMD(simd)
        for (int threads = 1; threads <= 3; threads++) {
            const uint64_t hash = trained(CASES[i].arch, &data, threads, simd, -1);
            CHECK(hash == CASES[i].hash, "chain %zu, %s, %d threads: 0x%llx", i, lk_simd_name(simd),
                  threads, (unsigned long long)hash);
        }
        const uint64_t hash = trained(CASES[i].arch, &data, 1, LK_SIMD_BEST, 17);
        CHECK(hash == CASES[i].hash, "chain %zu, interrupted: 0x%llx", i, (unsigned long long)hash);
    }
    free_images(&data);
}

/* Models of other kinds have no codes. */
static void test_none(void) {
    bench b = make_bench("1x1x3 > gaussian 2 | dense 3 > mse", 1, LK_SIMD_BEST);
    uint32_t index = 99;
    CHECK(lk_model_codes(b.model) == 0 && lk_model_codebook(b.model) == 0, "codes");
    lk_run_codes(b.run, 0, &index);
    CHECK(index == 99, "%u", index);
    free_bench(&b);
}

int main(void) {
    test_divergence();
    test_extremes();
    test_samples();
    test_nearest();
    test_ties();
    test_averages();
    test_lives();
    test_same_bits();
    test_none();
    return TEST_RESULT();
}
