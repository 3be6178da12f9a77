/* Training: Adam on mini-batches with the same bits whatever the threads.

   A step has two parallel phases. First, blocks of rows of the batch go forward and backward: rows
   do not depend on each other. Then, slices of the parameters: each slice's gradient is summed over
   the whole batch in row order by whoever takes it, and Adam moves it at once, while it is in the
   cache. No sum ever depends on who computed it, so nothing needs to be merged in a fixed order but
   the rows' losses. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "model.h"
#include "tensorfile.h"

enum { BLOCK_ROWS = 32 };

/* One slice of one layer's parameters: a piece of work of the second phase. */
typedef struct work {
    uint32_t layer, slice;
} work;

struct lk_trainer {
    lk_model *model;
    const lk_dataset *data;
    lk_train_options options;
    lk_run *run;
    lk_real *m, *v;      /* Adam's moments, as the parameters */
    lk_real *transposed; /* of the weights, for the backward pass */
    lk_real *gradients;  /* threads x largest slice */
    size_t largest_slice;
    lk_real *row_loss;    /* batch */
    uint32_t *order;      /* this epoch's order of the images */
    uint64_t ordered_for; /* the epoch that `order` is for, plus 1 */
    work *works;          /* largest first, so that threads end together */
    size_t work_count;
    uint64_t step;
};

lk_train_options lk_train_defaults(void) {
    return (lk_train_options){.batch = 64,
                              .learning_rate = 1e-3,
                              .epochs = 10,
                              .decay = 0,
                              .seed = 1,
                              .threads = 1,
                              .simd = LK_SIMD_BEST};
}

static lk_status check_options(const lk_model *model, const lk_dataset *data,
                               const lk_train_options *o, lk_error *error) {
    if (data->count == 0 || data->count > UINT32_MAX)
        return lk_fail(error, LK_DATA, "no images to train on");
    if (memcmp(&data->shape, &model->arch.input, sizeof data->shape) != 0)
        return lk_fail(error, LK_DATA, "the images' shape is not the model's");
    if (o->batch == 0 || o->batch > 65536)
        return lk_fail(error, LK_USAGE, "batch must be 1 to 65536");
    if (!(o->learning_rate > 0) || !(o->learning_rate <= 10))
        return lk_fail(error, LK_USAGE, "learning rate must be over 0 and at most 10");
    if (!(o->decay >= 0) || !(o->decay <= 1))
        return lk_fail(error, LK_USAGE, "decay must be 0 to 1");
    if (o->epochs == 0 || o->epochs > 1000000)
        return lk_fail(error, LK_USAGE, "epochs must be 1 to 1000000");
    if (o->threads < 1 || o->threads > 1024)
        return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    return LK_OK;
}

static void plan_works(lk_trainer *t) {
    const lk_arch *arch = &t->model->arch;
    size_t n = 0;
    for (uint32_t l = 0; l < arch->count; l++)
        for (uint32_t s = 0; s < arch->layers[l].slices; s++) t->works[n++] = (work){l, s};
    /* Insertion by size: a few thousand at most in practice, and only once. */
    for (size_t i = 1; i < n; i++) {
        const work w = t->works[i];
        const lk_layer *layer = &arch->layers[w.layer];
        const size_t size = layer->op->slice(layer, w.slice).count;
        size_t j = i;
        for (; j > 0; j--) {
            const lk_layer *other = &arch->layers[t->works[j - 1].layer];
            if (other->op->slice(other, t->works[j - 1].slice).count >= size) break;
            t->works[j] = t->works[j - 1];
        }
        t->works[j] = w;
    }
}

/* Brings the transposed weights up to date with all parameters. */
static void transpose_all(lk_trainer *t) {
    for (size_t i = 0; i < t->work_count; i++) {
        const lk_layer *layer = &t->model->arch.layers[t->works[i].layer];
        layer->op->transpose(layer, t->works[i].slice, t->model->parameters + layer->offset,
                             t->transposed + layer->transposed_offset);
    }
}

