/* Training: Adam on mini-batches with the same bits whatever the threads.

   A step has two parallel phases. First, blocks of rows of the batch go forward and backward: rows
   do not depend on each other, but where an operator or a loss says so: there all rows wait for
   the last, and the chain falls into stretches. Then, slices of the parameters: each slice's
   gradient is summed over the whole batch in row order by whoever takes it, and Adam moves it at
   once, while it is in the cache. No sum ever depends on who computed it, so nothing needs to be
   merged in a fixed order but the rows' losses. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "augment.h"
#include "tensorfile.h"
#include "trainer.h"

enum { MOST_ROWS = 128 };      /* of a block */
enum { MOST_COMPARED = 4096 }; /* rows of a batch, for losses that look at all pairs */

lk_train_options lk_train_defaults(void) {
    return (lk_train_options){.batch = 64,
                              .learning_rate = 1e-3,
                              .epochs = 10,
                              .decay = 0,
                              .seed = 1,
                              .threads = 1,
                              .simd = LK_SIMD_BEST};
}

lk_train_options lk_train_family_defaults(const lk_family *family, size_t images) {
    lk_train_options o = lk_train_defaults();
    if (!family) return o;
    if (family->training.batch) o.batch = family->training.batch;
    o.decay = family->training.decay;
    if (family->training.augment) lk_augmentation_parse(family->training.augment, &o.augment, NULL);
    const size_t in_epoch = images / o.batch + (images % o.batch > 0);
    const size_t steps = family->training.steps;
    if (in_epoch > 0) o.epochs = (uint32_t)LK_MAX(o.epochs, (steps + in_epoch - 1) / in_epoch);
    return o;
}

static lk_status check_options(const lk_model *model, const lk_dataset *data,
                               const lk_train_options *o, lk_error *error) {
    if (data->count == 0 || data->count > UINT32_MAX)
        return lk_fail(error, LK_DATA, "no images to train on");
    if (memcmp(&data->shape, &model->arch.input, sizeof data->shape) != 0)
        return lk_fail(error, LK_DATA, "the images' shape is not the model's");
    if (o->batch == 0 || o->batch > 65536)
        return lk_fail(error, LK_USAGE, "batch must be 1 to 65536");
    if (model->arch.loss->mine && o->batch > MOST_COMPARED)
        return lk_fail(error, LK_USAGE, "batch must be 1 to %u where images are compared",
                       (unsigned long long)MOST_COMPARED);
    if (!(o->learning_rate > 0) || !(o->learning_rate <= 10))
        return lk_fail(error, LK_USAGE, "learning rate must be over 0 and at most 10");
    if (!(o->decay >= 0) || !(o->decay <= 1))
        return lk_fail(error, LK_USAGE, "decay must be 0 to 1");
    if (!(o->warmup >= 0) || !(o->warmup + o->decay <= 1))
        return lk_fail(error, LK_USAGE, "warmup must be 0 to 1, with decay at most 1");
    if (!(o->weight_decay >= 0) || !(o->weight_decay <= 1))
        return lk_fail(error, LK_USAGE, "weight decay must be 0 to 1");
    if (o->epochs == 0 || o->epochs > 1000000)
        return lk_fail(error, LK_USAGE, "epochs must be 1 to 1000000");
    if (o->threads < 1 || o->threads > 1024)
        return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    return lk_check_data(model, data, error);
}

/* How many rows of a batch show an image: upright and in another pose, where poses are told apart.
 */
static size_t rows_each(const lk_arch *arch) {
    return arch->posed ? 2 : 1;
}

/* What a slice's gradient costs: its share of the layer's products. */
static double cost(const lk_arch *arch, work w) {
    const lk_layer *layer = &arch->layers[w.layer];
    return layer->flops * (double)layer->op->slice(layer, w.slice).count / (double)layer->packed;
}

static void plan_works(lk_trainer *t) {
    const lk_arch *arch = &t->model->arch;
    size_t n = 0;
    for (uint32_t l = 0; l < arch->count; l++)
        for (uint32_t s = 0; s < arch->layers[l].slices; s++) t->works[n++] = (work){l, s};
    /* Insertion by cost: a few thousand at most in practice, and only once. */
    for (size_t i = 1; i < n; i++) {
        const work w = t->works[i];
        size_t j = i;
        for (; j > 0 && cost(arch, t->works[j - 1]) < cost(arch, w); j--)
            t->works[j] = t->works[j - 1];
        t->works[j] = w;
    }
}

