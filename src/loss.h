/* Losses: the end of a chain. */
#ifndef LK_LOSS_H
#define LK_LOSS_H

#include "kernels.h"

typedef struct lk_loss {
    const char *name;
    /* The last layer must end in this activation (LK_ACTIVATIONS: any will do). If given, the loss
       works on the values before it, which is exact where their activation saturates. */
    lk_activation head;
    /* One image's loss summed over its n values, and its gradient times scale; see kernels.h. */
    lk_real (*row)(const lk_kernels *kernels, const lk_real *x, const lk_real *y, size_t n,
                   lk_real scale, lk_real *gradient);
} lk_loss;

/* All losses, *count of them. Each is a mean over values and images. */
const lk_loss *lk_losses(size_t *count);

#endif
