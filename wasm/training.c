/* Training as WASM exports: one at a time, since each training has an instance of its own. What it
   is made of comes through the inbox piece by piece: the network, the images, their labels, how
   they are augmented. */
#include <stdlib.h>
#include <string.h>

#include "bindings.h"

enum { MOST_TEXT = 2048, REFERENCES = 10000 };
static const double MOST_SEED = 9007199254740992; /* 2^53: whole numbers are exact up to here */

static struct training {
    lk_model *model;         /* NULL: nothing has begun */
    const lk_family *family; /* NULL: an own architecture */
    lk_dataset data;         /* its pixels, values and labels came through the inbox */
    lk_train_options options;
    lk_trainer *trainer; /* NULL until the images are there */
    double loss, accuracy, images;
    bool is_fitted;  /* the model knows what codes are usual: */
    uint64_t fitted; /* those after this step */
    lk_bytes file;
} training;

static bool is_planned(void) {
    if (training.model) return true;
    fail(LK_USAGE, "no network is there to be trained");
    return false;
}
static bool has_begun(void) {
    if (training.trainer) return true;
    fail(LK_USAGE, "no training has begun");
    return false;
}
static bool has_not_begun(void) {
    if (!training.trainer) return true;
    fail(LK_USAGE, "the training has begun already");
    return false;
}

/* Gives everything back. */
void EXPORT(lk_wasm_train_end)(void) {
    lk_trainer_free(training.trainer);
    lk_model_free(training.model);
    free(training.data.pixels);
    free(training.data.values);
    free(training.data.labels);
    lk_bytes_free(&training.file);
    training = (struct training){0};
}

/* The inbox as text. */
static bool take_text(char text[MOST_TEXT]) {
    const bool fits = inbox.size < MOST_TEXT;
    if (fits) {
        if (inbox.size > 0) memcpy(text, inbox.data, inbox.size);
        text[inbox.size] = 0;
    } else {
        fail(LK_USAGE, "the text is too long");
    }
    empty_inbox();
    return fits;
}

/* ---- the network ---- */

static lk_status create(const char *arch) {
    training.model = lk_model_create(arch, &last_error);
    if (training.model) return LK_OK;
    /* What is wrong with an architecture is wrong with the call. */
    if (last_error.status == LK_MODEL) last_error.status = LK_USAGE;
    return last_error.status;
}

/* The network whose architecture is in the inbox, with zeros for weights. */
lk_status EXPORT(lk_wasm_train_arch)(void) {
    char arch[MOST_TEXT];
    lk_wasm_train_end();
    return take_text(arch) ? create(arch) : LK_USAGE;
}

/* The same of the family whose name is in the inbox; latent 0 is its own, classes 0 without labels.
 */
lk_status EXPORT(lk_wasm_train_family)(uint32_t channels, uint32_t height, uint32_t width,
                                       uint32_t latent, uint32_t classes) {
    char name[MOST_TEXT], arch[MOST_TEXT];
    lk_wasm_train_end();
    if (!take_text(name)) return LK_USAGE;
    const lk_family *family = lk_family_find(name);
    if (!family) return fail(LK_USAGE, "no such family");
    if (family->method != LK_TRAINED)
        return fail(LK_USAGE, "this family is not made by training its network as a whole");
    lk_status status = lk_family_arch(family, (lk_shape){channels, height, width}, latent, classes,
                                      arch, sizeof arch, &last_error);
    if (status == LK_OK) status = create(arch);
    if (status != LK_OK) return status;
    training.family = family;
    return lk_model_set_text(training.model, LK_TEXT_FAMILY, name, &last_error);
}

/* What the images are, in the inbox. */
lk_status EXPORT(lk_wasm_train_title)(void) {
    char title[MOST_TEXT];
    if (!is_planned() || !take_text(title)) return LK_USAGE;
    return lk_model_set_text(training.model, LK_TEXT_TITLE, title, &last_error);
}

/* ---- the images ---- */

static size_t input_size(void) {
    const lk_shape s = lk_model_shape(training.model);
    return (size_t)s.channels * s.height * s.width;
}

/* Images in the inbox as a data set that borrows it. */
static lk_status borrow_images(uint32_t are_values, lk_dataset *data) {
    const size_t each = input_size() * (are_values ? sizeof *data->values : 1);
    if (inbox.size == 0 || inbox.size % each != 0)
        return fail(LK_USAGE, "the images' bytes do not match their shape");
    *data = (lk_dataset){.shape = lk_model_shape(training.model), .count = inbox.size / each};
    if (are_values)
        data->values = (lk_real *)(void *)inbox.data;
    else
        data->pixels = inbox.data;
    return LK_OK;
}

