/* Any picture -> a model's input. Pixels are levels: whole numbers in which a byte of 255 is FULL,
   so that compositing and luma are exact and v/255 comes out to the bit. Nothing is allocated: each
   value of the input is summed straight from the picture's pixels. */
#include <string.h>

#include "sketch.h"

enum {
    BYTE = 255 * 1000,          /* one step of a byte: opaque, luma weights summing to 1000 */
    FULL = 255 * BYTE,          /* white */
    LEAST_CONTRAST = 32 * BYTE, /* of ink; below it there is none */
    LEAST_RANGE = 2 * BYTE,     /* of a prepared picture; below it there is nothing to see */
    FAINT = 10,                 /* per cent of the strongest ink; below it there is none */
    FIRM = 40,                  /* per cent; bounds the ink */
};

/* A share of a pixel that is rounding, not picture. */
static const double SLACK = 1e-9;

/* What a pixel is taken for. */
typedef struct source {
    lk_picture picture;
    uint32_t backdrop; /* 0 or FULL: behind transparent pixels */
    bool transparent;  /* some pixels are, more or less */
    bool grey;         /* colours count by their luma */
    bool ink;          /* levels are the distance from `paper`, if at least `least` */
    uint32_t paper, least;
} source;

/* Luma of RGB in steps of 1/1000 (ITU-R BT.601). */
static uint32_t luma(const uint8_t *p) {
    return 299u * p[0] + 587u * p[1] + 114u * p[2];
}

/* levels[n] = those of row y from x on, in one channel of the input. One loop for each kind of
   picture: this is where the time goes. */
static void read_levels(const source *s, size_t x, size_t y, size_t n, uint32_t channel,
                        uint32_t *levels) {
    const uint32_t channels = s->picture.channels;
    const uint8_t *p = s->picture.pixels + (y * s->picture.width + x) * channels;
    if (channels == 1) {
        for (size_t i = 0; i < n; i++) levels[i] = BYTE * p[i];
    } else if (s->grey) {
        for (size_t i = 0; i < n; i++, p += channels) levels[i] = 255 * luma(p);
    } else {
        for (size_t i = 0; i < n; i++) levels[i] = BYTE * p[channels * i + channel];
    }
    if (channels == 4 && s->transparent) {
        p = s->picture.pixels + (y * s->picture.width + x) * channels + 3;
        for (size_t i = 0; i < n; i++, p += channels)
            levels[i] = levels[i] / 255 * *p + s->backdrop / 255 * (255u - *p);
    }
    if (!s->ink) return;
    for (size_t i = 0; i < n; i++) {
        const uint32_t distance =
            levels[i] > s->paper ? levels[i] - s->paper : s->paper - levels[i];
        levels[i] = distance >= s->least ? distance : 0;
    }
}

/* Finds what is behind transparent pixels: white for a picture whose visible pixels are dark, black
   for a light one. What is all transparent is all black, so blank. */
static void find_backdrop(source *s) {
    const size_t count = (size_t)s->picture.width * s->picture.height;
    const uint8_t *p = s->picture.pixels;
    uint64_t alpha = 0, light = 0;
    for (size_t i = 0; s->picture.channels == 4 && i < count && !s->transparent; i++)
        s->transparent = p[4 * i + 3] != 255;
    if (!s->transparent) return;
    for (size_t i = 0; i < count; i++, p += 4) {
        alpha += p[3];
        light += (uint64_t)p[3] * luma(p);
    }
    s->backdrop = 2 * light < alpha * BYTE ? FULL : 0;
}

/* The background: the median, to a byte's precision, of the pixels along the picture's edge. */
static uint32_t border_median(const source *s, uint32_t channel) {
    uint32_t histogram[256] = {0}, count = 0, seen = 0, byte = 0;
    const size_t right = s->picture.width - 1, bottom = s->picture.height - 1;
    for (size_t y = 0; y <= bottom; y++) {
        const size_t step = y == 0 || y == bottom || right == 0 ? 1 : right;
        for (size_t x = 0; x <= right; x += step, count++) {
            uint32_t level;
            read_levels(s, x, y, 1, channel, &level);
            histogram[(level + BYTE / 2) / BYTE]++;
        }
    }
    while (2 * (seen += histogram[byte]) < count) byte++;
    return byte * BYTE;
}

