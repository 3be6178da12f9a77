/* The directions in which vectors vary most, of many vectors that pass by in blocks. */
#ifndef LK_DIRECTIONS_H
#define LK_DIRECTIONS_H

#include "arena.h"
#include "kernels.h"
#include "rng.h"

enum { LK_DIRECTIONS_BLOCK = 256 }; /* rows whose products are summed in singles */

/* Arrays are owned by whoever made them; `values` and `count` are given, the rest is taken. */
typedef struct lk_directions {
    size_t values, count; /* of a vector; of directions that are wanted */
    size_t stride;        /* values, padded */
    lk_real *block;       /* [LK_DIRECTIONS_BLOCK][stride]: vectors to be added, padded with 0 */
    lk_real *partial;     /* [values][stride] */
    double *gram;         /* [values][values]: the sums of products so far */
    double *basis;    /* [count][values]: what is found, of unit length and perpendicular, or 0 */
    double *products; /* [count][values] */
} lk_directions;

void lk_directions_take(lk_directions *directions, lk_arena *arena);
/* Forgets what was added. */
void lk_directions_clear(lk_directions *directions);
/* Adds the first n vectors of the block, which are about their mean. */
void lk_directions_add(lk_directions *directions, size_t n);
/* Finds the basis of what was added, beginning with what `rng` draws. Where the vectors fill fewer
   directions, the others are 0. */
void lk_directions_find(lk_directions *directions, lk_rng rng);

#endif