/* The images in the inbox, of a byte or of a float a value, channel after channel. */
lk_status EXPORT(lk_wasm_train_images)(uint32_t are_values) {
    if (!is_planned() || !has_not_begun()) return LK_USAGE;
    lk_dataset data;
    const lk_status status = borrow_images(are_values, &data);
    if (status != LK_OK) return status;
    free(training.data.pixels);
    free(training.data.values);
    free(training.data.labels);
    training.data = data;
    inbox = (lk_bytes){0};
    return LK_OK;
}

/* Their labels, a uint32 each. */
lk_status EXPORT(lk_wasm_train_labels)(void) {
    if (!is_planned() || !has_not_begun()) return LK_USAGE;
    lk_dataset *data = &training.data;
    if (inbox.size == 0 || inbox.size / sizeof *data->labels != data->count ||
        inbox.size % sizeof *data->labels != 0)
        return fail(LK_USAGE, "there must be a label for each image");
    free(data->labels);
    data->labels = (uint32_t *)(void *)inbox.data;
    inbox = (lk_bytes){0};
    data->classes = 0;
    for (size_t i = 0; i < data->count; i++) {
        if (data->labels[i] == UINT32_MAX) return fail(LK_DATA, "a label is out of range");
        if (data->labels[i] >= data->classes) data->classes = data->labels[i] + 1;
    }
    return LK_OK;
}

/* ---- steps ---- */

/* From new weights on. In the inbox: how images are augmented, or nothing. */
lk_status EXPORT(lk_wasm_train_begin)(uint32_t init, double seed, uint32_t batch, uint32_t epochs,
                                      double learning_rate, double warmup, double decay,
                                      uint32_t fall, double weight_decay) {
    char augment[MOST_TEXT];
    if (!is_planned() || !has_not_begun() || !take_text(augment)) return LK_USAGE;
    if (init > LK_INIT_HE || fall > LK_FALL_COSINE) return fail(LK_USAGE, "no such choice");
    if (!(seed >= 0 && seed <= MOST_SEED)) return fail(LK_USAGE, "the seed is out of range");
    lk_train_options o = lk_train_defaults();
    if (lk_augmentation_parse(augment, &o.augment, &last_error) != LK_OK) return last_error.status;
    o.seed = (uint64_t)seed;
    o.batch = batch;
    o.epochs = epochs;
    o.learning_rate = learning_rate;
    o.warmup = warmup;
    o.decay = decay;
    o.fall = (lk_fall)fall;
    o.weight_decay = weight_decay;
    training.options = o;
    lk_model_init(training.model, (lk_init)init, o.seed);
    training.trainer = lk_trainer_create(training.model, &training.data, &o, &last_error);
    return training.trainer ? LK_OK : last_error.status;
}

static uint64_t steps_in_all(void) {
    return lk_trainer_steps_per_epoch(training.trainer) * training.options.epochs;
}

/* Images of the next step. */
static double images_ahead(void) {
    const uint64_t at =
        lk_trainer_steps(training.trainer) % lk_trainer_steps_per_epoch(training.trainer);
    const double left = (double)training.data.count - (double)at * training.options.batch;
    return left < training.options.batch ? left : training.options.batch;
}

/* Up to n steps, fewer at the end of the schedule; the mean loss and accuracy of their images. What
   has diverged is of no use: it ends. */
lk_status EXPORT(lk_wasm_train_step)(uint32_t n) {
    if (!has_begun()) return LK_USAGE;
    double loss = 0, right = 0, images = 0;
    for (; n > 0 && lk_trainer_steps(training.trainer) < steps_in_all(); n--) {
        const double rows = images_ahead();
        lk_progress progress;
        const lk_status status = lk_trainer_step(training.trainer, &progress, &last_error);
        if (status != LK_OK) return lk_wasm_train_end(), status;
        loss += progress.loss * rows;
        right += progress.accuracy * rows;
        images += rows;
    }
    training.images = images;
    training.loss = loss / images;
    training.accuracy = right / images;
    const bool done = lk_trainer_steps(training.trainer) == steps_in_all();
    if (done && training.family && training.family->training.half)
        return lk_model_halve(training.model, &last_error);
    return LK_OK;
}

/* ---- what comes of it ---- */