/* The weights of a slice for the way back, unless that ends before it goes through them. */
static void transpose(lk_trainer *t, work w) {
    const lk_arch *arch = &t->model->arch;
    const lk_layer *layer = &arch->layers[w.layer];
    if (layer->op->transpose && w.layer > arch->trained)
        layer->op->transpose(layer, t->run->kernels, w.slice, t->model->parameters + layer->offset,
                             t->transposed + layer->transposed_offset);
}

void lk_trainer_transpose(lk_trainer *t) {
    for (size_t i = 0; i < t->work_count; i++) transpose(t, t->works[i]);
}

static void find_meets(lk_trainer *t) {
    const lk_arch *arch = &t->model->arch;
    for (size_t i = 0; i < arch->count; i++)
        if (arch->layers[i].op->gather) t->meets[t->meet_count++] = i;
}

lk_trainer *lk_trainer_create(lk_model *model, const lk_dataset *data,
                              const lk_train_options *options, lk_error *error) {
    if (check_options(model, data, options, error) != LK_OK) return NULL;
    const lk_arch *arch = &model->arch;
    /* Parameters, those kept and both moments go into one file, which must not turn out too large
       later. */
    if (arch->packed > (LK_MAX_FILE - LK_MAX_HEADER) / (4 * sizeof(lk_real))) {
        lk_fail(error, LK_USAGE,
                "the network is too large to train: its checkpoints would be over %u bytes",
                (unsigned long long)LK_MAX_FILE);
        return NULL;
    }
    size_t works = 0, largest = 0;
    const size_t rows = LK_MIN(options->batch, data->count) * rows_each(arch);
    const size_t room_size = 2 * lk_shape_size(arch->input) + lk_augment_scratch(arch->input);
    for (size_t l = 0; l < arch->count; l++) {
        works += arch->layers[l].slices;
        for (size_t s = 0; s < arch->layers[l].slices; s++)
            largest = LK_MAX(largest, arch->layers[l].op->slice(&arch->layers[l], s).count);
    }
    lk_run *run = lk_run_create_training(model, rows, options->threads, options->simd, error);
    if (!run) return NULL;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_trainer *t = lk_arena_take(&arena, 1, sizeof *t);
        lk_real *m = lk_arena_take(&arena, arch->packed, sizeof *m);
        lk_real *v = lk_arena_take(&arena, arch->packed, sizeof *v);
        lk_real *transposed = lk_arena_take(&arena, arch->transposed, sizeof *transposed);
        lk_real *gradients =
            lk_arena_take(&arena, (size_t)options->threads * largest, sizeof *gradients);
        lk_real *room = lk_arena_take(&arena, (size_t)options->threads * room_size, sizeof *room);
        lk_real *blank = lk_arena_take(&arena, arch->layers[0].in_stride, sizeof *blank);
        lk_real *row_loss = lk_arena_take(&arena, rows, sizeof *row_loss);
        bool *row_right = lk_arena_take(&arena, rows, sizeof *row_right);
        lk_real *kept = lk_arena_take(&arena, arch->packed, sizeof *kept);
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
                              .room = room,
                              .room_size = room_size,
                              .blank = blank,
                              .row_loss = row_loss,
                              .row_right = row_right,
                              .kept = kept,
                              .order = order,
                              .works = list,
                              .work_count = works};
            plan_works(t);
            find_meets(t);
            lk_trainer_transpose(t);
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

/* cos(pi u) for u in [0, 1] by its series about the nearer of 0 and 1/2, so that no libm is needed.
 */
static double cosine(double u) {
    const double pi = 3.14159265358979323846;
    const bool near_half = u > 0.25 && u < 0.75;
    const double x = near_half ? pi * (0.5 - u) : pi * (u < 0.5 ? u : 1 - u);
    double term = near_half ? x : 1, sum = term;
    for (int k = near_half ? 2 : 1; k < 20; k += 2) {
        term *= -x * x / (k * (k + 1));
        sum += term;
    }
    return near_half || u < 0.5 ? sum : -sum;
}

