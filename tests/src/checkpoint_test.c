#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "half.h"
#include "score.h"
#include "tensorfile.h"
#include "test.h"

static const char ARCH[] = "1x2x3 > dense 2 leaky | dense 6 sigmoid > bce";
static const char POSED[] =
    "1x4x4 > conv 2 3 s2 relu > dense 3 tanh > pose 1 1 > dense 2 | dense 16 sigmoid > mse";

/* A tiny model with all that a file can hold. */
static lk_model *whole_model(const char *arch) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = lk_model_create(arch, &error);
    CHECK(model, "%s", error.message);
    if (!model) abort();
    lk_dataset data = make_images(lk_model_shape(model), 0, 40, 1);
    lk_dataset held_out = make_images(lk_model_shape(model), 40, 25, 1);
    lk_model_init(model, LK_INIT_HE, 4);
    CHECK(lk_score_fit(model, &data, 0, true, 7, 1, 1, LK_SIMD_BEST, &error) == LK_OK, "%s",
          error.message);
    for (int p = 0; p < LK_PREPARATIONS; p++)
        CHECK(lk_score_calibrate(model, (lk_preparation)p, &held_out, 1, LK_SIMD_BEST, &error) ==
                  LK_OK,
              "%s", error.message);
    static const char *const TEXTS[LK_TEXTS] = {"ae",
                                                "\"digits\" \\ \xc3\xa4\n",
                                                "nothing",
                                                "0123456789abcdef",
                                                "0.05",
                                                "some words",
                                                "cats\n\"dogs\""};
    for (int i = 0; i < LK_TEXTS; i++)
        CHECK(lk_model_set_text(model, (lk_text)i, TEXTS[i], &error) == LK_OK, "%s", error.message);
    free_images(&data);
    free_images(&held_out);
    return model;
}

static lk_bytes saved(const lk_model *model) {
    lk_bytes bytes = {NULL, 0};
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_model_save(model, &bytes, &error) == LK_OK, "%s", error.message);
    return bytes;
}

