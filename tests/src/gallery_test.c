#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "model.h"
#include "tensorfile.h"
#include "test.h"

enum { SIZE = 6, LATENT = 3, IMAGES = 90, COUNT = 40 };
static const lk_shape SHAPE = {1, 2, 3};

static lk_model *new_model(uint64_t seed, const char *weights) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create("1x2x3 > dense 3 | dense 6 sigmoid > bce", &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    lk_model_init(model, LK_INIT_HE, seed);
    CHECK(lk_model_set_text(model, LK_TEXT_WEIGHTS, weights, &error) == LK_OK, "%s", error.message);
    return model;
}

static lk_gallery *new_gallery(const lk_model *model, const lk_dataset *data, size_t count) {
    lk_error error = {LK_OK, 0, ""};
    lk_gallery *g = lk_gallery_create(model, data, count, 5, 1, LK_SIMD_BEST, &error);
    CHECK(g, "%s", error.message);
    if (!g) abort();
    return g;
}

static lk_bytes saved(const lk_gallery *g) {
    lk_bytes bytes = {NULL, 0};
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_gallery_save(g, &bytes, &error) == LK_OK, "%s", error.message);
    return bytes;
}

static lk_gallery *load(const lk_model *model, const uint8_t *bytes, size_t size, lk_error *error) {
    uint8_t *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    *error = (lk_error){LK_OK, LK_NO_OFFSET, ""};
    lk_gallery *g = lk_gallery_load(model, copy, size, error);
    free(copy);
    return g;
}

/* Images with labels and places of their own, none twice. */
static void test_images(const lk_gallery *g, const lk_dataset *data, size_t count) {
    const lk_dataset *images = lk_gallery_images(g);
    bool used[IMAGES] = {false};
    CHECK(images->count == count && images->classes == 3, "%zu of %u classes", images->count,
          images->classes);
    CHECK(memcmp(&images->shape, &SHAPE, sizeof SHAPE) == 0, "shape");
    for (size_t i = 0; i < images->count; i++) {
        const uint32_t origin = lk_gallery_origin(g, i);
        CHECK(origin < IMAGES && !used[origin], "image %zu from %u", i, origin);
        if (origin >= IMAGES) continue;
        used[origin] = true;
        CHECK(memcmp(images->pixels + i * SIZE, data->pixels + origin * SIZE, SIZE) == 0,
              "image %zu", i);
        CHECK(images->labels[i] == data->labels[origin], "label %zu", i);
    }
}

/* The codes in the file are those of the images, in steps of one scale; searching finds the
   nearest of them. */
static void test_search(const lk_model *model, const lk_gallery *g) {
    lk_bytes bytes = saved(g);
    lk_tensorfile *file = lk_tensorfile_open(bytes.data, bytes.size, NULL);
    const lk_tensor *codes = lk_tensorfile_find(file, "codes");
    const lk_tensor *scales = lk_tensorfile_find(file, "scale");
    const size_t n = lk_gallery_images(g)->count;
    float scale;
    memcpy(&scale, scales->data, sizeof scale);
    lk_real *z = malloc(n * LATENT * sizeof *z), *stored = malloc(n * LATENT * sizeof *z);
    CHECK(lk_dataset_encode(lk_gallery_images(g), model, 1, LK_SIMD_BEST, z, NULL) == LK_OK,
          "encode");
    int largest = 0;
    for (size_t i = 0; i < n * LATENT; i++) {
        const int8_t step = ((const int8_t *)codes->data)[i];
        largest = LK_MAX(largest, abs(step));
        stored[i] = (lk_real)step * scale;
        CHECK(fabs((double)z[i] - (double)stored[i]) <= 0.5001 * (double)scale, "code %zu", i);
    }
    CHECK(largest == 127, "the largest step is %d", largest);
    for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) EACH_SIMD(simd)
    for (size_t q = 0; q < 10; q++) {
        lk_neighbour f[8];
        const lk_real *query = z + q * LATENT;
        const size_t found = lk_gallery_search(g, query, (lk_metric)metric, 8, simd, f);
        CHECK(found == LK_MIN(n, (size_t)8), "%zu", found);
        for (size_t i = 0; i < found; i++) {
            double squares = 0, dot = 0, qq = 0, vv = 0;
            for (size_t k = 0; k < LATENT; k++) {
                const double a = (double)query[k], b = (double)stored[f[i].index * LATENT + k];
                squares += (a - b) * (a - b);
                dot += a * b, qq += a * a, vv += b * b;
            }
            const double truth = metric == LK_METRIC_L2 ? sqrt(squares)
                                 : vv > 0               ? 1 - dot / sqrt(qq * vv)
                                                        : 1;
            CHECK(fabs((double)f[i].distance - truth) < 1e-5, "%g, not %g", (double)f[i].distance,
                  truth);
            CHECK(i == 0 || f[i].distance >= f[i - 1].distance, "order at %zu", i);
        }
    }
    free(z), free(stored);
    lk_tensorfile_free(file);
    lk_bytes_free(&bytes);
}