/* The learning rate of this step: rising, constant, falling. */
static double rate_now(const lk_trainer *t) {
    const lk_train_options *o = &t->options;
    const double total = (double)lk_trainer_steps_per_epoch(t) * o->epochs;
    const double done = (double)(t->step + 1) / total;
    const double left = LK_MAX((total - (double)t->step) / total, 0.0);
    if (done < o->warmup) return o->learning_rate * done / o->warmup;
    if (!(o->decay > 0) || left >= o->decay) return o->learning_rate;
    const double share = left / o->decay;
    return o->learning_rate * (o->fall == LK_FALL_COSINE ? (1 - cosine(share)) / 2 : share);
}

/* base^n by squaring, so that no libm is needed. */
static double power(double base, uint64_t n) {
    double result = 1;
    for (; n; n >>= 1, base *= base)
        if (n & 1) result *= base;
    return result;
}

/* ---- the first phase: rows ---- */

/* Rows row..row+rows-1 of a step's batch: each image once, then perhaps each in another pose, or
   mixed with another. */
typedef struct block {
    const uint32_t *indices; /* the batch's images */
    size_t images;
    size_t row, rows;
} block;

/* Mixes x with an image of another class, in a third of the cases, if classes are told apart. */
static bool mix(lk_trainer *t, size_t index, uint64_t epoch, lk_real *x) {
    const lk_dataset *data = t->data;
    const lk_rng rng = lk_rng_make(t->options.seed, LK_STREAM_MIX, epoch);
    const uint64_t first = index * 16; /* of this image's draws */
    lk_real *other = x + lk_shape_size(data->shape), *scratch = other + (other - x);
    if (t->model->arch.posed == 1 || lk_rng_below(rng, first, 3) > 0) return false;
    for (uint64_t attempt = 1; attempt < 8; attempt++) {
        const size_t partner = (size_t)lk_rng_below(rng, first + attempt, data->count);
        if (data->labels[partner] == data->labels[index]) continue;
        lk_dataset_images(data, partner, 1, other);
        lk_augment(&t->options.augment, lk_rng_make(t->options.seed, LK_STREAM_AUGMENT, epoch),
                   2 * data->count + index, data->shape, other, scratch);
        lk_augment_mix(rng, first + 8, data->shape, other, x);
        return true;
    }
    return false;
}

/* Puts image `index` of the data, perhaps augmented, into a row: upright, or mixed or in another
   pose. */
static void load(lk_trainer *t, size_t index, size_t row, bool upright) {
    const lk_dataset *data = t->data;
    const size_t size = lk_shape_size(data->shape);
    t->run->poses[row] = 0;
    if (upright && !data->values && !lk_augmentation_any(&t->options.augment)) {
        lk_run_load_pixels(t->run, data->pixels + index * size, row);
        return;
    }
    lk_real *x = t->room + (size_t)lk_thread_number() * t->room_size, *turned = x + size;
    lk_dataset_images(data, index, 1, x);
    const uint64_t epoch = t->step / lk_trainer_steps_per_epoch(t), seed = t->options.seed;
    lk_augment(&t->options.augment, lk_rng_make(seed, LK_STREAM_AUGMENT, epoch),
               upright ? index : data->count + index, data->shape, x, turned + size);
    if (!upright && mix(t, index, epoch, x)) {
        t->run->poses[row] = LK_POSES;
    } else if (!upright) {
        const lk_rng rng = lk_rng_make(seed, LK_STREAM_POSE, epoch);
        const uint32_t step = lk_pose_step(data->shape);
        t->run->poses[row] = step * (1 + (uint32_t)lk_rng_below(rng, index, LK_POSES / step - 1));
        lk_augment_pose(x, data->shape, t->run->poses[row], turned);
        x = turned;
    }
    lk_run_load(t->run, x, row, 1);
}

static void load_block(lk_trainer *t, block b) {
    const size_t size = lk_shape_size(t->data->shape), end = b.row + b.rows;
    for (size_t i = b.row; i < end; i++) {
        /* Images are read in random order, which no hardware foresees: ask for one soon to come. */
        const size_t index = b.indices[i % b.images];
        const size_t next = b.indices[LK_MIN(i + 4, end - 1) % b.images] * size;
        for (size_t k = 0; t->data->pixels && k < size; k += LK_ALIGN)
            __builtin_prefetch(t->data->pixels + next + k);
        load(t, index, i, i < b.images);
        t->run->labels[i] = t->data->labels ? t->data->labels[index] : LK_NO_LABEL;
        t->run->penalties[i] = 0;
    }
}

