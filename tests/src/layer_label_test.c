#include <math.h>

#include "augment.h"
#include "training.h"

static const char CE[] = "1x7x9 > dense 20 relu > bn | dense 3 > ce";
static const char CLASSIFY[] = "1x7x9 > dense 20 tanh > classify 3 20 | dense 63 sigmoid > bce";
static const char EMBED[] = "1x7x9 > dense 20 tanh | embed 3 > dense 63 sigmoid > bce";
static const char BOTH[] =
    "1x7x9 > dense 20 leaky > bn > classify 3 5 | embed 3 > dropout 0.25 > dense 63 > mse";
static const char TRIPLET[] = "1x7x9 > dense 20 relu > bn > dense 6 > l2norm | triplet margin 2";
static const char POSED[] = "1x7x9 > dense 20 tanh > pose 3 2 > dense 9 | dense 63 sigmoid > mse";
static const char *const ARCHS[] = {CE, CLASSIFY, EMBED, BOTH, TRIPLET, POSED};

/* Puts one tensor, as files have it, into layer i. */
static void put(lk_model *model, size_t i, size_t which, const lk_real *plain) {
    const lk_layer *l = &model->arch.layers[i];
    l->op->pack(l, which, plain, model->parameters + l->offset);
}

static void check_row(const lk_real *row, const double *wanted, size_t n, const char *what) {
    for (size_t i = 0; i < n; i++)
        CHECK(fabs((double)row[i] - wanted[i]) < 1e-6, "%s: value %zu: %g, not %g", what, i,
              (double)row[i], wanted[i]);
}

/* ---- by hand ---- */