static bool equal(lk_bytes a, lk_bytes b) {
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool finite(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

static bool all_finite(const lk_model *model) {
    const lk_score *s = model->score;
    bool good = finite(model->parameters, model->arch.packed);
    if (!s) return good;
    const size_t d = s->mixture.dimensions, clusters = s->mixture.clusters;
    good = good && finite(s->mixture.means, clusters * d) &&
           finite(s->mixture.whitening, clusters * d * d) && finite(s->mixture.offsets, clusters);
    for (int p = 0; p < LK_PREPARATIONS; p++) {
        const lk_calibration *c = s->calibration[p];
        good = good && (!c || finite(c->scores, c->judging));
        good = good && (!c || finite(c->limits, LK_TEXTURES));
        for (size_t e = 0; c && e < LK_RANKED; e++)
            good = good && finite(c->evidence[e], c->shaping);
        for (size_t e = 0; c && e < LK_RANKED; e++)
            good = good && isfinite(c->tail[e].from) && isfinite(c->tail[e].mean);
    }
    return good;
}

/* A copy of exactly this size, so that the sanitizer sees every read too many. */
static lk_model *load(const uint8_t *bytes, size_t size, lk_error *error) {
    uint8_t *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    *error = (lk_error){LK_OK, LK_NO_OFFSET, ""};
    lk_model *model = lk_model_load(copy, size, error);
    free(copy); /* the model must not need it */
    return model;
}

static void check_one_message(const lk_error *error, const char *what, size_t where) {
    CHECK(error->status == LK_MODEL, "%s %zu: status %d", what, where, error->status);
    CHECK(error->message[0] && !strchr(error->message, '\n'), "%s %zu: '%s'", what, where,
          error->message);
}

/* Everything comes back: to the byte in the file, to the bit in a verdict. */
static void test_round_trip(const lk_model *model) {
    lk_bytes bytes = saved(model);
    lk_error error;
    lk_model *loaded = load(bytes.data, bytes.size, &error);
    CHECK(loaded, "%s", error.message);
    if (!loaded) return;
    lk_bytes again = saved(loaded);
    CHECK(equal(bytes, again), "another file");
    CHECK(strcmp(lk_model_arch(model), lk_model_arch(loaded)) == 0, "%s", lk_model_arch(loaded));
    for (int i = 0; i < LK_TEXTS; i++)
        CHECK(strcmp(lk_model_text(model, (lk_text)i), lk_model_text(loaded, (lk_text)i)) == 0,
              "%s", lk_model_text(loaded, (lk_text)i));
    const lk_shape shape = lk_model_shape(model);
    lk_dataset fresh = make_images(shape, 100, 50, 1);
    lk_run *a = lk_run_create(model, 1, LK_SIMD_BEST, NULL);
    lk_run *b = lk_run_create(loaded, 1, LK_SIMD_BEST, NULL);
    for (size_t i = 0; i < fresh.count; i++)
        for (int p = 0; p < LK_PREPARATIONS; p++) {
            const lk_picture picture = {fresh.pixels + i * lk_shape_size(shape), shape.width,
                                        shape.height, 1};
            lk_result ra, rb;
            memset(&ra, 0, sizeof ra);
            memset(&rb, 0, sizeof rb);
            CHECK(lk_check(a, (lk_preparation)p, picture, 0.1, &ra, &error) == LK_OK, "%s",
                  error.message);
            CHECK(lk_check(b, (lk_preparation)p, picture, 0.1, &rb, &error) == LK_OK, "%s",
                  error.message);
            CHECK(ra.verdict == rb.verdict && ra.p == rb.p && ra.score == rb.score, "image %zu", i);
            for (size_t e = 0; e < LK_EVIDENCES; e++)
                CHECK(ra.evidence[e].value == rb.evidence[e].value &&
                          ra.evidence[e].p == rb.evidence[e].p,
                      "image %zu", i);
        }
    lk_run_free(a), lk_run_free(b);
    free_images(&fresh);
    lk_bytes_free(&bytes);
    lk_bytes_free(&again);
    lk_model_free(loaded);
}

/* Models without scores, without a calibration, of every family. */
static void test_partial(void) {
    size_t count;
    const lk_family *families = lk_families(&count);
    lk_dataset data = make_images((lk_shape){1, 8, 8}, 0, 60, 1);
    for (size_t i = 0; i < count; i++)
        for (int parts = 0; parts < 4; parts++) {
            char arch[1024];
            lk_error error = {LK_OK, 0, ""};
            CHECK(lk_family_arch(&families[i], data.shape, strstr(families[i].arch, "{z}") ? 5 : 0,
                                 10, arch, sizeof arch, &error) == LK_OK,
                  "%s", error.message);
            lk_model *model = lk_model_create(arch, &error);
            lk_model_init(model, LK_INIT_GLOROT, 1);
            if (parts > 0)
                CHECK(lk_score_fit(model, &data, 0, false, 9, 1, 1, LK_SIMD_BEST, &error) == LK_OK,
                      "%s", error.message);
            if (parts > 1)
                CHECK(lk_score_calibrate(model, parts == 2 ? LK_PREPARE_IMAGE : LK_PREPARE_INK,
                                         &data, 1, LK_SIMD_BEST, &error) == LK_OK,
                      "%s", error.message);
            lk_bytes bytes = saved(model), again = {NULL, 0};
            lk_model *loaded = load(bytes.data, bytes.size, &error);
            CHECK(loaded, "%s", error.message);
            if (loaded) {
                again = saved(loaded);
                CHECK(equal(bytes, again), "%s with parts %d", arch, parts);
                for (int p = 0; p < LK_PREPARATIONS; p++)
                    CHECK(lk_model_calibrated(loaded, (lk_preparation)p) == (parts == p + 2),
                          "%s with parts %d", arch, parts);
            }
            lk_bytes_free(&bytes);
            lk_bytes_free(&again);
            lk_model_free(loaded);
            lk_model_free(model);
        }
    free_images(&data);
}

static void test_truncations(lk_bytes bytes) {
    for (size_t size = 0; size < bytes.size; size++) {
        lk_error error;
        lk_model *model = load(bytes.data, size, &error);
        CHECK(!model, "%zu bytes of %zu pass", size, bytes.size);
        check_one_message(&error, "truncation", size);
        lk_model_free(model);
    }
    lk_error error;
    uint8_t *longer = calloc(bytes.size + 1, 1);
    memcpy(longer, bytes.data, bytes.size);
    CHECK(!load(longer, bytes.size + 1, &error), "a byte too many passes");
    check_one_message(&error, "byte", bytes.size);
    free(longer);
}

/* Every flipped bit of the data is refused; one of the header is, or makes another model that is
   whole and can be used. */
static void test_flips(lk_bytes bytes) {
    static lk_real x[1 << 16];
    size_t passed = 0;
    uint64_t header;
    memcpy(&header, bytes.data, sizeof header);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        lk_error error;
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        lk_model *model = load(bytes.data, bytes.size, &error);
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!model) {
            check_one_message(&error, "bit", bit);
            continue;
        }
        passed++;
        CHECK(bit < 8 * (8 + header), "bit %zu of the data passes", bit);
        CHECK(all_finite(model), "bit %zu loads what is not finite", bit);
        const size_t size = lk_shape_size(lk_model_shape(model));
        lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, &error);
        for (size_t i = 0; i < size; i++) x[i] = (lk_real)(i % 2);
        for (int p = 0; p < LK_PREPARATIONS; p++) {
            lk_result r;
            const lk_status status = lk_check_input(run, (lk_preparation)p, x, 0.1, &r, &error);
            CHECK(status == LK_OK || status == LK_NONFINITE || status == LK_MODEL, "bit %zu: %s",
                  bit, error.message);
            CHECK(status != LK_OK || (isfinite(r.score) && r.p > 0 && r.p <= 1),
                  "bit %zu: p %g, score %g", bit, r.p, (double)r.score);
        }
        lk_run_free(run);
        lk_model_free(model);
    }
    CHECK(passed > 0, "not even a bit of a text may change");
}

