/* What the fuzzers share: a demand, and starting points that they make themselves, since nobody
   gets by chance from nothing to a header that fits its data. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "likeness.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned int draw);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static inline void demand(int condition) {
    if (!condition) abort();
}

/* Mutates what there is, or now and then `seed` in place of it. */
static inline size_t mutate_seed(lk_bytes seed, uint8_t *bytes, size_t size, size_t room,
                                 unsigned int draw) {
    if ((size < 16 || draw % 16 == 0) && seed.size <= room) {
        memcpy(bytes, seed.data, seed.size);
        size = seed.size;
    }
    return LLVMFuzzerMutate(bytes, size, room);
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
    demand(lk_score_fit(model, &data, 7, 1, 1, LK_SIMD_BEST, NULL) == LK_OK);
    for (int p = 0; p < LK_PREPARATIONS; p++)
        demand(lk_score_calibrate(model, (lk_preparation)p, &data, 1, LK_SIMD_BEST, NULL) == LK_OK);
    free_seed_images(&data);
    return model;
}

#endif