/* Forward from the last meeting (`meet` of them lie behind) to the next, or to the end. */
static void go_forward(lk_trainer *t, block b, size_t meet) {
    const lk_arch *arch = &t->model->arch;
    if (meet == 0) load_block(t, b);
    const size_t first = meet ? t->meets[meet - 1] : 0;
    const size_t last = meet < t->meet_count ? t->meets[meet] : arch->count;
    lk_run_forward(t->run, first, last, b.row, b.rows, lk_thread_number());
}

/* Backward from the meeting before, or from the end, to the one whose number is `meet` - 1. */
static void go_backward(lk_trainer *t, block b, size_t meet) {
    const lk_arch *arch = &t->model->arch;
    const size_t last = meet < t->meet_count ? t->meets[meet] + 1 : arch->count;
    const size_t first = meet ? t->meets[meet - 1] + 1 : 0;
    lk_run_backward(t->run, t->transposed, first, last, b.row, b.rows, lk_thread_number());
}

/* What rows share at layer i, once all have come there. */
static void meet_at(lk_trainer *t, size_t i, bool back) {
    const lk_layer *layer = &t->model->arch.layers[i];
    const lk_pass pass = lk_run_pass(t->run, i, 0, lk_thread_number());
    (back ? layer->op->meet_back : layer->op->meet)(layer, &pass);
}

static void measure_losses(lk_trainer *t, block b) {
    const lk_arch *arch = &t->model->arch;
    const lk_loss_pass pass = lk_run_loss(t->run);
    lk_loss_pass of_nothing = pass;
    of_nothing.x = t->blank;
    of_nothing.x_stride = 0;
    for (size_t i = b.row; i < b.row + b.rows; i++) {
        lk_real *gradient = t->run->delta[arch->count] + i * pass.y_stride;
        /* What is of no class is not to be copied: nothing is to be made of it. */
        const bool none = arch->posed > 1 && t->run->labels[i] == arch->posed;
        t->row_loss[i] = arch->loss->row(none ? &of_nothing : &pass, i, gradient);
        if (i >= b.images) { /* nobody wants a copy of these */
            t->row_loss[i] = 0;
            memset(gradient, 0, pass.y_stride * sizeof *gradient);
        }
        t->row_loss[i] += t->run->penalties[i];
        t->row_right[i] = lk_run_is_right(t->run, i);
    }
}

static void mine(const lk_run *run, block b) {
    const lk_loss_pass pass = lk_run_loss(run);
    for (size_t i = b.row; i < b.row + b.rows; i++) run->model->arch.loss->mine(&pass, i);
}

/* A block for each thread, since every block reads all weights; but no larger than the caches
   bear. */
static size_t block_rows(const lk_trainer *t, size_t batch) {
    const size_t threads = (size_t)t->options.threads;
    return LK_MIN(lk_round_up((batch + threads - 1) / threads, LK_LANES), (size_t)MOST_ROWS);
}

static block nth_block(const lk_trainer *t, const uint32_t *indices, int n, size_t batch) {
    const size_t rows = block_rows(t, batch), row = (size_t)n * rows;
    const size_t images = batch / rows_each(&t->model->arch);
    return (block){indices, images, row, LK_MIN(rows, batch - row)};
}

/* All rows forward and backward; called by every thread of a team. Each loop ends with all rows
   done. What needs no meeting is one loop, so that rows stay in the cache. */
static void rows_phase(lk_trainer *t, const uint32_t *indices, size_t batch) {
    const size_t each = block_rows(t, batch);
    const int blocks = (int)((batch + each - 1) / each);
    const bool compares = t->model->arch.loss->mine != NULL;
    for (size_t meet = 0; meet < t->meet_count + compares; meet++) {
#pragma omp for schedule(static)
        for (int n = 0; n < blocks; n++) go_forward(t, nth_block(t, indices, n, batch), meet);
        if (meet < t->meet_count) {
#pragma omp single
            meet_at(t, t->meets[meet], false);
        }
    }
    if (compares) {
#pragma omp for schedule(static)
        for (int n = 0; n < blocks; n++) mine(t->run, nth_block(t, indices, n, batch));
    }
#pragma omp for schedule(static)
    for (int n = 0; n < blocks; n++) {
        const block b = nth_block(t, indices, n, batch);
        if (!compares) go_forward(t, b, t->meet_count);
        measure_losses(t, b);
        go_backward(t, b, t->meet_count);
    }
    for (size_t meet = t->meet_count; meet-- > 0;) {
#pragma omp single
        meet_at(t, t->meets[meet], true);
#pragma omp for schedule(static)
        for (int n = 0; n < blocks; n++) go_backward(t, nth_block(t, indices, n, batch), meet);
    }
}

