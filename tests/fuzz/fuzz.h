/* What the fuzzers share: a demand, and starting points that they make themselves, since nobody
   gets by chance from nothing to a header that fits its data. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensorfile.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned int draw);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static inline void demand(int condition) {
    if (!condition) abort();
}

/* Gives a tensor another size or type, with zeros for values, or drops it. */
static inline void change_tensor(lk_tensor *tensors, size_t *count, unsigned int draw) {
    static const uint8_t zeros[4096];
    const unsigned int how = draw % 4, more = draw / 128;
    lk_tensor *t = &tensors[draw / 4 % *count];
    size_t *dim = &t->dims[more % 3]; /* beyond the rank it does not count */
    if (how == 0) *dim += more / 4 % 5 - 2;
    if (how == 1) *dim = more / 4 % 32;
    if (how == 2) t->dtype = (lk_dtype)(more % LK_DTYPES);
    t->data = zeros;
    t->bytes = lk_dtype_size(t->dtype);
    for (size_t k = 0; k < t->rank; k++) t->bytes *= t->dims[k];
    if (how == 3 || t->bytes > sizeof zeros) *t = tensors[--*count];
}

/* Changes one tensor of a well-formed file so that the file stays well formed, which changes of
   bytes hardly ever do. 0 when that cannot be. */
static inline size_t mutate_tensor(uint8_t *bytes, size_t size, size_t room, unsigned int draw) {
    lk_tensor tensors[32];
    lk_bytes out = {NULL, 0};
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, NULL);
    if (!file) return 0;
    size_t count = file->tensor_count;
    if (count > 0 && count <= LK_COUNTOF(tensors)) {
        memcpy(tensors, file->tensors, count * sizeof *tensors);
        change_tensor(tensors, &count, draw);
        lk_tensorfile_write(tensors, count, file->metadata, file->metadata_count, &out, NULL);
    }
    lk_tensorfile_free(file);
    const size_t changed = out.size <= room ? out.size : 0;
    if (changed) memcpy(bytes, out.data, changed);
    lk_bytes_free(&out);
    return changed;
}

/* Mutates what there is, or now and then `seed` in place of it. */
static inline size_t mutate_seed(lk_bytes seed, uint8_t *bytes, size_t size, size_t room,
                                 unsigned int draw) {
    if ((size < 16 || draw % 16 == 0) && seed.size <= room) {
        memcpy(bytes, seed.data, seed.size);
        size = seed.size;
    }
    const size_t changed = draw / 16 % 2 ? mutate_tensor(bytes, size, room, draw / 32) : 0;
    return changed ? changed : LLVMFuzzerMutate(bytes, size, room);
}

/* Images of a few values, for a model of this shape. */
static inline lk_dataset seed_images(lk_shape shape, size_t count) {
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    lk_dataset data = {shape, count, lk_alloc(count * size), lk_alloc(count * sizeof(uint32_t)), 3};
    for (size_t i = 0; i < count * size; i++) data.pixels[i] = (uint8_t)(i * i * 37);
    for (size_t i = 0; i < count; i++) data.labels[i] = i % 3;
    return data;
}

static inline void free_seed_images(lk_dataset *data) {
    lk_free(data->pixels);
    lk_free(data->labels);
}

/* A model with scores and both calibrations. */
static inline lk_model *seed_model(void) {
    lk_model *model = lk_model_create("1x2x3 > dense 2 leaky | dense 6 sigmoid > bce", NULL);
    lk_dataset data = seed_images(lk_model_shape(model), 40);
    lk_model_init(model, LK_INIT_HE, 4);
    demand(lk_model_set_text(model, LK_TEXT_WEIGHTS, "0123", NULL) == LK_OK);
    demand(lk_score_fit(model, &data, 0, true, 7, 1, 1, LK_SIMD_BEST, NULL) == LK_OK);
    for (int p = 0; p < LK_PREPARATIONS; p++)
        demand(lk_score_calibrate(model, (lk_preparation)p, &data, 1, LK_SIMD_BEST, NULL) == LK_OK);
    free_seed_images(&data);
    return model;
}

#endif