static void test_round_trip(const lk_model *model, const lk_dataset *data) {
    for (size_t count = 1; count <= IMAGES + 10; count += 33)
        for (int labels = 0; labels < 2; labels++) {
            lk_dataset some = *data;
            if (!labels) some.labels = NULL;
            lk_gallery *g = new_gallery(model, &some, count);
            lk_bytes bytes = saved(g), again = {NULL, 0};
            lk_error error;
            lk_gallery *loaded = load(model, bytes.data, bytes.size, &error);
            CHECK(loaded, "%s", error.message);
            if (loaded) {
                const lk_dataset *images = lk_gallery_images(loaded);
                again = saved(loaded);
                CHECK(again.size == bytes.size && memcmp(again.data, bytes.data, bytes.size) == 0,
                      "%zu images", count);
                CHECK(images->count == LK_MIN(count, (size_t)IMAGES), "%zu", images->count);
                CHECK((images->labels != NULL) == labels, "labels");
                for (size_t i = 0; i < images->count; i++)
                    CHECK(lk_gallery_origin(loaded, i) == lk_gallery_origin(g, i), "origin %zu", i);
            }
            lk_bytes_free(&bytes);
            lk_bytes_free(&again);
            lk_gallery_free(loaded);
            lk_gallery_free(g);
        }
}

static void test_same_bits(const lk_model *model, const lk_dataset *data) {
    uint64_t first = 0;
    EACH_SIMD(simd)
    for (int threads = 1; threads <= 3; threads++) {
        lk_gallery *g = lk_gallery_create(model, data, COUNT, 5, threads, simd, NULL);
        lk_bytes bytes = saved(g);
        const uint64_t hash = hash_bytes(bytes.data, bytes.size);
        if (!first) first = hash;
        CHECK(hash == first, "%s, %d threads", lk_simd_name(simd), threads);
        lk_bytes_free(&bytes);
        lk_gallery_free(g);
    }
}

/* ---- bad files ---- */

static void check_one_message(const lk_error *error, size_t where) {
    CHECK(error->status == LK_MODEL && error->message[0] && !strchr(error->message, '\n'),
          "at %zu: %d '%s'", where, error->status, error->message);
}

static void test_damage(const lk_model *model, lk_bytes bytes) {
    lk_error error;
    for (size_t size = 0; size < bytes.size; size++) {
        CHECK(!load(model, bytes.data, size, &error), "%zu bytes pass", size);
        check_one_message(&error, size);
    }
    size_t passed = 0;
    uint64_t header;
    memcpy(&header, bytes.data, sizeof header);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        lk_gallery *g = load(model, bytes.data, bytes.size, &error);
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!g) {
            check_one_message(&error, bit);
            continue;
        }
        passed++;
        CHECK(bit < 8 * (8 + header), "bit %zu of the data passes", bit);
        const lk_dataset *images = lk_gallery_images(g);
        const lk_real z[LATENT] = {0.5f, -1, 2};
        lk_neighbour f[4];
        for (size_t i = 0; images->labels && i < images->count; i++)
            CHECK(images->labels[i] < images->classes, "bit %zu: label %u of %u", bit,
                  images->labels[i], images->classes);
        for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) {
            const size_t n = lk_gallery_search(g, z, (lk_metric)metric, 4, LK_SIMD_BEST, f);
            CHECK(n == 4, "bit %zu: %zu found", bit, n);
            for (size_t i = 0; i < n; i++)
                CHECK(f[i].index < images->count && isfinite(f[i].distance), "bit %zu: %u at %g",
                      bit, f[i].index, (double)f[i].distance);
        }
        lk_gallery_free(g);
    }
    CHECK(passed > 0, "not even a bit of a text may change");
}

