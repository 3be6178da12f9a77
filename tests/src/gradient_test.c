/* Gradients of every operator, loss and whole chain against central differences, with the core
   built for doubles. An operator added to the table fails here until it has its rows of SHAPES. */
#include <math.h>
#include <stdlib.h>

#include "chain.h"
#include "fixture.h"
#include "gradient_shapes.h"
#include "test.h"

static const double STEP = 1e-3, TOLERANCE = 1e-7;
/* Sums that come nearer to a kink than this are drawn again: a step must not cross it. */
static const double KINK = 0.004;
enum { ROWS = 3, MOST_ROWS = 8, MOST = 1 << 14, SHAPES_EACH = 20 };

static double *room(size_t n) {
    double *p = calloc(n + !n, sizeof *p);
    if (!p) abort();
    return p;
}

/* The derivative of value(context) by *at: fourth order, so that rounding is what is left. */
static double difference(double (*value)(void *), void *context, double *at) {
    const double x = *at;
    double v[5];
    for (int i = -2; i <= 2; i++) {
        *at = x + i * STEP;
        v[i + 2] = i ? value(context) : 0;
    }
    *at = x;
    return (8 * (v[3] - v[1]) - (v[4] - v[0])) / (12 * STEP);
}

/* Compares gradients of n values, those with places[i] only if given; the others must be 0. An
   error is judged relative to its gradient, or to a thousandth of the largest one here. */
static void compare(const char *what, double (*value)(void *), void *context, double *values,
                    const double *gradient, const bool *places, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) largest = LK_MAX(largest, fabs(gradient[i]));
    for (size_t i = 0; i < n; i++) {
        if (places && !places[i]) {
            CHECK(gradient[i] == 0, "%s: padding %zu has %g", what, i, gradient[i]);
            continue;
        }
        const double wanted = difference(value, context, &values[i]);
        const double scale = LK_MAX(LK_MAX(fabs(wanted), fabs(gradient[i])), 1e-3 * largest);
        CHECK(fabs(gradient[i] - wanted) <= TOLERANCE * scale + 1e-13,
              "%s: value %zu: %.12g, not %.12g", what, i, gradient[i], wanted);
    }
}

/* ---- one operator ---- */

typedef struct probe {
    lk_layer layer;
    lk_batch batch;
    lk_pass pass;
    /* The value is the sum of weights x (outputs - base): what does not change adds no rounding. */
    double *parameters, *x, *y, *weights, *base, *penalties;
    size_t rows;
} probe;

static double probe_value(void *context) {
    const probe *p = context;
    const lk_op *op = p->layer.op;
    double sum = 0;
    for (size_t r = 0; r < p->rows; r++) p->pass.penalties[r] = 0;
    if (op->gather) {
        op->gather(&p->layer, &p->pass, p->x, p->rows);
        op->meet(&p->layer, &p->pass);
    }
    op->forward(&p->layer, &p->pass, p->x, p->y, p->rows);
    /* A code passes gradients on as if it were the values that it stands for. */
    const double *y = op == &lk_op_vq ? p->x : p->y;
    for (size_t i = 0; i < p->rows * p->layer.out_stride; i++)
        sum += p->weights[i] * (y[i] - p->base[i]);
    for (size_t r = 0; r < p->rows; r++)
        sum += p->batch.scale * (p->pass.penalties[r] - p->penalties[r]);
    return sum;
}

