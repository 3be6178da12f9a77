/* How strongly the points of a map push each other apart: the sums of t-SNE that go over all pairs,
   in time that grows with the number of points. */
#ifndef LK_REPULSION_H
#define LK_REPULSION_H

#include "base.h"

typedef struct lk_repulsion lk_repulsion;
/* For n points. NULL when out of memory; released by lk_free. */
lk_repulsion *lk_repulsion_create(size_t n);

/* forces[n][2] = over all j the sum of (y_i - y_j) / (1 + d^2)^2, d being |y_i - y_j|. Returns the
   sum of 1 / (1 + d^2) over all pairs i != j. y[n][2] has its mean about 0. The same bits whatever
   the threads. */
double lk_repulsion_measure(lk_repulsion *r, const double *y, int threads, double *forces);

#endif