static void test_embed(void) {
    static const lk_real VECTORS[] = {1, 2, 3, -1, (lk_real)0.5, 0},
                         ONE[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    static const lk_real x[] = {1, 1, 2, 4, 0, 1};
    static const double UNDER[3][6] = {
        {1, 2, 6, 4, 0, 3}, {-1, 0.5, 0, -4, 0, 0}, {0, 1.25, 3, 0, 0, 1.5}};
    static const uint32_t LABELS[] = {0, 1, 2, 77, UINT32_MAX, 1, 2};
    lk_model *model = new_model("1x1x3 > embed 2 | dense 3 > mse");
    put(model, 0, 0, VECTORS);
    put(model, 1, 0, ONE);
    EACH_SIMD(simd) {
        lk_real z[6], x_hat[6];
        lk_run *run = lk_run_create(model, 2, simd, NULL);
        lk_encode(run, x, 2, z);
        check_row(z, UNDER[2], 6, "at first");
        for (size_t i = 0; i < LK_COUNTOF(LABELS); i++) {
            lk_run_set_label(run, LABELS[i]);
            lk_reconstruct(run, x, 2, z, x_hat);
            check_row(z, UNDER[LK_MIN(LABELS[i], 2u)], 6, "code");
            check_row(x_hat, UNDER[LK_MIN(LABELS[i], 2u)], 6, "reconstruction");
        }
        lk_run_free(run);
    }
    lk_model_free(model);
}

/* What passes is not touched; classes and loss are those of the linear layer. */
static void test_classify(void) {
    static const lk_real ONE[] = {1, 0, 0, 1}, WEIGHT[] = {1, 0, 0, 1, -1, -1};
    static const lk_real BIAS[] = {0, (lk_real)0.5, 0}, x[] = {1, 0, 0, 1, 1, 1};
    uint8_t pixels[] = {255, 0, 0, 255, 255, 255};
    uint32_t labels[] = {0, 1, 0};
    const lk_dataset data = {{1, 1, 2}, 3, pixels, labels, 3, NULL};
    static const double LOGITS[3][3] = {{1, 0.5, -1}, {0, 1.5, -1}, {1, 1.5, -2}};
    lk_model *model = new_model("1x1x2 > dense 2 > classify 3 0.5 | dense 2 > mse");
    put(model, 0, 0, ONE);
    put(model, 1, 0, WEIGHT);
    put(model, 1, 1, BIAS);
    put(model, 2, 0, ONE);
    double p[3][3], entropy = 0;
    for (size_t i = 0; i < 3; i++) {
        double sum = 0;
        for (size_t k = 0; k < 3; k++) sum += exp(LOGITS[i][k]);
        for (size_t k = 0; k < 3; k++) p[i][k] = exp(LOGITS[i][k]) / sum;
        entropy -= log(p[i][labels[i]]);
    }
    EACH_SIMD(simd) {
        lk_real z[6], x_hat[6], probabilities[9];
        lk_run *run = lk_run_create(model, 3, simd, NULL);
        lk_reconstruct(run, x, 3, z, x_hat);
        CHECK(memcmp(x, z, sizeof z) == 0 && memcmp(x, x_hat, sizeof z) == 0, "what passes");
        lk_classify(run, x, 3, probabilities);
        check_row(probabilities, p[0], 9, "probabilities");
        lk_progress progress;
        CHECK(lk_evaluate(model, &data, 1, simd, &progress, NULL) == LK_OK, "evaluate");
        CHECK(fabs(progress.loss - 0.5 * entropy / (3 * 2)) < 1e-6, "%g", progress.loss);
        CHECK(fabs(progress.accuracy - 2.0 / 3) < 1e-9, "%g", progress.accuracy);
        lk_run_free(run);
    }
    lk_model_free(model);
}

/* Where there is no label, classify adds nothing to the loss or its gradient. */
static void test_classify_without_label(void) {
    lk_model *model = new_model("1x1x2 > dense 2 > classify 3 0.5 | dense 2 > mse");
    const lk_batch batch = {.rows = 2, .learning = true, .scale = 1};
    lk_run *run = lk_run_create_training(model, 2, 1, LK_SIMD_BEST, NULL);
    lk_real *transposed = lk_alloc(model->arch.transposed * sizeof *transposed);
    const lk_layer *l = &model->arch.layers[1];
    static const lk_real x[] = {1, 2, 1, 2};
    for (size_t s = 0; s < l->slices; s++)
        l->op->transpose(l, run->kernels, s, model->parameters + l->offset,
                         transposed + l->transposed_offset);
    lk_run_load(run, x, 0, 2);
    run->batch = &batch;
    run->labels[1] = 2;
    /* What an earlier batch left behind. */
    for (size_t i = 0; i < 2 * l->memory; i++) run->memory[1][i] = 5;
    lk_run_forward(run, 0, 2, 0, 2, 0);
    CHECK(run->penalties[0] == 0 && run->penalties[1] > 0, "%g %g", (double)run->penalties[0],
          (double)run->penalties[1]);
    lk_run_backward(run, transposed, 1, 2, 0, 2, 0);
    const lk_real *with = run->delta[2] + l->in_stride, *without = run->delta[2];
    CHECK(without[0] == 0 && without[1] == 0, "%g %g", (double)without[0], (double)without[1]);
    CHECK(with[0] != 0 && with[1] != 0, "%g %g", (double)with[0], (double)with[1]);
    run->batch = NULL;
    lk_free(transposed);
    lk_run_free(run);
    lk_model_free(model);
}

/* Pose and class are one answer; what is made of two images, or of no class, is another; and with
   one class labels do not count. */
static void test_pose(void) {
    static const struct {
        uint32_t classes, pose, label, answer;
    } CASES[] = {{3, 0, 0, 0},
                 {3, 0, 2, 2},
                 {3, 5, 1, 16},
                 {3, 7, 2, 23},
                 {3, LK_POSES, 1, 24},
                 {3, 0, 3, 24},
                 {3, 5, 3, 24},
                 {3, 0, 4, LK_NO_LABEL},
                 {3, LK_NO_LABEL, 3, LK_NO_LABEL},
                 {3, 2, LK_NO_LABEL, LK_NO_LABEL},
                 {3, LK_NO_LABEL, 1, LK_NO_LABEL},
                 {1, 6, 2, 6},
                 {1, 3, LK_NO_LABEL, 3},
                 {1, LK_NO_LABEL, 0, LK_NO_LABEL}};
    static const lk_real x[] = {1, -1};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const bool several = CASES[i].classes > 1;
        const size_t answers = several ? 25 : 8;
        lk_real weight[2 * 25], bias[25];
        double total = 0, logits[25];
        for (size_t k = 0; k < answers; k++) {
            weight[2 * k] = (lk_real)k / 8;
            weight[2 * k + 1] = (lk_real)(k % 3) / 4;
            bias[k] = k % 2 ? 1 : -1;
            logits[k] = (double)(weight[2 * k] - weight[2 * k + 1] + bias[k]);
            total += exp(logits[k]);
        }
        lk_model *model = new_model(several ? "1x1x2 > dense 2 > pose 3 0.5 | dense 2 > mse"
                                            : "1x1x2 > dense 2 > pose 1 0.5 | dense 2 > mse");
        put(model, 0, 0, (lk_real[]){1, 0, 0, 1});
        put(model, 1, 0, weight);
        put(model, 1, 1, bias);
        const lk_batch batch = {.rows = 1, .scale = 1};
        lk_run *run = lk_run_create_training(model, 1, 1, LK_SIMD_BEST, NULL);
        lk_run_load(run, x, 0, 1);
        run->batch = &batch;
        run->poses[0] = CASES[i].pose;
        run->labels[0] = CASES[i].label;
        lk_run_forward(run, 0, 2, 0, 1, 0);
        const uint32_t answer = CASES[i].answer;
        const double wanted = answer == LK_NO_LABEL ? 0 : 0.5 * (log(total) - logits[answer]);
        CHECK(fabs((double)run->penalties[0] - wanted) < 1e-6, "case %zu: %g, not %g", i,
              (double)run->penalties[0], wanted);
        run->batch = NULL;
        lk_run_free(run);
        lk_model_free(model);
    }
}

