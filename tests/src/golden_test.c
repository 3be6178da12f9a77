/* What PyTorch makes of the same chains: the files of tests/golden, which Node reads too. */
#include <jansson.h>
#include <math.h>

#include "chain.h"
#include "fixture.h"
#include "test.h"

enum { MOST = 256 };
static const double TOLERANCE = 1e-5;

/* What a case says, or else its file for all cases. */
static const json_t *of(const json_t *wanted, const json_t *golden, const char *key) {
    const json_t *own = json_object_get(wanted, key);
    return own ? own : json_object_get(golden, key);
}

static size_t numbers(const json_t *array, double *values) {
    const size_t n = json_array_size(array);
    CHECK(n > 0 && n <= MOST, "%zu values", n);
    for (size_t i = 0; i < n && i < MOST; i++)
        values[i] = json_number_value(json_array_get(array, i));
    return n;
}

static void compare(const char *what, const char *part, const lk_real *values,
                    const json_t *wanted) {
    double golden[MOST];
    const size_t n = numbers(wanted, golden);
    for (size_t i = 0; i < n; i++)
        CHECK(fabs((double)values[i] - golden[i]) <= TOLERANCE, "%s: %s %zu: %.9g, not %.9g", what,
              part, i, (double)values[i], golden[i]);
}

/* Calls visit for every tensor of the model, by its name in files. */
typedef void tensor_visit(const char *what, const lk_layer *layer, size_t which, lk_real *packed,
                          const json_t *values);
static void each_tensor(const lk_arch *arch, const char *what, lk_real *packed,
                        const json_t *values, tensor_visit *visit) {
    size_t seen = 0;
    for (size_t i = 0; i < arch->count; i++)
        for (size_t k = 0; k < arch->layers[i].op->tensors; k++, seen++) {
            char name[40];
            snprintf(name, sizeof name, "layers.%zu.%s", i,
                     arch->layers[i].op->tensor(&arch->layers[i], k).name);
            visit(what, &arch->layers[i], k, packed + arch->layers[i].offset,
                  json_object_get(values, name));
        }
    CHECK(seen == json_object_size(values), "%s: %zu tensors", what, seen);
}

static void put(const char *what, const lk_layer *layer, size_t which, lk_real *packed,
                const json_t *values) {
    double golden[MOST];
    lk_real plain[MOST];
    const size_t n = numbers(values, golden);
    CHECK(n == layer->op->tensor(layer, which).size, "%s: %zu values", what, n);
    for (size_t i = 0; i < n; i++) plain[i] = (lk_real)golden[i];
    layer->op->pack(layer, which, plain, packed);
}

static void compare_tensor(const char *what, const lk_layer *layer, size_t which, lk_real *packed,
                           const json_t *values) {
    lk_real plain[MOST];
    layer->op->unpack(layer, which, packed, plain);
    compare(what, layer->op->tensor(layer, which).name, plain, values);
}

/* What a model in use makes of images; a case says what there is. */
static void check_use(const lk_model *model, const lk_dataset *data, lk_simd simd,
                      const json_t *wanted) {
    const char *text = lk_model_arch(model);
    const size_t size = lk_shape_size(data->shape);
    lk_real x[MOST], z[MOST], made[MOST];
    lk_run *run = lk_run_create(model, data->count, simd, NULL);
    lk_dataset_images(data, 0, data->count, x);
    lk_reconstruct(run, x, data->count, z, made);
    compare(text, "z", z, json_object_get(wanted, "z"));
    if (lk_model_output(model) == LK_OUTPUT_IMAGE)
        compare(text, "x_hat", made, json_object_get(wanted, "x_hat"));
    if (lk_model_classes(model)) {
        lk_classify(run, x, data->count, made);
        compare(text, "probabilities", made, json_object_get(wanted, "probabilities"));
    }
    if (json_object_get(wanted, "labelled")) {
        for (size_t i = 0; i < data->count; i++) {
            lk_run_set_label(run, data->labels[i]);
            lk_reconstruct(run, x + i * size, 1, z, made + i * size);
        }
        compare(text, "labelled", made, json_object_get(wanted, "labelled"));
    }
    lk_run_free(run);
}

static void check_gradients(const lk_model *model, const lk_dataset *data, lk_simd simd,
                            const json_t *wanted) {
    const lk_arch *arch = &model->arch;
    const size_t rows = data->count;
    const lk_batch batch = whole_batch(model, rows);
    lk_run *run = lk_run_create_training(model, rows, 1, simd, NULL);
    lk_real x[MOST], *transposed = lk_alloc(arch->transposed * sizeof *transposed);
    lk_real *gradient = lk_alloc(arch->packed * sizeof *gradient);
    lk_dataset_images(data, 0, rows, x);
    lk_run_load(run, x, 0, rows);
    if (data->labels) memcpy(run->labels, data->labels, rows * sizeof *data->labels);
    chain_loss(run, &batch, false, NULL);
    chain_transpose(run, transposed);
    chain_gradients(run, transposed, gradient);
    each_tensor(arch, arch->text, gradient, wanted, compare_tensor);
    lk_free(transposed);
    lk_free(gradient);
    lk_run_free(run);
}

