/* Any bytes are refused or give a gallery of this model that can be searched, and that is saved and
   loaded again to the same bytes. */
#include <math.h>

#include "fuzz.h"

enum { NEIGHBOURS = 4 };

static const lk_model *model(void) {
    static lk_model *made;
    if (!made) made = seed_model();
    return made;
}

static lk_bytes seed(int labelled) {
    static lk_bytes seeds[2];
    if (!seeds[labelled].data) {
        lk_dataset data = seed_images(lk_model_shape(model()), 20), plain = data;
        if (!labelled) plain.labels = NULL;
        lk_gallery *gallery = lk_gallery_create(model(), &plain, 18, 1, 1, LK_SIMD_BEST, NULL);
        demand(gallery && lk_gallery_save(gallery, &seeds[labelled], NULL) == LK_OK);
        lk_gallery_free(gallery);
        free_seed_images(&data);
    }
    return seeds[labelled];
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned int draw) {
    return mutate_seed(seed(draw / 7 % 2), bytes, size, room, draw);
}

static void use(const lk_gallery *gallery) {
    const lk_dataset *images = lk_gallery_images(gallery);
    const float z[] = {0.5f, -2};
    for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) {
        lk_neighbour n[NEIGHBOURS];
        const size_t found =
            lk_gallery_search(gallery, z, (lk_metric)metric, NEIGHBOURS, LK_SIMD_BEST, n);
        demand(found == (images->count < NEIGHBOURS ? images->count : NEIGHBOURS));
        for (size_t i = 0; i < found; i++) {
            demand(n[i].index < images->count && isfinite(n[i].distance));
            demand(i == 0 || n[i].distance >= n[i - 1].distance);
            demand(!images->labels || images->labels[n[i].index] < images->classes);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lk_error error = {LK_OK, 0, ""};
    lk_gallery *gallery = lk_gallery_load(model(), bytes, size, &error);
    if (!gallery) {
        demand((error.status == LK_MODEL || error.status == LK_MEMORY) && error.message[0]);
        return 0;
    }
    use(gallery);
    lk_bytes first, second;
    demand(lk_gallery_save(gallery, &first, &error) == LK_OK);
    lk_gallery *again = lk_gallery_load(model(), first.data, first.size, &error);
    demand(again && lk_gallery_save(again, &second, &error) == LK_OK);
    demand(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    lk_bytes_free(&first);
    lk_bytes_free(&second);
    lk_gallery_free(again);
    lk_gallery_free(gallery);
    return 0;
}
