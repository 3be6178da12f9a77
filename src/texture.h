/* Three plain numbers of an image that a network may overlook: it paints blobs and greys well, so
   what is filled or noisy reconstructs better than it should. */
#ifndef LK_TEXTURE_H
#define LK_TEXTURE_H

#include "base.h"

enum { LK_TEXTURE_GREY, LK_TEXTURE_VARIATION, LK_TEXTURE_SOLIDITY, LK_TEXTURES };

/* numbers[LK_TEXTURES] of x[height x width x channels]:
   grey       how many values lie between 0.2 and 0.8, per channel
   variation  the sum of |differences| between neighbours across and down, per channel
   solidity   the most steps, across and down, from a pixel of mean 0.5 or more to one of less,
              or to the edge
   Not finite where x is not. */
void lk_texture_measure(const lk_real *x, lk_shape shape, float *numbers);

#endif
