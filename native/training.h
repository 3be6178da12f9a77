/* The loop over the epochs: progress, log, checkpoints, interruption, resumption. */
#ifndef TRAINING_H
#define TRAINING_H

#include <jansson.h>

#include "options.h"
#include "progress.h"

typedef struct training {
    const options *o;
    lk_model *model;
    const lk_dataset *images, *held_out;
    progress progress;
    lk_trainer *trainer;
    json_t *epochs; /* [{"epoch", "loss", "validation_loss", "seconds", "images_per_second"}] */
    /* Of the epoch under way. */
    double loss_sum, images_done, seconds;
    char checkpoint[PATH_MAX];
    char data_sha256[65]; /* of the images trained on: a checkpoint belongs to them */
    int log;              /* --log-jsonl, or -1 */
} training;

/* `images` and the model must outlive it. */
lk_status training_start(training *t, const options *o, lk_model *model, const lk_dataset *images,
                         const lk_dataset *held_out, fault *f);
/* LK_OK, EXIT_INTERRUPTED after a saved checkpoint, or what failed. */
int training_run(training *t, fault *f);
/* Saves where training stands, says so, returns EXIT_INTERRUPTED. */
int training_interrupt(training *t, fault *f);
void training_end(training *t);

/* The median over the epochs of images a second, in training steps alone. */
double training_rate(const training *t);

#endif