/* ---- resampling ---- */

/* One axis of the scaling: picture pixels [start, start + length) fall on input pixels from
   `offset` on, `step` picture pixels to one. */
typedef struct axis {
    size_t start, length, offset, size; /* size: of the input */
    double step;
} axis;

/* The picture pixels that make one input pixel. */
typedef struct taps {
    size_t first, last;
    double head, tail; /* weights of the first and last; those between weigh 1 */
    double total;      /* all weights */
    double coverage;   /* share of the input pixel that the picture covers; 0: no taps */
} taps;

static taps axis_taps(const axis *a, size_t at) {
    taps t = {0};
    if (at < a->offset) return t;
    const double from = (double)(at - a->offset) * a->step, length = (double)a->length;
    if (from > length - SLACK * a->step) return t;
    const double to = LK_MIN((double)(at - a->offset + 1) * a->step, length);
    t.coverage = LK_MIN((to - from) / a->step, 1);
    if (a->step >= 1) { /* shrinking: the average over [from, to) */
        t.first = (size_t)from;
        t.last = LK_MIN((size_t)to, a->length - 1);
        t.head = LK_MIN(to, (double)(t.first + 1)) - from;
        t.tail = to - (double)t.last;
        t.total = to - from;
    } else { /* growing: between the two nearest pixel centres */
        const double centre = LK_MIN(LK_MAX((from + a->step * 0.5) - 0.5, 0), length - 1);
        t.first = (size_t)centre;
        t.last = LK_MIN(t.first + 1, a->length - 1);
        t.tail = centre - (double)t.first;
        t.head = 1 - t.tail;
        t.total = 1;
    }
    if (t.first == t.last) t.head = t.total;
    t.first += a->start;
    t.last += a->start;
    return t;
}

/* What a row's levels, those of the picture pixels from `start` on, come to in one input pixel. */
static double row_sum(const uint32_t *levels, size_t start, const taps *t) {
    const uint32_t *from = levels + t->first - start, *to = levels + t->last - start;
    double sum = t->head * *from;
    for (const uint32_t *at = from + 1; at < to; at++) sum += *at;
    return to > from ? sum + t->tail * *to : sum;
}

/* One channel of the input, as a share of `peak`; `ground` where the picture does not reach. Row by
   row of the picture, each read once for some input pixels. */
static void resample(const source *s, const axis *across, const axis *down, uint32_t channel,
                     double ground, double peak, lk_real *out) {
    enum { SOME = 256 };
    uint32_t levels[LK_MAX_PICTURE];
    for (size_t first = 0; first < across->size; first += SOME) {
        const size_t n = LK_MIN(across->size - first, (size_t)SOME);
        taps columns[SOME];
        for (size_t i = 0; i < n; i++) columns[i] = axis_taps(across, first + i);
        for (size_t y = 0; y < down->size; y++) {
            const taps rows = axis_taps(down, y);
            double sums[SOME] = {0};
            for (size_t row = rows.first; rows.coverage > 0 && row <= rows.last; row++) {
                const double weight = row == rows.first  ? rows.head
                                      : row == rows.last ? rows.tail
                                                         : 1;
                read_levels(s, across->start, row, across->length, channel, levels);
                for (size_t i = 0; i < n; i++)
                    if (columns[i].coverage > 0)
                        sums[i] += weight * row_sum(levels, across->start, &columns[i]);
            }
            for (size_t i = 0; i < n; i++) {
                const double coverage = columns[i].coverage * rows.coverage;
                const double mean = coverage > 0 ? sums[i] / (columns[i].total * rows.total) : 0;
                const double share = (mean * coverage + ground * (1 - coverage)) / peak;
                out[y * across->size + first + i] = (lk_real)LK_MIN(share, 1);
            }
        }
    }
}

/* ---- the two preparations ---- */

