/* The gallery: known images to show as neighbours. Codes in int8 with one scale, so that distances
   are exact between what is stored. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "model.h"
#include "tensorfile.h"

static const char FORMAT[] = "likeness gallery 1";
/* Up to here the squares of distances are finite. */
static const float MOST_SCALE = 1e12f;
enum { MOST_LABEL = 65535 };

struct lk_gallery {
    lk_dataset images;
    uint32_t *origins; /* [count] */
    int8_t *codes;     /* [count][latent], times scale */
    float scale;
    size_t latent;
    char model[LK_TEXT_SIZE]; /* the weights that the codes are of */
    lk_index *index[2];       /* by lk_metric; owned */
};

static lk_gallery *create(lk_shape shape, size_t count, size_t latent, bool labels,
                          lk_error *error) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        size_t pixels = 0, codes = 0, unpacked = 0; /* the last: codes as numbers, for a while */
        if (!lk_mul_size(count, lk_shape_size(shape), &pixels) ||
            !lk_mul_size(count, latent, &codes) || !lk_mul_size(codes, sizeof(lk_real), &unpacked))
            arena.overflow = true;
        lk_gallery *g = lk_arena_take(&arena, 1, sizeof *g);
        uint8_t *images = lk_arena_take(&arena, pixels, 1);
        uint32_t *label = labels ? lk_arena_take(&arena, count, sizeof *label) : NULL;
        uint32_t *origins = lk_arena_take(&arena, count, sizeof *origins);
        int8_t *code = lk_arena_take(&arena, codes, 1);
        if (g) {
            g->images =
                (lk_dataset){.shape = shape, .count = count, .pixels = images, .labels = label};
            g->origins = origins;
            g->codes = code;
            g->latent = latent;
            return g;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

void lk_gallery_free(lk_gallery *gallery) {
    if (!gallery) return;
    lk_index_free(gallery->index[LK_METRIC_L2]);
    lk_index_free(gallery->index[LK_METRIC_COSINE]);
    lk_free(gallery);
}

const lk_dataset *lk_gallery_images(const lk_gallery *gallery) {
    return &gallery->images;
}
uint32_t lk_gallery_origin(const lk_gallery *gallery, size_t i) {
    return gallery->origins[i];
}

size_t lk_gallery_search(const lk_gallery *gallery, const lk_real *z, lk_metric metric, size_t k,
                         lk_simd simd, lk_neighbour *out) {
    return lk_index_search(gallery->index[metric], z, 1, k, 1, simd, out);
}

static lk_status check_labels(const lk_dataset *images, lk_status wrong, lk_error *error) {
    for (size_t i = 0; images->labels && i < images->count; i++)
        if (images->labels[i] > MOST_LABEL)
            return lk_fail(error, wrong, "gallery: label %u is out of range",
                           (unsigned long long)images->labels[i]);
    return LK_OK;
}

/* Builds what follows from the stored parts: classes and indices. */
static lk_status finish(lk_gallery *g, lk_error *error) {
    const size_t values = g->images.count * g->latent;
    for (size_t i = 0; g->images.labels && i < g->images.count; i++)
        g->images.classes = LK_MAX(g->images.classes, g->images.labels[i] + 1);
    lk_real *vectors = lk_alloc(values * sizeof *vectors);
    if (!vectors) return lk_fail(error, LK_MEMORY, "out of memory");
    for (size_t i = 0; i < values; i++) vectors[i] = (lk_real)g->codes[i] * (lk_real)g->scale;
    lk_status status = LK_OK;
    for (int metric = LK_METRIC_L2; status == LK_OK && metric <= LK_METRIC_COSINE; metric++) {
        g->index[metric] =
            lk_index_create(vectors, g->images.count, g->latent, (lk_metric)metric, error);
        if (!g->index[metric]) status = error ? error->status : LK_MEMORY;
    }
    lk_free(vectors);
    return status;
}

/* ---- making ---- */

static lk_status encode(lk_gallery *g, const lk_model *model, int threads, lk_simd simd,
                        lk_error *error) {
    const size_t values = g->images.count * g->latent;
    lk_real *codes = lk_alloc(values * sizeof *codes);
    if (!codes) return lk_fail(error, LK_MEMORY, "out of memory");
    lk_status status = lk_dataset_encode(&g->images, model, threads, simd, codes, error);
    double most = 0;
    for (size_t i = 0; status == LK_OK && i < values; i++) {
        if (!(fabs((double)codes[i]) <= 127 * (double)MOST_SCALE))
            status = lk_fail(error, LK_NONFINITE, "a code is not finite, or far too large");
        most = LK_MAX(most, fabs((double)codes[i]));
    }
    g->scale = (float)(most / 127);
    if (!(g->scale > 0)) g->scale = 1;
    for (size_t i = 0; status == LK_OK && i < values; i++) {
        const double steps = floor((double)codes[i] / (double)g->scale + 0.5);
        g->codes[i] = (int8_t)LK_MAX(-127.0, LK_MIN(127.0, steps));
    }
    lk_free(codes);
    return status;
}

lk_gallery *lk_gallery_create(const lk_model *model, const lk_dataset *data, size_t count,
                              uint64_t seed, int threads, lk_simd simd, lk_error *error) {
    count = LK_MIN(count, data->count);
    if (count == 0) {
        lk_fail(error, LK_USAGE, "a gallery needs images");
        return NULL;
    }
    uint32_t *order = lk_alloc(data->count * sizeof *order);
    if (!order) {
        lk_fail(error, LK_MEMORY, "out of memory");
        return NULL;
    }
    lk_gallery *g = create(data->shape, count, lk_model_latent(model), data->labels != NULL, error);
    lk_status status = g ? LK_OK : LK_MEMORY;
    if (g) {
        const size_t size = lk_shape_size(data->shape);
        for (size_t i = 0; i < data->count; i++) order[i] = (uint32_t)i;
        lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_REFERENCES, 1), order, data->count);
        for (size_t i = 0; i < count; i++) {
            memcpy(g->images.pixels + i * size, data->pixels + order[i] * size, size);
            if (data->labels) g->images.labels[i] = data->labels[order[i]];
            g->origins[i] = order[i];
        }
        strcpy(g->model, lk_model_text(model, LK_TEXT_WEIGHTS));
        status = check_labels(&g->images, LK_DATA, error);
        if (status == LK_OK) status = encode(g, model, threads, simd, error);
        if (status == LK_OK) status = finish(g, error);
    }
    lk_free(order);
    if (status == LK_OK) return g;
    lk_gallery_free(g);
    return NULL;
}