/* ---- what a model says and takes ---- */

static void test_description(void) {
    static const struct {
        const char *arch;
        lk_output output;
        uint32_t classes, latent;
        bool labelled;
    } CASES[] = {{CE, LK_OUTPUT_CLASSES, 3, 20, true},
                 {CLASSIFY, LK_OUTPUT_IMAGE, 3, 20, true},
                 {EMBED, LK_OUTPUT_IMAGE, 0, 20, true},
                 {TRIPLET, LK_OUTPUT_CODE, 0, 6, true},
                 {POSED, LK_OUTPUT_IMAGE, 0, 9, true},
                 {"1x1x63 > dense 3 > pose 1 2 | dense 63 > mse", LK_OUTPUT_IMAGE, 0, 3, false},
                 {MSE, LK_OUTPUT_IMAGE, 0, 3, false}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_model *model = new_model(CASES[i].arch);
        CHECK(lk_model_output(model) == CASES[i].output, "%s", CASES[i].arch);
        CHECK(lk_model_classes(model) == CASES[i].classes, "%s", CASES[i].arch);
        CHECK(lk_model_latent(model) == CASES[i].latent, "%s", CASES[i].arch);
        CHECK(lk_model_labelled(model) == CASES[i].labelled, "%s", CASES[i].arch);
        /* What a model does not make is left alone. */
        lk_real x[63] = {0}, z[20], x_hat[63], probabilities[3];
        for (size_t k = 0; k < 63; k++) x_hat[k] = 9;
        for (size_t k = 0; k < 3; k++) probabilities[k] = 9;
        lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
        lk_reconstruct(run, x, 1, z, x_hat);
        lk_decode(run, z, 1, x_hat);
        lk_classify(run, x, 1, probabilities);
        CHECK((x_hat[0] == 9) == (CASES[i].output != LK_OUTPUT_IMAGE), "%s", CASES[i].arch);
        CHECK((probabilities[0] == 9) == (CASES[i].classes == 0), "%s", CASES[i].arch);
        lk_run_free(run);
        lk_model_free(model);
    }
}

/* A code in front of `embed` has seen no label; what is made of it has. */
static void test_label_free_code(const lk_dataset *data) {
    lk_model *model = new_model(BOTH);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    lk_real x[63], z[4][20], x_hat[4][63], p[4][3];
    lk_dataset_images(data, 0, 1, x);
    for (uint32_t label = 0; label < 4; label++) {
        lk_run_set_label(run, label);
        lk_classify(run, x, 1, p[label]);
        lk_reconstruct(run, x, 1, z[label], x_hat[label]);
        for (uint32_t k = 0; k < label; k++) {
            CHECK(memcmp(z[k], z[label], sizeof z[k]) == 0, "codes under %u and %u", k, label);
            CHECK(memcmp(p[k], p[label], sizeof p[k]) == 0, "classes under %u and %u", k, label);
            CHECK(memcmp(x_hat[k], x_hat[label], sizeof x_hat[k]) != 0, "%u and %u", k, label);
        }
    }
    lk_run_free(run);
    lk_model_free(model);
}