/* Which packed values are parameters, and which of a row's are not padding. */
static bool *parameter_places(const lk_layer *l) {
    bool *places = calloc(l->packed + 1, sizeof *places);
    double *packed = room(l->packed);
    for (size_t k = 0; k < l->op->tensors; k++) {
        const size_t size = l->op->tensor(l, k).size;
        double *plain = room(size), *back = room(size);
        for (size_t i = 0; i < size; i++) plain[i] = 1 + (double)(k * MOST + i);
        l->op->pack(l, k, plain, packed);
        l->op->unpack(l, k, packed, back);
        CHECK(memcmp(plain, back, size * sizeof *plain) == 0, "%s: tensor %zu", l->op->name, k);
        free(plain), free(back);
    }
    size_t count = 0;
    for (size_t i = 0; i < l->packed; i++) count += places[i] = packed[i] != 0;
    CHECK(count == l->stored && l->parameters <= l->stored, "%s: %zu places for %zu values",
          l->op->name, count, l->stored);
    for (size_t s = 0; s < l->slices; s++) { /* averages have no gradient */
        const lk_slice slice = l->op->slice(l, s);
        for (size_t i = 0; slice.kind == LK_AVERAGE && i < slice.count; i++)
            places[slice.first + i] = false;
    }
    free(packed);
    return places;
}

static bool *row_places(size_t size, size_t stride, size_t rows) {
    bool *places = calloc(rows * stride + 1, sizeof *places);
    for (size_t i = 0; i < rows * stride; i++) places[i] = i % stride < size;
    return places;
}

static void draw(double *values, const bool *places, size_t n, double scale, uint64_t seed) {
    fill_normal(values, n, seed);
    for (size_t i = 0; i < n; i++) values[i] = places[i] ? values[i] * scale : 0;
}

/* The largest value of a window must lead by more than a step. */
static bool near_tie(const probe *p) {
    const lk_shape in = p->layer.in;
    const uint32_t k = p->layer.kernel;
    for (size_t i = 0; i < p->rows * lk_shape_size(in); i++) {
        const size_t value = i % lk_shape_size(in), c = value % in.channels;
        const size_t x = value / in.channels % in.width, y = value / in.channels / in.width;
        const double *row = p->x + i / lk_shape_size(in) * p->layer.in_stride;
        for (size_t wy = y / k * k; wy < y / k * k + k; wy++)
            for (size_t wx = x / k * k; wx < x / k * k + k; wx++)
                if ((wx != x || wy != y) &&
                    fabs(row[value] - row[(wy * in.width + wx) * in.channels + c]) < 3 * STEP)
                    return true;
    }
    return false;
}

/* Sums of many outputs would always come near 0 somewhere: biases move them away, to both sides. */
static void avoid_kinks(probe *p) {
    const lk_op *op = p->layer.op;
    if ((p->layer.activation != LK_RELU && p->layer.activation != LK_LEAKY) || op->tensors < 2)
        return;
    const size_t n = op->tensor(&p->layer, 1).size;
    double *bias = room(n);
    op->unpack(&p->layer, 1, p->parameters, bias);
    for (size_t i = 0; i < n; i++) bias[i] += i % 2 ? -6 : 6;
    op->pack(&p->layer, 1, bias, p->parameters);
    free(bias);
}

/* Averages are no parameters, but a codebook must be somewhere. */
static void draw_codebook(probe *p, uint64_t seed) {
    if (p->layer.op != &lk_op_vq) return;
    const size_t n = p->layer.op->tensor(&p->layer, 0).size;
    double *vectors = room(n);
    fill_normal(vectors, n, seed);
    p->layer.op->pack(&p->layer, 0, vectors, p->parameters);
    free(vectors);
}

/* No pixel may be about as near to a second vector, or else a step would change its code. */
static bool near_border(const probe *p) {
    const lk_layer *l = &p->layer;
    const lk_tensor_shape shape = l->op->tensor(l, 0);
    const size_t depth = shape.dims[1], pixels = lk_shape_size(l->in) / depth;
    double *vectors = room(shape.size);
    bool near = false;
    l->op->unpack(l, 0, p->parameters, vectors);
    for (size_t i = 0; i < p->rows * pixels; i++) {
        const double *x = p->x + i / pixels * l->in_stride + i % pixels * depth;
        double best = HUGE_VAL, second = HUGE_VAL;
        for (size_t k = 0; k < shape.dims[0]; k++) {
            double d = 0;
            for (size_t j = 0; j < depth; j++)
                d += (x[j] - vectors[k * depth + j]) * (x[j] - vectors[k * depth + j]);
            second = LK_MIN(second, LK_MAX(best, d));
            best = LK_MIN(best, d);
        }
        near = near || second - best < 5 * KINK;
    }
    free(vectors);
    return near;
}

