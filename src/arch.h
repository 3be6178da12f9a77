/* The one-line architecture notation: text <-> layers, with shapes checked.

       1x28x28 > dense 64 relu | dense 784 sigmoid > bce

   `>` separates links, `|` stands where the code is, the end names the loss. A link is an operator,
   its numbers, for convolutions `sN` (a step of N pixels) and `valid`, and an activation:

       1x28x28 > conv 32 3 s2 > bn relu > dropout 0.25 > gaussian 64 | dense 6272 relu
               > reshape 32 14 14 > deconv 1 3 s2 sigmoid > bce beta 4

   A classifier's end has as many values as there are classes; where the code itself is what is
   learned, the loss follows it:

       1x28x28 > dense 256 relu | dense 10 > ce
       1x28x28 > dense 256 relu > dense 64 > l2norm | triplet margin 0.2 */
#ifndef LK_ARCH_H
#define LK_ARCH_H

#include "layer.h"
#include "loss.h"

typedef struct lk_arch {
    lk_shape input;
    lk_layer layers[LK_MAX_LAYERS];
    size_t count;
    size_t encoder; /* layers in front of `|`; the code is the output of the last of them */
    size_t trained; /* the first layer with parameters: the way back ends there */
    const lk_loss *loss;
    lk_real option;     /* the number behind the loss's name */
    uint32_t classes;   /* labels that it tells apart, or 0 */
    bool labelled;      /* it cannot learn without labels */
    size_t pose;        /* the layer that tells poses apart; or count */
    uint32_t posed;     /* labels that it tells apart in each; 1: poses alone; 0: no such layer */
    size_t classifier;  /* the layer with logits: in its output (the last) or memory; or count */
    lk_activation head; /* applied to the last layer's output when x_hat is asked for */
    size_t parameters, stored, packed, transposed;
    size_t scratch;     /* values of workspace that a thread needs for any of the layers */
    size_t loss_values; /* an image's loss is divided by these; see loss.h */
    double flops;
    char text[LK_MAX_ARCH]; /* canonical spelling */
} lk_arch;

/* LK_MODEL, with the offset in the text of what is wrong, before anything is allocated. */
lk_status lk_arch_parse(const char *text, lk_arch *arch, lk_error *error);

/* Values of what is answered of one image in one pose; 0 where no poses are told apart. */
size_t lk_view_stride(const lk_arch *arch);

#endif