static lk_tensor *part(file_parts *p, const char *name) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->tensors[i].name, name) == 0) return &p->tensors[i];
    abort();
}

static void refuse(const lk_model *model, const file_parts *p, const char *says, const char *what) {
    lk_bytes bytes = {NULL, 0};
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_tensorfile_write(p->tensors, p->count, p->metadata, p->metadata_count, &bytes,
                              &error) == LK_OK,
          "%s: %s", what, error.message);
    CHECK(!load(model, bytes.data, bytes.size, &error) && error.status == LK_MODEL, "%s passes",
          what);
    CHECK(strstr(error.message, says), "%s: %s", what, error.message);
    lk_bytes_free(&bytes);
}

static void test_wrong_parts(const lk_model *model, lk_bytes bytes) {
    static const char *const NAMES[] = {"images", "codes", "scale", "origins", "labels"};
    static uint8_t room[1 << 12];
    lk_tensorfile *file = lk_tensorfile_open(bytes.data, bytes.size, NULL);
    CHECK(file && file->tensor_count == LK_COUNTOF(NAMES), "%zu", file->tensor_count);
    for (size_t i = 0; i < LK_COUNTOF(NAMES); i++) {
        char what[60];
        file_parts p = parts_of(file);
        lk_tensor *t = part(&p, NAMES[i]);
        snprintf(what, sizeof what, "without %s", NAMES[i]);
        memmove(t, t + 1, (size_t)(p.tensors + --p.count - t) * sizeof *t);
        if (strcmp(NAMES[i], "labels") != 0) refuse(model, &p, "gallery: ", what);

        p = parts_of(file);
        t = part(&p, NAMES[i]);
        snprintf(what, sizeof what, "%s of another type", NAMES[i]);
        t->dtype = t->dtype == LK_F32 ? LK_I32 : t->dtype == LK_I8 ? LK_U8 : LK_I8;
        t->data = room;
        t->bytes = lk_dtype_size(t->dtype);
        for (size_t k = 0; k < t->rank; k++) t->bytes *= t->dims[k];
        refuse(model, &p, "gallery: ", what);

        p = parts_of(file);
        t = part(&p, NAMES[i]);
        snprintf(what, sizeof what, "%s one longer", NAMES[i]);
        t->bytes += t->bytes / t->dims[0];
        t->dims[0]++;
        t->data = room;
        refuse(model, &p, "gallery: ", what);

        p = parts_of(file);
        t = part(&p, NAMES[i]);
        snprintf(what, sizeof what, "%s empty", NAMES[i]);
        t->bytes = t->dims[0] = 0;
        refuse(model, &p, "gallery: ", what);
    }
    static const float SCALES[] = {0, -1, NAN, INFINITY, 3e38f};
    for (size_t i = 0; i < LK_COUNTOF(SCALES); i++) {
        file_parts p = parts_of(file);
        part(&p, "scale")->data = &SCALES[i];
        refuse(model, &p, "the scale", "scale");
    }
    file_parts p = parts_of(file);
    uint32_t labels[COUNT] = {0};
    labels[3] = 65536;
    part(&p, "labels")->data = labels;
    refuse(model, &p, "label 65536 is out of range", "label");

    p = parts_of(file);
    p.tensors[p.count++] = (lk_tensor){"extra", LK_U8, 1, {1}, room, 1};
    refuse(model, &p, "6 tensors instead of 5", "extra");
    for (size_t i = 0; i < p.metadata_count; i++) {
        p = parts_of(file);
        p.metadata[i].value = "likeness gallery 2";
        refuse(model, &p,
               strcmp(p.metadata[i].key, "model") ? "gallery of version 1" : "another model",
               p.metadata[i].key);
        p.metadata[i] = p.metadata[--p.metadata_count];
        refuse(model, &p, "gallery of version 1", "without metadata");
    }
    lk_tensorfile_free(file);
}

