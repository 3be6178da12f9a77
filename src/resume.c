/* Checkpoints: a training written down, to be gone on with to the same bits. */
#include <math.h>
#include <string.h>

#include "tensorfile.h"
#include "trainer.h"

static const char CHECKPOINT_FORMAT[] = "likeness checkpoint 2";

/* What must be the same for going on to give the same bits; written and compared as raw values. */
typedef struct place {
    uint64_t step, images, batch, epochs, seed, fall;
    double rate, decay, warmup, weight_decay;
    lk_augmentation augment; /* six doubles */
} place;
LK_STATIC_ASSERT(sizeof(place) == 16 * 8, a_place_has_no_gaps);

static place place_of(const lk_trainer *t) {
    const lk_train_options *o = &t->options;
    return (place){.step = t->step,
                   .images = t->data->count,
                   .batch = o->batch,
                   .epochs = o->epochs,
                   .seed = o->seed,
                   .fall = (uint64_t)o->fall,
                   .rate = o->learning_rate,
                   .decay = o->decay,
                   .warmup = o->warmup,
                   .weight_decay = o->weight_decay,
                   .augment = o->augment};
}

enum { STATE_PLACE, STATE_PARAMETERS, STATE_M, STATE_V, STATE_KEPT, STATES };

/* How many of the tensors a checkpoint has: `kept` is there once something was kept. */
static size_t state_count(bool kept) {
    return kept ? STATES : STATE_KEPT;
}

/* The tensors of a checkpoint; `p` and the trainer lend their memory. */
static void state_tensors(const lk_trainer *t, const place *p, lk_tensor *tensors) {
    const size_t n = t->model->arch.packed, bytes = n * sizeof(lk_real);
    tensors[STATE_PLACE] = (lk_tensor){"place", LK_U64, 1, {sizeof *p / 8}, p, sizeof *p};
    tensors[STATE_PARAMETERS] =
        (lk_tensor){"parameters", LK_F32, 1, {n}, t->model->parameters, bytes};
    tensors[STATE_M] = (lk_tensor){"adam.m", LK_F32, 1, {n}, t->m, bytes};
    tensors[STATE_V] = (lk_tensor){"adam.v", LK_F32, 1, {n}, t->v, bytes};
    tensors[STATE_KEPT] = (lk_tensor){"kept", LK_F32, 1, {n}, t->kept, bytes};
}

lk_status lk_trainer_save(const lk_trainer *t, const char *note, lk_bytes *out, lk_error *error) {
    const place p = place_of(t);
    lk_tensor tensors[STATES];
    state_tensors(t, &p, tensors);
    const size_t count = state_count(t->has_kept);
    const lk_checksum checksum = lk_tensorfile_checksum(tensors, count);
    const lk_metadata metadata[] = {{"format", CHECKPOINT_FORMAT},
                                    {"arch", t->model->arch.text},
                                    {"note", note},
                                    {LK_CHECKSUM, checksum.text}};
    return lk_tensorfile_write(tensors, count, metadata, LK_COUNTOF(metadata), out, error);
}

/* Checks an opened checkpoint against this trainer and takes its state over. */
static lk_status restore(lk_trainer *t, const lk_tensorfile *file, lk_error *error) {
    const char *format = lk_tensorfile_text(file, "format");
    const char *arch = lk_tensorfile_text(file, "arch");
    if (!format || strcmp(format, CHECKPOINT_FORMAT) != 0)
        return lk_fail(error, LK_MODEL, "not a checkpoint of this version");
    if (!arch || strcmp(arch, t->model->arch.text) != 0)
        return lk_fail(error, LK_USAGE, "the checkpoint is of another architecture");
    place here = place_of(t), there;
    lk_tensor expected[STATES];
    const lk_tensor *found[STATES];
    const bool kept = lk_tensorfile_find(file, "kept") != NULL;
    state_tensors(t, &here, expected);
    for (size_t i = 0; i < state_count(kept); i++) {
        found[i] = lk_tensorfile_find(file, expected[i].name);
        if (!found[i] || found[i]->dtype != expected[i].dtype ||
            found[i]->bytes != expected[i].bytes)
            return lk_fail(error, LK_MODEL, "checkpoint: tensor '%s' is missing or of another size",
                           expected[i].name);
        for (size_t k = 0; found[i]->dtype == LK_F32 && k < found[i]->bytes / sizeof(float); k++) {
            float value;
            memcpy(&value, (const char *)found[i]->data + k * sizeof value, sizeof value);
            /* Adam's v is a mean of squares. */
            if (!isfinite(value) || (i == STATE_V && value < 0))
                return lk_fail(error, LK_MODEL, "checkpoint: tensor '%s' holds what cannot be",
                               expected[i].name);
        }
    }
    memcpy(&there, found[STATE_PLACE]->data, sizeof there);
    here.step = there.step;
    if (memcmp(&here, &there, sizeof here) != 0)
        return lk_fail(error, LK_USAGE, "the checkpoint is of other data or options");
    if (there.step > lk_trainer_steps_per_epoch(t) * t->options.epochs)
        return lk_fail(error, LK_MODEL, "checkpoint: step %u is past the end",
                       (unsigned long long)there.step);
    if (lk_tensorfile_verify(file, error) != LK_OK) return LK_MODEL;
    memcpy(t->model->parameters, found[STATE_PARAMETERS]->data, found[STATE_PARAMETERS]->bytes);
    memcpy(t->m, found[STATE_M]->data, found[STATE_M]->bytes);
    memcpy(t->v, found[STATE_V]->data, found[STATE_V]->bytes);
    if (kept) memcpy(t->kept, found[STATE_KEPT]->data, found[STATE_KEPT]->bytes);
    t->has_kept = kept;
    t->step = there.step;
    t->ordered_for = 0;
    lk_trainer_transpose(t);
    return LK_OK;
}

lk_status lk_trainer_restore(lk_trainer *t, const void *bytes, size_t size, lk_error *error) {
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, error);
    if (!file) return error ? error->status : LK_MODEL;
    const lk_status status = restore(t, file, error);
    lk_tensorfile_free(file);
    return status;
}

lk_status lk_checkpoint_note(const void *bytes, size_t size, lk_bytes *note, lk_error *error) {
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, error);
    if (!file) return error ? error->status : LK_MODEL;
    const char *text = lk_tensorfile_text(file, "note");
    lk_status status = LK_OK;
    if (!text) {
        status = lk_fail(error, LK_MODEL, "not a checkpoint of this version");
    } else {
        note->size = strlen(text);
        note->data = lk_alloc(note->size + 1);
        if (note->data)
            memcpy(note->data, text, note->size);
        else
            status = lk_fail(error, LK_MEMORY, "out of memory");
    }
    lk_tensorfile_free(file);
    return status;
}
