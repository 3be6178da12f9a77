/* Values for the tests of kernels. */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdlib.h>

#include "fixture.h"

/* Exactly n values, so that the sanitizer sees every read too many. */
static inline float *room(size_t n) {
    float *p = malloc(n * sizeof *p + !n);
    if (!p) abort();
    return p;
}

static inline float *normals(size_t n, uint64_t seed) {
    float *p = room(n);
    fill_normal(p, n, seed);
    return p;
}

#endif
