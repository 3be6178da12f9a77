#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "data.h"
#include "file.h"
#include "interrupt.h"
#include "output.h"

/* ---- checkpoints: the trainer's own state, and in its note what is kept here ---- */

/* The options that a result depends on; where the data are does not count, but what they are. */
static json_t *options_note(const options *o) {
    static const char *const names[] = {
        "seed",         "limit",   "holdout",  "validation", "draw",  "binarise",
        "shape",        "latent",  "noise",    "init",       "from",  "pretrain-epochs",
        "epochs",       "batch",   "lr",       "warmup",     "decay", "fall",
        "weight-decay", "augment", "patience", "drawings",   "half",  NULL};
    return options_values(o, FOR_TRAIN, names);
}

/* "with --seed 1", "without --from" */
static const char *put_option(const char *name, const json_t *value, char *out, size_t size) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    if (json_is_null(value))
        snprintf(out, size, "without --%s", name);
    else
        snprintf(out, size, "with --%s %.40s", name, text ? text : "");
    free(text);
    return out;
}

/* Names the first option that is another than it was. */
static lk_status compare_options(const training *t, const json_t *there, fault *f) {
    json_t *here = options_note(t->o), *now;
    lk_status status = LK_OK;
    const char *name;
    json_object_foreach(here, name, now) {
        const json_t *before = json_object_get(there, name);
        char a[72], b[72];
        if (!status && !before)
            status = fail(f, LK_MODEL, t->checkpoint, "its note is not that of a training");
        if (!status && !json_equal(before, now))
            status =
                fail(f, LK_USAGE, t->checkpoint, "begun %s, it cannot be resumed %s",
                     put_option(name, before, a, sizeof a), put_option(name, now, b, sizeof b));
    }
    json_decref(here);
    return status;
}

