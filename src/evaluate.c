/* The loss and the accuracy of a model on images that it does not learn from. */
#include "trainer.h"

lk_status lk_check_data(const lk_model *model, const lk_dataset *data, lk_error *error) {
    const size_t values =
        data->values && model->arch.loss->shares ? data->count * lk_shape_size(data->shape) : 0;
    for (size_t i = 0; i < values; i++)
        if (data->values[i] < 0)
            return lk_fail(error, LK_DATA, "the loss %s is of values none of which is below 0",
                           model->arch.loss->name);
    if (!model->arch.labelled) return LK_OK;
    if (!data->labels) return lk_fail(error, LK_DATA, "this network needs images with labels");
    const lk_arch *arch = &model->arch;
    const uint32_t posed = lk_model_posed(model), classes = arch->classes ? arch->classes : posed;
    for (size_t i = 0; classes && i < data->count; i++)
        if (data->labels[i] >= classes && !(posed > 0 && data->labels[i] == posed))
            return lk_fail(error, LK_DATA, "label %u, the network knows %u classes",
                           (unsigned long long)data->labels[i], (unsigned long long)classes);
    return LK_OK;
}

static size_t largest(const lk_real *values, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (values[i] > values[at]) at = i;
    return at;
}

bool lk_run_is_right(const lk_run *run, size_t row) {
    const lk_real *logits = lk_run_logits(run, row);
    return logits && largest(logits, run->model->arch.classes) == run->labels[row];
}

lk_progress lk_progress_of(const lk_arch *arch, double loss, size_t right, size_t n) {
    return (lk_progress){loss / ((double)n * (double)arch->loss_values), (double)right / (double)n};
}

typedef struct evaluation {
    const lk_dataset *data;
    double *losses;
    bool *right;
} evaluation;

static lk_status block_loss(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                            lk_error *error) {
    (void)error;
    const evaluation *e = context;
    const lk_arch *arch = &run->model->arch;
    const lk_batch batch = {.rows = n, .sample = first, .beta = arch->option, .scale = 1};
    lk_run_load(run, x, 0, n);
    for (size_t i = 0; i < n; i++) {
        run->labels[i] = e->data->labels ? e->data->labels[first + i] : LK_NO_LABEL;
        run->penalties[i] = 0;
    }
    run->batch = &batch;
    lk_run_forward(run, 0, arch->count, 0, n, 0);
    const lk_loss_pass pass = lk_run_loss(run);
    for (size_t i = 0; arch->loss->mine && i < n; i++) arch->loss->mine(&pass, i);
    for (size_t i = 0; i < n; i++) {
        e->losses[first + i] =
            (double)arch->loss->row(&pass, i, run->gradient) + (double)run->penalties[i];
        e->right[first + i] = lk_run_is_right(run, i);
    }
    run->batch = NULL;
    return LK_OK;
}

lk_status lk_evaluate(const lk_model *model, const lk_dataset *data, int threads, lk_simd simd,
                      lk_progress *out, lk_error *error) {
    if (data->count == 0) return lk_fail(error, LK_DATA, "no images to measure the loss on");
    lk_status status = lk_check_data(model, data, error);
    if (status != LK_OK) return status;
    evaluation e = {data, lk_alloc(data->count * sizeof *e.losses),
                    lk_alloc(data->count * sizeof *e.right)};
    if (e.losses && e.right)
        status =
            lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, simd, block_loss, &e, error);
    else
        status = lk_fail(error, LK_MEMORY, "out of memory");
    double sum = 0;
    size_t right = 0;
    for (size_t i = 0; status == LK_OK && i < data->count; i++) {
        sum += e.losses[i];
        right += e.right[i];
    }
    *out = lk_progress_of(&model->arch, sum, right, data->count);
    lk_free(e.losses);
    lk_free(e.right);
    return status;
}
