#include <math.h>

#include "tensorfile.h"
#include "training.h"

static void test_resume(const lk_dataset *data) {
    for (int stop = 0; stop <= STEPS; stop++) {
        lk_error error = {LK_OK, 0, ""};
        const lk_train_options o = options_with(2, LK_SIMD_BEST);
        lk_bytes whole = train(BCE, data, o), saved = {NULL, 0}, resaved = {NULL, 0};
        lk_model *first = new_model(BCE), *second = new_model(BCE);
        lk_trainer *trainer = lk_trainer_create(first, data, &o, &error);
        steps(trainer, stop);
        CHECK(lk_trainer_save(trainer, "a note: \"\xc3\xa4\"", &saved, &error) == LK_OK, "%s",
              error.message);
        lk_trainer_free(trainer);
        lk_model_free(first);

        /* Going on does not ask for the same threads or kernels. */
        const lk_train_options other = options_with(1, LK_SIMD_SCALAR);
        lk_model_init(second, LK_INIT_HE, 99);
        trainer = lk_trainer_create(second, data, &other, &error);
        steps(trainer, stop % 3); /* what it had done before is forgotten */
        CHECK(lk_trainer_restore(trainer, saved.data, saved.size, &error) == LK_OK, "%s",
              error.message);
        CHECK((int)lk_trainer_steps(trainer) == stop, "%d", (int)lk_trainer_steps(trainer));
        CHECK(lk_trainer_save(trainer, "a note: \"\xc3\xa4\"", &resaved, &error) == LK_OK, "%s",
              error.message);
        CHECK(equal(saved, resaved), "saving again at step %d", stop);
        steps(trainer, STEPS - stop);
        lk_bytes weights = {NULL, 0}, note = {NULL, 0};
        CHECK(lk_model_weights(second, &weights, &error) == LK_OK, "%s", error.message);
        CHECK(equal(whole, weights), "resumed at step %d", stop);
        CHECK(lk_checkpoint_note(saved.data, saved.size, &note, &error) == LK_OK, "%s",
              error.message);
        CHECK(strcmp((const char *)note.data, "a note: \"\xc3\xa4\"") == 0 &&
                  note.size == strlen((const char *)note.data),
              "'%s'", (const char *)note.data);
        lk_trainer_free(trainer);
        lk_model_free(second);
        lk_bytes_free(&whole);
        lk_bytes_free(&saved);
        lk_bytes_free(&resaved);
        lk_bytes_free(&weights);
        lk_bytes_free(&note);
    }
}

/* Restores into a trainer of these properties; on failure nothing of it may have changed. */
static lk_status try_restore(const char *arch, const lk_dataset *data, lk_train_options options,
                             lk_bytes file, lk_error *error) {
    lk_model *model = new_model(arch);
    lk_trainer *trainer = lk_trainer_create(model, data, &options, error);
    lk_bytes before = {NULL, 0}, after = {NULL, 0};
    lk_trainer_save(trainer, "", &before, NULL);
    const lk_status status = lk_trainer_restore(trainer, file.data, file.size, error);
    lk_trainer_save(trainer, "", &after, NULL);
    CHECK(status == LK_OK || equal(before, after), "a refused checkpoint changed the trainer");
    lk_bytes_free(&before);
    lk_bytes_free(&after);
    lk_trainer_free(trainer);
    lk_model_free(model);
    return status;
}

static lk_bytes checkpoint(const lk_dataset *data, int after) {
    lk_bytes saved = {NULL, 0};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_model *model = new_model(MSE);
    lk_trainer *trainer = lk_trainer_create(model, data, &o, NULL);
    steps(trainer, after);
    CHECK(lk_trainer_save(trainer, "note", &saved, NULL) == LK_OK, "save");
    lk_trainer_free(trainer);
    lk_model_free(model);
    return saved;
}

