#include "model.h"

#include <string.h>

#include "arena.h"

lk_model *lk_model_create(const char *arch, lk_error *error) {
    lk_model *model = lk_alloc(sizeof *model);
    if (!model) {
        lk_fail(error, LK_MEMORY, "out of memory");
        return NULL;
    }
    if (lk_arch_parse(arch, &model->arch, error) == LK_OK) {
        model->parameters = lk_alloc(model->arch.packed * sizeof *model->parameters);
        if (model->parameters) return model;
        lk_fail(error, LK_MEMORY, "out of memory");
    }
    lk_model_free(model);
    return NULL;
}

void lk_model_free(lk_model *model) {
    if (!model) return;
    if (model->score) model->free_score(model->score);
    lk_free(model->parameters);
    lk_free(model);
}

void lk_model_init(lk_model *model, lk_init init, uint64_t seed) {
    for (size_t i = 0; i < model->arch.count; i++) {
        const lk_layer *layer = &model->arch.layers[i];
        layer->op->init(layer, init, lk_rng_make(seed, LK_STREAM_INIT, i),
                        model->parameters + layer->offset);
    }
}

const char *lk_model_arch(const lk_model *model) {
    return model->arch.text;
}
lk_shape lk_model_shape(const lk_model *model) {
    return model->arch.input;
}
size_t lk_model_parameters(const lk_model *model) {
    return model->arch.parameters;
}
double lk_model_flops(const lk_model *model) {
    return model->arch.flops;
}

uint32_t lk_model_latent(const lk_model *model) {
    return (uint32_t)lk_shape_size(model->arch.layers[model->arch.encoder - 1].out);
}

const char *lk_model_text(const lk_model *model, lk_text which) {
    return model->text[which];
}

lk_status lk_model_set_text(lk_model *model, lk_text which, const char *text, lk_error *error) {
    if (strlen(text) >= LK_TEXT_SIZE)
        return lk_fail(error, LK_USAGE, "text longer than %u bytes",
                       (unsigned long long)LK_TEXT_SIZE - 1);
    strcpy(model->text[which], text);
    return LK_OK;
}

/* Values that one image takes as the input of layer i (or as the chain's output, i = count). */
static size_t stride(const lk_arch *arch, size_t i) {
    return i ? arch->layers[i - 1].out_stride : arch->layers[0].in_stride;
}

static lk_run *create(const lk_model *model, size_t max_batch, lk_simd simd, bool training,
                      lk_error *error) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    if (!kernels) {
        lk_fail(error, LK_USAGE, "this CPU or build has no kernels '%s'", lk_simd_name(simd));
        return NULL;
    }
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_run *run = lk_arena_take(&arena, 1, sizeof *run);
        for (size_t i = 0; i <= model->arch.count; i++) {
            size_t values = 0;
            if (!lk_mul_size(max_batch, stride(&model->arch, i), &values)) arena.overflow = true;
            lk_real *value = lk_arena_take(&arena, values, sizeof *value);
            lk_real *delta = training && i ? lk_arena_take(&arena, values, sizeof *delta) : NULL;
            if (!run) continue;
            run->value[i] = value;
            run->delta[i] = delta;
        }
        if (run) {
            run->model = model;
            run->kernels = kernels;
            run->max_batch = max_batch;
            return run;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

lk_run *lk_run_create(const lk_model *model, size_t max_batch, lk_simd simd, lk_error *error) {
    return create(model, max_batch, simd, false, error);
}

lk_run *lk_run_create_training(const lk_model *model, size_t max_batch, lk_simd simd,
                               lk_error *error) {
    return create(model, max_batch, simd, true, error);
}

void lk_run_free(lk_run *run) {
    lk_free(run);
}
const lk_model *lk_run_model(const lk_run *run) {
    return run->model;
}
size_t lk_run_max_batch(const lk_run *run) {
    return run->max_batch;
}

void lk_run_forward(lk_run *run, size_t first, size_t last, size_t row, size_t rows) {
    for (size_t i = first; i < last; i++) {
        const lk_layer *layer = &run->model->arch.layers[i];
        layer->op->forward(layer, run->kernels, run->model->parameters + layer->offset,
                           run->value[i] + row * layer->in_stride,
                           run->value[i + 1] + row * layer->out_stride, rows);
    }
}

void lk_run_backward(lk_run *run, const lk_real *transposed, size_t row, size_t rows) {
    for (size_t i = run->model->arch.count; i-- > 0;) {
        const lk_layer *layer = &run->model->arch.layers[i];
        layer->op->backward(layer, run->kernels, transposed + layer->transposed_offset,
                            run->value[i + 1] + row * layer->out_stride,
                            run->delta[i + 1] + row * layer->out_stride,
                            i ? run->delta[i] + row * layer->in_stride : NULL, rows);
    }
}

/* Rows of `size` packed values <-> rows of `padded` values. */
static void put_rows(const lk_real *from, size_t size, size_t n, lk_real *to, size_t padded) {
    for (size_t i = 0; i < n; i++) memcpy(to + i * padded, from + i * size, size * sizeof *to);
}
static void take_rows(const lk_real *from, size_t padded, size_t n, lk_real *to, size_t size) {
    for (size_t i = 0; i < n; i++) memcpy(to + i * size, from + i * padded, size * sizeof *to);
}

void lk_run_load(lk_run *run, const lk_real *x, size_t row, size_t n) {
    const lk_arch *arch = &run->model->arch;
    put_rows(x, lk_shape_size(arch->input), n, run->value[0] + row * stride(arch, 0),
             stride(arch, 0));
}

void lk_run_output(const lk_run *run, size_t row, lk_real *x_hat) {
    const lk_arch *arch = &run->model->arch;
    const size_t size = lk_shape_size(arch->input), padded = stride(arch, arch->count);
    const lk_real *y = run->value[arch->count] + row * padded;
    /* The head is applied to whole vectors; only the last of them needs a copy. */
    const size_t whole = size / LK_LANES * LK_LANES;
    lk_real tail[LK_LANES];
    memcpy(x_hat, y, whole * sizeof *y);
    run->kernels->activate(arch->head, x_hat, whole);
    if (whole == size) return;
    memcpy(tail, y + whole, sizeof tail);
    run->kernels->activate(arch->head, tail, LK_LANES);
    memcpy(x_hat + whole, tail, (size - whole) * sizeof *y);
}

static void take_code(const lk_run *run, size_t n, lk_real *z) {
    const lk_arch *arch = &run->model->arch;
    take_rows(run->value[arch->encoder], stride(arch, arch->encoder), n, z,
              lk_model_latent(run->model));
}

static void take_output(const lk_run *run, size_t n, lk_real *x_hat) {
    const size_t size = lk_shape_size(run->model->arch.input);
    for (size_t i = 0; i < n; i++) lk_run_output(run, i, x_hat + i * size);
}

void lk_encode(lk_run *run, const lk_real *x, size_t n, lk_real *z) {
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.encoder, 0, n);
    take_code(run, n, z);
}

void lk_decode(lk_run *run, const lk_real *z, size_t n, lk_real *x_hat) {
    const lk_arch *arch = &run->model->arch;
    put_rows(z, lk_model_latent(run->model), n, run->value[arch->encoder],
             stride(arch, arch->encoder));
    lk_run_forward(run, arch->encoder, arch->count, 0, n);
    take_output(run, n, x_hat);
}

void lk_reconstruct(lk_run *run, const lk_real *x, size_t n, lk_real *z, lk_real *x_hat) {
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.count, 0, n);
    take_code(run, n, z);
    take_output(run, n, x_hat);
}
