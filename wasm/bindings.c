/* The core as WASM exports. No pointer ever comes in: bytes arrive in one inbox, results lie in
   buffers that belong to a handle, and every argument is a number that is checked, so that no call
   can reach memory that is not its own. A handle carries the generation of its slot; a stale or a
   made-up one is an error, never a crash. Whoever fails returns its status (or 0 for a pointer or a
   handle) and leaves the reason in lk_wasm_error_*. */
#include "bindings.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 16, MAX_BATCH = 64, BATCH_VALUES = 1 << 16, RESULTS = 3 + 3 * LK_EVIDENCES };
#define NO_LABEL UINT32_MAX

typedef struct session {
    uint32_t generation; /* of the slot; never 0 for one that is or was in use */
    lk_model *model;     /* NULL: the slot is free */
    lk_run *run;
    lk_gallery *gallery;    /* NULL until loaded */
    float *x, *z, *x_hat;   /* max_batch x input, latent, input */
    float *probabilities;   /* max_batch x classes */
    uint32_t *codes;        /* of one image */
    double result[RESULTS]; /* verdict, p, score, then of each evidence value, p and surprise */
    lk_neighbour neighbours[LK_MAX_NEIGHBOURS];
} session;

static session sessions[SLOTS];
lk_bytes inbox;
lk_error last_error;

lk_status fail(lk_status status, const char *message) {
    last_error = (lk_error){.status = status, .offset = LK_NO_OFFSET};
    strncpy(last_error.message, message, sizeof last_error.message - 1);
    return status;
}

static session *find(uint32_t handle) {
    session *s = &sessions[handle % SLOTS];
    if (handle != 0 && s->model && s->generation == handle / SLOTS) return s;
    fail(LK_USAGE, "no such model: the handle is stale or made up");
    return NULL;
}

static size_t input_size(const session *s) {
    lk_shape shape = lk_model_shape(s->model);
    return (size_t)shape.channels * shape.height * shape.width;
}

/* ---- bytes in, errors out ---- */

void empty_inbox(void) {
    free(inbox.data);
    inbox = (lk_bytes){0};
}

/* Room for the next file or picture; what was there is gone. 0 with an error when out of memory. */
uint8_t *EXPORT(lk_wasm_inbox)(uint32_t size) {
    if (inbox.data && inbox.size == size) return inbox.data;
    empty_inbox();
    if (size == 0) return NULL;
    inbox.data = malloc(size);
    if (!inbox.data) {
        fail(LK_MEMORY, "out of memory");
        return NULL;
    }
    inbox.size = size;
    return inbox.data;
}

const char *EXPORT(lk_wasm_error_status)(void) {
    return lk_status_name(last_error.status);
}
const char *EXPORT(lk_wasm_error_message)(void) {
    return last_error.message;
}
/* Exact up to 2^53; -1 for none. */
double EXPORT(lk_wasm_error_offset)(void) {
    return last_error.offset == LK_NO_OFFSET ? -1 : (double)last_error.offset;
}

/* ---- models ---- */

static void clear(session *s) {
    lk_gallery_free(s->gallery);
    lk_run_free(s->run);
    lk_model_free(s->model);
    free(s->x);
    free(s->z);
    free(s->x_hat);
    free(s->probabilities);
    free(s->codes);
    *s = (session){.generation = s->generation};
}

static lk_status fill(session *s) {
    s->model = lk_model_load(inbox.data, inbox.size, &last_error);
    if (!s->model) return last_error.status;
    const size_t input = input_size(s), latent = lk_model_latent(s->model);
    const size_t classes = lk_model_classes(s->model);
    size_t batch = 1 + BATCH_VALUES / input; /* bounds the workspace of big inputs */
    if (batch > MAX_BATCH) batch = MAX_BATCH;
    s->run = lk_run_create(s->model, batch, LK_SIMD_BEST, &last_error);
    if (!s->run) return last_error.status;
    s->x = calloc(batch * input, sizeof(float));
    s->z = calloc(batch * latent, sizeof(float));
    s->x_hat = calloc(batch * input, sizeof(float));
    s->probabilities = calloc(batch * classes + 1, sizeof(float));
    s->codes = calloc(lk_model_codes(s->model) + 1, sizeof *s->codes);
    const bool all = s->x && s->z && s->x_hat && s->probabilities && s->codes;
    return all ? LK_OK : fail(LK_MEMORY, "out of memory");
}

/* A handle to the model whose file is in the inbox, or 0. */
uint32_t EXPORT(lk_wasm_load)(void) {
    size_t slot = 0;
    while (slot < SLOTS && sessions[slot].model) slot++;
    if (slot == SLOTS) return fail(LK_USAGE, "too many models: dispose of one first"), 0;
    session *s = &sessions[slot];
    lk_status status = fill(s);
    empty_inbox();
    if (status != LK_OK) return clear(s), 0;
    s->generation = (s->generation + 1) % (UINT32_MAX / SLOTS);
    if (s->generation == 0) s->generation = 1;
    return (uint32_t)(s->generation * SLOTS + slot);
}

