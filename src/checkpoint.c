/* Model files: tensor views <-> a model that has been checked in every part. */
#include <math.h>
#include <string.h>

#include "half.h"
#include "score.h"
#include "tensorfile.h"

static const char FORMAT[] = "likeness 1";
static const char *const text_keys[LK_TEXTS] = {"family", "title", "data",   "weights_sha256",
                                                "alpha",  "words", "classes"};

enum {
    NAME_SIZE = 48,
    MAX_TENSORS = 8 * LK_MAX_LAYERS + 4 + 6 * LK_ASPECTS + 5 * LK_PREPARATIONS,
    MAX_METADATA = 3 + LK_TEXTS,
};

/* "layers.LAYER.NAME" */
static void layer_tensor_name(char *name, size_t layer, const char *tensor) {
    size_t n = 7;
    memcpy(name, "layers.", n);
    if (layer >= 10) name[n++] = (char)('0' + layer / 10);
    name[n++] = (char)('0' + layer % 10);
    name[n++] = '.';
    strcpy(name + n, tensor);
}

/* "calibration.PREPARATION.NAME" */
static void calibration_tensor_name(char *name, int preparation, const char *tensor) {
    strcpy(name, "calibration.");
    strcat(name, lk_preparation_name((lk_preparation)preparation));
    strcat(name, ".");
    strcat(name, tensor);
}

/* "score.shape.PREPARATION.NAME" */
static char *shape_tensor_name(char *name, int preparation, const char *tensor) {
    strcpy(name, "score.shape.");
    strcat(name, lk_preparation_name((lk_preparation)preparation));
    strcat(name, ".");
    return strcat(name, tensor);
}

/* ---- writing ---- */

/* The tensors of a file in the making; names are kept beside them. */
typedef struct writer {
    lk_tensor tensors[MAX_TENSORS];
    char names[MAX_TENSORS][NAME_SIZE];
    size_t count;
} writer;

/* The name of the tensor that `add` will add next. */
static char *next_name(writer *w) {
    return w->names[w->count];
}

static void add(writer *w, lk_dtype dtype, size_t rank, const size_t *dims, const void *data) {
    lk_tensor *t = &w->tensors[w->count];
    *t = (lk_tensor){.name = w->names[w->count], .dtype = dtype, .rank = rank, .data = data};
    t->bytes = lk_dtype_size(dtype);
    for (size_t i = 0; i < rank; i++) {
        t->dims[i] = dims[i];
        t->bytes *= dims[i];
    }
    w->count++;
}

/* Puts n values into 16 bits each, in their place, if that loses nothing. */
static bool halve(lk_real *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (lk_half_value(lk_half_of(values[i])) != values[i]) return false;
    uint8_t *to = (uint8_t *)values;
    for (size_t i = 0; i < n; i++) {
        const uint16_t half = lk_half_of(values[i]);
        memcpy(to + i * sizeof half, &half, sizeof half);
    }
    return true;
}

/* Adds the layers' tensors, their plain values going to plain[stored]; of 16 bits if `small` and if
   these hold them. */
static void add_layers(writer *w, const lk_model *model, bool small, lk_real *plain) {
    for (size_t i = 0; i < model->arch.count; i++) {
        const lk_layer *layer = &model->arch.layers[i];
        for (size_t k = 0; k < layer->op->tensors; k++) {
            const lk_tensor_shape shape = layer->op->tensor(layer, k);
            layer->op->unpack(layer, k, model->parameters + layer->offset, plain);
            layer_tensor_name(next_name(w), i, shape.name);
            const bool halved = small && halve(plain, shape.size);
            add(w, halved ? LK_F16 : LK_F32, shape.rank, shape.dims, plain);
            plain += shape.size;
        }
    }
}

/* "score.NAME", or "score.ASPECT.NAME" unless the aspect is LK_ASPECTS. */
static char *score_tensor_name(char *name, int aspect, const char *tensor) {
    strcpy(name, "score.");
    if (aspect < LK_ASPECTS) {
        strcat(name, lk_aspect_name((lk_aspect_kind)aspect));
        strcat(name, ".");
    }
    return strcat(name, tensor);
}