static bool near_kink(probe *p) {
    if (p->layer.op == &lk_op_maxpool) return near_tie(p);
    if (p->layer.op == &lk_op_vq) return near_border(p);
    for (size_t i = 0; p->layer.op == &lk_op_l1 && i < p->rows * p->layer.in_stride; i++)
        if (i % p->layer.in_stride < lk_shape_size(p->layer.in) && fabs(p->x[i]) < KINK)
            return true;
    if (p->layer.activation != LK_RELU && p->layer.activation != LK_LEAKY) return false;
    probe linear = *p;
    linear.layer.activation = LK_LINEAR;
    probe_value(&linear);
    for (size_t i = 0; i < p->rows * p->layer.out_stride; i++)
        if (i % p->layer.out_stride < lk_shape_size(p->layer.out) && fabs(p->y[i]) < KINK)
            return true;
    return false;
}

/* All gradients of one planned operator with one activation. */
static void check_operator(const lk_layer *layer, size_t rows, const char *what) {
    const size_t in = layer->in_stride * rows, out = layer->out_stride * rows;
    const size_t places = rows * lk_shape_size(layer->in);
    double *partner = room(places), *scratch = room(layer->scratch);
    double *memory = room(rows * layer->memory), *shared = room(layer->shared);
    for (size_t i = 0; i < places; i++)
        partner[i] = (double)lk_rng_below(lk_rng_make(1, 1, 1), i,
                                          (uint64_t)layer->kernel * layer->kernel + !layer->kernel);
    uint32_t labels[MOST_ROWS], poses[MOST_ROWS];
    for (size_t r = 0; r < MOST_ROWS; r++) poses[r] = (3 * r + 1) % LK_POSES;
    for (size_t r = 0; r < MOST_ROWS; r++)
        labels[r] = layer->classes ? (7 * r + 1) % layer->classes : 0;
    probe p = {.layer = *layer,
               .batch = {.rows = rows, .learning = true, .seed = 3, .beta = 0.7, .scale = 0.3},
               .pass = {.kernels = lk_kernels_get(LK_SIMD_BEST),
                        .scratch = scratch,
                        .memory = memory,
                        .shared = shared,
                        .partner = partner,
                        .labels = labels,
                        .poses = poses},
               .parameters = room(layer->packed),
               .x = room(in),
               .y = room(out),
               .weights = room(out),
               .base = room(out),
               .penalties = room(rows),
               .rows = rows};
    p.pass.batch = &p.batch;
    p.pass.parameters = p.parameters;
    p.pass.penalties = room(rows);
    if (layer->op->view) {
        free(p.y);
        p.y = p.x;
    }
    bool *parameters = parameter_places(layer);
    bool *inputs = row_places(lk_shape_size(layer->in), layer->in_stride, rows);
    bool *outputs = row_places(lk_shape_size(layer->out), layer->out_stride, rows);
    double *dy = room(out), *dx = room(in), *transposed = room(layer->transposed);
    double *gradient = room(layer->packed);
    uint64_t seed = 0;
    do {
        draw(p.parameters, parameters, layer->packed, 1 / sqrt((double)lk_shape_size(layer->in)),
             seed + 1);
        avoid_kinks(&p);
        draw_codebook(&p, seed + 1);
        /* Far apart, so that steps cross no tie of large windows. */
        draw(p.x, inputs, in, layer->op == &lk_op_maxpool ? 20 : 1, seed + 2);
        seed += 2;
    } while (near_kink(&p) && seed < 4000);
    CHECK(seed < 4000, "%s: always near a kink", what);
    draw(p.weights, outputs, out, 1, 1);

    probe_value(&p);
    memcpy(p.base, layer->op == &lk_op_vq ? p.x : p.y, out * sizeof *p.base);
    memcpy(p.penalties, p.pass.penalties, rows * sizeof *p.penalties);
    memcpy(dy, p.weights, out * sizeof *dy);
    const lk_op *op = layer->op;
    for (size_t s = 0; op->transpose && s < layer->slices; s++)
        op->transpose(layer, p.pass.kernels, s, p.parameters, transposed);
    p.pass.transposed = transposed;
    if (op->gather_back) {
        op->gather_back(layer, &p.pass, p.x, p.y, dy, rows);
        op->meet_back(layer, &p.pass);
    }
    op->backward(layer, &p.pass, p.x, p.y, dy, dx, rows);
    if (op->view) memcpy(dx, dy, in * sizeof *dx);
    size_t covered = 0;
    for (size_t s = 0; s < layer->slices; s++) {
        const lk_slice slice = op->slice(layer, s);
        if (slice.kind != LK_AVERAGE)
            op->gradient(layer, &p.pass, s, p.x, dy, rows, gradient + slice.first);
        covered += slice.count;
    }
    CHECK(covered == layer->packed, "%s: slices cover %zu of %zu", what, covered, layer->packed);
    compare(what, probe_value, &p, p.parameters, gradient, parameters, layer->packed);
    compare(what, probe_value, &p, p.x, dx, inputs, in);
    free(partner), free(scratch), free(memory), free(shared);
    if (p.y != p.x) free(p.y);
    free(p.parameters), free(p.x), free(p.weights), free(p.base), free(p.penalties);
    free(p.pass.penalties), free(parameters), free(inputs);
    free(outputs), free(dy), free(dx), free(transposed), free(gradient);
}