lk_status EXPORT(lk_wasm_free)(uint32_t handle) {
    session *s = find(handle);
    if (!s) return LK_USAGE;
    clear(s);
    return LK_OK;
}

/* Takes the gallery whose file is in the inbox, in place of the one before. */
lk_status EXPORT(lk_wasm_load_gallery)(uint32_t handle) {
    session *s = find(handle);
    if (!s) return LK_USAGE;
    lk_gallery *gallery = lk_gallery_load(s->model, inbox.data, inbox.size, &last_error);
    empty_inbox();
    if (!gallery) return last_error.status;
    lk_gallery_free(s->gallery);
    s->gallery = gallery;
    return LK_OK;
}

/* ---- work on what lies in a handle's buffers ---- */

bool preparation_known(uint32_t preparation) {
    if (preparation < LK_PREPARATIONS) return true;
    fail(LK_USAGE, "no such preparation");
    return false;
}

/* The inbox as a picture, if it holds exactly one of this size. */
static bool picture_of(uint32_t width, uint32_t height, uint32_t channels, lk_picture *picture) {
    *picture = (lk_picture){inbox.data, width, height, channels};
    bool whole = channels != 0 && height != 0 && inbox.size % channels == 0 &&
                 inbox.size / channels % height == 0 && inbox.size / channels / height == width;
    if (!whole || !inbox.data) fail(LK_USAGE, "the picture's bytes do not match its size");
    return whole && inbox.data;
}

static lk_status report(session *s, lk_status status, const lk_result *from) {
    if (status != LK_OK) return status;
    double *to = s->result;
    *to++ = from->verdict;
    *to++ = from->p;
    *to++ = from->score;
    for (size_t i = 0; i < LK_EVIDENCES; i++) {
        *to++ = from->evidence[i].value;
        *to++ = from->evidence[i].p;
        *to++ = from->evidence[i].surprise;
    }
    return LK_OK;
}

/* The picture in the inbox becomes x; result[0] tells whether it is empty. */
lk_status EXPORT(lk_wasm_prepare)(uint32_t handle, uint32_t preparation, uint32_t width,
                                  uint32_t height, uint32_t channels) {
    session *s = find(handle);
    lk_picture picture;
    if (!s || !preparation_known(preparation) || !picture_of(width, height, channels, &picture))
        return LK_USAGE;
    bool empty = false;
    lk_status status = lk_prepare((lk_preparation)preparation, picture, lk_model_shape(s->model),
                                  s->x, &empty, &last_error);
    s->result[0] = empty;
    return status;
}

/* Judges the picture in the inbox. */
lk_status EXPORT(lk_wasm_check)(uint32_t handle, uint32_t preparation, uint32_t width,
                                uint32_t height, uint32_t channels, double alpha) {
    session *s = find(handle);
    lk_picture picture;
    if (!s || !preparation_known(preparation) || !picture_of(width, height, channels, &picture))
        return LK_USAGE;
    lk_result result;
    lk_status status =
        lk_check(s->run, (lk_preparation)preparation, picture, alpha, &result, &last_error);
    return report(s, status, &result);
}

/* Judges the prepared input in x. */
lk_status EXPORT(lk_wasm_check_input)(uint32_t handle, uint32_t preparation, double alpha) {
    session *s = find(handle);
    if (!s || !preparation_known(preparation)) return LK_USAGE;
    lk_result result;
    lk_status status =
        lk_check_input(s->run, (lk_preparation)preparation, s->x, alpha, &result, &last_error);
    return report(s, status, &result);
}

static session *find_batch(uint32_t handle, uint32_t n) {
    session *s = find(handle);
    if (!s || n <= lk_run_max_batch(s->run)) return s;
    fail(LK_USAGE, "more images than a batch holds");
    return NULL;
}

/* z of x[n], x_hat of z[n], both of x[n]; under a label, or under none if it is past the classes.
 */
lk_status EXPORT(lk_wasm_encode)(uint32_t handle, uint32_t n, uint32_t label) {
    session *s = find_batch(handle, n);
    if (!s) return LK_USAGE;
    lk_run_set_label(s->run, label);
    lk_encode(s->run, s->x, n, s->z);
    lk_run_set_label(s->run, NO_LABEL);
    return LK_OK;
}

