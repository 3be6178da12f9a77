/* trained FAMILY CHANNELS HEIGHT WIDTH COUNT HELD: the model file that the native core makes of the
   images on standard input, for the module's to be compared with. There stand the pixels of COUNT
   images, their labels, and the pixels of HELD more to calibrate on. The options are those of
   training.test.mjs. */
#include <stdio.h>
#include <stdlib.h>

#include "likeness.h"

static void must(lk_status status, const lk_error *error) {
    if (status == LK_OK) return;
    fprintf(stderr, "%s\n", error->message);
    exit((int)status);
}

static void *take(size_t size, size_t n) {
    void *block = lk_alloc(size * n);
    if (!block || fread(block, size, n, stdin) != n) exit(LK_IO);
    return block;
}

static lk_dataset take_images(lk_shape shape, size_t n) {
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    return (lk_dataset){.shape = shape, .count = n, .pixels = take(size, n)};
}

static lk_train_options options(void) {
    lk_train_options o = lk_train_defaults();
    lk_error error;
    o.batch = 14;
    o.epochs = 3;
    o.learning_rate = 0.002;
    o.warmup = 0.25;
    o.decay = 0.5;
    o.fall = LK_FALL_COSINE;
    o.weight_decay = 0.01;
    o.seed = 7;
    o.threads = 2;
    must(lk_augmentation_parse("shift 2, rotate 10, erase 0.5", &o.augment, &error), &error);
    return o;
}

int main(int count, char **words) {
    if (count != 7) return LK_USAGE;
    const lk_shape shape = {(uint32_t)atoi(words[2]), (uint32_t)atoi(words[3]),
                            (uint32_t)atoi(words[4])};
    lk_dataset images = take_images(shape, (size_t)atoi(words[5]));
    images.labels = take(sizeof *images.labels, images.count);
    for (size_t i = 0; i < images.count; i++)
        if (images.labels[i] >= images.classes) images.classes = images.labels[i] + 1;
    lk_dataset held_out = take_images(shape, (size_t)atoi(words[6]));

    const lk_train_options o = options();
    char arch[1024];
    lk_error error;
    lk_progress progress;
    lk_bytes file;
    const lk_family *family = lk_family_find(words[1]);
    must(lk_family_arch(family, shape, 0, images.classes, arch, sizeof arch, &error), &error);
    lk_model *model = lk_model_create(arch, &error);
    if (!model) return LK_MODEL;
    must(lk_model_set_text(model, LK_TEXT_FAMILY, words[1], &error), &error);
    must(lk_model_set_text(model, LK_TEXT_TITLE, "things", &error), &error);
    lk_model_init(model, LK_INIT_HE, o.seed);
    lk_trainer *trainer = lk_trainer_create(model, &images, &o, &error);
    if (!trainer) return LK_USAGE;
    const uint64_t steps = lk_trainer_steps_per_epoch(trainer) * o.epochs;
    for (uint64_t i = 0; i < steps; i++) must(lk_trainer_step(trainer, &progress, &error), &error);
    if (family->training.half) must(lk_model_halve(model, &error), &error);
    const bool ink = shape.channels == 1; /* as the module does */
    must(lk_score_fit(model, &images, (uint32_t)o.augment.shift, ink, 10000, o.seed, 2,
                      LK_SIMD_BEST, &error),
         &error);
    must(lk_score_calibrate(model, LK_PREPARE_IMAGE, &held_out, 2, LK_SIMD_BEST, &error), &error);
    must(lk_model_save(model, &file, &error), &error);
    fwrite(file.data, 1, file.size, stdout);
    lk_bytes_free(&file);
    lk_trainer_free(trainer);
    lk_model_free(model);
    lk_free(images.pixels);
    lk_free(images.labels);
    lk_free(held_out.pixels);
    return fflush(stdout) ? LK_IO : LK_OK;
}