/* ---- well-formed files with wrong parts ---- */

static void refuse(const file_parts *p, const char *says, const char *what) {
    lk_bytes bytes = {NULL, 0};
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_tensorfile_write(p->tensors, p->count, p->metadata, p->metadata_count, &bytes,
                              &error) == LK_OK,
          "%s: %s", what, error.message);
    lk_model *model = load(bytes.data, bytes.size, &error);
    CHECK(!model && error.status == LK_MODEL, "%s passes", what);
    CHECK(strstr(error.message, says), "%s: %s", what, error.message);
    lk_model_free(model);
    lk_bytes_free(&bytes);
}

static void set_metadata(file_parts *p, const char *key, const char *value) {
    for (size_t i = 0; i < p->metadata_count; i++)
        if (strcmp(p->metadata[i].key, key) == 0) {
            p->metadata[i].value = value;
            if (!value) p->metadata[i] = p->metadata[--p->metadata_count];
            return;
        }
    CHECK(false, "no metadata '%s'", key);
}

static void test_wrong_tensors(const lk_tensorfile *file) {
    static uint8_t room[1 << 16];
    for (size_t i = 0; i < file->tensor_count; i++) {
        const lk_tensor *t = &file->tensors[i];
        char what[100], name[64];
        file_parts p = parts_of(file);
        snprintf(what, sizeof what, "without %s", t->name);
        memmove(p.tensors + i, p.tensors + i + 1, (--p.count - i) * sizeof *p.tensors);
        /* Without its means a score is not looked for, and its other parts are too many. */
        refuse(&p, strcmp(t->name, "score.means") ? t->name : "does not name", what);

        p = parts_of(file);
        snprintf(what, sizeof what, "%s renamed", t->name);
        snprintf(name, sizeof name, "%sx", t->name);
        p.tensors[i].name = name;
        refuse(&p, strcmp(t->name, "score.means") ? t->name : "does not name", what);

        p = parts_of(file);
        snprintf(what, sizeof what, "%s of another type", t->name);
        p.tensors[i].dtype = t->dtype == LK_F32 ? LK_I32 : LK_U8;
        if (t->dtype == LK_F16) p.tensors[i].bytes /= 2;
        refuse(&p, "another shape or type", what);

        p = parts_of(file);
        snprintf(what, sizeof what, "%s of another rank", t->name);
        p.tensors[i].dims[p.tensors[i].rank++] = 1;
        refuse(&p, "another shape or type", what);

        p = parts_of(file);
        snprintf(what, sizeof what, "%s one longer", t->name);
        p.tensors[i].data = room;
        p.tensors[i].dims[t->rank - 1]++;
        p.tensors[i].bytes = lk_dtype_size(t->dtype);
        for (size_t k = 0; k < t->rank; k++) p.tensors[i].bytes *= p.tensors[i].dims[k];
        memset(room, 0, sizeof room);
        /* Sizes that a calibration chooses itself may be any. */
        const bool free_size =
            strncmp(t->name, "calibration.", 12) == 0 && !strstr(t->name, "limits");
        if (!free_size) refuse(&p, "another shape or type", what);

        p = parts_of(file);
        snprintf(what, sizeof what, "%s empty", t->name);
        p.tensors[i].dims[0] = 0;
        p.tensors[i].bytes = 0;
        refuse(&p, "another shape or type", what);

        static const float BAD[] = {NAN, INFINITY, -INFINITY};
        for (size_t b = 0; t->dtype == LK_F32 && b < LK_COUNTOF(BAD); b++)
            for (size_t at = 0; at < t->bytes; at += LK_MAX(t->bytes - 4, (size_t)4)) {
                p = parts_of(file);
                snprintf(what, sizeof what, "%g in %s", (double)BAD[b], t->name);
                memcpy(room, t->data, t->bytes);
                memcpy(room + at, &BAD[b], sizeof BAD[b]);
                p.tensors[i].data = room;
                refuse(&p, "not finite", what);
            }
        for (unsigned sign = 0; t->dtype == LK_F16 && sign < 2; sign++) {
            const uint16_t bad = sign ? 0xfc00 : 0x7e00;
            p = parts_of(file);
            snprintf(what, sizeof what, "%x in %s", bad, t->name);
            memcpy(room, t->data, t->bytes);
            memcpy(room + t->bytes - sizeof bad, &bad, sizeof bad);
            p.tensors[i].data = room;
            refuse(&p, "not finite", what);
        }
        if (strstr(t->name, "whitening")) {
            p = parts_of(file);
            memcpy(room, t->data, t->bytes);
            memset(room, 0, sizeof(float)); /* the first value of the first diagonal */
            p.tensors[i].data = room;
            refuse(&p, "cannot be undone", "a whitening of 0");
        }
        if (strstr(t->name, "limits")) {
            static const float WRONG[3] = {1, 0, 1};
            p = parts_of(file);
            p.tensors[i].data = WRONG;
            refuse(&p, "a limit is not over 0", t->name);
            continue;
        }
        if (!free_size) continue;
        p = parts_of(file); /* the first value larger than the second */
        snprintf(what, sizeof what, "%s unsorted", t->name);
        memcpy(room, t->data, t->bytes);
        ((float *)(void *)room)[0] = ((float *)(void *)room)[1] + 1;
        p.tensors[i].data = room;
        refuse(&p, "does not ascend", what);
    }
    static const float value = 1;
    file_parts p = parts_of(file);
    p.tensors[p.count++] = (lk_tensor){"extra", LK_F32, 1, {1}, &value, sizeof value};
    refuse(&p, "1 tensors that its architecture does not name", "an extra tensor");
}