static void test_refusals(const lk_dataset *data) {
    for (size_t i = 0; i < LK_COUNTOF(ARCHS); i++) {
        lk_error error = {LK_OK, 0, ""};
        lk_model *model = new_model(ARCHS[i]);
        const lk_train_options o = options_with(1, LK_SIMD_BEST);
        lk_dataset none = *data, large = *data;
        uint32_t labels[IMAGES] = {0};
        lk_progress progress;
        none.labels = NULL;
        large.labels = labels;
        labels[IMAGES - 1] = 4000000000u;
        CHECK(!lk_trainer_create(model, &none, &o, &error), "%s", ARCHS[i]);
        CHECK(error.status == LK_DATA && strstr(error.message, "needs images with labels"), "%s",
              error.message);
        CHECK(lk_evaluate(model, &none, 1, LK_SIMD_BEST, &progress, &error) == LK_DATA, "%s",
              ARCHS[i]);
        const bool any = lk_model_output(model) == LK_OUTPUT_CODE; /* labels are only compared */
        lk_trainer *trainer = lk_trainer_create(model, &large, &o, &error);
        CHECK((trainer != NULL) == any, "%s", ARCHS[i]);
        if (any) steps(trainer, 3);
        if (!any)
            CHECK(error.status == LK_DATA &&
                      strstr(error.message, "label 4000000000, the network knows 3 classes"),
                  "%s", error.message);
        lk_trainer_free(trainer);
        lk_model_free(model);
    }
}

/* ---- training ---- */

static void test_same_bits(const lk_dataset *data) {
    for (size_t i = 0; i < LK_COUNTOF(ARCHS); i++) {
        lk_bytes first = {NULL, 0};
        EACH_SIMD(simd)
        for (int threads = 1; threads <= 3; threads++) {
            lk_bytes weights = train(ARCHS[i], data, options_with(threads, simd));
            if (!first.data)
                first = weights;
            else {
                CHECK(equal(first, weights), "%s, %s, %d threads", ARCHS[i], lk_simd_name(simd),
                      threads);
                lk_bytes_free(&weights);
            }
        }
        lk_bytes_free(&first);
    }
}

/* The vector of a label that no image has stays as it was. */
static void test_unseen_label(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    lk_dataset some = *data;
    uint32_t labels[IMAGES];
    some.labels = labels;
    for (size_t i = 0; i < IMAGES; i++) labels[i] = i % 2 ? 2 : 0;
    lk_model *model = new_model(EMBED), *before = new_model(EMBED);
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_trainer *trainer = lk_trainer_create(model, &some, &o, &error);
    steps(trainer, 5);
    const lk_layer *l = &model->arch.layers[1];
    for (size_t k = 0; k < 3; k++) {
        const lk_slice slice = l->op->slice(l, k);
        const size_t at = l->offset + slice.first;
        const bool same = memcmp(model->parameters + at, before->parameters + at,
                                 slice.count * sizeof(lk_real)) == 0;
        CHECK(same == (k == 1), "label %zu", k);
    }
    lk_trainer_free(trainer);
    lk_model_free(model);
    lk_model_free(before);
}

/* The share of images whose nearest other one has their label. */
static double nearest_right(const lk_model *model, const lk_dataset *data) {
    static lk_real z[IMAGES * 20];
    const size_t d = lk_model_latent(model);
    size_t right = 0;
    CHECK(lk_dataset_encode(data, model, 1, LK_SIMD_BEST, z, NULL) == LK_OK, "encode");
    lk_index *index = lk_index_create(z, data->count, d, LK_METRIC_COSINE, NULL);
    for (size_t i = 0; i < data->count; i++) {
        lk_neighbour near[2];
        lk_index_search(index, z + i * d, 1, 2, 1, LK_SIMD_BEST, near);
        right += data->labels[near[near[0].index == i].index] == data->labels[i];
    }
    lk_index_free(index);
    return (double)right / (double)data->count;
}

/* Everything that is taught classes tells those of images that it has not seen. */
static void test_learning(const lk_dataset *data) {
    lk_dataset others = make_images(data->shape, IMAGES, IMAGES, 1);
    for (size_t i = 0; i < LK_COUNTOF(ARCHS); i++) {
        lk_error error = {LK_OK, 0, ""};
        lk_train_options o = options_with(2, LK_SIMD_BEST);
        o.epochs = 20;
        lk_model *model = new_model(ARCHS[i]);
        lk_progress before, after;
        CHECK(lk_evaluate(model, &others, 1, LK_SIMD_BEST, &before, &error) == LK_OK, "%s",
              error.message);
        lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
        steps(trainer, 3 * 20);
        CHECK(lk_evaluate(model, &others, 1, LK_SIMD_BEST, &after, &error) == LK_OK, "%s",
              error.message);
        CHECK(after.loss < 0.8 * before.loss, "%s: from %g to %g", ARCHS[i], before.loss,
              after.loss);
        if (lk_model_classes(model))
            CHECK(after.accuracy > 0.98, "%s: %g", ARCHS[i], after.accuracy);
        else
            CHECK(after.accuracy == 0, "%s: %g", ARCHS[i], after.accuracy);
        if (lk_model_output(model) == LK_OUTPUT_CODE)
            CHECK(nearest_right(model, &others) > 0.98, "%g", nearest_right(model, &others));
        lk_trainer_free(trainer);
        lk_model_free(model);
    }
    free_images(&others);
}