static void test_refused_restore(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    lk_bytes saved = checkpoint(data, 4);
    lk_train_options o = options_with(1, LK_SIMD_BEST);
    CHECK(try_restore(MSE, data, o, saved, &error) == LK_OK, "%s", error.message);
    CHECK(try_restore(BCE, data, o, saved, &error) == LK_USAGE, "another architecture");
    CHECK(strstr(error.message, "architecture"), "%s", error.message);
    lk_dataset fewer = *data;
    fewer.count--;
    CHECK(try_restore(MSE, &fewer, o, saved, &error) == LK_USAGE, "fewer images");
    CHECK(strstr(error.message, "data or options"), "%s", error.message);
    lk_train_options others[] = {o, o, o, o, o};
    others[0].seed++;
    others[1].batch++;
    others[2].epochs++;
    others[3].decay += 0.1;
    others[4].learning_rate *= 2;
    for (size_t i = 0; i < LK_COUNTOF(others); i++)
        CHECK(try_restore(MSE, data, others[i], saved, &error) == LK_USAGE, "option %zu", i);

    for (size_t size = 0; size < saved.size; size += size < 700 ? 1 : 97) {
        uint8_t *part = malloc(size + !size);
        memcpy(part, saved.data, size);
        CHECK(try_restore(MSE, data, o, (lk_bytes){part, size}, &error) != LK_OK, "%zu bytes",
              size);
        lk_bytes note = {NULL, 0};
        CHECK(lk_checkpoint_note(part, size, &note, &error) != LK_OK, "%zu bytes have a note",
              size);
        free(part);
    }
    lk_bytes_free(&saved);
}

/* Files that are well formed and yet wrong: each change of a checkpoint's parts is refused. */
static void test_corrupted(const lk_dataset *data) {
    static const struct {
        const char *what, *says;
        size_t tensor, value;
        float put;
    } VALUES[] = {
        {"NaN parameter", "'parameters' holds what cannot be", 1, 5, NAN},
        {"infinite parameter", "'parameters' holds what cannot be", 1, 0, INFINITY},
        {"NaN moment", "'adam.m' holds what cannot be", 2, 17, NAN},
        {"infinite moment", "'adam.v' holds what cannot be", 3, 1, INFINITY},
        {"negative mean of squares", "'adam.v' holds what cannot be", 3, 1, -1e-9f},
    };
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_bytes saved = checkpoint(data, 4);
    lk_tensorfile *file = lk_tensorfile_open(saved.data, saved.size, &error);
    CHECK(file && file->tensor_count == 4, "%s", error.message);
    for (size_t i = 0; i < LK_COUNTOF(VALUES); i++) {
        lk_bytes bad = {malloc(saved.size), saved.size};
        memcpy(bad.data, saved.data, saved.size);
        const uint8_t *at = (const uint8_t *)file->tensors[VALUES[i].tensor].data;
        memcpy(bad.data + (at - saved.data) + VALUES[i].value * sizeof(float), &VALUES[i].put,
               sizeof(float));
        CHECK(try_restore(MSE, data, o, bad, &error) == LK_MODEL, "%s", VALUES[i].what);
        CHECK(strstr(error.message, VALUES[i].says), "%s", error.message);
        free(bad.data);
    }
    for (size_t change = 0; change < 7; change++) {
        lk_tensor tensors[4];
        lk_metadata metadata[8];
        size_t count = 4;
        memcpy(tensors, file->tensors, sizeof tensors);
        memcpy(metadata, file->metadata, file->metadata_count * sizeof *metadata);
        uint64_t place[16];
        memcpy(place, tensors[0].data, tensors[0].bytes);
        switch (change) {
        case 0: count = 3; break;
        case 1: tensors[2].name = "adam.n"; break;
        case 2: tensors[1].dtype = LK_I32; break;
        case 3: tensors[1].dims[0] -= 16, tensors[1].bytes -= 64; break;
        case 4:
            for (size_t i = 0; i < file->metadata_count; i++)
                if (strcmp(metadata[i].key, "format") == 0)
                    metadata[i].value = "likeness checkpoint 1";
            break;
        case 5: place[0] = STEPS + 1, tensors[0].data = place; break;
        case 6: place[0] = UINT64_MAX, tensors[0].data = place; break;
        }
        lk_bytes bad = {NULL, 0};
        CHECK(lk_tensorfile_write(tensors, count, metadata, file->metadata_count, &bad, &error) ==
                  LK_OK,
              "%s", error.message);
        CHECK(try_restore(MSE, data, o, bad, &error) == LK_MODEL, "change %zu", change);
        lk_bytes_free(&bad);
    }
    lk_tensorfile_free(file);
    lk_bytes_free(&saved);

    lk_bytes weights = {NULL, 0}, note = {NULL, 0};
    lk_model *model = new_model(MSE);
    CHECK(lk_model_save(model, &weights, &error) == LK_OK, "%s", error.message);
    CHECK(try_restore(MSE, data, o, weights, &error) == LK_MODEL, "a model is no checkpoint");
    CHECK(lk_checkpoint_note(weights.data, weights.size, &note, &error) == LK_MODEL, "a note");
    lk_bytes_free(&weights);
    lk_model_free(model);
}