/* How many rows of evidence such a calibration of this model has. */
static size_t ranks(const lk_model *model, lk_preparation preparation) {
    size_t n = 0;
    for (size_t e = 0; e < LK_RANKED; e++) n += lk_model_ranks(model, preparation, e);
    return n;
}

static size_t triangle(size_t d) {
    return d * (d + 1) / 2;
}

/* Of each whitening the lower triangle goes to room[], row by row; returns what is behind it. */
static lk_real *add_mixture(writer *w, int aspect, const lk_mixture *m, lk_real *room) {
    const size_t d = m->dimensions;
    lk_real *to = room;
    for (size_t i = 0; i < m->clusters * d; i++) {
        memcpy(to, m->whitening + i * d, (i % d + 1) * sizeof *to);
        to += i % d + 1;
    }
    score_tensor_name(next_name(w), aspect, "means");
    add(w, LK_F32, 2, (size_t[]){m->clusters, d}, m->means);
    score_tensor_name(next_name(w), aspect, "whitening");
    add(w, LK_F32, 2, (size_t[]){m->clusters, triangle(d)}, room);
    score_tensor_name(next_name(w), aspect, "offsets");
    add(w, LK_F32, 1, (size_t[]){m->clusters}, m->offsets);
    return to;
}

static size_t score_values(const lk_score *score) {
    if (!score) return 0;
    size_t n = score->mixture.clusters * triangle(score->mixture.dimensions);
    for (int a = 0; a < LK_ASPECTS; a++)
        n += score->aspects[a].mixture.clusters * triangle(score->aspects[a].mixture.dimensions);
    return n;
}

static lk_real *add_score(writer *w, const lk_score *score, lk_real *room) {
    room = add_mixture(w, LK_ASPECTS, &score->mixture, room);
    strcpy(next_name(w), "score.references");
    add(w, LK_I8, 2, (size_t[]){score->references, score->width}, score->codes);
    for (int a = 0; a < LK_ASPECTS; a++) {
        const lk_aspect *aspect = &score->aspects[a];
        if (!aspect->values) continue;
        room = add_mixture(w, a, &aspect->mixture, room);
        score_tensor_name(next_name(w), a, "centre");
        add(w, LK_F32, 1, (size_t[]){aspect->values}, aspect->centre);
        score_tensor_name(next_name(w), a, "scale");
        add(w, LK_F32, 1, (size_t[]){aspect->values}, aspect->scale);
        score_tensor_name(next_name(w), a, "basis");
        add(w, LK_F32, 2, (size_t[]){aspect->values, aspect->components}, aspect->basis);
    }
    for (int p = 0; p < LK_PREPARATIONS; p++) {
        const lk_local_pca *s = &score->shapes[p];
        if (s->clusters == 0) continue;
        shape_tensor_name(next_name(w), p, "means");
        add(w, LK_F32, 2, (size_t[]){s->clusters, s->values}, s->means);
        shape_tensor_name(next_name(w), p, "steps");
        add(w, LK_I8, 3, (size_t[]){s->clusters, LK_LANES, s->values}, s->steps);
    }
    return room;
}

/* Evidence stands row by row in the calibration's block, padded; evidence[] holds it without, and
   only that of a kind which the model has. The tensor was called otherwise while the same number of
   rows meant other pieces. */
static float *add_calibration(writer *w, const lk_model *model, int preparation, float *evidence) {
    const lk_calibration *c = model->score->calibration[preparation];
    float *to = evidence;
    for (size_t e = 0; e < LK_RANKED; e++) {
        if (!lk_model_ranks(model, c->preparation, e)) continue;
        memcpy(to, c->evidence[e], c->shaping * sizeof *to);
        to += c->shaping;
    }
    calibration_tensor_name(next_name(w), preparation, "rankings");
    add(w, LK_F32, 2, (size_t[]){ranks(model, c->preparation), c->shaping}, evidence);
    calibration_tensor_name(next_name(w), preparation, "limits");
    add(w, LK_F32, 1, (size_t[]){LK_TEXTURES}, c->limits);
    calibration_tensor_name(next_name(w), preparation, "scores");
    add(w, LK_F32, 1, (size_t[]){c->judging}, c->scores);
    return to;
}