static session *find_maker(uint32_t handle, uint32_t n) {
    session *s = find_batch(handle, n);
    if (!s || lk_model_output(s->model) == LK_OUTPUT_IMAGE) return s;
    fail(LK_USAGE, "this model makes no images");
    return NULL;
}
lk_status EXPORT(lk_wasm_decode)(uint32_t handle, uint32_t n, uint32_t label) {
    session *s = find_maker(handle, n);
    if (!s) return LK_USAGE;
    lk_run_set_label(s->run, label);
    lk_decode(s->run, s->z, n, s->x_hat);
    lk_run_set_label(s->run, NO_LABEL);
    return LK_OK;
}
lk_status EXPORT(lk_wasm_reconstruct)(uint32_t handle, uint32_t n, uint32_t label) {
    session *s = find_maker(handle, n);
    if (!s) return LK_USAGE;
    lk_run_set_label(s->run, label);
    lk_reconstruct(s->run, s->x, n, s->z, s->x_hat);
    lk_run_set_label(s->run, NO_LABEL);
    return LK_OK;
}

/* Probabilities of x[n]. */
lk_status EXPORT(lk_wasm_classify)(uint32_t handle, uint32_t n) {
    session *s = find_batch(handle, n);
    if (!s) return LK_USAGE;
    if (lk_model_classes(s->model) == 0) return fail(LK_USAGE, "this model knows no classes");
    lk_classify(s->run, s->x, n, s->probabilities);
    return LK_OK;
}

/* Which vectors of the codebook make the code of x[1]. */
lk_status EXPORT(lk_wasm_codes)(uint32_t handle) {
    session *s = find(handle);
    if (!s) return LK_USAGE;
    if (lk_model_codes(s->model) == 0) return fail(LK_USAGE, "this model has no codebook");
    lk_encode(s->run, s->x, 1, s->z);
    lk_run_codes(s->run, 0, s->codes);
    return LK_OK;
}

static session *find_gallery(uint32_t handle) {
    session *s = find(handle);
    if (!s || s->gallery) return s;
    fail(LK_USAGE, "no gallery is loaded");
    return NULL;
}

/* How many of the k nearest to z were found; -1 with an error. */
int32_t EXPORT(lk_wasm_neighbours)(uint32_t handle, uint32_t metric, uint32_t k) {
    session *s = find_gallery(handle);
    if (!s) return -1;
    if (metric > LK_METRIC_COSINE) return fail(LK_USAGE, "no such metric"), -1;
    if (k > LK_MAX_NEIGHBOURS) return fail(LK_USAGE, "k is over 128"), -1;
    return (int32_t)lk_gallery_search(s->gallery, s->z, (lk_metric)metric, k, LK_SIMD_BEST,
                                      s->neighbours);
}

/* ---- what lies where ---- */

enum view {
    VIEW_X,
    VIEW_Z,
    VIEW_X_HAT,
    VIEW_RESULT,
    VIEW_NEIGHBOURS,
    VIEW_PROBABILITIES,
    VIEW_CODES
};
const void *EXPORT(lk_wasm_view)(uint32_t handle, uint32_t which) {
    session *s = find(handle);
    if (!s) return NULL;
    switch (which) {
    case VIEW_X: return s->x;
    case VIEW_Z: return s->z;
    case VIEW_X_HAT: return s->x_hat;
    case VIEW_RESULT: return s->result;
    case VIEW_NEIGHBOURS: return s->neighbours;
    case VIEW_PROBABILITIES: return s->probabilities;
    case VIEW_CODES: return s->codes;
    default: return fail(LK_USAGE, "no such view"), NULL;
    }
}

/* The first of n values, at most a batch of them, in x (or in z) that is not finite; -1 if all are.
 */
int32_t EXPORT(lk_wasm_not_finite)(uint32_t handle, uint32_t which, uint32_t n) {
    session *s = find(handle);
    if (!s) return -1;
    const bool in_x = which == VIEW_X;
    const float *values = in_x ? s->x : s->z;
    const size_t most =
        lk_run_max_batch(s->run) * (in_x ? input_size(s) : lk_model_latent(s->model));
    if (n > most) n = (uint32_t)most;
    /* What is not finite has an exponent of ones alone, which one more makes overflow: so two
       values at a time are looked at, and one by one only if there is something to be found. */
    const uint64_t exponents = 0x7f8000007f800000, ones = 0x0080000000800000;
    uint64_t seen = 0, two;
    uint32_t i = 0, bits;
    for (; i + 2 <= n; i += 2) {
        memcpy(&two, values + i, sizeof two);
        seen |= (two & exponents) + ones;
    }
    if (seen & 0x8000000080000000) i = 0;
    for (; i < n; i++) {
        memcpy(&bits, values + i, sizeof bits);
        if ((bits & (uint32_t)exponents) == (uint32_t)exponents) return (int32_t)i;
    }
    return -1;
}

