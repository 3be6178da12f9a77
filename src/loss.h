/* Losses: the end of a chain.

   An image's loss is a sum over its values (mse, bce, multinomial) or one number (ce, triplet),
   plus what operators add to it: their penalties. What is reported and descended is the mean over
   the images, for sums divided by their values. */
#ifndef LK_LOSS_H
#define LK_LOSS_H

#include "kernels.h"

/* A batch, as a loss sees it. */
typedef struct lk_loss_pass {
    const lk_kernels *kernels;
    const lk_real *x, *y; /* [batch][stride]: the chain's input and output */
    size_t x_stride, y_stride;
    const uint32_t *labels; /* [batch] */
    size_t n, batch;        /* values of an output; rows */
    lk_real option;         /* the number behind the loss's name */
    lk_real scale;          /* gradients are those of the loss times this */
    lk_real *pairs;         /* [batch][batch]: what `mine` leaves for all rows */
} lk_loss_pass;

typedef struct lk_loss {
    const char *name;
    /* The last layer must end in this activation (LK_ACTIVATIONS: any will do). If given, the loss
       works on the values before it, which is exact where their activation saturates. */
    lk_activation head;
    lk_output output;   /* what the chain makes: the image again, a class, or a code */
    bool labelled;      /* needs labels */
    bool shares;        /* outputs are logits of the values' shares in their sum: none is below 0 */
    const char *option; /* the word that may follow the name, with a decimal number; or NULL */
    lk_real fallback;   /* the number where the word is absent */
    /* One row's loss, and its gradient[y_stride] times scale. */
    lk_real (*row)(const lk_loss_pass *pass, size_t row, lk_real *gradient);
    /* Of losses that compare rows, else NULL: called for every row, in any order, before `row` is
       for any. */
    void (*mine)(const lk_loss_pass *pass, size_t row);
} lk_loss;

/* All losses, *count of them. */
const lk_loss *lk_losses(size_t *count);

#endif