static void test_other_models(lk_bytes bytes) {
    lk_error error;
    lk_model *other = new_model(2, "another hash");
    CHECK(!load(other, bytes.data, bytes.size, &error) && error.status == LK_MODEL, "passes");
    CHECK(strcmp(error.message, "the gallery belongs to another model") == 0, "%s", error.message);
    lk_model_free(other);

    other = lk_model_create("1x3x2 > dense 3 | dense 6 sigmoid > bce", NULL);
    lk_model_set_text(other, LK_TEXT_WEIGHTS, "a hash", NULL);
    CHECK(!load(other, bytes.data, bytes.size, &error), "another shape passes");
    CHECK(strstr(error.message, "do not suit the model"), "%s", error.message);
    lk_model_free(other);

    other = lk_model_create("1x2x3 > dense 4 | dense 6 sigmoid > bce", NULL);
    lk_model_set_text(other, LK_TEXT_WEIGHTS, "a hash", NULL);
    CHECK(!load(other, bytes.data, bytes.size, &error), "another latent size passes");
    CHECK(strstr(error.message, "'codes'"), "%s", error.message);
    lk_bytes file = {NULL, 0};
    CHECK(lk_model_save(other, &file, NULL) == LK_OK, "save");
    CHECK(!load(other, file.data, file.size, &error), "a model is no gallery");
    CHECK(strstr(error.message, "not a Likeness gallery"), "%s", error.message);
    lk_bytes_free(&file);
    lk_model_free(other);
}

static void test_refused_creation(const lk_model *model, const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    CHECK(!lk_gallery_create(model, data, 0, 1, 1, LK_SIMD_BEST, &error) &&
              error.status == LK_USAGE,
          "no images");
    lk_dataset other = *data;
    other.shape = (lk_shape){1, 3, 2};
    CHECK(!lk_gallery_create(model, &other, 5, 1, 1, LK_SIMD_BEST, &error) &&
              error.status == LK_DATA,
          "another shape");
    /* Finite weights whose codes are not. */
    lk_model *wild = new_model(1, "wild");
    for (size_t i = 0; i < wild->arch.packed; i++) wild->parameters[i] *= 1e38f;
    CHECK(!lk_gallery_create(wild, data, 5, 1, 1, LK_SIMD_BEST, &error) &&
              error.status == LK_NONFINITE,
          "infinite codes: %s", error.message);
    lk_model_free(wild);
    /* What is saved can be loaded. */
    uint32_t labels[IMAGES] = {0};
    labels[7] = 65536;
    other = *data;
    other.labels = labels;
    CHECK(!lk_gallery_create(model, &other, IMAGES, 1, 1, LK_SIMD_BEST, &error) &&
              error.status == LK_DATA,
          "a label too large: %s", error.message);
    lk_gallery_free(NULL);
}

/* Codes that are all zero still have a scale. */
static void test_zero_codes(const lk_dataset *data) {
    lk_model *model = lk_model_create("1x2x3 > dense 3 | dense 6 > mse", NULL);
    lk_gallery *g = new_gallery(model, data, COUNT);
    lk_bytes bytes = saved(g);
    lk_error error;
    lk_gallery *loaded = load(model, bytes.data, bytes.size, &error);
    CHECK(loaded, "%s", error.message);
    lk_gallery_free(loaded);
    lk_gallery_free(g);
    lk_bytes_free(&bytes);
    lk_model_free(model);
}

int main(void) {
    lk_dataset data = make_images(SHAPE, 0, IMAGES, 3);
    lk_model *model = new_model(1, "a hash");
    lk_gallery *gallery = new_gallery(model, &data, COUNT);
    lk_bytes bytes = saved(gallery);
    test_images(gallery, &data, COUNT);
    test_search(model, gallery);
    test_round_trip(model, &data);
    test_same_bits(model, &data);
    test_damage(model, bytes);
    test_wrong_parts(model, bytes);
    test_other_models(bytes);
    test_refused_creation(model, &data);
    test_zero_codes(&data);
    lk_bytes_free(&bytes);
    lk_gallery_free(gallery);
    lk_model_free(model);
    free_images(&data);
    return TEST_RESULT();
}