enum number {
    NUMBER_CHANNELS,
    NUMBER_HEIGHT,
    NUMBER_WIDTH,
    NUMBER_LATENT,
    NUMBER_PARAMETERS,
    NUMBER_BATCH,
    NUMBER_GALLERY,
    NUMBER_OUTPUT,
    NUMBER_CLASSES,
    NUMBER_LABELLED,
    NUMBER_CODES,
    NUMBER_CODEBOOK,
    NUMBER_ALPHA,
};
double EXPORT(lk_wasm_number)(uint32_t handle, uint32_t which) {
    session *s = find(handle);
    if (!s) return -1;
    lk_shape shape = lk_model_shape(s->model);
    switch (which) {
    case NUMBER_CHANNELS: return shape.channels;
    case NUMBER_HEIGHT: return shape.height;
    case NUMBER_WIDTH: return shape.width;
    case NUMBER_LATENT: return lk_model_latent(s->model);
    case NUMBER_PARAMETERS: return (double)lk_model_parameters(s->model);
    case NUMBER_BATCH: return (double)lk_run_max_batch(s->run);
    case NUMBER_GALLERY: return s->gallery ? (double)lk_gallery_images(s->gallery)->count : 0;
    case NUMBER_OUTPUT: return lk_model_output(s->model);
    case NUMBER_CLASSES: return lk_model_classes(s->model);
    case NUMBER_LABELLED: return lk_model_labelled(s->model);
    case NUMBER_CODES: return (double)lk_model_codes(s->model);
    case NUMBER_CODEBOOK: return lk_model_codebook(s->model);
    case NUMBER_ALPHA: return lk_model_alpha(s->model);
    default: return fail(LK_USAGE, "no such number"), -1;
    }
}

/* What the model says of itself; LK_TEXTS is its architecture. */
const char *EXPORT(lk_wasm_text)(uint32_t handle, uint32_t which) {
    session *s = find(handle);
    if (!s) return NULL;
    if (which == LK_TEXTS) return lk_model_arch(s->model);
    if (which > LK_TEXTS) return fail(LK_USAGE, "no such text"), NULL;
    return lk_model_text(s->model, (lk_text)which);
}

/* How many scores the preparation is calibrated with; 0 when it is not. */
uint32_t EXPORT(lk_wasm_calibration_count)(uint32_t handle, uint32_t preparation) {
    session *s = find(handle);
    size_t count = 0;
    if (s && preparation_known(preparation) &&
        lk_model_calibrated(s->model, (lk_preparation)preparation))
        lk_model_calibration(s->model, (lk_preparation)preparation, &count);
    return (uint32_t)count;
}
const float *EXPORT(lk_wasm_calibration)(uint32_t handle, uint32_t preparation) {
    session *s = find(handle);
    size_t count;
    if (!s || !preparation_known(preparation)) return NULL;
    if (!lk_model_calibrated(s->model, (lk_preparation)preparation)) return NULL;
    return lk_model_calibration(s->model, (lk_preparation)preparation, &count);
}

static const lk_dataset *gallery_with(uint32_t handle, uint32_t i) {
    session *s = find_gallery(handle);
    if (!s) return NULL;
    const lk_dataset *images = lk_gallery_images(s->gallery);
    return i < images->count ? images : (fail(LK_USAGE, "no such image in the gallery"), NULL);
}

/* Pixels (an input's worth of bytes), label (-1 for none) and place in the training set (-1). */
const uint8_t *EXPORT(lk_wasm_gallery_pixels)(uint32_t handle, uint32_t i) {
    const lk_dataset *images = gallery_with(handle, i);
    return images ? images->pixels + i * input_size(find(handle)) : NULL;
}
double EXPORT(lk_wasm_gallery_label)(uint32_t handle, uint32_t i) {
    const lk_dataset *images = gallery_with(handle, i);
    return images && images->labels ? (double)images->labels[i] : -1;
}
double EXPORT(lk_wasm_gallery_origin)(uint32_t handle, uint32_t i) {
    return gallery_with(handle, i) ? (double)lk_gallery_origin(find(handle)->gallery, i) : -1;
}

/* The core's names, so that they stand in one place; NULL past the last. */
const char *EXPORT(lk_wasm_verdict_name)(uint32_t i) {
    return i <= LK_EMPTY ? lk_verdict_name((lk_verdict)i) : NULL;
}
int32_t EXPORT(lk_wasm_has_evidence)(uint32_t handle, uint32_t preparation, uint32_t i) {
    const session *s = find(handle);
    return s && preparation < LK_PREPARATIONS && i < LK_EVIDENCES &&
           lk_model_has_evidence(s->model, (lk_preparation)preparation, i);
}

const char *EXPORT(lk_wasm_evidence_name)(uint32_t i) {
    return i < LK_EVIDENCES ? lk_evidence_name(i) : NULL;
}
const char *EXPORT(lk_wasm_preparation_name)(uint32_t i) {
    return i < LK_PREPARATIONS ? lk_preparation_name((lk_preparation)i) : NULL;
}
