/* A model as an ONNX graph, for other programs: protocol buffers written by hand.

   The graph takes `image`, [N][C][H][W] as lk_encode does, and gives `code`, and `reconstruction`
   or `probabilities` where there are such. Inside a chain a pixel's channels stand side by side;
   ONNX has each channel by itself. So a value is held as an image, [N][C][H][W], where an operator
   looks at pixels, and flat, [N][HWC], where it looks at all values alike, and is turned in
   between.

   All is written twice: once to be counted, once into bytes. */
#include <string.h>

#include "model.h"

enum { LENGTH = 5, NAME = 24, MOST_INPUTS = 5 }; /* LENGTH: bytes that any length is written in */
enum { IR_VERSION = 8, OPSET = 13, FLOATS = 1, INTEGERS = 7 };

/* ---- protocol buffers ---- */

typedef struct graph {
    const lk_model *model;
    uint8_t *data; /* NULL: what is put is only counted */
    size_t size;
    size_t names;          /* that were given to values so far */
    lk_real *room, *other; /* for a layer's tensors, plain */
    char now[NAME];        /* the value that the next operator gets */
    lk_shape shape;        /* of it */
    bool flat;             /* and how it is held */
} graph;

static void put_bytes(graph *g, const void *bytes, size_t size) {
    if (g->data && size > 0) memcpy(g->data + g->size, bytes, size);
    g->size += size;
}