static void test_operators(void) {
    size_t ops;
    const lk_op *const *table = lk_ops(&ops);
    for (size_t o = 0; o < ops; o++) {
        if (!table[o]->forward) continue; /* computes nothing */
        size_t shapes = 0;
        for (size_t s = 0; s < LK_COUNTOF(SHAPES); s++) {
            if (strcmp(SHAPES[s].op, table[o]->name) != 0) continue;
            shapes++;
            for (int f = 0; f < (table[o]->activates ? LK_ACTIVATIONS : 1); f++) {
                lk_layer layer = {
                    .op = table[o], .activation = (lk_activation)f, .in = SHAPES[s].in};
                layer.in_stride = lk_round_up(lk_shape_size(layer.in), LK_LANES);
                layer.step = table[o]->windows ? SHAPES[s].numbers[2] : 1;
                layer.valid = SHAPES[s].numbers[3];
                layer.amount = SHAPES[s].amount;
                CHECK(table[o]->plan(&layer, SHAPES[s].numbers, NULL) == LK_OK, "row %zu", s);
                char what[80];
                snprintf(what, sizeof what, "%s %zu to %u %s", table[o]->name,
                         lk_shape_size(layer.in), SHAPES[s].numbers[0],
                         lk_activation_name((lk_activation)f));
                /* Statistics of two values are as good as fixed. */
                check_operator(&layer, (table[o]->gather ? 4 : 1) + s % ROWS, what);
            }
        }
        CHECK(shapes >= SHAPES_EACH, "%s has %zu shapes in SHAPES, not %d", table[o]->name, shapes,
              SHAPES_EACH);
    }
}

/* ---- losses ---- */

enum { LOSS_ROWS = 6, LOSS_VALUES = 112 };

typedef struct loss_probe {
    const lk_loss *loss;
    lk_loss_pass pass;
    uint32_t labels[LOSS_ROWS];
    double x[LOSS_ROWS * LOSS_VALUES], y[LOSS_ROWS * LOSS_VALUES];
    double base[LOSS_ROWS], pairs[LOSS_ROWS * LOSS_ROWS], gradient[LOSS_ROWS * LOSS_VALUES];
} loss_probe;

/* What was mined is held fixed. */
static double loss_value(void *context) {
    loss_probe *p = context;
    double gradient[LOSS_VALUES], sum = 0;
    for (size_t r = 0; r < p->pass.batch; r++)
        sum += p->loss->row(&p->pass, r, gradient) - p->base[r];
    return p->pass.scale * sum;
}

