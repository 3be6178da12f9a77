#include "augment.h"

#include <math.h>
#include <string.h>

/* ---- the notation ---- */

enum { WORDS = 6 };
static const struct {
    const char *name, *range;
    double most;
} WORD[WORDS] = {
    {"shift", "0 to 1000 pixels", 1000},
    {"rotate", "0 to 180 degrees", 180},
    {"scale", "0 to 0.5", 0.5},
    {"flip", "0 to 1", 1},
    {"erase", "0 to 1", 1},
    {"stroke", "0 to 8 pixels", 8},
};

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* text[at..] up to white space or a comma, cut to what a message can show, into word[40]. Returns
   where it ends. */
static size_t read_word(const char *text, size_t at, char *word) {
    size_t n = 0;
    for (; text[at] && text[at] != ',' && !is_space(text[at]); at++)
        if (n < 39) word[n++] = text[at];
    word[n] = 0;
    return at;
}

lk_status lk_augmentation_parse(const char *text, lk_augmentation *out, lk_error *error) {
    double value[WORDS] = {0};
    bool seen[WORDS] = {false};
    size_t at = 0;
    while (is_space(text[at])) at++;
    for (bool more = text[at] != 0; more;) {
        char name[40], number[40];
        size_t start = at, i = 0;
        at = read_word(text, at, name);
        while (i < WORDS && strcmp(name, WORD[i].name) != 0) i++;
        if (i == WORDS)
            return lk_fail_at(error, LK_USAGE, start,
                              "augmentation: expected shift, rotate, scale, flip, erase or stroke, "
                              "not '%s'",
                              name);
        if (seen[i])
            return lk_fail_at(error, LK_USAGE, start, "augmentation: '%s' is said twice", name);
        seen[i] = true;
        while (is_space(text[at])) at++;
        start = at;
        at = read_word(text, at, number);
        if (!lk_decimal(number, &value[i]) || value[i] > WORD[i].most)
            return lk_fail_at(error, LK_USAGE, start, "augmentation: %s is %s, not '%s'", name,
                              WORD[i].range, number);
        while (is_space(text[at])) at++;
        more = text[at] == ',';
        if (!more && text[at]) {
            read_word(text, at, number);
            return lk_fail_at(error, LK_USAGE, at, "augmentation: expected a comma, not '%s'",
                              number);
        }
        at += more;
        while (is_space(text[at])) at++;
    }
    *out = (lk_augmentation){value[0], value[1], value[2], value[3], value[4], value[5]};
    return LK_OK;
}

bool lk_augmentation_any(const lk_augmentation *a) {
    return a->shift != 0 || a->rotate != 0 || a->scale != 0 || a->flip != 0 || a->erase != 0 ||
           a->stroke != 0;
}

/* ---- the amounts ---- */

/* Each use has its own draw, so that switching one on leaves the others as they are. */
enum { ACROSS, DOWN, ROTATE, SCALE, FLIP, STROKE, ERASE, AREA, ASPECT, LEFT, TOP, NOISE };

/* Uniform in [-most, most). */
static double around_zero(lk_rng rng, uint64_t index, double most) {
    return most * (2 * lk_rng_uniform(rng, index) - 1);
}

static double between(lk_rng rng, uint64_t index, double least, double most) {
    return least + (most - least) * lk_rng_uniform(rng, index);
}

/* The nearest whole number of pixels, at least one, at most the image's own. */
static size_t whole_side(double side, size_t most) {
    const size_t n = (size_t)(side + 0.5);
    return n < 1 ? 1 : LK_MIN(n, most);
}

lk_change lk_augment_draw(const lk_augmentation *a, lk_rng rng, uint64_t sample, lk_shape shape) {
    const lk_rng own = {lk_rng_u64(rng, sample)};
    lk_change change = {.across = around_zero(own, ACROSS, a->shift),
                        .down = around_zero(own, DOWN, a->shift),
                        .degrees = around_zero(own, ROTATE, a->rotate),
                        .scale = 1 + around_zero(own, SCALE, a->scale),
                        .stroke = around_zero(own, STROKE, a->stroke),
                        .flip = lk_rng_uniform(own, FLIP) < a->flip,
                        .rng = own};
    if (lk_rng_uniform(own, ERASE) < a->erase) {
        /* The paper's bounds; what would not fit is cut, where the paper draws again. */
        const double area = between(own, AREA, 0.02, 0.4) * shape.height * shape.width;
        const double aspect = between(own, ASPECT, 0.3, 1 / 0.3);
        change.height = whole_side(sqrt(area * aspect), shape.height);
        change.width = whole_side(sqrt(area / aspect), shape.width);
        change.left = (size_t)lk_rng_below(own, LEFT, shape.width - change.width + 1);
        change.top = (size_t)lk_rng_below(own, TOP, shape.height - change.height + 1);
    }
    return change;
}

/* ---- a channel on its background ---- */

/* A padded channel has one more row and column before it and two behind, so that no neighbour of a
   pixel, nor of a place up to one pixel outside, needs a look at the bounds. */
static size_t padded_size(lk_shape shape) {
    return ((size_t)shape.height + 3) * ((size_t)shape.width + 3);
}