/* ---- the second phase: parameters ---- */

/* The gradient of one slice over the batch, then Adam, then the transposed copy. */
static void slice_pass(lk_trainer *t, work w, size_t batch, const lk_adam *adam,
                       lk_real *gradient) {
    const lk_run *run = t->run;
    const lk_layer *layer = &t->model->arch.layers[w.layer];
    const lk_slice slice = layer->op->slice(layer, w.slice);
    const size_t at = layer->offset + slice.first;
    const lk_pass pass = lk_run_pass(run, w.layer, 0, lk_thread_number());
    lk_real *parameters = t->model->parameters + layer->offset;
    if (slice.kind == LK_AVERAGE) {
        layer->op->follow(layer, &pass, w.slice, run->value[w.layer], batch, parameters);
        return;
    }
    lk_adam own = *adam;
    if (slice.kind != LK_WEIGHT) own.keep = 1;
    layer->op->gradient(layer, &pass, w.slice, run->value[w.layer], run->delta[w.layer + 1], batch,
                        gradient);
    run->kernels->adam(&own, gradient, t->model->parameters + at, t->m + at, t->v + at,
                       slice.count);
    transpose(t, w);
}

/* Adam's constants of this step. */
static lk_adam adam_now(const lk_trainer *t) {
    const double rate = rate_now(t);
    return (lk_adam){
        .rate = (lk_real)(rate / (1 - power(0.9, t->step + 1))),
        .second = (lk_real)(1 / (1 - power(0.999, t->step + 1))),
        .beta1 = (lk_real)0.9,
        .beta2 = (lk_real)0.999,
        .epsilon = (lk_real)1e-8,
        .keep = (lk_real)(1 - rate * t->options.weight_decay),
    };
}

lk_status lk_trainer_step(lk_trainer *t, lk_progress *progress, lk_error *error) {
    const lk_arch *arch = &t->model->arch;
    const uint64_t per_epoch = lk_trainer_steps_per_epoch(t);
    const uint64_t epoch = t->step / per_epoch;
    shuffle(t, epoch);
    const size_t first = t->step % per_epoch * t->options.batch;
    const size_t images = LK_MIN(t->options.batch, t->data->count - first);
    const size_t each = rows_each(arch), rows = images * each;
    const lk_batch batch = {
        .rows = rows,
        .learning = true,
        .seed = t->options.seed,
        .sample = (epoch * t->data->count + first) * each,
        .beta = arch->option,
        .scale = (lk_real)(1.0 / ((double)arch->loss_values * (double)rows)),
    };
    const lk_adam adam = adam_now(t);
    const int works = (int)t->work_count;
    t->run->batch = &batch;
#pragma omp parallel num_threads(t->options.threads) if (t->options.threads > 1)
    {
        rows_phase(t, t->order + first, rows);
#pragma omp for schedule(static, 1)
        for (int w = 0; w < works; w++)
            slice_pass(t, t->works[w], rows, &adam,
                       t->gradients + (size_t)lk_thread_number() * t->largest_slice);
    }
    t->run->batch = NULL;
    double sum = 0;
    size_t right = 0;
    for (size_t i = 0; i < rows; i++) {
        sum += (double)t->row_loss[i];
        right += i < images && t->row_right[i];
    }
    *progress = lk_progress_of(arch, sum, right, images);
    t->step++;
    if (!isfinite(progress->loss))
        return lk_fail(error, LK_NONFINITE, "the loss is not finite in step %u: lower the rate",
                       (unsigned long long)t->step);
    return LK_OK;
}

void lk_trainer_keep(lk_trainer *t) {
    memcpy(t->kept, t->model->parameters, t->model->arch.packed * sizeof *t->kept);
    t->has_kept = true;
}

void lk_trainer_put_back(lk_trainer *t) {
    if (!t->has_kept) return;
    memcpy(t->model->parameters, t->kept, t->model->arch.packed * sizeof *t->kept);
    lk_trainer_transpose(t);
}