static void test_losses(void) {
    static const size_t SIZES[] = {2,  3,  5,  7,  8,  13, 15, 16, 17, 18, 23,
                                   31, 32, 33, 47, 48, 49, 63, 64, 65, 100};
    size_t count;
    const lk_loss *losses = lk_losses(&count);
    static loss_probe p;
    for (size_t l = 0; l < count; l++)
        for (size_t s = 0; s < LK_COUNTOF(SIZES); s++) {
            const size_t stride = lk_round_up(SIZES[s], LK_LANES), values = LOSS_ROWS * stride;
            p.loss = &losses[l];
            p.pass = (lk_loss_pass){.kernels = lk_kernels_get(LK_SIMD_BEST),
                                    .x = p.x,
                                    .y = p.y,
                                    .x_stride = stride,
                                    .y_stride = stride,
                                    .labels = p.labels,
                                    .n = SIZES[s],
                                    .batch = LOSS_ROWS,
                                    /* so wide a margin that triplets are found */
                                    .option = losses[l].mine ? 100 : losses[l].fallback,
                                    .scale = 0.3,
                                    .pairs = p.pairs};
            bool *places = row_places(SIZES[s], stride, LOSS_ROWS);
            fill_normal(p.y, values, s + 1);
            for (size_t i = 0; i < values; i++) {
                p.x[i] = lk_rng_uniform(lk_rng_make(s, 1, 1), i);
                /* max(l, 0) and |l| meet at 0 without a kink in the sum, but not in differences. */
                if (fabs(p.y[i]) < KINK) p.y[i] = 1;
                if (!places[i]) p.y[i] = 0;
            }
            for (uint32_t r = 0; r < LOSS_ROWS; r++) p.labels[r] = r % 2;
            for (size_t r = 0; losses[l].mine && r < LOSS_ROWS; r++) losses[l].mine(&p.pass, r);
            for (size_t r = 0; r < LOSS_ROWS; r++) p.loss->row(&p.pass, r, p.gradient + r * stride);
            compare(losses[l].name, loss_value, &p, p.y, p.gradient, places, values);
            free(places);
        }
}

/* ---- whole chains ---- */

typedef struct chain {
    lk_model *model;
    lk_run *run;
    lk_batch batch;
    double *x;
    double base[ROWS]; /* the rows' losses at first: what does not change adds no rounding */
    bool mined;
} chain;

static double chain_value(void *context) {
    const chain *c = context;
    lk_run_load(c->run, c->x, 0, c->batch.rows);
    double losses[ROWS], sum = 0;
    chain_loss(c->run, &c->batch, c->mined, losses);
    for (size_t r = 0; r < ROWS; r++) sum += losses[r] - c->base[r];
    return sum * c->batch.scale;
}

static bool chain_near_kink(const chain *c) {
    const lk_arch *arch = &c->model->arch;
    chain_value((void *)(uintptr_t)c);
    double *sums = room(MOST);
    bool near = false;
    for (size_t i = 0; i < arch->count && !near; i++) {
        lk_layer linear = arch->layers[i];
        if (linear.activation != LK_RELU && linear.activation != LK_LEAKY) continue;
        linear.activation = LK_LINEAR;
        const lk_pass pass = lk_run_pass(c->run, i, 0, 0);
        linear.op->forward(&linear, &pass, c->run->value[i], sums, c->batch.rows);
        for (size_t k = 0; k < c->batch.rows * linear.out_stride; k++)
            near =
                near || (k % linear.out_stride < lk_shape_size(linear.out) && fabs(sums[k]) < KINK);
    }
    free(sums);
    return near;
}

