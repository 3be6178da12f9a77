/* What a training is made of, for train.c, which steps, and resume.c, which saves; and what a step
   has in common with measuring a loss (evaluate.c). */
#ifndef LK_TRAINER_H
#define LK_TRAINER_H

#include "model.h"

/* One slice of one layer's parameters: a piece of work of the second phase. */
typedef struct work {
    uint32_t layer, slice;
} work;

struct lk_trainer {
    lk_model *model;
    const lk_dataset *data;
    lk_train_options options;
    lk_run *run;
    lk_real *m, *v;      /* Adam's moments, as the parameters */
    lk_real *transposed; /* of the weights, for the backward pass */
    lk_real *gradients;  /* threads x largest slice */
    size_t largest_slice;
    lk_real *room; /* threads x room_size: an image to be augmented */
    size_t room_size;
    lk_real *blank;    /* an input of zeros: the target of images of no class */
    lk_real *row_loss; /* batch */
    bool *row_right;   /* batch: was the class right? */
    lk_real *kept;     /* parameters, once lk_trainer_keep was called */
    bool has_kept;
    size_t meets[LK_MAX_LAYERS]; /* layers before which rows wait for each other */
    size_t meet_count;
    uint32_t *order;      /* this epoch's order of the images */
    uint64_t ordered_for; /* the epoch that `order` is for, plus 1 */
    work *works;          /* dearest first, so that threads end together */
    size_t work_count;
    uint64_t step;
};

/* Brings the transposed weights up to date with all parameters. */
void lk_trainer_transpose(lk_trainer *trainer);

/* LK_DATA where the model needs labels that the data have not, or have beyond its classes, and
   where its loss is of shares and some value is below 0. */
lk_status lk_check_data(const lk_model *model, const lk_dataset *data, lk_error *error);
/* Whether the class of a row that has gone forward is right. */
bool lk_run_is_right(const lk_run *run, size_t row);
/* Mean loss and accuracy of n images from their sums. */
lk_progress lk_progress_of(const lk_arch *arch, double loss, size_t right, size_t n);

#endif
