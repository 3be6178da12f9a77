/* What several unit tests share: small data sets made of nothing, files taken apart, and a hash. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <math.h>
#include <string.h>

#include "base.h"
#include "rng.h"
#include "tensorfile.h"

/* Runs the block for every variant that this CPU has, the scalar one first. */
#define EACH_SIMD(simd)                                                                            \
    for (lk_simd simd = LK_SIMD_SCALAR; simd < LK_SIMD_COUNT; simd++)                              \
        if (lk_simd_available(simd))

/* vectors[n][d]: two rings of radius 1, one through the other, by turns, with normal noise. */
static inline void make_rings(lk_real *vectors, size_t n, size_t d, double noise) {
    for (size_t i = 0; i < n; i++) {
        const double at = 6.283185307 * lk_rng_uniform(lk_rng_make(1, 1, 0), i);
        lk_real *x = vectors + i * d;
        for (size_t k = 0; k < d; k++)
            x[k] = (lk_real)(noise * lk_rng_normal(lk_rng_make(1, 1, 1 + k), i));
        x[0] += (lk_real)(i % 2 ? cos(at) : 1 + cos(at));
        x[i % 2 ? 1 : 2] += (lk_real)sin(at);
    }
}

/* `count` independent draws: three classes, each a bright band of its own on a dark ground, with
   noise, so that there is something to learn. The images first..first+count-1 of the seed. Freed by
   free_images. */
static inline lk_dataset make_images(lk_shape shape, size_t first, size_t count, uint64_t seed) {
    const size_t size = lk_shape_size(shape);
    lk_dataset data = {.shape = shape,
                       .count = count,
                       .pixels = lk_alloc(count * size),
                       .labels = lk_alloc(count * sizeof(uint32_t)),
                       .classes = 3};
    for (size_t i = 0; i < count; i++) {
        const lk_rng rng = lk_rng_make(seed, 77, first + i);
        const size_t label = (size_t)lk_rng_below(rng, 0, 3);
        const double light = 0.6 + 0.4 * lk_rng_uniform(rng, 1);
        data.labels[i] = (uint32_t)label;
        for (size_t k = 0; k < size; k++) {
            const double v =
                (k * 3 / size == label ? light : 0) * (0.8 + 0.2 * (double)(k % 5) / 4) +
                0.08 * lk_rng_uniform(rng, 2 + k);
            data.pixels[i * size + k] = (uint8_t)(LK_MIN(v, 1.0) * 255);
        }
    }
    return data;
}

static inline void free_images(lk_dataset *data) {
    lk_free(data->pixels);
    lk_free(data->labels);
}

static inline void fill_normal(lk_real *values, size_t n, uint64_t seed) {
    const lk_rng rng = lk_rng_make(seed, 78, 0);
    for (size_t i = 0; i < n; i++) values[i] = (lk_real)lk_rng_normal(rng, i);
}

/* A file taken apart, for one part of it to be made wrong. */
typedef struct file_parts {
    lk_tensor tensors[64];
    size_t count;
    lk_metadata metadata[16];
    size_t metadata_count;
} file_parts;

static inline file_parts parts_of(const lk_tensorfile *file) {
    file_parts p = {.count = file->tensor_count, .metadata_count = file->metadata_count};
    memcpy(p.tensors, file->tensors, file->tensor_count * sizeof *p.tensors);
    memcpy(p.metadata, file->metadata, file->metadata_count * sizeof *p.metadata);
    return p;
}

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), 64 bits. */
static inline uint64_t hash_bytes(const void *bytes, size_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

/* The losses alone of a training step and of a data set. */
static inline lk_status step_loss(lk_trainer *trainer, double *loss, lk_error *error) {
    lk_progress progress = {NAN, 0};
    const lk_status status = lk_trainer_step(trainer, &progress, error);
    *loss = progress.loss;
    return status;
}
static inline lk_status evaluate_loss(const lk_model *model, const lk_dataset *data, int threads,
                                      lk_simd simd, double *loss, lk_error *error) {
    lk_progress progress = {NAN, 0};
    const lk_status status = lk_evaluate(model, data, threads, simd, &progress, error);
    *loss = progress.loss;
    return status;
}

#endif