static void check_chain(const char *text) {
    lk_error error = {LK_OK, 0, ""};
    chain c = {.model = lk_model_create(text, &error)};
    CHECK(c.model, "%s: %s", text, error.message);
    if (!c.model) return;
    const lk_arch *arch = &c.model->arch;
    const size_t size = lk_shape_size(arch->input);
    c.run = lk_run_create_training(c.model, ROWS, 1, LK_SIMD_BEST, &error);
    c.batch = whole_batch(c.model, ROWS);
    for (size_t r = 0; arch->labelled && r < ROWS; r++) c.run->labels[r] = (uint32_t)r / 2;
    c.x = room(ROWS * size);
    for (size_t i = 0; i < ROWS * size; i++) c.x[i] = lk_rng_uniform(lk_rng_make(1, 1, 1), i);
    uint64_t seed = 0;
    do {
        lk_model_init(c.model, LK_INIT_HE, ++seed);
    } while (chain_near_kink(&c) && seed < 2000);
    CHECK(seed < 2000, "%s: always near a kink", text);

    double *transposed = room(arch->transposed), *gradient = room(arch->packed);
    chain_transpose(c.run, transposed);
    lk_run_load(c.run, c.x, 0, ROWS);
    chain_loss(c.run, &c.batch, false, c.base);
    c.mined = true;
    chain_gradients(c.run, transposed, gradient);
    for (size_t i = 0; i < arch->count; i++) {
        const lk_layer *l = &arch->layers[i];
        bool *places = parameter_places(l);
        compare(text, chain_value, &c, c.model->parameters + l->offset, gradient + l->offset,
                places, l->packed);
        free(places);
    }
    free(transposed), free(gradient), free(c.x);
    lk_run_free(c.run);
    lk_model_free(c.model);
}

/* Every activation inside, every activation that each loss allows at the end. */
static void test_chains(void) {
    size_t count;
    const lk_loss *losses = lk_losses(&count);
    for (size_t l = 0; l < count; l++)
        for (int inner = 0; inner < LK_ACTIVATIONS; inner++)
            for (int last = 0; last < LK_ACTIVATIONS; last++) {
                if (losses[l].head != LK_ACTIVATIONS && (int)losses[l].head != last) continue;
                char text[200];
                const bool code = losses[l].output == LK_OUTPUT_CODE;
                snprintf(text, sizeof text,
                         "1x3x7 > dense 17 %s > dense 3 %s dense 7 %s > dense 21 %s %s %s",
                         lk_activation_name((lk_activation)inner), code ? ">" : "|",
                         lk_activation_name((lk_activation)((inner + 1) % LK_ACTIVATIONS)),
                         lk_activation_name((lk_activation)last), code ? "|" : ">", losses[l].name);
                check_chain(text);
            }
    check_chain("1x6x6 > conv 5 3 leaky > maxpool 2 > conv 16 3 s2 tanh > dense 7"
                " | dense 45 tanh > reshape 5 3 3 > unpool 2 > deconv 1 3 sigmoid > bce");
    check_chain("1x6x6 > conv 4 3 tanh > maxpool 2 > dense 7"
                " | dense 36 tanh > reshape 4 3 3 > unpool 2 > deconv 1 3 > mse");
    check_chain("1x6x6 > conv 4 3 > bn tanh > avgpool 2 > dropout 0.2 > dense 9 > bn leaky"
                " | embed 3 > dense 36 tanh > classify 3 0.5 > dense 36 sigmoid > bce");
    check_chain(
        "1x4x4 > mask 0.3 > dense 9 tanh > l1 0.1 > dense 5 > bn | dropout 0.5 > dense 3 > ce");
    check_chain(
        "1x4x4 > dense 9 tanh > gaussian 5 | dense 7 tanh > dense 16 sigmoid > bce beta 0.5");
    check_chain("2x4x4 > conv 3 2 s2 > bn tanh > gaussian 17 > l2norm | dense 32 > mse beta 2");
    check_chain("1x4x4 > conv 4 3 tanh > dense 9 > bn > l2norm | triplet margin 4");
    check_chain("2x4x4 > conv 3 2 s2 tanh > avgpool 2 | up 2 > deconv 2 4 s2 sigmoid > bce");
}

int main(void) {
    LK_STATIC_ASSERT(sizeof(lk_real) == sizeof(double), this_test_needs_the_core_of_doubles);
    test_operators();
    test_losses();
    test_chains();
    return TEST_RESULT();
}
