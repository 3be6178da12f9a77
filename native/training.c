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

static char *write_note(const training *t) {
    json_t *note =
        json_pack("{s:s,s:O,s:f,s:f,s:f}", "data_sha256", t->data_sha256, "epochs", t->epochs,
                  "loss_sum", t->loss_sum, "images_done", t->images_done, "seconds", t->seconds);
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
    json_t *note = json_loadb(text, size, 0, NULL), *epochs = NULL;
    const char *sha256 = NULL;
    lk_status status = LK_OK;
    if (!note || json_unpack(note, "{s:s,s:o,s:F,s:F,s:F}", "data_sha256", &sha256, "epochs",
                             &epochs, "loss_sum", &t->loss_sum, "images_done", &t->images_done,
                             "seconds", &t->seconds) != 0)
        status = fail(f, LK_MODEL, t->checkpoint, "its note is not that of a training");
    else if (strcmp(sha256, t->data_sha256) != 0)
        status = fail(f, LK_USAGE, t->checkpoint, "the checkpoint is of other data");
    if (!status) {
        json_decref(t->epochs);
        t->epochs = json_incref(epochs);
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

lk_status training_start(training *t, const options *o, lk_model *model, const lk_dataset *images,
                         const lk_dataset *held_out, fault *f) {
    *t = (training){.o = o, .model = model, .images = images, .held_out = held_out, .log = -1};
    const lk_train_options how = {.batch = o->batch,
                                  .learning_rate = o->learning_rate,
                                  .epochs = o->epochs,
                                  .decay = o->decay,
                                  .seed = o->seed,
                                  .threads = (int)o->threads,
                                  .simd = (lk_simd)o->simd};
    progress_start(&t->progress, o->epochs);
    t->epochs = json_array();
    data_sha256(images, t->data_sha256);
    if (snprintf(t->checkpoint, PATH_MAX, "%s.checkpoint", o->out) >= PATH_MAX)
        return fail(f, LK_IO, o->out, "the name is too long");
    t->trainer = lk_trainer_create(model, images, &how, &f->error);
    if (!t->trainer) return f->error.status;
    const lk_status status = o->resume ? resume(t, f) : LK_OK;
    if (status || !o->log) return status;
    t->log = file_log_open(o->log, o->resume, f);
    return t->log < 0 ? LK_IO : LK_OK;
}

void training_end(training *t) {
    lk_trainer_free(t->trainer);
    json_decref(t->epochs);
    file_log_close(t->log);
    t->trainer = NULL;
    t->epochs = NULL;
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

static lk_status end_epoch(training *t, fault *f) {
    const uint32_t epoch = (uint32_t)json_array_size(t->epochs) + 1;
    const double loss = t->loss_sum / t->images_done, rate = t->images_done / t->seconds;
    lk_progress held_out = {NAN, 0};
    if (t->held_out->count > 0 && lk_evaluate(t->model, t->held_out, (int)t->o->threads,
                                              (lk_simd)t->o->simd, &held_out, &f->error))
        return f->error.status;
    const double validation = held_out.loss;
    json_t *row =
        json_pack("{s:i,s:f,s:o,s:f,s:f}", "epoch", (int)epoch, "loss", loss, "validation_loss",
                  output_number(validation), "seconds", t->seconds, "images_per_second", rate);
    if (!row || json_array_append_new(t->epochs, row)) return fail_memory(f);
    progress_epoch(&t->progress, epoch, loss, validation, rate, t->seconds);
    t->loss_sum = t->images_done = t->seconds = 0;
    const lk_status status = log_epoch(t, row, f);
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
    while (lk_trainer_steps(t->trainer) < per_epoch * t->o->epochs) {
        if (interrupt_pending()) return training_interrupt(t, f);
        const lk_status status = step(t, per_epoch, f);
        if (status) return status;
    }
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