static char *write_note(const training *t) {
    json_t *note = json_pack("{s:s,s:O,s:O*,s:o,s:f,s:f,s:f,s:f}", "data_sha256", t->data_sha256,
                             "epochs", t->epochs, "pretraining", t->pretraining, "options",
                             options_note(t->o), "loss_sum", t->loss_sum, "right_sum", t->right_sum,
                             "images_done", t->images_done, "seconds", t->seconds);
    char *text = note ? json_dumps(note, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(note);
    return text;
}

static lk_status save_checkpoint(const training *t, fault *f) {
    char *note = write_note(t);
    if (!note) return fail_memory(f);
    lk_bytes bytes = {0};
    lk_status status = lk_trainer_save(t->trainer, note, &bytes, &f->error);
    free(note);
    if (status) return blame(f, t->checkpoint);
    status = file_write(t->checkpoint, bytes.data, bytes.size, f);
    lk_bytes_free(&bytes);
    return status;
}

static lk_status read_note(training *t, const char *text, size_t size, fault *f) {
    json_t *note = json_loadb(text, size, 0, NULL), *epochs = NULL, *pretraining = NULL;
    json_t *there = NULL;
    const char *sha256 = NULL;
    lk_status status = LK_OK;
    if (!note ||
        json_unpack(note, "{s:s,s:o,s?o,s:o,s:F,s:F,s:F,s:F}", "data_sha256", &sha256, "epochs",
                    &epochs, "pretraining", &pretraining, "options", &there, "loss_sum",
                    &t->loss_sum, "right_sum", &t->right_sum, "images_done", &t->images_done,
                    "seconds", &t->seconds) != 0 ||
        !json_is_array(epochs))
        status = fail(f, LK_MODEL, t->checkpoint, "its note is not that of a training");
    else
        status = compare_options(t, there, f);
    if (!status && strcmp(sha256, t->data_sha256) != 0)
        status = fail(f, LK_USAGE, t->checkpoint, "the checkpoint is of other data");
    if (!status) {
        json_decref(t->epochs);
        t->epochs = json_incref(epochs);
        t->pretraining = json_incref(pretraining);
    }
    json_decref(note);
    return status;
}

static lk_status restore(training *t, const lk_bytes *bytes, fault *f) {
    lk_bytes note = {0};
    if (lk_checkpoint_note(bytes->data, bytes->size, &note, &f->error))
        return blame(f, t->checkpoint);
    lk_status status = read_note(t, (const char *)note.data, note.size, f);
    lk_bytes_free(&note);
    if (status) return status;
    if (lk_trainer_restore(t->trainer, bytes->data, bytes->size, &f->error))
        return blame(f, t->checkpoint);
    /* Both parts of a checkpoint tell where training stands. */
    if (json_array_size(t->epochs) !=
        lk_trainer_steps(t->trainer) / lk_trainer_steps_per_epoch(t->trainer))
        return fail(f, LK_MODEL, t->checkpoint, "its note does not fit its step");
    return LK_OK;
}

/* Without a checkpoint, --resume begins anew: a killed first attempt may have left none. */
static lk_status resume(training *t, fault *f) {
    enum { MOST = 1 << 30 };
    if (file_kind_of(t->checkpoint) == FILE_ABSENT) {
        progress_say(&t->progress, "no checkpoint yet: starting from the beginning");
        return LK_OK;
    }
    lk_bytes bytes;
    lk_status status = file_read(t->checkpoint, MOST, LK_MODEL, &bytes, f);
    if (!status) status = restore(t, &bytes, f);
    lk_bytes_free(&bytes);
    if (!status)
        progress_say(&t->progress, "resuming after step %llu",
                     (unsigned long long)lk_trainer_steps(t->trainer));
    return status;
}

int training_interrupt(training *t, fault *f) {
    const lk_status status = save_checkpoint(t, f);
    if (status) return status;
    progress_say(&t->progress, "interrupted after step %llu; go on with --resume from %s",
                 (unsigned long long)lk_trainer_steps(t->trainer), t->checkpoint);
    return EXIT_INTERRUPTED;
}

/* ---- the loop ---- */

static bool name_checkpoint(const options *o, char *path) {
    return snprintf(path, PATH_MAX, "%s.checkpoint", o->out) < PATH_MAX;
}

bool training_resumes(const options *o) {
    char path[PATH_MAX];
    return o->resume && name_checkpoint(o, path) && file_kind_of(path) != FILE_ABSENT;
}

lk_status training_start(training *t, const options *o, const lk_train_options *how,
                         lk_model *model, const lk_dataset *images, const lk_dataset *validation,
                         fault *f) {
    *t = (training){.o = o, .model = model, .images = images, .validation = validation, .log = -1};
    progress_start(&t->progress, o->epochs);
    t->epochs = json_array();
    data_sha256(images, t->data_sha256);
    if (!name_checkpoint(o, t->checkpoint)) return fail(f, LK_IO, o->out, "the name is too long");
    t->trainer = lk_trainer_create(model, images, how, &f->error);
    if (!t->trainer) return f->error.status;
    const lk_status status = o->resume ? resume(t, f) : LK_OK;
    if (status || !o->log) return status;
    t->log = file_log_open(o->log, o->resume, f);
    return t->log < 0 ? LK_IO : LK_OK;
}

void training_end(training *t) {
    lk_trainer_free(t->trainer);
    json_decref(t->epochs);
    json_decref(t->pretraining);
    file_log_close(t->log);
    t->trainer = NULL;
    t->epochs = t->pretraining = NULL;
    t->log = -1;
}

static lk_status log_epoch(const training *t, const json_t *row, fault *f) {
    if (t->log < 0) return LK_OK;
    char *line = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!line) return fail_memory(f);
    const lk_status status = file_log_line(t->log, t->o->log, line, f);
    free(line);
    return status;
}

/* The epoch as one row of JSON. */
static json_t *describe_epoch(const training *t, uint32_t epoch, lk_progress trained,
                              lk_progress validated, double rate) {
    json_t *row = json_pack("{s:i,s:f,s:o}", "epoch", (int)epoch, "loss", trained.loss,
                            "validation_loss", output_number(validated.loss));
    json_t *accuracies = json_pack("{s:o,s:o}", "accuracy", output_number(trained.accuracy),
                                   "validation_accuracy", output_number(validated.accuracy));
    if (lk_model_classes(t->model) > 0) json_object_update(row, accuracies);
    json_decref(accuracies);
    json_object_set_new(row, "seconds", json_real(t->seconds));
    json_object_set_new(row, "images_per_second", json_real(rate));
    return row;
}

