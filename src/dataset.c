/* Passing over all images of a data set with a model. */
#include <string.h>

#include "model.h"

enum { BLOCK = 64 };

void lk_dataset_images(const lk_dataset *data, size_t first, size_t n, lk_real *x) {
    const size_t size = lk_shape_size(data->shape);
    if (data->values) {
        memcpy(x, data->values + first * size, n * size * sizeof *x);
        return;
    }
    lk_kernels_get(LK_SIMD_BEST)->from_pixels(data->pixels + first * size, n * size, x);
}

/* x[n x input] of the images from `first` on, prepared. */
static lk_status prepare_block(const lk_dataset *data, lk_preparation preparation, size_t first,
                               size_t n, lk_real *x, lk_error *error) {
    const size_t size = lk_shape_size(data->shape);
    if (preparation == LK_PREPARE_IMAGE) {
        lk_dataset_images(data, first, n, x);
        return LK_OK;
    }
    for (size_t i = 0; i < n; i++) {
        const lk_picture picture = {data->pixels + (first + i) * size, data->shape.width,
                                    data->shape.height, 1};
        bool empty;
        const lk_status status =
            lk_prepare(preparation, picture, data->shape, x + i * size, &empty, error);
        if (status != LK_OK) return status;
    }
    return LK_OK;
}

/* One thread's workspace: a run and the inputs of a block. */
typedef struct worker {
    lk_run *run;
    lk_real *x;
} worker;

/* Makes `threads` workers; on failure those made so far are freed by free_workers. */
static lk_status make_workers(const lk_model *model, int threads, lk_simd simd, worker *workers,
                              lk_error *error) {
    const size_t bytes = BLOCK * lk_shape_size(model->arch.input) * sizeof(lk_real);
    for (int i = 0; i < threads; i++) {
        workers[i].run = lk_run_create(model, BLOCK, simd, error);
        if (!workers[i].run) return error ? error->status : LK_MEMORY;
        workers[i].x = lk_alloc(bytes);
        if (!workers[i].x) return lk_fail(error, LK_MEMORY, "out of memory");
    }
    return LK_OK;
}

static void free_workers(worker *workers, int threads) {
    for (int i = 0; i < threads; i++) {
        lk_run_free(workers[i].run);
        lk_free(workers[i].x);
    }
    lk_free(workers);
}

lk_status lk_dataset_visit(const lk_dataset *data, const lk_model *model,
                           lk_preparation preparation, int threads, lk_simd simd, lk_visit *visit,
                           void *context, lk_error *error) {
    const lk_shape want = model->arch.input, have = data->shape;
    if (have.channels != want.channels || have.height != want.height || have.width != want.width)
        return lk_fail(error, LK_DATA, "the images' shape is not the model's");
    if (preparation == LK_PREPARE_INK && (have.channels != 1 || data->values))
        return lk_fail(error, LK_USAGE, "ink is for grey images");
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    const int blocks = (int)((data->count + BLOCK - 1) / BLOCK);
    threads = LK_MAX(1, LK_MIN(threads, blocks));
    worker *workers = lk_alloc((size_t)threads * sizeof *workers);
    if (!workers) return lk_fail(error, LK_MEMORY, "out of memory");
    lk_status status = make_workers(model, threads, simd, workers, error);
    if (status == LK_OK) {
        lk_error first_error = {LK_OK, LK_NO_OFFSET, ""};
        int first_block = blocks;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int b = 0; b < blocks; b++) {
            const worker *w = &workers[lk_thread_number()];
            const size_t first = (size_t)b * BLOCK, n = LK_MIN((size_t)BLOCK, data->count - first);
            lk_error own = {LK_OK, LK_NO_OFFSET, ""};
            lk_status s = prepare_block(data, preparation, first, n, w->x, &own);
            if (s == LK_OK) s = visit(context, w->run, first, n, w->x, &own);
            if (s == LK_OK) continue;
                /* The error of the first block that has one, whatever the order. */
#pragma omp critical
            if (b < first_block) {
                first_block = b;
                first_error = own;
            }
        }
        status = first_error.status;
        if (status != LK_OK && error) *error = first_error;
    }
    free_workers(workers, threads);
    return status;
}

static lk_status take_codes(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                            lk_error *error) {
    (void)error;
    lk_encode(run, x, n, (lk_real *)context + first * lk_model_latent(run->model));
    return LK_OK;
}

lk_status lk_dataset_encode(const lk_dataset *data, const lk_model *model, int threads,
                            lk_simd simd, lk_real *codes, lk_error *error) {
    return lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, simd, take_codes, codes, error);
}