static void test_wrong_metadata(const lk_tensorfile *file) {
    static const struct {
        const char *key, *value, *says;
    } CASES[] = {
        {"format", "likeness 2", "version 1"},
        {"format", "likeness 1 ", "version 1"},
        {"format", "", "version 1"},
        {"format", NULL, "version 1"},
        {"alpha", "0", "its alpha"},
        {"alpha", "1", "its alpha"},
        {"alpha", "-0.1", "its alpha"},
        {"alpha", "1e-3", "its alpha"},
        {"alpha", "nan", "its alpha"},
        {"arch", NULL, "version 1"},
        {"arch", "", "shape"},
        {"arch", "1x2x3 > dense 3 leaky | dense 6 sigmoid > bce", "'layers.0.weight'"},
        {"arch", "1x3x3 > dense 2 leaky | dense 9 sigmoid > bce", "'layers.0.weight'"},
        {"arch", "1x2x3 > dense 2 > dense 2 leaky | dense 6 sigmoid > bce", "'layers.1.weight'"},
        {"arch", "1x1048576x1048576 > dense 2 | dense 6 > mse", "shape"},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        file_parts p = parts_of(file);
        char what[40];
        snprintf(what, sizeof what, "metadata %zu", i);
        set_metadata(&p, CASES[i].key, CASES[i].value);
        refuse(&p, CASES[i].says, what);
    }
    char text[257];
    memset(text, 'x', 256);
    text[256] = 0;
    file_parts p = parts_of(file);
    set_metadata(&p, "title", text);
    refuse(&p, "'title' is too long", "a long title");
}

