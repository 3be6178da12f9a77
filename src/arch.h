/* The one-line architecture notation: text <-> layers, with shapes checked.

       1x28x28 > dense 64 relu | dense 784 sigmoid > bce

   `>` separates links, `|` stands where the code is, the end names the loss. A link is an operator,
   its numbers, for convolutions `sN` (a step of N pixels) and `valid`, and an activation:

       1x28x28 > conv 32 3 s2 relu > dense 64 | dense 6272 relu > reshape 32 14 14
               > deconv 1 3 s2 sigmoid > bce */
#ifndef LK_ARCH_H
#define LK_ARCH_H

#include "layer.h"
#include "loss.h"

typedef struct lk_arch {
    lk_shape input;
    lk_layer layers[LK_MAX_LAYERS];
    size_t count;
    size_t encoder; /* layers in front of `|`; the code is the output of the last of them */
    const lk_loss *loss;
    lk_activation head; /* applied to the last layer's output when x_hat is asked for */
    size_t parameters, packed, transposed;
    size_t scratch; /* values of workspace that a thread needs for any of the layers */
    double flops;
    char text[LK_MAX_ARCH]; /* canonical spelling */
} lk_arch;

/* LK_MODEL, with the offset in the text of what is wrong, before anything is allocated. */
lk_status lk_arch_parse(const char *text, lk_arch *arch, lk_error *error);

#endif