/* The whole of a picture's axis in the middle of the input's, at least one pixel of it. */
static axis fit_axis(size_t pixels, size_t size, double step) {
    step = LK_MIN(step, (double)pixels);
    const double free_pixels = (double)size - (double)pixels / step;
    return (axis){0, pixels, (size_t)LK_MAX(free_pixels * 0.5, 0), size, step};
}

/* The whole picture, as large as it fits with its shape kept, in the middle. */
static void prepare_image(const source *s, lk_shape shape, lk_real *x, bool *empty) {
    const size_t plane = (size_t)shape.height * shape.width;
    const double wide = (double)s->picture.width / shape.width;
    const double high = (double)s->picture.height / shape.height;
    const axis across = fit_axis(s->picture.width, shape.width, LK_MAX(wide, high));
    const axis down = fit_axis(s->picture.height, shape.height, LK_MAX(wide, high));
    *empty = true;
    for (uint32_t c = 0; c < shape.channels; c++) {
        lk_real *out = x + c * plane, least = 1, most = 0;
        resample(s, &across, &down, c, border_median(s, c), FULL, out);
        for (size_t i = 0; i < plane; i++) {
            least = LK_MIN(least, out[i]);
            most = LK_MAX(most, out[i]);
        }
        if ((double)most - (double)least >= (double)LEAST_RANGE / FULL) *empty = false;
    }
}

/* The strongest ink, and the box of what is firm: the noise of cameras and JPEG is not. Each pixel
   is looked at once: the box is read off the strongest ink of each row and column. */
static bool find_ink(source *s, axis *across, axis *down, uint32_t *strongest) {
    uint32_t rows[LK_MAX_PICTURE], columns[LK_MAX_PICTURE];
    const size_t width = s->picture.width, height = s->picture.height;
    memset(rows, 0, height * sizeof *rows);
    memset(columns, 0, width * sizeof *columns);
    *strongest = 0;
    for (size_t y = 0; y < height; y++) {
        uint32_t ink[LK_MAX_PICTURE];
        read_levels(s, 0, y, width, 0, ink);
        for (size_t x = 0; x < width; x++) {
            rows[y] = LK_MAX(rows[y], ink[x]);
            columns[x] = LK_MAX(columns[x], ink[x]);
        }
        *strongest = LK_MAX(*strongest, rows[y]);
    }
    if (*strongest < LEAST_CONTRAST) return false;
    s->least = *strongest / 100 * FAINT;
    const uint32_t firm = *strongest / 100 * FIRM;
    size_t top = 0, bottom = height, left = 0, right = width;
    while (rows[top] < firm) top++;
    while (rows[bottom - 1] < firm) bottom--;
    while (columns[left] < firm) left++;
    while (columns[right - 1] < firm) right--;
    across->start = left;
    across->length = right - left;
    down->start = top;
    down->length = bottom - top;
    return true;
}

/* The ink's box in the middle of the grid of a sketch, its longer side that of the sketch's box. */
static void fit_box(axis *across, axis *down) {
    const double step = (double)LK_MAX(across->length, down->length) / LK_SKETCH_BOX;
    axis *const both[] = {across, down};
    for (int i = 0; i < 2; i++) {
        axis *a = both[i];
        a->size = LK_SKETCH_SIDE;
        a->step = LK_MIN(step, (double)a->length);
        a->offset = (size_t)((LK_SKETCH_SIDE - (double)a->length / a->step) / 2);
    }
}

/* Which cells are ink: those that it covers by half, but less where strokes are thinner than a
 * cell.
 */
static void find_cells(const source *s, axis across, axis down, uint32_t strongest,
                       uint8_t *cells) {
    enum { CELLS = LK_SKETCH_SIDE * LK_SKETCH_SIDE };
    lk_real cover[CELLS];
    resample(s, &across, &down, 0, 0, strongest, cover);
    double ink = 0, strokes = 0; /* and how many rows of cells cross them */
    for (size_t i = 1; i < CELLS; i++) {
        ink += (double)cover[i];
        strokes += cover[i] > 0 && cover[i - 1] == 0;
    }
    const double least = LK_MIN(0.5, 0.4 * ink / strokes);
    for (size_t i = 0; i < CELLS; i++) cells[i] = (double)cover[i] >= least;
}