static void put_varint(graph *g, uint64_t value) {
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put_bytes(g, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void put_integer(graph *g, unsigned field, uint64_t value) {
    put_varint(g, field << 3);
    put_varint(g, value);
}

/* A message, or bytes, behind its length, which is known at the end; LENGTH bytes wide. */
static size_t begin(graph *g, unsigned field) {
    put_varint(g, field << 3 | 2);
    g->size += LENGTH;
    return g->size;
}

static void end(graph *g, size_t start) {
    for (size_t i = 0, size = g->size - start; g->data && i < LENGTH; i++, size >>= 7)
        g->data[start - LENGTH + i] = (uint8_t)((size & 0x7f) | (i + 1 < LENGTH ? 0x80 : 0));
}

static void put_text(graph *g, unsigned field, const char *text) {
    const size_t at = begin(g, field);
    put_bytes(g, text, strlen(text));
    end(g, at);
}

/* ---- names, tensors, nodes ---- */

/* "v12" */
static void number_name(char letter, size_t number, char *out) {
    char digits[NAME];
    size_t n = 0;
    do digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    *out++ = letter;
    while (n > 0) *out++ = digits[--n];
    *out = 0;
}

static void new_name(graph *g, char *out) {
    number_name('v', g->names++, out);
}

static void put_tensor(graph *g, const char *name, int type, const size_t *dims, size_t rank,
                       const void *values, size_t bytes) {
    const size_t at = begin(g, 5);
    for (size_t i = 0; i < rank; i++) put_integer(g, 1, dims[i]);
    put_integer(g, 2, (uint64_t)type);
    put_text(g, 8, name);
    const size_t raw = begin(g, 9);
    put_bytes(g, values, bytes);
    end(g, raw);
    end(g, at);
}

/* A constant of floats or of integers; its name into out[NAME]. */
static const char *constant(graph *g, const size_t *dims, size_t rank, const lk_real *values,
                            char *out) {
    size_t n = 1;
    for (size_t i = 0; i < rank; i++) n *= dims[i];
    new_name(g, out);
    put_tensor(g, out, FLOATS, dims, rank, values, n * sizeof *values);
    return out;
}
static const char *integers(graph *g, const int64_t *values, size_t n, char *out) {
    new_name(g, out);
    put_tensor(g, out, INTEGERS, &n, 1, values, n * sizeof *values);
    return out;
}

/* One of a layer's tensors as files have it, in g->room. */
static lk_tensor_shape plain(graph *g, const lk_layer *l, size_t which) {
    if (g->data) l->op->unpack(l, which, g->model->parameters + l->offset, g->room);
    return l->op->tensor(l, which);
}

static const char *weights(graph *g, const lk_layer *l, size_t which, char *out) {
    const lk_tensor_shape t = plain(g, l, which);
    return constant(g, t.dims, t.rank, g->room, out);
}

/* A node of up to MOST_INPUTS inputs, NULL behind the last; attributes follow, then end_node. */
typedef struct node {
    size_t start;
} node;

static node begin_node(graph *g, const char *op, const char *const inputs[MOST_INPUTS],
                       const char *output) {
    const node n = {begin(g, 1)};
    for (size_t i = 0; i < MOST_INPUTS && inputs[i]; i++) put_text(g, 1, inputs[i]);
    put_text(g, 2, output);
    put_text(g, 4, op);
    return n;
}

static void end_node(graph *g, node n) {
    end(g, n.start);
}

enum { A_FLOAT = 1, A_INTEGER = 2, A_TEXT = 3, A_INTEGERS = 7 };

static void set_integers(graph *g, const char *name, const size_t *values, size_t n) {
    const size_t at = begin(g, 5);
    put_text(g, 1, name);
    for (size_t i = 0; i < n; i++) put_integer(g, 8, values[i]);
    put_integer(g, 20, A_INTEGERS);
    end(g, at);
}

static void set_integer(graph *g, const char *name, size_t value) {
    const size_t at = begin(g, 5);
    put_text(g, 1, name);
    put_integer(g, 3, value);
    put_integer(g, 20, A_INTEGER);
    end(g, at);
}

static void set_float(graph *g, const char *name, float value) {
    const size_t at = begin(g, 5);
    put_text(g, 1, name);
    put_varint(g, 2 << 3 | 5);
    put_bytes(g, &value, sizeof value);
    put_integer(g, 20, A_FLOAT);
    end(g, at);
}

static void set_text(graph *g, const char *name, const char *value) {
    const size_t at = begin(g, 5);
    put_text(g, 1, name);
    put_text(g, 4, value);
    put_integer(g, 20, A_TEXT);
    end(g, at);
}

/* A node that takes the value of now and others, and makes the next; end_node is still to come. */
static node next(graph *g, const char *op, const char *a, const char *b, const char *c,
                 const char *d) {
    const char *const inputs[MOST_INPUTS] = {g->now, a, b, c, d};
    char output[NAME];
    new_name(g, output);
    const node n = begin_node(g, op, inputs, output);
    strcpy(g->now, output);
    return n;
}

/* ---- how a value is held ---- */

static bool is_turned(lk_shape s) {
    return s.channels > 1 && (size_t)s.height * s.width > 1;
}

static void transpose(graph *g, const size_t order[4]) {
    const node n = next(g, "Transpose", NULL, NULL, NULL, NULL);
    set_integers(g, "perm", order, 4);
    end_node(g, n);
}

static void reshape(graph *g, const int64_t *dims, size_t rank) {
    char shape[NAME];
    end_node(g, next(g, "Reshape", integers(g, dims, rank, shape), NULL, NULL, NULL));
}

static void flatten(graph *g) {
    if (g->flat) return;
    if (is_turned(g->shape)) transpose(g, (size_t[]){0, 2, 3, 1});
    reshape(g, (int64_t[]){-1, (int64_t)lk_shape_size(g->shape)}, 2);
    g->flat = true;
}

static void unflatten(graph *g) {
    const int64_t c = g->shape.channels, h = g->shape.height, w = g->shape.width;
    if (!g->flat) return;
    if (is_turned(g->shape)) {
        reshape(g, (int64_t[]){-1, h, w, c}, 4);
        transpose(g, (size_t[]){0, 3, 1, 2});
    } else {
        reshape(g, (int64_t[]){-1, c, h, w}, 4);
    }
    g->flat = false;
}

/* The value of now, flat, under a name that is asked for; what comes next gets it as it was. */
static void give(graph *g, const char *name) {
    end_node(g, begin_node(g, "Identity", (const char *const[MOST_INPUTS]){g->now}, name));
}

/* ---- operators ---- */

static void activate(graph *g, lk_activation activation) {
    static const char *const ops[LK_ACTIVATIONS] = {NULL, "Relu", "LeakyRelu", "Sigmoid", "Tanh"};
    if (!ops[activation]) return;
    const node n = next(g, ops[activation], NULL, NULL, NULL, NULL);
    if (activation == LK_LEAKY) set_float(g, "alpha", 0.01F);
    end_node(g, n);
}

/* By the tensors `first` and the one behind it. */
static void put_linear(graph *g, const lk_layer *l, size_t first) {
    char weight[NAME], bias[NAME];
    flatten(g);
    const char *a = weights(g, l, first, weight), *b = weights(g, l, first + 1, bias);
    const node n = next(g, "Gemm", a, b, NULL, NULL);
    set_integer(g, "transB", 1);
    end_node(g, n);
}

static void put_dense(graph *g, const lk_layer *l) {
    put_linear(g, l, 0); /* of gaussian: the means */
}

/* Files have [out][k][k][in] of a convolution, [k][k][out][in] of its transpose; ONNX
   [out][in][k][k] and [in][out][k][k]. */
static const char *filters(graph *g, const lk_layer *l, bool transposed, char *out) {
    const size_t k = l->kernel, in = l->in.channels, made = l->out.channels;
    plain(g, l, 0);
    for (size_t o = 0; g->data && o < made; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t at = 0; at < k * k; at++) {
                const size_t from =
                    transposed ? (at * made + o) * in + i : (o * k * k + at) * in + i;
                const size_t row = transposed ? i * made + o : o * in + i;
                g->other[row * k * k + at] = g->room[from];
            }
    const size_t dims[4] = {transposed ? in : made, transposed ? made : in, k, k};
    return constant(g, dims, 4, g->other, out);
}

static void set_window(graph *g, const lk_layer *l, size_t step) {
    set_integers(g, "kernel_shape", (size_t[]){l->kernel, l->kernel}, 2);
    set_integers(g, "strides", (size_t[]){step, step}, 2);
}

/* Windows begin `before` pixels outside the large side; what the last of them lacks is put behind,
   and where they end before the image does, a transpose has some pixels more. */
static void put_windows(graph *g, const lk_layer *l, bool transposed) {
    const lk_shape large = transposed ? l->out : l->in, small = transposed ? l->in : l->out;
    const size_t before = l->valid ? 0 : (l->kernel - 1) / 2;
    const size_t held_y = (size_t)(small.height - 1) * l->step + l->kernel;
    const size_t held_x = (size_t)(small.width - 1) * l->step + l->kernel;
    const size_t y = before + large.height, x = before + large.width;
    char weight[NAME], bias[NAME];
    unflatten(g);
    const char *a = filters(g, l, transposed, weight), *b = weights(g, l, 1, bias);
    const node n = next(g, transposed ? "ConvTranspose" : "Conv", a, b, NULL, NULL);
    set_window(g, l, l->step);
    set_integers(
        g, "pads",
        (size_t[]){before, before, held_y > y ? held_y - y : 0, held_x > x ? held_x - x : 0}, 4);
    if (transposed)
        set_integers(g, "output_padding",
                     (size_t[]){y > held_y ? y - held_y : 0, x > held_x ? x - held_x : 0}, 2);
    end_node(g, n);
}
static void put_conv(graph *g, const lk_layer *l) {
    put_windows(g, l, false);
}
static void put_deconv(graph *g, const lk_layer *l) {
    put_windows(g, l, true);
}

/* Where the maxima stood is the second output. */
static void put_maxpool(graph *g, const lk_layer *l) {
    char places[NAME];
    unflatten(g);
    number_name('p', l->index, places);
    const node n = next(g, "MaxPool", NULL, NULL, NULL, NULL);
    put_text(g, 2, places);
    set_window(g, l, l->kernel);
    end_node(g, n);
}
static void put_unpool(graph *g, const lk_layer *l) {
    char places[NAME];
    unflatten(g);
    number_name('p', l->partner, places);
    const node n = next(g, "MaxUnpool", places, NULL, NULL, NULL);
    set_window(g, l, l->kernel);
    end_node(g, n);
}
static void put_avgpool(graph *g, const lk_layer *l) {
    unflatten(g);
    const node n = next(g, "AveragePool", NULL, NULL, NULL, NULL);
    set_window(g, l, l->kernel);
    end_node(g, n);
}
static void put_up(graph *g, const lk_layer *l) {
    char scales[NAME];
    const lk_real k = (lk_real)l->kernel;
    unflatten(g);
    constant(g, (size_t[]){4}, 1, (lk_real[]){1, 1, k, k}, scales);
    const node n = next(g, "Resize", "", scales, NULL, NULL);
    set_text(g, "mode", "nearest");
    set_text(g, "nearest_mode", "floor");
    set_text(g, "coordinate_transformation_mode", "asymmetric");
    end_node(g, n);
}

static void put_reshape(graph *g, const lk_layer *l) {
    (void)l;
    flatten(g);
}

/* Nothing but while learning. */
static void put_nothing(graph *g, const lk_layer *l) {
    (void)g, (void)l;
}

static void put_bn(graph *g, const lk_layer *l) {
    char names[4][NAME];
    if (l->in.channels == 1 && l->in.height == 1)
        flatten(g);
    else
        unflatten(g);
    for (size_t i = 0; i < 4; i++) weights(g, l, i, names[i]);
    const node n = next(g, "BatchNormalization", names[0], names[1], names[2], names[3]);
    set_float(g, "epsilon", 1e-5F);
    end_node(g, n);
}

static void put_l2norm(graph *g, const lk_layer *l) {
    (void)l;
    flatten(g);
    const node n = next(g, "LpNormalization", NULL, NULL, NULL, NULL);
    set_integer(g, "axis", 1);
    set_integer(g, "p", 2);
    end_node(g, n);
}

/* Under no label: times the mean of all vectors. */
static void put_embed(graph *g, const lk_layer *l) {
    const size_t size = lk_shape_size(l->in);
    char name[NAME];
    flatten(g);
    plain(g, l, 0);
    for (size_t i = 0; g->data && i < size; i++) {
        lk_real sum = 0;
        for (size_t k = 0; k < l->classes; k++) sum += g->room[k * size + i];
        g->other[i] = sum / (lk_real)l->classes;
    }
    end_node(g,
             next(g, "Mul", constant(g, (size_t[]){1, size}, 2, g->other, name), NULL, NULL, NULL));
}

static void put_probabilities(graph *g) {
    const node n = next(g, "Softmax", NULL, NULL, NULL, NULL);
    set_integer(g, "axis", 1);
    end_node(g, n);
    give(g, "probabilities");
}

/* It lets the value pass. */
static void put_classify(graph *g, const lk_layer *l) {
    const graph before = *g;
    put_linear(g, l, 0);
    put_probabilities(g);
    strcpy(g->now, before.now);
    g->flat = before.flat;
}

/* The vector e nearest to a pixel x has the least e e - 2 x e. */
static void put_vq(graph *g, const lk_layer *l) {
    const lk_tensor_shape t = plain(g, l, 0);
    const size_t vectors = t.dims[0], depth = t.dims[1];
    char book[NAME], squares[NAME], indices[NAME];
    flatten(g);
    reshape(g, (int64_t[]){-1, (int64_t)depth}, 2);
    constant(g, t.dims, 2, g->room, book);
    for (size_t k = 0; g->data && k < vectors; k++) {
        double sum = 0;
        for (size_t i = 0; i < depth; i++)
            sum += (double)g->room[k * depth + i] * (double)g->room[k * depth + i];
        g->other[k] = (lk_real)sum;
    }
    node n = next(g, "Gemm", book, constant(g, &vectors, 1, g->other, squares), NULL, NULL);
    set_float(g, "alpha", -2);
    set_integer(g, "transB", 1);
    end_node(g, n);
    n = next(g, "ArgMin", NULL, NULL, NULL, NULL);
    set_integer(g, "axis", 1);
    set_integer(g, "keepdims", 0);
    end_node(g, n);
    strcpy(indices, g->now);
    strcpy(g->now, book);
    end_node(g, next(g, "Gather", indices, NULL, NULL, NULL));
    reshape(g, (int64_t[]){-1, (int64_t)lk_shape_size(l->out)}, 2);
}

/* What is not among these has no counterpart: `table`, whose rows are prepared outside a chain. */
static const struct {
    const lk_op *op;
    void (*put)(graph *g, const lk_layer *l);
} OPERATORS[] = {
    {&lk_op_dense, put_dense},
    {&lk_op_conv, put_conv},
    {&lk_op_deconv, put_deconv},
    {&lk_op_maxpool, put_maxpool},
    {&lk_op_unpool, put_unpool},
    {&lk_op_avgpool, put_avgpool},
    {&lk_op_up, put_up},
    {&lk_op_reshape, put_reshape},
    {&lk_op_noise, put_nothing},
    {&lk_op_mask, put_nothing},
    {&lk_op_salt, put_nothing},
    {&lk_op_dropout, put_nothing},
    {&lk_op_bn, put_bn},
    {&lk_op_l2norm, put_l2norm},
    {&lk_op_l1, put_nothing},
    {&lk_op_embed, put_embed},
    {&lk_op_classify, put_classify},
    {&lk_op_pose, put_nothing},
    {&lk_op_gaussian, put_dense},
    {&lk_op_vq, put_vq},
};

static size_t find_operator(const lk_op *op) {
    size_t i = 0;
    while (i < LK_COUNTOF(OPERATORS) && OPERATORS[i].op != op) i++;
    return i;
}

/* ---- the file ---- */

/* Field 11 or 12 of a graph: a value that comes in or goes out, [N] and these. */
static void put_port(graph *g, unsigned field, const char *name, const size_t *dims, size_t rank) {
    const size_t port = begin(g, field);
    put_text(g, 1, name);
    const size_t type = begin(g, 2), tensor = begin(g, 1);
    put_integer(g, 1, FLOATS);
    const size_t shape = begin(g, 2);
    for (size_t i = 0; i <= rank; i++) {
        const size_t dim = begin(g, 1);
        if (i == 0)
            put_text(g, 2, "N");
        else
            put_integer(g, 1, dims[i - 1]);
        end(g, dim);
    }
    end(g, shape);
    end(g, tensor);
    end(g, type);
    end(g, port);
}

/* The code, flat, wherever it stands; what follows gets it as it was. */
static void give_code(graph *g) {
    const graph before = *g;
    flatten(g);
    give(g, "code");
    strcpy(g->now, before.now);
    g->flat = before.flat;
}

static void put_chain(graph *g) {
    const lk_arch *arch = &g->model->arch;
    strcpy(g->now, "image");
    g->shape = arch->input;
    g->flat = false;
    for (size_t i = 0; i < arch->count; i++) {
        const lk_layer *l = &arch->layers[i];
        OPERATORS[find_operator(l->op)].put(g, l);
        activate(g, l->activation);
        g->shape = l->out;
        if (i + 1 == arch->encoder) give_code(g);
    }
    if (arch->loss->output == LK_OUTPUT_CLASSES) {
        flatten(g);
        put_probabilities(g);
    } else if (arch->loss->output == LK_OUTPUT_IMAGE) {
        activate(g, arch->head);
        flatten(g);
        g->shape = arch->input;
        unflatten(g);
        give(g, "reconstruction");
    }
}

static void put_model(graph *g) {
    static const char *const keys[] = {"arch", "family", "title", "weights_sha256"};
    const lk_model *m = g->model;
    const lk_shape s = m->arch.input;
    const char *const texts[] = {m->arch.text, lk_model_text(m, LK_TEXT_FAMILY),
                                 lk_model_text(m, LK_TEXT_TITLE),
                                 lk_model_text(m, LK_TEXT_WEIGHTS)};
    const size_t image[3] = {s.channels, s.height, s.width};
    g->size = g->names = 0;
    put_integer(g, 1, IR_VERSION);
    put_text(g, 2, "likeness");
    const size_t opset = begin(g, 8);
    put_integer(g, 2, OPSET);
    end(g, opset);
    for (size_t i = 0; i < LK_COUNTOF(keys); i++) {
        const size_t pair = begin(g, 14);
        put_text(g, 1, keys[i]);
        put_text(g, 2, texts[i]);
        end(g, pair);
    }
    const size_t at = begin(g, 7);
    put_text(g, 2, "likeness");
    put_port(g, 11, "image", image, 3);
    put_port(g, 12, "code", &(size_t){lk_model_latent(m)}, 1);
    if (lk_model_output(m) == LK_OUTPUT_IMAGE) put_port(g, 12, "reconstruction", image, 3);
    if (lk_model_classes(m) > 0)
        put_port(g, 12, "probabilities", &(size_t){lk_model_classes(m)}, 1);
    put_chain(g);
    end(g, at);
}

lk_status lk_model_onnx(const lk_model *model, lk_bytes *out, lk_error *error) {
    const lk_arch *arch = &model->arch;
    for (size_t i = 0; i < arch->count; i++)
        if (find_operator(arch->layers[i].op) == LK_COUNTOF(OPERATORS))
            return lk_fail(error, LK_MODEL, "ONNX has no counterpart of its operator '%s'",
                           arch->layers[i].op->name);
    if (arch->loss->shares)
        return lk_fail(error, LK_MODEL, "ONNX has no counterpart of its loss '%s'",
                       arch->loss->name);
    graph g = {.model = model};
    put_model(&g);
    *out = (lk_bytes){lk_alloc(g.size), g.size};
    g.room = lk_alloc(2 * arch->stored * sizeof *g.room);
    g.other = g.room + arch->stored;
    g.data = out->data;
    const bool ok = out->data && g.room;
    if (ok) put_model(&g);
    lk_free(g.room);
    if (ok) return LK_OK;
    lk_bytes_free(out);
    return lk_fail(error, LK_MEMORY, "out of memory");
}
