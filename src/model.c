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
    for (int i = 0; i < LK_TEXTS; i++) lk_free(model->text[i]);
    lk_free(model->parameters);
    lk_free(model);
}

void lk_model_init(lk_model *model, lk_init init, uint64_t seed) {
    for (size_t i = 0; i < model->arch.count; i++) {
        const lk_layer *layer = &model->arch.layers[i];
        if (layer->op->init)
            layer->op->init(layer, init, lk_rng_make(seed, LK_STREAM_INIT, i),
                            model->parameters + layer->offset);
    }
}

/* Whether two layers' parameters have the same meaning. */
static bool alike(const lk_layer *a, const lk_layer *b) {
    return a->op == b->op && memcmp(&a->in, &b->in, sizeof a->in) == 0 &&
           memcmp(&a->out, &b->out, sizeof a->out) == 0 && a->kernel == b->kernel &&
           a->step == b->step && a->valid == b->valid && a->packed == b->packed &&
           a->stored == b->stored;
}

static size_t skip_plain(const lk_arch *arch, size_t i) {
    while (i < arch->count && arch->layers[i].packed == 0) i++;
    return i;
}

size_t lk_model_adopt(lk_model *model, size_t at, const lk_model *from, size_t first,
                      size_t count) {
    size_t taken = 0;
    for (; taken < count; taken++, at++, first++) {
        at = skip_plain(&model->arch, at);
        first = skip_plain(&from->arch, first);
        if (at >= model->arch.count || first >= from->arch.count) break;
        const lk_layer *to = &model->arch.layers[at], *source = &from->arch.layers[first];
        if (!alike(to, source)) break;
        memcpy(model->parameters + to->offset, from->parameters + source->offset,
               to->packed * sizeof *model->parameters);
    }
    return taken;
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

lk_output lk_model_output(const lk_model *model) {
    return model->arch.loss->output;
}
uint32_t lk_model_classes(const lk_model *model) {
    return model->arch.classifier < model->arch.count ? model->arch.classes : 0;
}
uint32_t lk_model_posed(const lk_model *model) {
    return model->arch.posed > 1 ? model->arch.posed : 0;
}
bool lk_model_labelled(const lk_model *model) {
    return model->arch.labelled;
}

bool lk_model_gaussian(const lk_model *model) {
    return model->arch.layers[model->arch.encoder - 1].op == &lk_op_gaussian;
}

/* Behind the code, past what lets it pass. */
bool lk_model_embedding(const lk_model *model, uint32_t label, lk_real *vector) {
    const lk_arch *arch = &model->arch;
    size_t i = arch->encoder;
    while (i < arch->count && (arch->layers[i].op->view || arch->layers[i].op == &lk_op_dropout))
        i++;
    if (i == arch->count || arch->layers[i].op != &lk_op_embed) return false;
    const lk_layer *embed = &arch->layers[i];
    if (label >= embed->classes) return false;
    const lk_real *from = model->parameters + embed->offset + label * embed->in_stride;
    if (vector) memcpy(vector, from, lk_model_latent(model) * sizeof *vector);
    return true;
}

uint32_t lk_model_latent(const lk_model *model) {
    return (uint32_t)lk_shape_size(model->arch.layers[model->arch.encoder - 1].out);
}

/* The layer with the codebook that codes are made of, or that behind the code: there is none. */
static size_t codebook_layer(const lk_arch *arch) {
    size_t i = 0;
    while (i < arch->encoder && arch->layers[i].op != &lk_op_vq) i++;
    return i;
}
size_t lk_model_codes(const lk_model *model) {
    const size_t at = codebook_layer(&model->arch);
    return at < model->arch.encoder ? model->arch.layers[at].memory : 0;
}
uint32_t lk_model_codebook(const lk_model *model) {
    const lk_layer *layer = &model->arch.layers[codebook_layer(&model->arch)];
    return lk_model_codes(model) ? (uint32_t)layer->op->tensor(layer, 0).dims[0] : 0;
}

const char *lk_model_text(const lk_model *model, lk_text which) {
    return model->text[which] ? model->text[which] : "";
}

lk_status lk_model_set_text(lk_model *model, lk_text which, const char *text, lk_error *error) {
    const size_t most = which == LK_TEXT_WORDS     ? LK_WORDS_SIZE
                        : which == LK_TEXT_CLASSES ? LK_CLASSES_SIZE
                                                   : LK_TEXT_SIZE;
    const size_t size = strlen(text) + 1;
    if (size > most)
        return lk_fail(error, LK_USAGE, "text longer than %u bytes", (unsigned long long)most - 1);
    char *copy = lk_alloc(size);
    if (!copy) return lk_fail(error, LK_MEMORY, "out of memory");
    memcpy(copy, text, size);
    lk_free(model->text[which]);
    model->text[which] = copy;
    return LK_OK;
}

/* Values that one image takes as the input of layer i (or as the chain's output, i = count). */
static size_t stride(const lk_arch *arch, size_t i) {
    return i ? arch->layers[i - 1].out_stride : arch->layers[0].in_stride;
}

/* The parts of a run's block that hold something of every row; false when a size does not fit. */
static void take_rows_of(const lk_arch *arch, lk_arena *arena, size_t rows, bool training,
                         lk_run *run) {
    for (size_t i = 0; i <= arch->count; i++) {
        size_t values = 0, memory = 0;
        if (!lk_mul_size(rows, stride(arch, i), &values) ||
            !lk_mul_size(rows, i < arch->count ? arch->layers[i].memory : 0, &memory))
            arena->overflow = true;
        if (i < arch->count) {
            run->memory[i] = lk_arena_take(arena, memory, sizeof(lk_real));
            run->shared[i] = lk_arena_take(arena, arch->layers[i].shared, sizeof(lk_real));
        }
        if (i > 0 && arch->layers[i - 1].op->view) { /* the same values under another shape */
            run->value[i] = run->value[i - 1];
            run->delta[i] = run->delta[i - 1];
            continue;
        }
        run->value[i] = lk_arena_take(arena, values, sizeof(lk_real));
        if (i > 0 && arch->layers[i - 1].op->in_place)
            run->delta[i] = run->delta[i - 1];
        else
            run->delta[i] = training ? lk_arena_take(arena, values, sizeof(lk_real)) : NULL;
    }
}

static lk_run *create(const lk_model *model, size_t max_batch, int threads, lk_simd simd,
                      bool training, lk_error *error) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    if (!kernels) {
        lk_fail(error, LK_USAGE, "this CPU or build has no kernels '%s'", lk_simd_name(simd));
        return NULL;
    }
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        size_t scratch = 0, pairs = 0;
        if (!lk_mul_size((size_t)threads, model->arch.scratch, &scratch)) arena.overflow = true;
        lk_run *run = lk_arena_take(&arena, 1, sizeof *run);
        lk_run made = {.model = model, .kernels = kernels, .max_batch = max_batch};
        take_rows_of(&model->arch, &arena, max_batch, training, &made);
        made.labels = lk_arena_take(&arena, max_batch, sizeof *made.labels);
        made.poses = lk_arena_take(&arena, max_batch, sizeof *made.poses);
        made.picture = lk_arena_take(&arena, lk_shape_size(model->arch.input), sizeof(lk_real));
        made.turned = lk_arena_take(&arena, lk_shape_size(model->arch.input), sizeof(lk_real));
        if (model->arch.posed && !training) {
            size_t views = 0;
            if (!lk_mul_size(max_batch, lk_view_stride(&model->arch) * LK_POSES, &views))
                arena.overflow = true;
            made.views = lk_arena_take(&arena, views, sizeof(lk_real));
            made.seen =
                lk_arena_take(&arena, lk_view_stride(&model->arch) * LK_POSES, sizeof(lk_real));
        }
        made.place =
            lk_arena_take(&arena, lk_model_latent(model) + LK_MOST_COMPONENTS + 1, sizeof(lk_real));
        made.gradient =
            lk_arena_take(&arena, stride(&model->arch, model->arch.count), sizeof(lk_real));
        made.penalties = lk_arena_take(&arena, max_batch, sizeof *made.penalties);
        if (model->arch.loss->mine) {
            if (!lk_mul_size(max_batch, max_batch, &pairs)) arena.overflow = true;
            made.pairs = lk_arena_take(&arena, pairs, sizeof *made.pairs);
        }
        made.scratch = lk_arena_take(&arena, scratch, sizeof *made.scratch);
        if (run) {
            *run = made;
            lk_run_set_label(run, LK_NO_LABEL);
            for (size_t i = 0; i < max_batch; i++) run->poses[i] = LK_NO_LABEL;
            return run;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

lk_run *lk_run_create(const lk_model *model, size_t max_batch, lk_simd simd, lk_error *error) {
    return create(model, max_batch, 1, simd, false, error);
}

lk_run *lk_run_create_training(const lk_model *model, size_t max_batch, int threads, lk_simd simd,
                               lk_error *error) {
    return create(model, max_batch, threads, simd, true, error);
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

lk_pass lk_run_pass(const lk_run *run, size_t i, size_t row, int thread) {
    const lk_arch *arch = &run->model->arch;
    const lk_layer *layer = &arch->layers[i];
    const size_t partner = layer->partner;
    return (lk_pass){
        .kernels = run->kernels,
        .parameters = run->model->parameters + layer->offset,
        .scratch = run->scratch + (size_t)thread * arch->scratch,
        .memory = run->memory[i] + row * layer->memory,
        .shared = run->shared[i],
        .partner =
            layer->op->partner ? run->memory[partner] + row * arch->layers[partner].memory : NULL,
        .labels = run->labels + row,
        .poses = run->poses + row,
        .penalties = run->batch ? run->penalties + row : NULL,
        .batch = run->batch,
        .row = row,
    };
}

/* Bytes that the values which layers pass on may take of the caches. */
enum { CACHE = 2 << 20 };

/* Operators that make images look at each row for itself. The others multiply all rows by one
   matrix: the more rows at once, the better. */
static bool by_row(const lk_layer *layer) {
    return layer->out.height > 1;
}

/* How many rows go through layers first..last-1, which are alike in this, at once. */
static size_t rows_at_once(const lk_arch *arch, size_t first, size_t last, size_t rows) {
    if (first == last || !by_row(&arch->layers[first])) return rows;
    size_t values = arch->layers[first].in_stride;
    for (size_t i = first; i < last; i++)
        values += arch->layers[i].out_stride + arch->layers[i].memory;
    return LK_MAX(CACHE / (values * sizeof(lk_real)), (size_t)1);
}

static void forward(lk_run *run, size_t i, size_t row, size_t rows, int thread) {
    const lk_layer *layer = &run->model->arch.layers[i];
    const lk_pass pass = lk_run_pass(run, i, row, thread);
    if (layer->op->forward)
        layer->op->forward(layer, &pass, run->value[i] + row * layer->in_stride,
                           run->value[i + 1] + row * layer->out_stride, rows);
}

static void gather(lk_run *run, size_t i, size_t row, size_t rows, int thread) {
    const lk_layer *layer = &run->model->arch.layers[i];
    const lk_pass pass = lk_run_pass(run, i, row, thread);
    if (layer->op->gather && lk_pass_learns(&pass))
        layer->op->gather(layer, &pass, run->value[i] + row * layer->in_stride, rows);
}

void lk_run_forward(lk_run *run, size_t first, size_t last, size_t row, size_t rows, int thread) {
    const lk_arch *arch = &run->model->arch;
    const lk_layer *layers = arch->layers;
    size_t i = first, end = first;
    do {
        while (end < last && by_row(&layers[end]) == by_row(&layers[i])) end++;
        const size_t at_once = rows_at_once(arch, i, end, rows);
        for (size_t r = 0; r < rows; r += at_once) {
            const size_t n = LK_MIN(at_once, rows - r);
            for (size_t k = i; k < end; k++) forward(run, k, row + r, n, thread);
            if (end == last && end < arch->count) gather(run, end, row + r, n, thread);
        }
        i = end;
    } while (i < last);
}

static void backward(lk_run *run, const lk_real *transposed, size_t i, size_t row, size_t rows,
                     int thread) {
    const lk_layer *layer = &run->model->arch.layers[i];
    lk_real *dx = i > run->model->arch.trained ? run->delta[i] + row * layer->in_stride : NULL;
    lk_pass pass = lk_run_pass(run, i, row, thread);
    pass.transposed = transposed + layer->transposed_offset;
    if (layer->op->backward)
        layer->op->backward(layer, &pass, run->value[i] + row * layer->in_stride,
                            run->value[i + 1] + row * layer->out_stride,
                            run->delta[i + 1] + row * layer->out_stride, dx, rows);
}

static void gather_back(lk_run *run, size_t i, size_t row, size_t rows, int thread) {
    const lk_layer *layer = &run->model->arch.layers[i];
    const lk_pass pass = lk_run_pass(run, i, row, thread);
    if (layer->op->gather_back)
        layer->op->gather_back(layer, &pass, run->value[i] + row * layer->in_stride,
                               run->value[i + 1] + row * layer->out_stride,
                               run->delta[i + 1] + row * layer->out_stride, rows);
}

void lk_run_backward(lk_run *run, const lk_real *transposed, size_t first, size_t last, size_t row,
                     size_t rows, int thread) {
    const lk_arch *arch = &run->model->arch;
    const lk_layer *layers = arch->layers;
    const size_t least = LK_MIN(LK_MAX(first, arch->trained), last);
    size_t i = last, begin = last;
    do {
        while (begin > least && by_row(&layers[begin - 1]) == by_row(&layers[i - 1])) begin--;
        const size_t at_once = rows_at_once(arch, begin, i, rows);
        for (size_t r = 0; r < rows; r += at_once) {
            const size_t n = LK_MIN(at_once, rows - r);
            for (size_t k = i; k-- > begin;) backward(run, transposed, k, row + r, n, thread);
            if (begin == first && first > 0) gather_back(run, first - 1, row + r, n, thread);
        }
        i = begin;
    } while (i > least);
}

lk_loss_pass lk_run_loss(const lk_run *run) {
    const lk_arch *arch = &run->model->arch;
    return (lk_loss_pass){.kernels = run->kernels,
                          .x = run->value[0],
                          .y = run->value[arch->count],
                          .x_stride = stride(arch, 0),
                          .y_stride = stride(arch, arch->count),
                          .labels = run->labels,
                          .n = lk_shape_size(arch->layers[arch->count - 1].out),
                          .batch = run->batch->rows,
                          .option = arch->option,
                          .scale = run->batch->scale,
                          .pairs = run->pairs};
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
    const size_t size = lk_shape_size(arch->input), padded = stride(arch, 0);
    lk_real *to = run->value[0] + row * padded;
    if (arch->input.channels == 1) {
        put_rows(x, size, n, to, padded);
        return;
    }
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < size; i++)
            to[r * padded + lk_interleaved(arch->input, i)] = x[r * size + i];
}

void lk_run_load_pixels(lk_run *run, const uint8_t *pixels, size_t row) {
    const lk_arch *arch = &run->model->arch;
    const size_t size = lk_shape_size(arch->input);
    lk_real *to = run->value[0] + row * stride(arch, 0);
    if (arch->input.channels == 1) {
        run->kernels->from_pixels(pixels, size, to);
        return;
    }
    for (size_t i = 0; i < size; i++)
        to[lk_interleaved(arch->input, i)] = (lk_real)pixels[i] / (lk_real)255;
}

lk_real *lk_run_output(const lk_run *run, size_t row, const lk_real *x) {
    const lk_arch *arch = &run->model->arch;
    const size_t size = lk_shape_size(arch->input), padded = stride(arch, arch->count);
    lk_real *y = run->value[arch->count] + row * padded;
    if (!arch->loss->shares) {
        run->kernels->activate(arch->head, y, padded);
        return y;
    }
    const lk_real whole = x ? run->kernels->sum(x, size) : 1;
    run->kernels->softmax(y, size, y);
    for (size_t i = 0; i < size; i++) y[i] *= whole;
    return y;
}

void lk_run_set_label(lk_run *run, uint32_t label) {
    if (label >= run->model->arch.classes) label = LK_NO_LABEL;
    for (size_t i = 0; i < run->max_batch; i++) run->labels[i] = label;
}

lk_real *lk_run_logits(const lk_run *run, size_t row) {
    const lk_arch *arch = &run->model->arch;
    const size_t at = arch->classifier;
    if (at == arch->count) return NULL;
    return arch->loss->output == LK_OUTPUT_CLASSES
               ? run->value[at + 1] + row * arch->layers[at].out_stride
               : run->memory[at] + row * arch->layers[at].memory;
}

static void take_code(const lk_run *run, size_t n, lk_real *z) {
    const lk_arch *arch = &run->model->arch;
    take_rows(run->value[arch->encoder], stride(arch, arch->encoder), n, z,
              lk_model_latent(run->model));
}

/* Of rows that were loaded, or of codes alone. */
static void take_output(const lk_run *run, size_t n, bool loaded, lk_real *x_hat) {
    const lk_shape shape = run->model->arch.input;
    const size_t size = lk_shape_size(shape), padded = stride(&run->model->arch, 0);
    for (size_t r = 0; r < n && lk_model_output(run->model) == LK_OUTPUT_IMAGE; r++) {
        const lk_real *y = lk_run_output(run, r, loaded ? run->value[0] + r * padded : NULL);
        lk_real *to = x_hat + r * size;
        if (shape.channels == 1) memcpy(to, y, size * sizeof *to);
        for (size_t i = 0; shape.channels > 1 && i < size; i++) to[i] = y[lk_interleaved(shape, i)];
    }
}

void lk_encode(lk_run *run, const lk_real *x, size_t n, lk_real *z) {
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.encoder, 0, n, 0);
    take_code(run, n, z);
}

/* A code alone knows no places of maxima: unpooling puts its values first in their windows. */
static void forget(lk_run *run, size_t n) {
    const lk_arch *arch = &run->model->arch;
    for (size_t i = 0; i < arch->encoder; i++)
        memset(run->memory[i], 0, n * arch->layers[i].memory * sizeof(lk_real));
}

void lk_decode(lk_run *run, const lk_real *z, size_t n, lk_real *x_hat) {
    const lk_arch *arch = &run->model->arch;
    put_rows(z, lk_model_latent(run->model), n, run->value[arch->encoder],
             stride(arch, arch->encoder));
    forget(run, n);
    lk_run_forward(run, arch->encoder, arch->count, 0, n, 0);
    take_output(run, n, false, x_hat);
}

void lk_reconstruct(lk_run *run, const lk_real *x, size_t n, lk_real *z, lk_real *x_hat) {
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.count, 0, n, 0);
    take_code(run, n, z);
    take_output(run, n, true, x_hat);
}

void lk_run_codes(const lk_run *run, size_t row, uint32_t *indices) {
    const lk_arch *arch = &run->model->arch;
    const size_t n = lk_model_codes(run->model);
    const lk_real *which = n ? run->memory[codebook_layer(arch)] + row * n : NULL;
    for (size_t i = 0; i < n; i++) indices[i] = (uint32_t)which[i];
}

void lk_classify(lk_run *run, const lk_real *x, size_t n, lk_real *probabilities) {
    const size_t classes = lk_model_classes(run->model);
    if (classes == 0) return;
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, run->model->arch.classifier + 1, 0, n, 0);
    for (size_t i = 0; i < n; i++) {
        lk_real *logits = lk_run_logits(run, i);
        run->kernels->softmax(logits, classes, logits);
        memcpy(probabilities + i * classes, logits, classes * sizeof *logits);
    }
}
