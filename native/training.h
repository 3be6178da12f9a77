/* The loop over the epochs: progress, log, checkpoints, interruption, resumption. */
#ifndef TRAINING_H
#define TRAINING_H

#include <jansson.h>

#include "options.h"
#include "progress.h"

typedef struct training {
    const options *o;
    lk_model *model;
    const lk_dataset *images, *validation;
    progress progress;
    lk_trainer *trainer;
    /* [{"epoch", "loss", "validation_loss", "accuracy", "validation_accuracy", "seconds",
       "images_per_second"}], the accuracies only where the model tells classes apart. */
    json_t *epochs;
    json_t *pretraining; /* kept for the caller in checkpoints; owned, or NULL */
    /* Of the epoch under way. */
    double loss_sum, right_sum, images_done, seconds;
    char checkpoint[PATH_MAX];
    char data_sha256[65]; /* of the images trained on: a checkpoint belongs to them */
    int log;              /* --log-jsonl, or -1 */
} training;

/* `images`, `validation` (which may be empty) and the model must outlive it. */
lk_status training_start(training *t, const options *o, const lk_train_options *how,
                         lk_model *model, const lk_dataset *images, const lk_dataset *validation,
                         fault *f);
/* LK_OK, EXIT_INTERRUPTED after a saved checkpoint, or what failed. With --patience the model ends
   with the weights of the best epoch. */
int training_run(training *t, fault *f);
/* Saves where training stands, says so, returns EXIT_INTERRUPTED. */
int training_interrupt(training *t, fault *f);
void training_end(training *t);

/* Whether training_start would go on from a checkpoint. */
bool training_resumes(const options *o);
/* The epoch, counted from 1, that was the first to reach the least validation loss; 0: none. */
size_t training_best_epoch(const training *t);
/* The median over the epochs of images a second, in training steps alone. */
double training_rate(const training *t);

#endif