size_t lk_augment_scratch(lk_shape shape) {
    return shape.channels * padded_size(shape);
}

/* The value that stands in the middle of v[n] when sorted. Changes their order: each round puts the
   smaller ones before, the larger ones behind those equal to one of them. */
static lk_real median(lk_real *v, size_t n) {
    const size_t middle = n / 2;
    for (size_t first = 0, end = n;;) {
        const lk_real pivot = v[middle];
        size_t equal = first, at = first, larger = end;
        while (at < larger) {
            const lk_real value = v[at];
            if (value < pivot) {
                v[at++] = v[equal];
                v[equal++] = value;
            } else if (value > pivot) {
                v[at] = v[--larger];
                v[larger] = value;
            } else {
                at++;
            }
        }
        if (middle >= equal && middle < larger) return pivot;
        if (middle < equal) end = equal;
        if (middle >= larger) first = larger;
    }
}

/* The median of the border of plane[height x width], corners counted twice. */
static lk_real background(const lk_real *plane, lk_shape shape, lk_real *scratch) {
    const size_t height = shape.height, width = shape.width;
    size_t n = 0;
    for (size_t x = 0; x < width; x++) {
        scratch[n++] = plane[x];
        scratch[n++] = plane[(height - 1) * width + x];
    }
    for (size_t y = 0; y < height; y++) {
        scratch[n++] = plane[y * width];
        scratch[n++] = plane[y * width + width - 1];
    }
    return median(scratch, n);
}

/* padded = factor x plane, on `ground`. */
static void pad(const lk_real *plane, lk_shape shape, lk_real factor, lk_real ground,
                lk_real *padded) {
    const size_t width = shape.width, stride = width + 3;
    for (size_t x = 0; x < stride; x++) padded[x] = factor * ground;
    for (size_t y = 0; y < shape.height; y++) {
        lk_real *row = padded + (y + 1) * stride;
        row[0] = row[width + 1] = row[width + 2] = factor * ground;
        for (size_t x = 0; x < width; x++) row[x + 1] = factor * plane[y * width + x];
    }
    for (size_t x = 0; x < 2 * stride; x++)
        padded[(shape.height + 1) * stride + x] = factor * ground;
}

/* ---- strokes ---- */

/* plane = factor x (padded, each pixel on its way by `share` to the most within one pixel). On a
   grid the disc of radius 1 lies between the cross, which moves slanting edges by 1 / sqrt 2, and
   the square, which moves them by sqrt 2: sqrt 2 - 1 of the way all edges move by one. */
static void dilate(const lk_real *padded, lk_shape shape, lk_real share, lk_real factor,
                   lk_real *plane) {
    const size_t width = shape.width, stride = width + 3;
    const lk_real corners = (lk_real)0.41421356237309505;
    for (size_t y = 0; y < shape.height; y++) {
        const lk_real *above = padded + y * stride, *row = above + stride, *below = row + stride;
        lk_real *out = plane + y * width;
        for (size_t x = 0; x < width; x++) {
            const lk_real across = LK_MAX(row[x], row[x + 2]), here = row[x + 1];
            const lk_real down = LK_MAX(above[x + 1], below[x + 1]);
            const lk_real sides = LK_MAX(across, down), cross = LK_MAX(sides, here);
            const lk_real upper = LK_MAX(above[x], above[x + 2]);
            const lk_real lower = LK_MAX(below[x], below[x + 2]);
            const lk_real slanting = LK_MAX(upper, lower), square = LK_MAX(slanting, cross);
            const lk_real disc = cross + corners * (square - cross);
            out[x] = factor * (here + share * (disc - here)) + 0; /* not -0 */
        }
    }
}

/* Makes strokes on `ground` thicker by `amount` pixels, or thinner, half on either side. Ink is
   what lies on that side of the ground on which the channel's mean does. */
static void thicken(lk_real *plane, lk_shape shape, double amount, lk_real ground,
                    lk_real *padded) {
    const size_t size = (size_t)shape.height * shape.width;
    double ink = 0;
    for (size_t i = 0; i < size; i++) ink += (double)plane[i] - (double)ground;
    /* Thinner ink is thicker ground: the same with all values negated. */
    const lk_real factor = (ink < 0) == (amount < 0) ? 1 : -1;
    for (double left = fabs(amount) / 2; left > 0; left -= 1) {
        pad(plane, shape, factor, ground, padded);
        dilate(padded, shape, (lk_real)LK_MIN(left, 1), factor, plane);
    }
}

/* ---- the map ---- */

/* x[channels x height x width] = the padded channels, moved: each pixel looks up where it came
   from, bilinearly. Some pixels of a row at a time, the places of all first, then the values of
   each channel. */