/* A bit of a state that flips is found, wherever it is. */
static void test_damage(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = options_with(1, LK_SIMD_BEST);
    lk_bytes saved = checkpoint(data, 4);
    CHECK(try_restore(MSE, data, o, saved, &error) == LK_OK, "%s", error.message);
    uint64_t header = 0;
    memcpy(&header, saved.data, sizeof header);
    for (size_t at = 8 + (size_t)header; at < saved.size; at += 53) {
        saved.data[at] ^= (uint8_t)(1 << at % 8);
        CHECK(try_restore(MSE, data, o, saved, &error) != LK_OK, "byte %zu passes", at);
        saved.data[at] ^= (uint8_t)(1 << at % 8);
    }
    lk_bytes_free(&saved);
}

/* What is kept comes back, also from a checkpoint; and going on from it is as if nothing had been.
 */
static void test_kept(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    const lk_train_options o = full_options();
    lk_model *model = new_model(MEET), *other = new_model(MEET);
    lk_trainer *trainer = lk_trainer_create(model, data, &o, &error);
    lk_trainer *second = lk_trainer_create(other, data, &o, &error);
    lk_bytes saved = {NULL, 0}, kept = {NULL, 0}, end = {NULL, 0}, back = {NULL, 0};
    lk_trainer_put_back(trainer); /* nothing is kept yet: nothing happens */
    steps(trainer, 3);
    lk_trainer_keep(trainer);
    CHECK(lk_model_weights(model, &kept, NULL) == LK_OK, "weights");
    steps(trainer, 2);
    CHECK(lk_trainer_save(trainer, "", &saved, &error) == LK_OK, "%s", error.message);
    steps(trainer, STEPS - 5);
    CHECK(lk_model_weights(model, &end, NULL) == LK_OK, "weights");
    CHECK(!equal(kept, end), "training moved nothing");

    CHECK(lk_trainer_restore(second, saved.data, saved.size, &error) == LK_OK, "%s", error.message);
    steps(second, STEPS - 5);
    CHECK(lk_model_weights(other, &back, NULL) == LK_OK, "weights");
    CHECK(equal(back, end), "resumed");
    lk_bytes_free(&back);
    lk_trainer_put_back(second);
    CHECK(lk_model_weights(other, &back, NULL) == LK_OK, "weights");
    CHECK(equal(back, kept), "put back");
    lk_bytes_free(&back);
    lk_bytes_free(&end);
    lk_bytes_free(&kept);
    lk_bytes_free(&saved);
    lk_trainer_free(trainer);
    lk_trainer_free(second);
    lk_model_free(model);
    lk_model_free(other);
}

/* Each option that the way depends on must be the same. */
static void test_other_options(const lk_dataset *data) {
    lk_error error = {LK_OK, 0, ""};
    lk_bytes saved = checkpoint(data, 4);
    for (int i = 0; i < 5; i++) {
        lk_train_options o = options_with(1, LK_SIMD_BEST);
        if (i == 1) o.warmup = 0.1;
        if (i == 2) o.fall = LK_FALL_COSINE;
        if (i == 3) o.weight_decay = 0.1;
        if (i == 4) o.augment.flip = 0.5;
        CHECK(try_restore(MSE, data, o, saved, &error) == (i ? LK_USAGE : LK_OK), "option %d", i);
    }
    lk_bytes_free(&saved);
}

int main(void) {
    lk_dataset data = make_images((lk_shape){1, 7, 9}, 0, IMAGES, 1);
    test_resume(&data);
    test_refused_restore(&data);
    test_corrupted(&data);
    test_damage(&data);
    test_kept(&data);
    test_other_options(&data);
    free_images(&data);
    return TEST_RESULT();
}