/* What is no line drawing is shown as it is. */
static void show_ink(const source *s, axis across, axis down, uint32_t strongest, uint8_t *cells) {
    enum { CELLS = LK_SKETCH_SIDE * LK_SKETCH_SIDE };
    lk_real cover[CELLS];
    resample(s, &across, &down, 0, 0, strongest, cover);
    for (size_t i = 0; i < CELLS; i++) cells[i] = (uint8_t)(255 * (double)cover[i] + 0.5);
    lk_sketch_centre(cells);
}

/* One channel of the input from what is drawn on cells, the same in each. False: it is all zero. */
static bool shrink(const uint8_t *cells, lk_shape shape, lk_real *x) {
    const source drawn = {.picture = {cells, LK_SKETCH_SIDE, LK_SKETCH_SIDE, 1}, .grey = true};
    const double step = (double)LK_SKETCH_SIDE / (double)LK_MIN(shape.width, shape.height);
    const axis across = fit_axis(LK_SKETCH_SIDE, shape.width, step);
    const axis down = fit_axis(LK_SKETCH_SIDE, shape.height, step);
    const size_t plane = (size_t)shape.width * shape.height;
    resample(&drawn, &across, &down, 0, 0, FULL, x);
    bool any = false;
    for (size_t i = 0; i < plane; i++) any = any || x[i] > 0;
    for (size_t c = 1; c < shape.channels; c++) memcpy(x + c * plane, x, plane * sizeof *x);
    return any;
}

static void prepare_ink(source *s, lk_shape shape, lk_real *x, bool *empty) {
    uint8_t cells[LK_SKETCH_SIDE * LK_SKETCH_SIDE];
    lk_sketch sketch;
    axis across = {0}, down = {0};
    uint32_t strongest;
    s->grey = s->ink = true;
    s->paper = border_median(s, 0);
    *empty = !find_ink(s, &across, &down, &strongest);
    if (*empty) return;
    fit_box(&across, &down);
    find_cells(s, across, down, strongest, cells);
    if (lk_sketch_take(cells, &sketch))
        lk_sketch_draw(&sketch, cells);
    else
        show_ink(s, across, down, strongest, cells);
    /* Specks in a large picture may come to nothing. */
    *empty = !shrink(cells, shape, x);
}

/* ---- public ---- */

const char *lk_preparation_name(lk_preparation preparation) {
    return preparation == LK_PREPARE_INK ? "ink" : "image";
}

lk_status lk_prepare(lk_preparation preparation, lk_picture picture, lk_shape shape, lk_real *x,
                     bool *empty, lk_error *error) {
    if (!picture.pixels || picture.width == 0 || picture.height == 0)
        return lk_fail(error, LK_DATA, "image has no pixels");
    if (picture.width > LK_MAX_PICTURE || picture.height > LK_MAX_PICTURE)
        return lk_fail(error, LK_DATA, "image of %u x %u pixels, more than %u on a side",
                       (unsigned long long)picture.width, (unsigned long long)picture.height,
                       (unsigned long long)LK_MAX_PICTURE);
    if (picture.channels != 1 && picture.channels != 3 && picture.channels != 4)
        return lk_fail(error, LK_DATA, "image of %u channels, not 1, 3 or 4",
                       (unsigned long long)picture.channels);
    if (shape.channels != 1 && shape.channels != 3)
        return lk_fail(error, LK_MODEL, "no picture has the %u channels of this model",
                       (unsigned long long)shape.channels);
    source s = {.picture = picture, .grey = shape.channels == 1};
    find_backdrop(&s);
    if (preparation == LK_PREPARE_INK)
        prepare_ink(&s, shape, x, empty);
    else
        prepare_image(&s, shape, x, empty);
    if (*empty) memset(x, 0, lk_shape_size(shape) * sizeof *x);
    return LK_OK;
}