static bool all_finite(const lk_real *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

static size_t evidence_values(const lk_model *model) {
    const lk_score *score = model->score;
    size_t n = 0;
    for (int p = 0; score && p < LK_PREPARATIONS; p++)
        if (score->calibration[p])
            n += ranks(model, (lk_preparation)p) * score->calibration[p]->shaping;
    return n;
}

/* Fills the writer; `room` holds plain tensors, then triangles, then plain evidence. */
static void add_all(writer *w, const lk_model *model, lk_real *room) {
    const lk_score *score = model->score;
    add_layers(w, model, true, room);
    if (!score) return;
    room = add_score(w, score, room + model->arch.stored);
    for (int p = 0; p < LK_PREPARATIONS; p++)
        if (score->calibration[p]) room = add_calibration(w, model, p, room);
}

static size_t describe(const lk_model *model, const lk_checksum *checksum, lk_metadata *metadata) {
    size_t n = 0;
    metadata[n++] = (lk_metadata){"format", FORMAT};
    metadata[n++] = (lk_metadata){"arch", model->arch.text};
    metadata[n++] = (lk_metadata){LK_CHECKSUM, checksum->text};
    for (int i = 0; i < LK_TEXTS; i++)
        if (lk_model_text(model, (lk_text)i)[0])
            metadata[n++] = (lk_metadata){text_keys[i], model->text[i]};
    return n;
}

lk_status lk_model_save(const lk_model *model, lk_bytes *out, lk_error *error) {
    if (!all_finite(model->parameters, model->arch.packed))
        return lk_fail(error, LK_NONFINITE, "a weight is not finite");
    const size_t values = model->arch.stored + score_values(model->score) + evidence_values(model);
    writer *w = lk_alloc(sizeof *w);
    lk_real *room = lk_alloc(values * sizeof *room);
    lk_status status = LK_MEMORY;
    if (w && room) {
        lk_metadata metadata[MAX_METADATA];
        add_all(w, model, room);
        const lk_checksum checksum = lk_tensorfile_checksum(w->tensors, w->count);
        status = lk_tensorfile_write(w->tensors, w->count, metadata,
                                     describe(model, &checksum, metadata), out, error);
    } else {
        lk_fail(error, LK_MEMORY, "out of memory");
    }
    lk_free(room);
    lk_free(w);
    return status;
}

lk_status lk_model_weights(const lk_model *model, lk_bytes *out, lk_error *error) {
    const size_t bytes = model->arch.stored * sizeof(lk_real);
    writer *w = lk_alloc(sizeof *w);
    lk_real *plain = lk_alloc(bytes);
    if (!w || !plain) {
        lk_free(w);
        lk_free(plain);
        return lk_fail(error, LK_MEMORY, "out of memory");
    }
    add_layers(w, model, false, plain);
    lk_free(w);
    *out = (lk_bytes){(uint8_t *)plain, bytes};
    return LK_OK;
}

lk_status lk_model_halve(lk_model *model, lk_error *error) {
    lk_real *plain = lk_alloc(model->arch.stored * sizeof *plain);
    if (!plain) return lk_fail(error, LK_MEMORY, "out of memory");
    for (size_t i = 0; i < model->arch.count; i++) {
        const lk_layer *layer = &model->arch.layers[i];
        lk_real *parameters = model->parameters + layer->offset;
        /* What is not learnt, as the units of a table's columns, is as exact as it was given. */
        for (size_t k = 0; layer->slices && k < layer->op->tensors; k++) {
            const size_t n = layer->op->tensor(layer, k).size;
            layer->op->unpack(layer, k, parameters, plain);
            for (size_t j = 0; j < n; j++) {
                const lk_real nearest = lk_half_value(lk_half_of(plain[j]));
                if (isfinite(nearest)) plain[j] = nearest;
            }
            layer->op->pack(layer, k, plain, parameters);
        }
    }
    lk_free(plain);
    return LK_OK;
}

/* ---- reading ---- */

/* A file being read: every tensor taken is counted, so that none may be left over. */
typedef struct reader {
    const lk_tensorfile *file;
    size_t taken;
    lk_error *error;
} reader;

/* The tensor of this name and type, if its dimensions are as given (0 leaves one open). */
static const lk_tensor *expect(reader *r, const char *name, lk_dtype dtype, size_t rank,
                               const size_t *dims) {
    const lk_tensor *t = lk_tensorfile_find(r->file, name);
    if (!t) {
        lk_fail(r->error, LK_MODEL, "tensor '%s' is missing", name);
        return NULL;
    }
    bool fits = t->dtype == dtype && t->rank == rank && t->bytes > 0;
    for (size_t i = 0; fits && i < rank; i++) fits = dims[i] == 0 || t->dims[i] == dims[i];
    if (!fits) {
        lk_fail(r->error, LK_MODEL, "tensor '%s' has another shape or type than its model", name);
        return NULL;
    }
    r->taken++;
    return t;
}

/* Copies n floats of a tensor from its value `first` on; all must be finite. */
static lk_status copy_floats(reader *r, const lk_tensor *t, size_t first, size_t n, float *to) {
    const char *from = (const char *)t->data + first * lk_dtype_size(t->dtype);
    if (t->dtype == LK_F32) memcpy(to, from, n * sizeof *to);
    for (size_t i = 0; t->dtype == LK_F16 && i < n; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        to[i] = lk_half_value(half);
    }
    for (size_t i = 0; i < n; i++)
        if (!isfinite(to[i]))
            return lk_fail(r->error, LK_MODEL, "tensor '%s' has a value that is not finite",
                           t->name);
    return LK_OK;
}

static lk_status read_layer(reader *r, lk_model *model, size_t i, lk_real *plain) {
    const lk_layer *layer = &model->arch.layers[i];
    for (size_t k = 0; k < layer->op->tensors; k++) {
        const lk_tensor_shape shape = layer->op->tensor(layer, k);
        char name[NAME_SIZE];
        layer_tensor_name(name, i, shape.name);
        const lk_tensor *found = lk_tensorfile_find(r->file, name);
        const lk_dtype dtype = found && found->dtype == LK_F16 ? LK_F16 : LK_F32;
        const lk_tensor *t = expect(r, name, dtype, shape.rank, shape.dims);
        if (!t) return LK_MODEL;
        const lk_status status = copy_floats(r, t, 0, shape.size, plain);
        if (status != LK_OK) return status;
        layer->op->pack(layer, k, plain, model->parameters + layer->offset);
    }
    return LK_OK;
}

static lk_status read_layers(reader *r, lk_model *model) {
    lk_real *plain = lk_alloc(model->arch.stored * sizeof *plain);
    if (!plain) return lk_fail(r->error, LK_MEMORY, "out of memory");
    lk_status status = LK_OK;
    for (size_t i = 0; status == LK_OK && i < model->arch.count; i++)
        status = read_layer(r, model, i, plain);
    lk_free(plain);
    return status;
}

static lk_status read_texts(reader *r, lk_model *model) {
    for (int i = 0; i < LK_TEXTS; i++) {
        const char *text = lk_tensorfile_text(r->file, text_keys[i]);
        const lk_status status =
            text ? lk_model_set_text(model, (lk_text)i, text, r->error) : LK_OK;
        if (status == LK_MEMORY) return status;
        if (status != LK_OK)
            return lk_fail(r->error, LK_MODEL, "text '%s' is too long", text_keys[i]);
    }
    const char *alpha = lk_model_text(model, LK_TEXT_ALPHA);
    double share;
    if (*alpha && !(lk_decimal(alpha, &share) && share > 0 && share < 1))
        return lk_fail(r->error, LK_MODEL, "its alpha is not a decimal between 0 and 1");
    return LK_OK;
}

static bool ascends(const float *values, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (values[i] < values[i - 1]) return false;
    return true;
}

/* The tensors that make a calibration. */
typedef struct calibration_tensors {
    const lk_tensor *evidence, *limits, *scores;
} calibration_tensors;

static lk_status fill_calibration(reader *r, const lk_model *model, lk_calibration *c,
                                  const calibration_tensors *t) {
    lk_status status = copy_floats(r, t->limits, 0, LK_TEXTURES, c->limits);
    for (size_t e = 0, row = 0; status == LK_OK && e < LK_RANKED; e++)
        if (lk_model_ranks(model, c->preparation, e))
            status = copy_floats(r, t->evidence, row++ * c->shaping, c->shaping, c->evidence[e]);
    if (status == LK_OK) status = copy_floats(r, t->scores, 0, c->judging, c->scores);
    if (status != LK_OK) return status;
    bool sound = ascends(c->scores, c->judging);
    for (size_t e = 0; e < LK_RANKED; e++) sound = sound && ascends(c->evidence[e], c->shaping);
    if (!sound) return lk_fail(r->error, LK_MODEL, "a calibration does not ascend");
    for (size_t i = 0; i < LK_TEXTURES; i++)
        if (!(c->limits[i] > 0)) return lk_fail(r->error, LK_MODEL, "a limit is not over 0");
    lk_calibration_finish(c);
    return LK_OK;
}

static lk_status read_calibration(reader *r, const lk_model *model, lk_score *score, int p) {
    enum { EVIDENCE, LIMITS, SCORES, PARTS };
    static const char *const parts[PARTS] = {"rankings", "limits", "scores"};
    char name[PARTS][NAME_SIZE];
    bool any = false;
    for (int i = 0; i < PARTS; i++) {
        calibration_tensor_name(name[i], p, parts[i]);
        any = any || lk_tensorfile_find(r->file, name[i]);
    }
    if (!any) return LK_OK;
    calibration_tensors t = {0};
    const size_t rows = ranks(model, (lk_preparation)p);
    t.evidence = expect(r, name[EVIDENCE], LK_F32, 2, (size_t[]){rows, 0});
    if (t.evidence) t.limits = expect(r, name[LIMITS], LK_F32, 1, (size_t[]){LK_TEXTURES});
    if (t.limits) t.scores = expect(r, name[SCORES], LK_F32, 1, (size_t[]){0});
    if (!t.scores) return LK_MODEL;
    lk_calibration *c =
        lk_calibration_create((lk_preparation)p, t.evidence->dims[1], t.scores->dims[0], r->error);
    if (!c) return LK_MEMORY;
    score->calibration[p] = c;
    return fill_calibration(r, model, c, &t);
}

/* The tensors that make a mixture, an aspect, a score. */
typedef struct mixture_tensors {
    const lk_tensor *means, *whitening, *offsets;
} mixture_tensors;
typedef struct score_tensors {
    mixture_tensors mixture[LK_ASPECTS + 1]; /* the last of them that of codes */
    const lk_tensor *centre[LK_ASPECTS], *scale[LK_ASPECTS], *basis[LK_ASPECTS], *references;
    const lk_tensor *means[LK_PREPARATIONS], *steps[LK_PREPARATIONS]; /* of shapes, or NULL */
} score_tensors;

static lk_status fill_mixture(reader *r, lk_mixture *m, const mixture_tensors *t) {
    const size_t d = m->dimensions;
    lk_status status = copy_floats(r, t->means, 0, m->clusters * d, m->means);
    if (status == LK_OK) status = copy_floats(r, t->offsets, 0, m->clusters, m->offsets);
    for (size_t i = 0, at = 0; status == LK_OK && i < m->clusters * d; at += i++ % d + 1) {
        status = copy_floats(r, t->whitening, at, i % d + 1, m->whitening + i * d);
        if (status == LK_OK && !(m->whitening[i * d + i % d] > 0)) /* it is drawn by its inverse */
            return lk_fail(r->error, LK_MODEL, "a whitening cannot be undone");
    }
    return status;
}

static lk_status fill_score(reader *r, const lk_model *model, lk_score *score,
                            const score_tensors *t) {
    lk_status status = fill_mixture(r, &score->mixture, &t->mixture[LK_ASPECTS]);
    for (int a = 0; status == LK_OK && a < LK_ASPECTS; a++) {
        lk_aspect *aspect = &score->aspects[a];
        const size_t values = aspect->values;
        if (!values) continue;
        status = fill_mixture(r, &aspect->mixture, &t->mixture[a]);
        if (status == LK_OK) status = copy_floats(r, t->centre[a], 0, values, aspect->centre);
        if (status == LK_OK) status = copy_floats(r, t->scale[a], 0, values, aspect->scale);
        if (status == LK_OK)
            status = copy_floats(r, t->basis[a], 0, aspect->components * values, aspect->basis);
    }
    for (int p = 0; status == LK_OK && p < LK_PREPARATIONS; p++) {
        lk_local_pca *shapes = &score->shapes[p];
        if (!t->means[p]) continue;
        status = copy_floats(r, t->means[p], 0, shapes->clusters * shapes->values, shapes->means);
        memcpy(shapes->steps, t->steps[p]->data, t->steps[p]->bytes);
    }
    if (status != LK_OK) return status;
    memcpy(score->codes, t->references->data, t->references->bytes);
    status = lk_score_finish(score, r->error);
    for (int p = 0; status == LK_OK && p < LK_PREPARATIONS; p++)
        status = read_calibration(r, model, score, p);
    return status;
}

/* Takes a mixture of m->dimensions, and learns of how many clusters. */
static bool take_mixture(reader *r, int aspect, lk_mixture *m, mixture_tensors *t) {
    char name[NAME_SIZE];
    const size_t d = m->dimensions;
    t->means = expect(r, score_tensor_name(name, aspect, "means"), LK_F32, 2, (size_t[]){0, d});
    if (!t->means) return false;
    m->clusters = t->means->dims[0];
    if (m->clusters > LK_MAX_CLUSTERS) {
        lk_fail(r->error, LK_MODEL, "more than %u clusters", (unsigned long long)LK_MAX_CLUSTERS);
        return false;
    }
    t->whitening = expect(r, score_tensor_name(name, aspect, "whitening"), LK_F32, 2,
                          (size_t[]){m->clusters, triangle(d)});
    if (!t->whitening) return false;
    t->offsets =
        expect(r, score_tensor_name(name, aspect, "offsets"), LK_F32, 1, (size_t[]){m->clusters});
    return t->offsets != NULL;
}

static bool take_aspect(reader *r, int a, lk_aspect *aspect, score_tensors *t) {
    char name[NAME_SIZE];
    const size_t values = aspect->values, d = aspect->components;
    if (!values) return true;
    if (!take_mixture(r, a, &aspect->mixture, &t->mixture[a])) return false;
    t->centre[a] = expect(r, score_tensor_name(name, a, "centre"), LK_F32, 1, (size_t[]){values});
    if (t->centre[a])
        t->scale[a] = expect(r, score_tensor_name(name, a, "scale"), LK_F32, 1, (size_t[]){values});
    if (t->scale[a])
        t->basis[a] =
            expect(r, score_tensor_name(name, a, "basis"), LK_F32, 2, (size_t[]){values, d});
    return t->basis[a] != NULL;
}

/* The shapes of a preparation, which may be unknown of drawings. */
static bool take_shapes(reader *r, int p, lk_local_pca *shapes, score_tensors *t) {
    char name[NAME_SIZE];
    const size_t d = shapes->values;
    const bool any = lk_tensorfile_find(r->file, shape_tensor_name(name, p, "steps")) ||
                     lk_tensorfile_find(r->file, shape_tensor_name(name, p, "means"));
    if (!any && p != LK_PREPARE_IMAGE) return true;
    t->means[p] = expect(r, shape_tensor_name(name, p, "means"), LK_F32, 2, (size_t[]){0, d});
    if (!t->means[p]) return false;
    shapes->clusters = t->means[p]->dims[0];
    if (shapes->clusters > LK_MAX_PIECES) {
        lk_fail(r->error, LK_MODEL, "more than %u shapes", (unsigned long long)LK_MAX_PIECES);
        return false;
    }
    t->steps[p] = expect(r, shape_tensor_name(name, p, "steps"), LK_I8, 3,
                         (size_t[]){shapes->clusters, LK_LANES, d});
    return t->steps[p] != NULL;
}

/* All tensors are demanded before a score is made, so that a few bytes cannot ask for much room. */
static lk_status read_score(reader *r, lk_model *model) {
    if (!lk_tensorfile_find(r->file, "score.means")) return LK_OK;
    lk_score sizes = {.mixture = {.dimensions = lk_model_latent(model)}};
    score_tensors t = {0};
    if (!take_mixture(r, LK_ASPECTS, &sizes.mixture, &t.mixture[LK_ASPECTS])) return LK_MODEL;
    for (int a = 0; a < LK_ASPECTS; a++) {
        sizes.aspects[a] = lk_aspect_plan(&model->arch, (lk_aspect_kind)a, 1);
        if (!take_aspect(r, a, &sizes.aspects[a], &t)) return LK_MODEL;
    }
    sizes.width = lk_model_latent(model) + sizes.aspects[LK_GIST].components;
    t.references = expect(r, "score.references", LK_I8, 2, (size_t[]){0, sizes.width});
    if (!t.references) return LK_MODEL;
    sizes.references = t.references->dims[0];
    for (int p = 0;
         p < LK_PREPARATIONS && lk_model_has_evidence(model, (lk_preparation)p, LK_SHAPE); p++) {
        sizes.shapes[p].values = lk_local_pca_values(model->arch.input);
        if (!take_shapes(r, p, &sizes.shapes[p], &t)) return LK_MODEL;
    }
    lk_score *score = lk_score_create(&sizes, r->error);
    if (!score) return LK_MEMORY;
    const lk_status status = fill_score(r, model, score, &t);
    if (status == LK_OK)
        lk_score_attach(model, score);
    else
        lk_score_free(score);
    return status;
}

static lk_model *read_model(reader *r) {
    const char *format = lk_tensorfile_text(r->file, "format");
    const char *arch = lk_tensorfile_text(r->file, "arch");
    if (!format || strcmp(format, FORMAT) != 0 || !arch) {
        lk_fail(r->error, LK_MODEL, "not a Likeness model of version 1");
        return NULL;
    }
    lk_model *model = lk_model_create(arch, r->error);
    if (!model) return NULL;
    lk_status status = read_texts(r, model);
    if (status == LK_OK) status = read_layers(r, model);
    if (status == LK_OK) status = read_score(r, model);
    if (status == LK_OK && r->taken != r->file->tensor_count)
        status = lk_fail(r->error, LK_MODEL, "%u tensors that its architecture does not name",
                         (unsigned long long)(r->file->tensor_count - r->taken));
    if (status == LK_OK) status = lk_tensorfile_verify(r->file, r->error);
    if (status == LK_OK) return model;
    lk_model_free(model);
    return NULL;
}

lk_model *lk_model_load(const void *bytes, size_t size, lk_error *error) {
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, error);
    if (!file) return NULL;
    reader r = {.file = file, .error = error};
    lk_model *model = read_model(&r);
    lk_tensorfile_free(file);
    return model;
}