static void check_case(const json_t *golden, const json_t *wanted, const lk_dataset *data,
                       lk_simd simd) {
    const char *text = json_string_value(json_object_get(wanted, "arch"));
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(text, &error);
    CHECK(model && strcmp(lk_model_arch(model), text) == 0, "%s: %s", text, error.message);
    if (!model) return;
    each_tensor(&model->arch, text, model->parameters, of(wanted, golden, "weights"), put);

    check_use(model, data, simd, wanted);

    /* Where chance plays a part, the first step's loss is another. */
    const double golden_loss = json_number_value(json_object_get(wanted, "loss"));
    const json_t *first = json_object_get(wanted, "first_loss");
    const double first_loss = first ? json_number_value(first) : golden_loss;
    double loss = NAN;
    CHECK(evaluate_loss(model, data, 1, simd, &loss, &error) == LK_OK, "%s", error.message);
    CHECK(fabs(loss - golden_loss) <= TOLERANCE, "%s: loss %.9g, not %.9g", text, loss,
          golden_loss);
    check_gradients(model, data, simd, json_object_get(wanted, "gradients"));

    lk_train_options options = lk_train_defaults();
    options.batch = (uint32_t)data->count;
    options.learning_rate = json_number_value(json_object_get(golden, "rate"));
    options.simd = simd;
    lk_trainer *trainer = lk_trainer_create(model, data, &options, &error);
    CHECK(trainer, "%s", error.message);
    const json_int_t steps = json_integer_value(json_object_get(golden, "steps"));
    for (json_int_t i = 0; i < steps; i++) {
        CHECK(step_loss(trainer, &loss, &error) == LK_OK, "%s: %s", text, error.message);
        if (i == 0)
            CHECK(fabs(loss - first_loss) <= TOLERANCE, "%s: loss %.9g, not %.9g in training", text,
                  loss, first_loss);
    }
    each_tensor(&model->arch, text, model->parameters, json_object_get(wanted, "after"),
                compare_tensor);
    lk_trainer_free(trainer);
    lk_model_free(model);
}

/* The images of a case, and their labels if there are any. */
static lk_dataset images_of(const json_t *golden, const json_t *wanted, uint8_t *pixels,
                            uint32_t *labels) {
    const json_t *known = json_object_get(wanted, "labels");
    const json_t *images = of(wanted, golden, "pixels"), *shape = of(wanted, golden, "shape");
    uint32_t side[3];
    for (size_t i = 0; i < 3; i++) side[i] = (uint32_t)json_integer_value(json_array_get(shape, i));
    const lk_dataset data = {.shape = {side[0], side[1], side[2]},
                             .count = json_array_size(images),
                             .pixels = pixels,
                             .labels = known ? labels : NULL};
    for (size_t i = 0; i < data.count; i++) {
        double values[MOST];
        const size_t n = numbers(json_array_get(images, i), values);
        CHECK(n == lk_shape_size(data.shape), "%zu pixels", n);
        for (size_t k = 0; k < n; k++) pixels[i * n + k] = (uint8_t)values[k];
        labels[i] = (uint32_t)json_integer_value(json_array_get(known, i));
    }
    return data;
}

static void check_file(const char *path, size_t least) {
    json_error_t json_error;
    json_t *golden = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    CHECK(golden, "%s: %s", path, json_error.text);
    const json_t *cases = json_object_get(golden, "cases");
    CHECK(json_array_size(cases) >= least, "%s: %zu cases", path, json_array_size(cases));
    for (size_t i = 0; i < json_array_size(cases); i++) {
        uint8_t pixels[MOST];
        uint32_t labels[MOST];
        const json_t *wanted = json_array_get(cases, i);
        const lk_dataset data = images_of(golden, wanted, pixels, labels);
        EACH_SIMD(simd) check_case(golden, wanted, &data, simd);
    }
    json_decref(golden);
}

int main(void) {
    check_file(GOLDEN_DIR "/dense.json", 10);
    check_file(GOLDEN_DIR "/conv.json", 4);
    check_file(GOLDEN_DIR "/latent.json", 7);
    check_file(GOLDEN_DIR "/label.json", 4);
    return TEST_RESULT();
}
