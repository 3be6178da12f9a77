/* What an audit makes of the usual images: turned, mirrored, inverted, spoilt, shifted, and nothing
   at all. */
#ifndef CHANGES_H
#define CHANGES_H

#include "likeness.h"

typedef enum change {
    HFLIP,
    HFLIP_BACK,
    VFLIP,
    VFLIP_BACK,
    ROTATION,
    INVERSION,
    CONSTANT,
    UNIFORM,
    GAUSSIAN,
    SHUFFLED,
    SHIFT_1,
    SHIFT_2,
    CHANGES
} change;
typedef struct change_row {
    const char *name;
    bool in; /* it is wanted to pass */
} change_row;
extern const change_row CHANGE[CHANGES];

bool change_suits(change c, lk_shape shape);

/* out = image x[shape], which is the `number`th, changed; `order` is room for a pixel's number
   each. */
void change_image(change c, size_t number, lk_shape shape, const lk_real *x, uint32_t *order,
                  lk_real *out);

/* In [0, 1), by counting: SplitMix64 (G. L. Steele, D. Lea, C. H. Flood 2014). */
double change_uniform(uint64_t n);

#endif