/* How likely, on average, an image or what is made of it and another is to be of no class. */
static double nothing(const lk_model *model, const lk_dataset *data, bool mixed) {
    const lk_rng rng = lk_rng_make(9, LK_STREAM_MIX, 0);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    double sum = 0;
    for (size_t i = 0; i < data->count; i++) {
        lk_real x[63], other[63], p[32];
        size_t partner = i;
        while (data->labels[partner] == data->labels[i]) partner = (partner + 1) % data->count;
        lk_dataset_images(data, i, 1, x);
        lk_dataset_images(data, partner, 1, other);
        if (mixed) lk_augment_mix(rng, i, data->shape, other, x);
        lk_run_load(run, x, 0, 1);
        lk_run_forward(run, 0, 2, 0, 1, 0);
        run->kernels->softmax(run->memory[1], 25, p);
        sum += (double)p[24] / (double)data->count;
    }
    lk_run_free(run);
    return sum;
}

/* Training shows what is made of two, so that the network learns to tell. */
static void test_mixes(const lk_dataset *data) {
    lk_dataset others = make_images(data->shape, IMAGES, IMAGES, 1);
    lk_error error = {LK_OK, 0, ""};
    lk_train_options o = options_with(2, LK_SIMD_BEST);
    o.epochs = 40;
    lk_model *model = new_model(POSED);
    lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
    steps(trainer, 3 * 40);
    const double plain = nothing(model, &others, false), mixed = nothing(model, &others, true);
    CHECK(mixed > 0.05 && mixed > 1.5 * plain, "%g of images, %g of mixes", plain, mixed);
    lk_trainer_free(trainer);
    lk_model_free(model);
    free_images(&others);
}

/* Images labelled as of no class are told from the others, and nothing is made of them. */
static void test_others(const lk_dataset *data) {
    lk_dataset both = make_images(data->shape, 0, IMAGES, 1);
    lk_error error = {LK_OK, 0, ""};
    lk_train_options o = options_with(2, LK_SIMD_BEST);
    /* Every third image is of none, since it is white where others are dark. */
    for (size_t i = 0; i < IMAGES; i++) {
        both.labels[i] = i % 3 == 0 ? 3 : data->labels[i];
        for (size_t k = 0; i % 3 == 0 && k < lk_shape_size(both.shape); k++)
            both.pixels[i * lk_shape_size(both.shape) + k] ^= 255;
    }
    o.epochs = 40;
    lk_model *model = new_model(POSED);
    lk_trainer *trainer = lk_trainer_create(model, &both, &o, &error);
    CHECK(trainer, "%s", error.message);
    steps(trainer, 3 * 40);
    lk_trainer_free(trainer);
    lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    double sums[2] = {0, 0}, made[2] = {0, 0};
    for (size_t i = 0; i < IMAGES; i++) {
        lk_real x[63];
        double total = 0;
        lk_dataset_images(&both, i, 1, x);
        lk_run_load(run, x, 0, 1);
        lk_run_forward(run, 0, model->arch.count, 0, 1, 0);
        for (size_t k = 0; k < 25; k++) total += exp((double)run->memory[1][k]);
        const size_t n = i % 3 == 0 ? 50 : 100;
        sums[i % 3 == 0] += exp((double)run->memory[1][24]) / total / (double)n;
        const lk_real *y = run->value[model->arch.count];
        for (size_t k = 0; k < 63; k++) made[i % 3 == 0] += (double)y[k] / 63 / (double)n;
    }
    CHECK(sums[1] > 0.5 && sums[1] > 2 * sums[0], "%g of others, %g of images", sums[1], sums[0]);
    CHECK(made[1] < 0.3 && made[1] < made[0], "%g made of others, %g of images", made[1], made[0]);
    lk_run_free(run);
    lk_model_free(model);
    free_images(&both);
}

int main(void) {
    lk_dataset data = make_images((lk_shape){1, 7, 9}, 0, IMAGES, 1);
    test_embed();
    test_classify();
    test_classify_without_label();
    test_pose();
    test_description();
    test_label_free_code(&data);
    test_refusals(&data);
    test_same_bits(&data);
    test_unseen_label(&data);
    test_learning(&data);
    test_mixes(&data);
    test_others(&data);
    free_images(&data);
    return TEST_RESULT();
}