/* ---- files ---- */

enum { IMAGES, CODES, SCALE, ORIGINS, LABELS, TENSORS };

/* The tensors of a gallery of this size; those of `g` where it holds them. */
static size_t tensors_of(const lk_gallery *g, lk_tensor *t) {
    const lk_shape s = g->images.shape;
    const size_t n = g->images.count;
    t[IMAGES] = (lk_tensor){"images",
                            LK_U8,
                            4,
                            {n, s.channels, s.height, s.width},
                            g->images.pixels,
                            n * lk_shape_size(s)};
    t[CODES] = (lk_tensor){"codes", LK_I8, 2, {n, g->latent}, g->codes, n * g->latent};
    t[SCALE] = (lk_tensor){"scale", LK_F32, 1, {1}, &g->scale, sizeof g->scale};
    t[ORIGINS] = (lk_tensor){"origins", LK_U32, 1, {n}, g->origins, n * sizeof *g->origins};
    if (!g->images.labels) return TENSORS - 1;
    t[LABELS] = (lk_tensor){"labels", LK_U32, 1, {n}, g->images.labels, n * sizeof(uint32_t)};
    return TENSORS;
}

lk_status lk_gallery_save(const lk_gallery *g, lk_bytes *out, lk_error *error) {
    lk_tensor tensors[TENSORS];
    const size_t count = tensors_of(g, tensors);
    const lk_checksum checksum = lk_tensorfile_checksum(tensors, count);
    const lk_metadata metadata[] = {
        {"format", FORMAT}, {"model", g->model}, {LK_CHECKSUM, checksum.text}};
    return lk_tensorfile_write(tensors, count, metadata, LK_COUNTOF(metadata), out, error);
}

/* Fills a gallery whose sizes came from the file's "images". */
static lk_status fill(lk_gallery *g, const lk_tensorfile *file, lk_error *error) {
    lk_tensor expected[TENSORS];
    const size_t count = tensors_of(g, expected);
    if (file->tensor_count != count)
        return lk_fail(error, LK_MODEL, "gallery: %u tensors instead of %u",
                       (unsigned long long)file->tensor_count, (unsigned long long)count);
    for (size_t i = 0; i < count; i++) {
        const lk_tensor *t = lk_tensorfile_find(file, expected[i].name);
        bool fits = t && t->dtype == expected[i].dtype && t->rank == expected[i].rank;
        for (size_t k = 0; fits && k < t->rank; k++) fits = t->dims[k] == expected[i].dims[k];
        if (!fits)
            return lk_fail(error, LK_MODEL, "gallery: tensor '%s' is missing or of another shape",
                           expected[i].name);
        /* The expected tensors point at this gallery's own, still empty, parts. */
        memcpy((void *)(uintptr_t)expected[i].data, t->data, t->bytes);
    }
    if (!(g->scale > 0) || !(g->scale <= MOST_SCALE))
        return lk_fail(error, LK_MODEL, "gallery: the scale is out of range");
    lk_status status = check_labels(&g->images, LK_MODEL, error);
    if (status == LK_OK) status = lk_tensorfile_verify(file, error);
    return status == LK_OK ? finish(g, error) : status;
}

static lk_gallery *read_gallery(const lk_model *model, const lk_tensorfile *file, lk_error *error) {
    const char *format = lk_tensorfile_text(file, "format");
    const char *weights = lk_tensorfile_text(file, "model");
    const lk_tensor *images = lk_tensorfile_find(file, "images");
    const lk_shape shape = model->arch.input;
    if (!format || strcmp(format, FORMAT) != 0 || !weights) {
        lk_fail(error, LK_MODEL, "not a Likeness gallery of version 1");
        return NULL;
    }
    if (strcmp(weights, lk_model_text(model, LK_TEXT_WEIGHTS)) != 0) {
        lk_fail(error, LK_MODEL, "the gallery belongs to another model");
        return NULL;
    }
    if (!images || images->rank != 4 || images->dims[0] == 0 || images->dims[0] > UINT32_MAX ||
        images->dims[1] != shape.channels || images->dims[2] != shape.height ||
        images->dims[3] != shape.width) {
        lk_fail(error, LK_MODEL, "gallery: its images do not suit the model");
        return NULL;
    }
    lk_gallery *g = create(shape, images->dims[0], lk_model_latent(model),
                           lk_tensorfile_find(file, "labels") != NULL, error);
    if (!g) return NULL;
    strcpy(g->model, lk_model_text(model, LK_TEXT_WEIGHTS));
    if (fill(g, file, error) == LK_OK) return g;
    lk_gallery_free(g);
    return NULL;
}

lk_gallery *lk_gallery_load(const lk_model *model, const void *bytes, size_t size,
                            lk_error *error) {
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, error);
    if (!file) return NULL;
    lk_gallery *g = read_gallery(model, file, error);
    lk_tensorfile_free(file);
    return g;
}