/* More clusters than there may be. */
static void test_clusters(const lk_tensorfile *file) {
    static const float room[11 * 4];
    file_parts p = parts_of(file);
    for (size_t i = 0; i < p.count; i++) {
        lk_tensor *t = &p.tensors[i];
        if (strcmp(t->name, "score.means") && strcmp(t->name, "score.whitening") &&
            strcmp(t->name, "score.offsets"))
            continue;
        t->bytes = t->bytes / t->dims[0] * 11;
        t->dims[0] = 11;
        t->data = room;
    }
    refuse(&p, "more than 10 clusters", "11 clusters");
}

/* A score whose matrices would take 400 GB, in a file that lacks them: no room may be asked for. */
static void test_vast_score(void) {
    enum { LATENT = 100000, CLUSTERS = LK_MAX_CLUSTERS };
    lk_model *model = lk_model_create("1x1x1 > dense 100000 | dense 1 > mse", NULL);
    lk_bytes bytes = saved(model);
    lk_tensorfile *file = lk_tensorfile_open(bytes.data, bytes.size, NULL);
    float *zeros = calloc(CLUSTERS * LATENT, sizeof *zeros);
    file_parts p = parts_of(file);
    p.tensors[p.count++] = (lk_tensor){
        "score.means", LK_F32, 2, {CLUSTERS, LATENT}, zeros, CLUSTERS * LATENT * sizeof *zeros};
    p.tensors[p.count++] = (lk_tensor){"score.references", LK_I8, 2, {1, LATENT}, zeros, LATENT};
    refuse(&p, "'score.whitening' is missing", "a vast score");
    free(zeros);
    lk_tensorfile_free(file);
    lk_bytes_free(&bytes);
    lk_model_free(model);
}

static void test_refused_saves(void) {
    static const float BAD[] = {NAN, INFINITY};
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++) {
        lk_model *model = whole_model(ARCH);
        lk_error error = {LK_OK, 0, ""};
        lk_bytes bytes = {NULL, 0};
        model->parameters[3] = BAD[i];
        CHECK(lk_model_save(model, &bytes, &error) == LK_NONFINITE, "%g is saved", (double)BAD[i]);
        CHECK(!bytes.data && strstr(error.message, "not finite"), "%s", error.message);
        lk_model_free(model);
    }
}

/* Weights in the order of the file: row-major, layer by layer; biases, still 0, are of 16 bits
   there. */
static void test_weights(const lk_model *model, const lk_tensorfile *file) {
    static const char *const NAMES[] = {"layers.0.weight", "layers.0.bias", "layers.1.weight",
                                        "layers.1.bias"};
    lk_bytes weights = {NULL, 0};
    CHECK(lk_model_weights(model, &weights, NULL) == LK_OK, "weights");
    size_t at = 0;
    for (size_t i = 0; i < LK_COUNTOF(NAMES); i++) {
        const lk_tensor *t = lk_tensorfile_find(file, NAMES[i]);
        CHECK(t && t->dtype == (i % 2 ? LK_F16 : LK_F32), "%s", NAMES[i]);
        const size_t n = t ? t->bytes / lk_dtype_size(t->dtype) : 0;
        if (n && i % 2 == 0)
            CHECK(memcmp(weights.data + at, t->data, t->bytes) == 0, "%s", NAMES[i]);
        for (size_t k = 0; i % 2 && k < n * sizeof(float); k++)
            CHECK(weights.data[at + k] == 0, "%s", NAMES[i]);
        at += n * sizeof(float);
    }
    CHECK(at == weights.size, "%zu", at);
    lk_bytes_free(&weights);
}

