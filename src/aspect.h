/* Ways to look at an image that are not its code: what layers on the way to the code hold of it,
   its tones, what is answered of it in every pose, and how usual that is. Only networks that tell
   poses apart are looked at in this way: learning to do so makes their layers notice shapes, where
   copying alone makes them notice brightness. */
#ifndef LK_ASPECT_H
#define LK_ASPECT_H

#include "arena.h"
#include "mixture.h"
#include "model.h"

typedef enum lk_aspect_kind {
    LK_GIST,  /* the values that the pose is told from */
    LK_STYLE, /* mean and deviation of each channel of each convolution */
    LK_TONES, /* logarithms of how many values there are of each tone, and steps of each height
                 between neighbours */
    LK_VIEWS, /* logarithms of how likely each answer is held to be, in every pose */
    LK_ASPECTS
} lk_aspect_kind;

enum { LK_MOST_STYLE = 512 }; /* values; a network with more channels is not looked at so */

/* Loads images x[n] into the first rows of a run and lets them go forward to layer `last`, at or
   behind the code. Of a network that tells poses apart it asks before what it answers of them in
   each pose that their shape allows: see lk_view. */
void lk_look_round(lk_run *run, const lk_real *x, size_t n, size_t last);

/* How likely each of the answers of layer_label.c is held to be of an image that has been looked
   round, brought into this pose. */
const lk_real *lk_view(const lk_run *run, size_t row, uint32_t pose);
/* How likely this pose is, in a view, whatever the class. */
double lk_view_pose(const lk_run *run, const lk_real *view, uint32_t pose);

/* One block, owned by whoever made it. */
typedef struct lk_aspect {
    size_t values;      /* that are looked at; 0: the network has none of this kind */
    lk_real *centre;    /* [values]: their means */
    bool scaled;        /* when it is fitted: to deviations of 1 */
    lk_real *scale;     /* [values]: one over their deviations, or 1 */
    size_t components;  /* directions in which they vary most */
    lk_real *basis;     /* [values][components] */
    lk_mixture mixture; /* of what values are in these directions, and of how much is in none: the
                           logarithm of its square */
} lk_aspect;

/* "gist", "style", "tones", "views" */
const char *lk_aspect_name(lk_aspect_kind kind);

/* Sizes of an aspect of this network, learnt from n images, the rest of it zero. */
lk_aspect lk_aspect_plan(const lk_arch *arch, lk_aspect_kind kind, size_t n);
/* Takes the room of a planned aspect. */
void lk_aspect_take(lk_aspect *aspect, lk_arena *arena);

/* The values of a row that has been looked round or, but for views, has gone forward as far as the
   code; tones, of a row that is loaded. In `room`[LK_MOST_STYLE], or where they are. */
const lk_real *lk_aspect_look(const lk_run *run, size_t row, lk_aspect_kind kind, lk_real *room);

/* Learns what is usual from values[n][aspect->values], of each class by labels[n] or NULL: see
   mixture.h. LK_NONFINITE where they are not finite. */
lk_status lk_aspect_fit(lk_aspect *aspect, const lk_real *values, const uint32_t *labels, size_t n,
                        uint64_t seed, lk_error *error);

/* Where values lie in the directions of the aspect, z[components], and behind them how much lies in
   none: the logarithm of its square. */
void lk_aspect_project(const lk_aspect *aspect, const lk_real *values, lk_real *z);

/* The distance of one image's values: see mixture.h. */
double lk_aspect_distance(const lk_aspect *aspect, const lk_real *values);

#endif