size_t training_best_epoch(const training *t) {
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < json_array_size(t->epochs); i++) {
        const json_t *loss = json_object_get(json_array_get(t->epochs, i), "validation_loss");
        if (!json_is_number(loss) || !(json_number_value(loss) < least)) continue;
        least = json_number_value(loss);
        best = i + 1;
    }
    return best;
}

/* --patience is at its end; asked between epochs. */
static bool is_stopped(const training *t) {
    const uint32_t patience = t->o->patience;
    return patience > 0 && t->images_done == 0 &&
           json_array_size(t->epochs) - training_best_epoch(t) >= patience;
}

static lk_status validate(const training *t, lk_progress *out, fault *f) {
    *out = (lk_progress){NAN, NAN};
    if (t->validation->count > 0 && lk_evaluate(t->model, t->validation, (int)t->o->threads,
                                                (lk_simd)t->o->simd, out, &f->error))
        return f->error.status;
    if (lk_model_classes(t->model) == 0) out->accuracy = NAN;
    return LK_OK;
}

static lk_status end_epoch(training *t, fault *f) {
    const uint32_t epoch = (uint32_t)json_array_size(t->epochs) + 1;
    const double rate = t->images_done / t->seconds;
    lk_progress trained = {t->loss_sum / t->images_done, t->right_sum / t->images_done}, validated;
    if (lk_model_classes(t->model) == 0) trained.accuracy = NAN;
    lk_status status = validate(t, &validated, f);
    if (status) return status;
    json_t *row = describe_epoch(t, epoch, trained, validated, rate);
    if (!row || json_array_append_new(t->epochs, row)) return fail_memory(f);
    if (t->o->patience && training_best_epoch(t) == epoch) lk_trainer_keep(t->trainer);
    progress_epoch(&t->progress, epoch, trained, validated, rate, t->seconds);
    t->loss_sum = t->right_sum = t->images_done = t->seconds = 0;
    status = log_epoch(t, row, f);
    const uint32_t every = t->o->checkpoint_every;
    return status || !every || epoch % every ? status : save_checkpoint(t, f);
}

static lk_status step(training *t, uint64_t per_epoch, fault *f) {
    const uint64_t at = lk_trainer_steps(t->trainer) % per_epoch;
    const double left = (double)t->images->count - (double)at * t->o->batch;
    const double batch = left < t->o->batch ? left : t->o->batch;
    const double start = clock_seconds();
    lk_progress now;
    const lk_status status = lk_trainer_step(t->trainer, &now, &f->error);
    if (status) return status;
    t->seconds += clock_seconds() - start;
    t->loss_sum += now.loss * batch;
    t->right_sum += now.accuracy * batch;
    t->images_done += batch;
    const double epochs_done =
        (double)json_array_size(t->epochs) + t->images_done / (double)t->images->count;
    const double rate = t->images_done / t->seconds;
    progress_update(&t->progress, (uint32_t)json_array_size(t->epochs) + 1,
                    epochs_done / t->o->epochs, t->loss_sum / t->images_done, rate,
                    (t->o->epochs - epochs_done) * (double)t->images->count / rate);
    return at + 1 == per_epoch ? end_epoch(t, f) : LK_OK;
}

int training_run(training *t, fault *f) {
    const uint64_t per_epoch = lk_trainer_steps_per_epoch(t->trainer);
    while (lk_trainer_steps(t->trainer) < per_epoch * t->o->epochs && !is_stopped(t)) {
        if (interrupt_pending()) return training_interrupt(t, f);
        const lk_status status = step(t, per_epoch, f);
        if (status) return status;
    }
    const size_t best = training_best_epoch(t);
    if (!t->o->patience || best == 0 || best == json_array_size(t->epochs)) return LK_OK;
    lk_trainer_put_back(t->trainer);
    progress_say(&t->progress, "the weights are those of epoch %zu, the best", best);
    return LK_OK;
}

double training_rate(const training *t) {
    const size_t count = json_array_size(t->epochs);
    double *rates = lk_alloc(count * sizeof *rates);
    if (!rates) return 0;
    for (size_t i = 0; i < count; i++)
        rates[i] =
            json_number_value(json_object_get(json_array_get(t->epochs, i), "images_per_second"));
    const double middle = median(rates, count);
    lk_free(rates);
    return middle;
}