static void move(const lk_change *change, lk_shape shape, const lk_real *padded, lk_real *x) {
    enum { SOME = 64 };
    const size_t stride = (size_t)shape.width + 3, plane = (size_t)shape.height * shape.width;
    const double centre_x = (shape.width - 1.0) / 2, centre_y = (shape.height - 1.0) / 2;
    const double last_x = shape.width + 1.0, last_y = shape.height + 1.0;
    double cosine, sine;
    lk_turn(change->degrees, &cosine, &sine);
    cosine /= change->scale;
    sine /= change->scale;
    const double mirror = change->flip ? -1 : 1;
    const double step_x = mirror * cosine, step_y = sine; /* from one pixel of a row to the next */
    const double left = -centre_x - change->across;
    for (size_t y = 0; y < shape.height; y++) {
        const double row = (double)y - centre_y - change->down;
        const double from_x = 1 + centre_x + mirror * (cosine * left - sine * row);
        const double from_y = 1 + centre_y + (sine * left + cosine * row);
        for (size_t first = 0; first < shape.width; first += SOME) {
            const int n = (int)LK_MIN(shape.width - first, SOME);
            int32_t at[SOME];
            lk_real across[SOME], down[SOME];
            for (int i = 0; i < n; i++) {
                const double k = (double)((int32_t)first + i);
                double u = from_x + k * step_x, v = from_y + k * step_y;
                u = u > 0 ? u : 0;
                v = v > 0 ? v : 0;
                u = u < last_x ? u : last_x;
                v = v < last_y ? v : last_y;
                const int32_t column = (int32_t)u, line = (int32_t)v;
                across[i] = (lk_real)(u - column);
                down[i] = (lk_real)(v - line);
                at[i] = line * (int32_t)stride + column;
            }
            for (size_t c = 0; c < shape.channels; c++) {
                const lk_real *source = padded + c * padded_size(shape);
                lk_real *out = x + c * plane + y * shape.width + first;
                for (int i = 0; i < n; i++) {
                    const lk_real *upper = source + at[i], *lower = upper + stride;
                    const lk_real a = upper[0] + across[i] * (upper[1] - upper[0]);
                    const lk_real b = lower[0] + across[i] * (lower[1] - lower[0]);
                    out[i] = a + down[i] * (b - a);
                }
            }
        }
    }
}

/* ---- all of it ---- */

static void erase(const lk_change *change, lk_shape shape, lk_real *x) {
    for (size_t c = 0; c < shape.channels; c++)
        for (size_t row = change->top; row < change->top + change->height; row++)
            for (size_t k = 0; k < change->width; k++) {
                const size_t i = (c * shape.height + row) * shape.width + change->left + k;
                x[i] = (lk_real)lk_rng_uniform(change->rng, NOISE + i);
            }
}

void lk_augment_apply(const lk_change *change, lk_shape shape, lk_real *x, lk_real *scratch) {
    const bool moves = change->across != 0 || change->down != 0 || change->degrees != 0 ||
                       change->scale != 1 || change->flip;
    if (moves || change->stroke != 0)
        for (size_t c = 0; c < shape.channels; c++) {
            lk_real *plane = x + c * shape.height * shape.width;
            lk_real *padded = scratch + c * padded_size(shape);
            const lk_real ground = background(plane, shape, padded);
            if (change->stroke != 0) thicken(plane, shape, change->stroke, ground, padded);
            if (moves) pad(plane, shape, 1, ground, padded);
        }
    if (moves) move(change, shape, scratch, x);
    if (change->width > 0) erase(change, shape, x);
}

uint32_t lk_pose_step(lk_shape shape) {
    return shape.height == shape.width ? 1 : 2;
}

void lk_augment_pose(const lk_real *x, lk_shape shape, uint32_t pose, lk_real *out) {
    const size_t height = shape.height, width = shape.width, right = width - 1, below = height - 1;
    for (size_t c = 0; c < shape.channels; c++, x += height * width)
        for (size_t i = 0; i < height; i++)
            for (size_t j = 0; j < width; j++) {
                const size_t from[4][2] = {
                    {i, j}, {right - j, i}, {below - i, right - j}, {j, below - i}};
                const size_t column = from[pose % 4][1];
                *out++ = x[from[pose % 4][0] * width + (pose < 4 ? column : right - column)];
            }
}

void lk_augment_mix(lk_rng rng, uint64_t sample, lk_shape shape, const lk_real *other, lk_real *x) {
    const lk_rng own = {lk_rng_u64(rng, sample)};
    const double across = around_zero(own, 0, 1), down = around_zero(own, 1, 1);
    const double column = shape.width * (0.5 + around_zero(own, 2, 0.125));
    const double row = shape.height * (0.5 + around_zero(own, 3, 0.125));
    const bool cut = lk_rng_uniform(own, 4) >= 0.3;
    for (size_t c = 0; c < shape.channels; c++)
        for (size_t i = 0; i < shape.height; i++)
            for (size_t j = 0; j < shape.width; j++, x++, other++) {
                const double side =
                    across * ((double)j + 0.5 - column) + down * ((double)i + 0.5 - row);
                if (cut ? side > 0 : *other > *x) *x = *other;
            }
}

void lk_augment(const lk_augmentation *a, lk_rng rng, uint64_t sample, lk_shape shape, lk_real *x,
                lk_real *scratch) {
    const lk_change change = lk_augment_draw(a, rng, sample, shape);
    lk_augment_apply(&change, shape, x, scratch);
}