/* Learns what codes are usual, unless it is known of these weights. */
static lk_status fit(void) {
    const uint64_t step = lk_trainer_steps(training.trainer);
    if (training.is_fitted && training.fitted == step) return LK_OK;
    const bool ink = training.data.shape.channels == 1 && !training.data.values;
    const lk_status status =
        lk_score_fit(training.model, &training.data, (uint32_t)training.options.augment.shift, ink,
                     REFERENCES, training.options.seed, 1, LK_SIMD_BEST, &last_error);
    if (status != LK_OK) return status;
    training.is_fitted = true;
    training.fitted = step;
    return LK_OK;
}

/* Learns what scores are usual from the held-out images in the inbox. */
lk_status EXPORT(lk_wasm_train_calibrate)(uint32_t preparation, uint32_t are_values) {
    if (!has_begun() || !preparation_known(preparation)) return LK_USAGE;
    lk_dataset held_out;
    lk_status status = borrow_images(are_values, &held_out);
    if (status == LK_OK) status = fit();
    if (status == LK_OK)
        status = lk_score_calibrate(training.model, (lk_preparation)preparation, &held_out, 1,
                                    LK_SIMD_BEST, &last_error);
    empty_inbox();
    return status;
}

/* Writes the model's file. */
lk_status EXPORT(lk_wasm_train_save)(void) {
    if (!has_begun()) return LK_USAGE;
    if (training.is_fitted && training.fitted != lk_trainer_steps(training.trainer))
        return fail(LK_USAGE, "the training has gone on since the calibration: calibrate again");
    lk_bytes_free(&training.file);
    return lk_model_save(training.model, &training.file, &last_error);
}
const uint8_t *EXPORT(lk_wasm_train_file)(void) {
    return training.file.data;
}

/* The network in the notation, or how its family is augmented. */
enum text { TEXT_ARCH, TEXT_AUGMENT };
const char *EXPORT(lk_wasm_train_text)(uint32_t which) {
    if (!is_planned()) return NULL;
    if (which == TEXT_ARCH) return lk_model_arch(training.model);
    return training.family ? training.family->training.augment : NULL;
}

enum number {
    NUMBER_CHANNELS,
    NUMBER_HEIGHT,
    NUMBER_WIDTH,
    NUMBER_CLASSES,
    NUMBER_PARAMETERS,
    NUMBER_STEP,
    NUMBER_STEPS,
    NUMBER_STEPS_PER_EPOCH,
    NUMBER_LOSS,
    NUMBER_ACCURACY,
    NUMBER_IMAGES,
    NUMBER_FILE,
    /* How the network is trained unless it is told otherwise, on the images that are there. */
    NUMBER_USUAL_BATCH,
    NUMBER_USUAL_EPOCHS,
    NUMBER_USUAL_DECAY,
    NUMBER_USUAL_INIT,
};
double EXPORT(lk_wasm_train_number)(uint32_t which) {
    const bool of_steps = which >= NUMBER_STEP && which <= NUMBER_FILE;
    if (of_steps ? !has_begun() : !is_planned()) return -1;
    const lk_shape shape = lk_model_shape(training.model);
    const lk_family *family = training.family;
    const lk_train_options usual = lk_train_family_defaults(family, training.data.count);
    switch (which) {
    case NUMBER_CHANNELS: return shape.channels;
    case NUMBER_HEIGHT: return shape.height;
    case NUMBER_WIDTH: return shape.width;
    case NUMBER_CLASSES: return lk_model_classes(training.model);
    case NUMBER_PARAMETERS: return (double)lk_model_parameters(training.model);
    case NUMBER_STEP: return (double)lk_trainer_steps(training.trainer);
    case NUMBER_STEPS: return (double)steps_in_all();
    case NUMBER_STEPS_PER_EPOCH: return (double)lk_trainer_steps_per_epoch(training.trainer);
    case NUMBER_LOSS: return training.loss;
    case NUMBER_ACCURACY: return training.accuracy;
    case NUMBER_IMAGES: return training.images;
    case NUMBER_FILE: return (double)training.file.size;
    case NUMBER_USUAL_BATCH: return usual.batch;
    case NUMBER_USUAL_EPOCHS: return usual.epochs;
    case NUMBER_USUAL_DECAY: return usual.decay;
    case NUMBER_USUAL_INIT: return family ? family->training.init : LK_INIT_GLOROT;
    default: return fail(LK_USAGE, "no such number"), -1;
    }
}
