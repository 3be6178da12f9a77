/* What every file of the core may lean on: the number type, checked sizes, small helpers. */
#ifndef LK_BASE_H
#define LK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "likeness.h"

#define LK_COUNTOF(array) (sizeof(array) / sizeof((array)[0]))
#define LK_STATIC_ASSERT(condition, name) _Static_assert(condition, #name)
#define LK_MIN(a, b) ((a) < (b) ? (a) : (b))
#define LK_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Vectors are thought of as 16 lanes on every machine; rows are padded to whole vectors. */
enum { LK_LANES = 16, LK_ALIGN = 64 };

/* Ways to turn and mirror an image: see augment.h. */
enum { LK_POSES = 8 };

/* Hard limits, all checked before anything is allocated. */
enum {
    LK_MAX_LAYERS = 64,
    LK_MAX_UNITS = 1 << 20,       /* values in one layer's output */
    LK_MAX_PARAMETERS = 64000000, /* of one model */
    LK_MAX_PACKED = 256000000,    /* the same with padding, and again transposed */
    LK_MAX_KERNEL = 64,           /* pixels of a side */
    LK_MAX_HEADER = 1 << 20,      /* bytes of a safetensors header */
    LK_MAX_TENSORS = 1024,        /* in one file */
    LK_MAX_RANK = 6,              /* of one tensor */
    LK_MAX_FILE = 256 << 20,      /* bytes of a model or gallery file */
    LK_MAX_PICTURE = 8192,        /* pixels, either side */
    LK_MAX_ARCH = 2048,           /* bytes of an architecture line */
};
#define LK_MAX_FLOPS 10e9 /* one sample, one pass */

static inline size_t lk_round_up(size_t n, size_t step) {
    return (n + step - 1) / step * step;
}

/* a * b and a + b, or false when the result does not fit. */
static inline bool lk_mul_size(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}
static inline bool lk_add_size(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

static inline size_t lk_shape_size(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* Where the value `i` of an image, channel after channel, stands when a pixel's channels are side
   by side: outside a chain images are the one, inside the other. */
static inline size_t lk_interleaved(lk_shape s, size_t i) {
    const size_t pixels = (size_t)s.height * s.width;
    return i % pixels * s.channels + i / pixels;
}

/* Fills *error (which may be NULL) and returns status. In `format`, %s takes a const char * and %u
   an unsigned long long; what does not fit is cut. Its own few lines, since the core has no stdio.
 */
lk_status lk_fail(lk_error *error, lk_status status, const char *format, ...);
/* The same with the byte offset at which the input is wrong. */
lk_status lk_fail_at(lk_error *error, lk_status status, uint64_t offset, const char *format, ...);

/* A decimal number such as 12, 0.5 or .5, of at most 15 digits so that one division rounds it
   correctly; false when it is anything else. */
bool lk_decimal(const char *text, double *number);

/* Natural logarithm of a positive normal number, within 2 ulp, with the same bits everywhere. */
double lk_log(double x);

/* Cosine and sine of -180 to 180 degrees, within 1e-15, exact at right angles. */
void lk_turn(double degrees, double *cosine, double *sine);

#endif
