/* answers MODEL LABEL: what the native core makes of the inputs on standard input, so that the
   module can be compared with it. Writes all codes, then all images, then all probabilities, the
   latter two where the model makes them. A LABEL of -1 is none. */
#include <stdio.h>
#include <stdlib.h>

#include "likeness.h"

static lk_real *room(size_t values) {
    lk_real *block = lk_alloc((values + 1) * sizeof *block);
    if (!block) exit(LK_MEMORY);
    return block;
}

static lk_model *open_model(const char *path) {
    enum { MOST = 64 << 20 };
    lk_error error = {0};
    uint8_t *bytes = lk_alloc(MOST);
    FILE *file = fopen(path, "rb");
    if (!bytes || !file) exit(LK_IO);
    lk_model *model = lk_model_load(bytes, fread(bytes, 1, MOST, file), &error);
    fclose(file);
    lk_free(bytes);
    if (!model) {
        fprintf(stderr, "%s: %s\n", path, error.message);
        exit(LK_MODEL);
    }
    return model;
}

int main(int count, char **words) {
    if (count != 3) return LK_USAGE;
    lk_model *model = open_model(words[1]);
    const lk_shape shape = lk_model_shape(model);
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    const size_t latent = lk_model_latent(model), classes = lk_model_classes(model);
    enum { IMAGES = 1000 };
    lk_real *x = room(IMAGES * size), *z = room(IMAGES * latent), *x_hat = room(IMAGES * size);
    lk_real *p = room(IMAGES * classes);
    const size_t n = fread(x, size * sizeof *x, IMAGES, stdin);
    /* As large a batch as the images: the module works in smaller ones. */
    lk_run *run = lk_run_create(model, IMAGES, LK_SIMD_BEST, NULL);
    if (!run) return LK_MEMORY;
    lk_classify(run, x, n, p);
    lk_run_set_label(run, (uint32_t)atoi(words[2]));
    lk_reconstruct(run, x, n, z, x_hat);
    fwrite(z, latent * sizeof *z, n, stdout);
    if (lk_model_output(model) == LK_OUTPUT_IMAGE) fwrite(x_hat, size * sizeof *x, n, stdout);
    if (classes > 0) fwrite(p, classes * sizeof *p, n, stdout);
    lk_run_free(run);
    lk_model_free(model);
    lk_free(x);
    lk_free(z);
    lk_free(x_hat);
    lk_free(p);
    return fflush(stdout) ? LK_IO : LK_OK;
}