lk_trainer *lk_trainer_create(lk_model *model, const lk_dataset *data,
                              const lk_train_options *options, lk_error *error) {
    if (check_options(model, data, options, error) != LK_OK) return NULL;
    const lk_arch *arch = &model->arch;
    /* Parameters and both moments go into one file, which must not turn out too large later. */
    if (arch->packed > (LK_MAX_FILE - LK_MAX_HEADER) / (3 * sizeof(lk_real))) {
        lk_fail(error, LK_USAGE,
                "the network is too large to train: its checkpoints would be over %u bytes",
                (unsigned long long)LK_MAX_FILE);
        return NULL;
    }
    size_t works = 0, largest = 0;
    for (size_t l = 0; l < arch->count; l++) {
        works += arch->layers[l].slices;
        for (size_t s = 0; s < arch->layers[l].slices; s++)
            largest = LK_MAX(largest, arch->layers[l].op->slice(&arch->layers[l], s).count);
    }
    lk_run *run =
        lk_run_create_training(model, options->batch, options->threads, options->simd, error);
    if (!run) return NULL;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_trainer *t = lk_arena_take(&arena, 1, sizeof *t);
        lk_real *m = lk_arena_take(&arena, arch->packed, sizeof *m);
        lk_real *v = lk_arena_take(&arena, arch->packed, sizeof *v);
        lk_real *transposed = lk_arena_take(&arena, arch->transposed, sizeof *transposed);
        lk_real *gradients =
            lk_arena_take(&arena, (size_t)options->threads * largest, sizeof *gradients);
        lk_real *row_loss = lk_arena_take(&arena, options->batch, sizeof *row_loss);
        uint32_t *order = lk_arena_take(&arena, data->count, sizeof *order);
        work *list = lk_arena_take(&arena, works, sizeof *list);
        if (t) {
            *t = (lk_trainer){.model = model,
                              .data = data,
                              .options = *options,
                              .run = run,
                              .m = m,
                              .v = v,
                              .transposed = transposed,
                              .gradients = gradients,
                              .largest_slice = largest,
                              .row_loss = row_loss,
                              .order = order,
                              .works = list,
                              .work_count = works};
            plan_works(t);
            transpose_all(t);
            return t;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_run_free(run);
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

void lk_trainer_free(lk_trainer *trainer) {
    if (!trainer) return;
    lk_run_free(trainer->run);
    lk_free(trainer);
}

uint64_t lk_trainer_steps(const lk_trainer *trainer) {
    return trainer->step;
}
uint64_t lk_trainer_steps_per_epoch(const lk_trainer *t) {
    return (t->data->count + t->options.batch - 1) / t->options.batch;
}

/* The order of the images in an epoch depends on the seed and the epoch alone. */
static void shuffle(lk_trainer *t, uint64_t epoch) {
    if (t->ordered_for == epoch + 1) return;
    for (size_t i = 0; i < t->data->count; i++) t->order[i] = (uint32_t)i;
    lk_rng_shuffle(lk_rng_make(t->options.seed, LK_STREAM_SHUFFLE, epoch), t->order,
                   t->data->count);
    t->ordered_for = epoch + 1;
}

/* The learning rate of this step: constant, then linearly to 0 over the last `decay` of all. */
static double rate_now(const lk_trainer *t) {
    const double total = (double)lk_trainer_steps_per_epoch(t) * t->options.epochs;
    const double left = LK_MAX((total - (double)t->step) / total, 0.0);
    const double decay = t->options.decay;
    return t->options.learning_rate * (decay > 0 && left < decay ? left / decay : 1);
}

/* base^n by squaring, so that no libm is needed. */
static double power(double base, uint64_t n) {
    double result = 1;
    for (; n; n >>= 1, base *= base)
        if (n & 1) result *= base;
    return result;
}

/* Forward and backward for rows row..row+rows-1 of the batch, whose images are indices[]. */
static void rows_pass(lk_trainer *t, const uint32_t *indices, size_t row, size_t rows,
                      size_t batch) {
    lk_run *run = t->run;
    const lk_arch *arch = &t->model->arch;
    const size_t size = lk_shape_size(arch->input), in = arch->layers[0].in_stride;
    const size_t out = arch->layers[arch->count - 1].out_stride;
    for (size_t i = row; i < row + rows; i++) {
        /* Images are read in random order, which no hardware foresees: ask for one soon to come. */
        const uint8_t *next = t->data->pixels + indices[LK_MIN(i + 4, row + rows - 1)] * size;
        for (size_t k = 0; k < size; k += LK_ALIGN) __builtin_prefetch(next + k);
        lk_run_load_pixels(run, t->data->pixels + indices[i] * size, i);
    }
    lk_run_forward(run, 0, arch->count, row, rows, lk_thread_number());
    const lk_real scale = (lk_real)(1.0 / ((double)size * (double)batch));
    for (size_t i = row; i < row + rows; i++)
        t->row_loss[i] =
            arch->loss->row(run->kernels, run->value[0] + i * in, run->value[arch->count] + i * out,
                            size, scale, run->delta[arch->count] + i * out);
    lk_run_backward(run, t->transposed, row, rows, lk_thread_number());
}

/* The gradient of one slice over the batch, then Adam, then the transposed copy. */
static void slice_pass(lk_trainer *t, work w, size_t batch, const lk_adam *adam,
                       lk_real *gradient) {
    const lk_run *run = t->run;
    const lk_layer *layer = &t->model->arch.layers[w.layer];
    const lk_slice slice = layer->op->slice(layer, w.slice);
    const size_t at = layer->offset + slice.first;
    const lk_pass pass = lk_run_pass(run, w.layer, 0, lk_thread_number());
    layer->op->gradient(layer, &pass, w.slice, run->value[w.layer], run->delta[w.layer + 1], batch,
                        gradient);
    run->kernels->adam(adam, gradient, t->model->parameters + at, t->m + at, t->v + at,
                       slice.count);
    layer->op->transpose(layer, w.slice, t->model->parameters + layer->offset,
                         t->transposed + layer->transposed_offset);
}

lk_status lk_trainer_step(lk_trainer *t, double *loss, lk_error *error) {
    const uint64_t per_epoch = lk_trainer_steps_per_epoch(t);
    shuffle(t, t->step / per_epoch);
    const size_t first = t->step % per_epoch * t->options.batch;
    const size_t batch = LK_MIN(t->options.batch, t->data->count - first);
    const uint32_t *indices = t->order + first;
    const lk_adam adam = {
        .rate = (lk_real)(rate_now(t) / (1 - power(0.9, t->step + 1))),
        .second = (lk_real)(1 / (1 - power(0.999, t->step + 1))),
        .beta1 = (lk_real)0.9,
        .beta2 = (lk_real)0.999,
        .epsilon = (lk_real)1e-8,
    };
    const int blocks = (int)((batch + BLOCK_ROWS - 1) / BLOCK_ROWS);
    const int works = (int)t->work_count;
#pragma omp parallel num_threads(t->options.threads) if (t->options.threads > 1)
    {
#pragma omp for schedule(static)
        for (int b = 0; b < blocks; b++) {
            const size_t row = (size_t)b * BLOCK_ROWS;
            rows_pass(t, indices, row, LK_MIN((size_t)BLOCK_ROWS, batch - row), batch);
        }
#pragma omp for schedule(dynamic)
        for (int w = 0; w < works; w++)
            slice_pass(t, t->works[w], batch, &adam,
                       t->gradients + (size_t)lk_thread_number() * t->largest_slice);
    }
    double sum = 0;
    for (size_t i = 0; i < batch; i++) sum += t->row_loss[i];
    *loss = sum / ((double)batch * (double)lk_shape_size(t->data->shape));
    t->step++;
    if (!isfinite(*loss))
        return lk_fail(error, LK_NONFINITE, "the loss is not finite in step %u: lower the rate",
                       (unsigned long long)t->step);
    return LK_OK;
}

/* ---- loss without training ---- */

static lk_status block_loss(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                            lk_error *error) {
    (void)error;
    double *losses = context;
    const lk_arch *arch = &run->model->arch;
    const size_t in = arch->layers[0].in_stride;
    const size_t out = arch->layers[arch->count - 1].out_stride;
    lk_run_load(run, x, 0, n);
    lk_run_forward(run, 0, arch->count, 0, n, 0);
    for (size_t i = 0; i < n; i++) {
        /* The gradient is not wanted: it may overwrite the input it was made from. */
        lk_real *input = run->value[0] + i * in;
        losses[first + i] = arch->loss->row(run->kernels, input, run->value[arch->count] + i * out,
                                            lk_shape_size(arch->input), 1, input);
    }
    return LK_OK;
}

lk_status lk_evaluate_loss(const lk_model *model, const lk_dataset *data, int threads, lk_simd simd,
                           double *loss, lk_error *error) {
    if (data->count == 0) return lk_fail(error, LK_DATA, "no images to measure the loss on");
    double *losses = lk_alloc(data->count * sizeof *losses);
    if (!losses) return lk_fail(error, LK_MEMORY, "out of memory");
    const lk_status status =
        lk_dataset_visit(data, model, LK_PREPARE_IMAGE, threads, simd, block_loss, losses, error);
    double sum = 0;
    for (size_t i = 0; status == LK_OK && i < data->count; i++) sum += losses[i];
    *loss = sum / ((double)data->count * (double)lk_shape_size(data->shape));
    lk_free(losses);
    return status;
}

/* ---- checkpoints ---- */

static const char CHECKPOINT_FORMAT[] = "likeness checkpoint 1";

/* What must be the same for going on to give the same bits; written and compared as raw values. */
typedef struct place {
    uint64_t step, images, batch, epochs, seed, rate_bits, decay_bits;
} place;

static place place_of(const lk_trainer *t) {
    place p = {.step = t->step,
               .images = t->data->count,
               .batch = t->options.batch,
               .epochs = t->options.epochs,
               .seed = t->options.seed};
    memcpy(&p.rate_bits, &t->options.learning_rate, sizeof p.rate_bits);
    memcpy(&p.decay_bits, &t->options.decay, sizeof p.decay_bits);
    return p;
}

enum { STATE_PLACE, STATE_PARAMETERS, STATE_M, STATE_V, STATES };

/* The tensors of a checkpoint; `p` and the trainer lend their memory. */
static void state_tensors(const lk_trainer *t, const place *p, lk_tensor *tensors) {
    const size_t n = t->model->arch.packed, bytes = n * sizeof(lk_real);
    tensors[STATE_PLACE] = (lk_tensor){"place", LK_U64, 1, {sizeof *p / 8}, p, sizeof *p};
    tensors[STATE_PARAMETERS] =
        (lk_tensor){"parameters", LK_F32, 1, {n}, t->model->parameters, bytes};
    tensors[STATE_M] = (lk_tensor){"adam.m", LK_F32, 1, {n}, t->m, bytes};
    tensors[STATE_V] = (lk_tensor){"adam.v", LK_F32, 1, {n}, t->v, bytes};
}

lk_status lk_trainer_save(const lk_trainer *t, const char *note, lk_bytes *out, lk_error *error) {
    const place p = place_of(t);
    lk_tensor tensors[STATES];
    state_tensors(t, &p, tensors);
    const lk_checksum checksum = lk_tensorfile_checksum(tensors, STATES);
    const lk_metadata metadata[] = {{"format", CHECKPOINT_FORMAT},
                                    {"arch", t->model->arch.text},
                                    {"note", note},
                                    {LK_CHECKSUM, checksum.text}};
    return lk_tensorfile_write(tensors, STATES, metadata, LK_COUNTOF(metadata), out, error);
}

/* Checks an opened checkpoint against this trainer and takes its state over. */
static lk_status restore(lk_trainer *t, const lk_tensorfile *file, lk_error *error) {
    const char *format = lk_tensorfile_text(file, "format");
    const char *arch = lk_tensorfile_text(file, "arch");
    if (!format || strcmp(format, CHECKPOINT_FORMAT) != 0)
        return lk_fail(error, LK_MODEL, "not a checkpoint of this version");
    if (!arch || strcmp(arch, t->model->arch.text) != 0)
        return lk_fail(error, LK_USAGE, "the checkpoint is of another architecture");
    place here = place_of(t), there;
    lk_tensor expected[STATES];
    const lk_tensor *found[STATES];
    state_tensors(t, &here, expected);
    for (size_t i = 0; i < STATES; i++) {
        found[i] = lk_tensorfile_find(file, expected[i].name);
        if (!found[i] || found[i]->dtype != expected[i].dtype ||
            found[i]->bytes != expected[i].bytes)
            return lk_fail(error, LK_MODEL, "checkpoint: tensor '%s' is missing or of another size",
                           expected[i].name);
        for (size_t k = 0; found[i]->dtype == LK_F32 && k < found[i]->bytes / sizeof(float); k++) {
            float value;
            memcpy(&value, (const char *)found[i]->data + k * sizeof value, sizeof value);
            /* Adam's v is a mean of squares. */
            if (!isfinite(value) || (i == STATE_V && value < 0))
                return lk_fail(error, LK_MODEL, "checkpoint: tensor '%s' holds what cannot be",
                               expected[i].name);
        }
    }
    memcpy(&there, found[STATE_PLACE]->data, sizeof there);
    here.step = there.step;
    if (memcmp(&here, &there, sizeof here) != 0)
        return lk_fail(error, LK_USAGE, "the checkpoint is of other data or options");
    if (there.step > lk_trainer_steps_per_epoch(t) * t->options.epochs)
        return lk_fail(error, LK_MODEL, "checkpoint: step %u is past the end",
                       (unsigned long long)there.step);
    if (lk_tensorfile_verify(file, error) != LK_OK) return LK_MODEL;
    memcpy(t->model->parameters, found[STATE_PARAMETERS]->data, found[STATE_PARAMETERS]->bytes);
    memcpy(t->m, found[STATE_M]->data, found[STATE_M]->bytes);
    memcpy(t->v, found[STATE_V]->data, found[STATE_V]->bytes);
    t->step = there.step;
    t->ordered_for = 0;
    transpose_all(t);
    return LK_OK;
}

lk_status lk_trainer_restore(lk_trainer *t, const void *bytes, size_t size, lk_error *error) {
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, error);
    if (!file) return error ? error->status : LK_MODEL;
    const lk_status status = restore(t, file, error);
    lk_tensorfile_free(file);
    return status;
}

lk_status lk_checkpoint_note(const void *bytes, size_t size, lk_bytes *note, lk_error *error) {
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, error);
    if (!file) return error ? error->status : LK_MODEL;
    const char *text = lk_tensorfile_text(file, "note");
    lk_status status = LK_OK;
    if (!text) {
        status = lk_fail(error, LK_MODEL, "not a checkpoint of this version");
    } else {
        note->size = strlen(text);
        note->data = lk_alloc(note->size + 1);
        if (note->data)
            memcpy(note->data, text, note->size);
        else
            status = lk_fail(error, LK_MEMORY, "out of memory");
    }
    lk_tensorfile_free(file);
    return status;
}