/* Rounded weights are the nearest of 16 bits and take half the room, but for a tensor with one that
   is too large for them. */
static void test_halved(void) {
    lk_error error = {LK_OK, 0, ""};
    lk_model *model = whole_model(POSED), *loaded;
    lk_bytes before = {NULL, 0}, after = {NULL, 0}, whole = saved(model);
    const size_t stored = model->arch.stored;
    CHECK(lk_model_weights(model, &before, NULL) == LK_OK, "weights");
    CHECK(lk_model_halve(model, &error) == LK_OK, "%s", error.message);
    CHECK(lk_model_weights(model, &after, NULL) == LK_OK, "weights");
    const lk_real *w = (const lk_real *)(const void *)before.data;
    const lk_real *rounded = (const lk_real *)(const void *)after.data;
    for (size_t i = 0; i < stored; i++)
        CHECK(rounded[i] == lk_half_value(lk_half_of(w[i])), "weight %zu: %g became %g", i,
              (double)w[i], (double)rounded[i]);

    lk_bytes half = saved(model);
    lk_tensorfile *file = lk_tensorfile_open(half.data, half.size, NULL);
    size_t found = 0;
    for (size_t i = 0; file && i < file->tensor_count; i++)
        if (strncmp(file->tensors[i].name, "layers.", 7) == 0) {
            CHECK(file->tensors[i].dtype == LK_F16, "%s", file->tensors[i].name);
            found += file->tensors[i].bytes;
        }
    CHECK(found == 2 * stored && half.size < whole.size, "%zu bytes of %zu weights", found, stored);
    test_round_trip(model);
    test_truncations(half);
    test_wrong_tensors(file);
    lk_tensorfile_free(file);

    model->parameters[0] = 70000;
    CHECK(lk_model_halve(model, &error) == LK_OK, "%s", error.message);
    lk_bytes large = saved(model);
    loaded = load(large.data, large.size, &error);
    file = lk_tensorfile_open(large.data, large.size, NULL);
    for (size_t i = 0; file && i < file->tensor_count; i++)
        if (strncmp(file->tensors[i].name, "layers.", 7) == 0) {
            const bool first = strcmp(file->tensors[i].name, "layers.0.weight") == 0;
            CHECK(file->tensors[i].dtype == (first ? LK_F32 : LK_F16), "%s", file->tensors[i].name);
        }
    CHECK(loaded && loaded->parameters[0] == 70000, "%s", error.message);
    lk_tensorfile_free(file);
    lk_model_free(loaded);
    lk_bytes_free(&large);
    lk_bytes_free(&half);
    lk_bytes_free(&whole);
    lk_bytes_free(&after);
    lk_bytes_free(&before);
    lk_model_free(model);
}

int main(void) {
    lk_model *model = whole_model(ARCH);
    lk_bytes bytes = saved(model);
    lk_tensorfile *file = lk_tensorfile_open(bytes.data, bytes.size, NULL);
    CHECK(file && file->tensor_count == 14, "%zu tensors", file ? file->tensor_count : 0);
    test_round_trip(model);
    test_partial();
    test_truncations(bytes);
    test_flips(bytes);
    test_wrong_tensors(file);
    test_wrong_metadata(file);
    test_clusters(file);
    test_vast_score();
    test_refused_saves();
    test_weights(model, file);
    lk_tensorfile_free(file);
    lk_bytes_free(&bytes);
    lk_model_free(model);

    model = whole_model(POSED);
    bytes = saved(model);
    file = lk_tensorfile_open(bytes.data, bytes.size, NULL);
    CHECK(file && file->tensor_count == 48, "%zu tensors", file ? file->tensor_count : 0);
    test_round_trip(model);
    test_wrong_tensors(file);
    lk_tensorfile_free(file);
    lk_bytes_free(&bytes);
    lk_model_free(model);
    test_halved();
    return TEST_RESULT();
}
