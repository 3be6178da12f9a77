#include <math.h>
#include <stdlib.h>

#include "base.h"
#include "rng.h"
#include "test.h"

enum { MOST = 3 * 64 * 64 };

typedef struct prepared {
    lk_real x[MOST];
    bool empty;
} prepared;

/* Prepares a copy of the pixels in a block of their exact size, so that a sanitizer sees any read
   beyond them, and checks what holds for every picture. */
static const prepared *prepare(lk_preparation how, const uint8_t *pixels, uint32_t width,
                               uint32_t height, uint32_t channels, lk_shape shape, prepared *out) {
    const size_t bytes = (size_t)width * height * channels, plane = shape.width * shape.height;
    uint8_t *copy = malloc(bytes);
    lk_error error = {LK_OK, 0, ""};
    bool any = false;
    memcpy(copy, pixels, bytes);
    for (size_t i = 0; i < MOST; i++) out->x[i] = -7;
    const lk_status status = lk_prepare(how, (lk_picture){copy, width, height, channels}, shape,
                                        out->x, &out->empty, &error);
    free(copy);
    CHECK(status == LK_OK, "%ux%ux%u: %s", width, height, channels, error.message);
    for (size_t i = 0; i < lk_shape_size(shape); i++) {
        CHECK(out->x[i] >= 0 && out->x[i] <= 1, "%ux%ux%u: x[%zu] = %g", width, height, channels, i,
              (double)out->x[i]);
        any = any || out->x[i] > 0;
        if (how == LK_PREPARE_INK && i >= plane)
            CHECK(out->x[i] == out->x[i - plane], "ink has colour at %zu", i);
    }
    CHECK(out->x[lk_shape_size(shape)] == -7, "written beyond the input");
    CHECK(!out->empty || !any, "empty but not zero");
    CHECK(how != LK_PREPARE_INK || out->empty || any, "ink that is nowhere");
    return out;
}

static double mean_change(const lk_real *a, const lk_real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs((double)a[i] - (double)b[i]);
    return sum / (double)n;
}

static bool same(const prepared *a, const prepared *b, size_t n) {
    return memcmp(a->x, b->x, n * sizeof *a->x) == 0;
}

/* out[count x channels] from grey bytes; alpha is full. */
static void spread(const uint8_t *grey, size_t count, uint32_t channels, uint8_t *out) {
    for (size_t i = 0; i < count; i++)
        for (uint32_t c = 0; c < channels; c++) out[i * channels + c] = c == 3 ? 255 : grey[i];
}

static void test_own_size(void) {
    uint8_t grey[256], pixels[256 * 4];
    prepared out;
    for (int i = 0; i < 256; i++) grey[i] = (uint8_t)(i * 37);
    for (uint32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1)
        for (uint32_t planes = 1; planes <= 3; planes += 2) {
            spread(grey, 256, channels, pixels);
            prepare(LK_PREPARE_IMAGE, pixels, 16, 16, channels, (lk_shape){planes, 16, 16}, &out);
            CHECK(!out.empty, "all greys are empty");
            for (size_t i = 0; i < 256 * planes; i++)
                CHECK(out.x[i] == (lk_real)grey[i % 256] / 255, "%u of %u: %zu", channels, planes,
                      i);
        }
}

/* Values worked out by hand, of pictures of at most 4 x 4. */
static void test_values(void) {
    static const struct {
        const char *what;
        lk_shape shape;
        uint32_t width, height, channels;
        uint8_t pixels[48];
        double x[16]; /* times 255 */
    } CASES[] = {
        {"luma",
         {1, 1, 4},
         4,
         1,
         3,
         {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9},
         {0.299 * 255, 0.587 * 255, 0.114 * 255, 9}},
        {"colours", {3, 1, 2}, 2, 1, 3, {1, 20, 30, 40, 50, 60}, {1, 40, 20, 50, 30, 60}},
        {"dark ink on white",
         {1, 1, 4},
         4,
         1,
         4,
         {0, 0, 0, 255, 0, 0, 0, 128, 0, 0, 0, 0, 90, 90, 90, 0},
         {0, 127, 255, 255}},
        {"light ink on black",
         {1, 1, 4},
         4,
         1,
         4,
         {255, 255, 255, 255, 255, 255, 255, 128, 0, 0, 0, 0, 90, 90, 90, 0},
         {255, 128, 0, 0}},
        {"halves",
         {1, 2, 2},
         4,
         4,
         1,
         {0, 4, 100, 100, 8, 12, 100, 100, 1, 1, 40, 40, 1, 1, 0, 0},
         {6, 100, 1, 20}},
        {"thirds", {1, 2, 2}, 3, 3, 1, {0, 90, 240, 0, 90, 240, 0, 90, 240}, {30, 190, 30, 190}},
        {"doubled",
         {1, 4, 4},
         2,
         2,
         1,
         {0, 100, 0, 100},
         {0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100}},
        {"wide, in the middle of its paper",
         {1, 4, 4},
         4,
         2,
         1,
         {9, 9, 9, 9, 9, 0, 200, 9},
         {9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 200, 9, 9, 9, 9, 9}},
        {"tall, in the middle of its paper",
         {1, 4, 4},
         2,
         4,
         1,
         {9, 8, 9, 9, 0, 200, 9, 9},
         {9, 9, 8, 9, 9, 9, 9, 9, 9, 0, 200, 9, 9, 9, 9, 9}},
        {"paper of each colour",
         {3, 2, 2},
         2,
         1,
         3,
         {7, 100, 250, 7, 100, 0},
         {7, 7, 7, 7, 100, 100, 100, 100, 250, 0, 0, 0}},
    };
    prepared out;
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        prepare(LK_PREPARE_IMAGE, CASES[i].pixels, CASES[i].width, CASES[i].height,
                CASES[i].channels, CASES[i].shape, &out);
        CHECK(!out.empty, "%s: empty", CASES[i].what);
        for (size_t k = 0; k < lk_shape_size(CASES[i].shape); k++)
            CHECK(fabs((double)out.x[k] * 255 - CASES[i].x[k]) < 1e-4, "%s: x[%zu] = %g / 255",
                  CASES[i].what, k, (double)out.x[k] * 255);
    }
}

static void test_blank(void) {
    static const lk_shape SHAPES[] = {{1, 28, 28}, {3, 32, 32}};
    static const uint32_t SIZES[][2] = {{1, 1}, {28, 28}, {5, 90}, {1, 8192}, {8192, 1}};
    static uint8_t pixels[4 * 8192];
    prepared out;
    for (size_t i = 0; i < 2 * 2 * 3 * LK_COUNTOF(SIZES); i++) {
        const uint32_t *size = SIZES[i / 12], channels = i % 3 == 0 ? 1 : (uint32_t)(i % 3) + 2;
        for (int colour = 0; colour < 2; colour++) {
            for (size_t k = 0; k < sizeof pixels; k++)
                pixels[k] = colour && k % channels == 1 ? 250 : 77; /* one hue, alpha 77 */
            prepare(i / 3 % 2, pixels, size[0], size[1], channels, SHAPES[i / 6 % 2], &out);
            if (channels > 1 || !colour) CHECK(out.empty, "blank %zu is not empty", i);
        }
    }
    memset(pixels, 90, sizeof pixels);
    for (size_t k = 3; k < 4 * 28 * 28; k += 4) pixels[k] = 0;
    pixels[0] = 255;
    for (int how = 0; how < LK_PREPARATIONS; how++)
        CHECK(prepare(how, pixels, 28, 28, 4, SHAPES[0], &out)->empty, "all transparent");
    static const struct {
        lk_preparation how;
        uint8_t step;
        bool empty;
    } STEPS[] = {{LK_PREPARE_IMAGE, 1, true},
                 {LK_PREPARE_IMAGE, 3, false},
                 {LK_PREPARE_INK, 31, true},
                 {LK_PREPARE_INK, 32, false}};
    for (size_t i = 0; i < LK_COUNTOF(STEPS); i++) {
        memset(pixels, 100, 28 * 28);
        pixels[300] = (uint8_t)(100 - STEPS[i].step);
        prepare(STEPS[i].how, pixels, 28, 28, 1, SHAPES[0], &out);
        CHECK(out.empty == STEPS[i].empty, "a step of %d", STEPS[i].step);
    }
}

static void test_refusals(void) {
    static const uint8_t pixel[4];
    static const lk_shape grey = {1, 2, 2};
    static const struct {
        lk_picture picture;
        lk_shape shape;
        lk_status status;
    } CASES[] = {
        {{NULL, 1, 1, 1}, {1, 2, 2}, LK_DATA},
        {{pixel, 0, 1, 1}, {1, 2, 2}, LK_DATA},
        {{pixel, 1, 0, 1}, {1, 2, 2}, LK_DATA},
        {{pixel, 8193, 1, 1}, {1, 2, 2}, LK_DATA},
        {{pixel, 1, 8193, 1}, {1, 2, 2}, LK_DATA},
        {{pixel, UINT32_MAX, UINT32_MAX, 4}, {1, 2, 2}, LK_DATA},
        {{pixel, 1, 1, 0}, {1, 2, 2}, LK_DATA},
        {{pixel, 1, 1, 2}, {1, 2, 2}, LK_DATA},
        {{pixel, 1, 1, 5}, {1, 2, 2}, LK_DATA},
        {{pixel, 1, 1, 1}, {2, 2, 2}, LK_MODEL},
    };
    lk_real x[8];
    bool empty;
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_error error = {LK_OK, 0, ""};
        const lk_status status =
            lk_prepare(LK_PREPARE_INK, CASES[i].picture, CASES[i].shape, x, &empty, &error);
        CHECK(status == CASES[i].status && error.status == status && error.message[0], "case %zu",
              i);
    }
    CHECK(lk_prepare(LK_PREPARE_INK, (lk_picture){pixel, 1, 1, 1}, grey, x, &empty, NULL) == LK_OK,
          "one pixel");
    CHECK(strcmp(lk_preparation_name(LK_PREPARE_INK), "ink") == 0, "name");
    CHECK(strcmp(lk_preparation_name(LK_PREPARE_IMAGE), "image") == 0, "name");
}

/* ---- ink ---- */

static const lk_shape MNIST = {1, 28, 28};
enum { PAD = 280 };

/* Black bars on a white pad: rectangles [x, x + w) x [y, y + h). */
static void draw_bars(uint8_t *pad, const int (*bars)[4], size_t count) {
    memset(pad, 255, PAD * PAD);
    for (size_t i = 0; i < count; i++)
        for (int y = bars[i][1]; y < bars[i][1] + bars[i][3]; y++)
            memset(pad + y * PAD + bars[i][0], 0, (size_t)bars[i][2]);
}

/* Places by hand: the box is scaled into 20 pixels, its centre of mass goes to pixel 14 (14.5 from
   the edge) as nearly as whole pixels allow; on a tie to 14 from the edge. */
static void test_ink_places(void) {
    static const struct {
        const char *what;
        int bars[2][4];
        bool line;
    } CASES[] = {{"square", {{30, 50, 100, 100}}, false},
                 {"small square", {{9, 50, 40, 40}}, false},
                 {"upright bar", {{200, 10, 50, 200}}, true},
                 {"thin bar", {{30, 8, 9, 190}}, true},
                 {"hair line", {{7, 40, 1, 200}}, true}};
    static uint8_t pad[PAD * PAD];
    prepared out;
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        draw_bars(pad, CASES[i].bars, 1);
        prepare(LK_PREPARE_INK, pad, PAD, PAD, 1, MNIST, &out);
        for (int k = 0; k < 28 * 28; k++) {
            const int x = k % 28, y = k / 28;
            double wanted = x >= 4 && x < 24 && y >= 4 && y < 24, room = 1e-6;
            if (CASES[i].line) { /* 2.5 pixels wide, its ends round */
                wanted *= x == 13 || x == 14 ? 1 : x == 12 || x == 15 ? 0.25 : 0;
                room = x < 12 || x > 15 ? 0 : y < 3 || y > 24 ? 0 : y < 6 || y > 21 ? 1 : 0.02;
            }
            CHECK(fabs((double)out.x[k] - wanted) <= room, "%s: (%d, %d) = %g", CASES[i].what, x, y,
                  (double)out.x[k]);
        }
        CHECK(!CASES[i].line || (out.x[28 * 4 + 13] > 0.5f && out.x[28 * 23 + 14] > 0.5f),
              "%s: too short", CASES[i].what);
    }
}

/* A stroke like a digit's: a round pen along a bent line, anti-aliased over 4 x 4 points. */
static void draw_stroke(uint64_t seed, double scale, double left, double top, double width,
                        uint8_t *pad) {
    const lk_rng rng = lk_rng_make(seed, 99, 0);
    double px[5], py[5];
    const double pen = scale * width * (0.4 + 0.6 * lk_rng_uniform(rng, 20)) / 2;
    for (uint64_t i = 0; i < 5; i++) {
        px[i] = left + scale * lk_rng_uniform(rng, 2 * i);
        py[i] = top + scale * lk_rng_uniform(rng, 2 * i + 1);
    }
    for (int k = 0; k < PAD * PAD; k++) {
        int hit = 0;
        for (int sub = 0; sub < 16; sub++) {
            const double x = k % PAD + (sub % 4 + 0.5) / 4,
                         y = (double)(k / PAD) + (sub / 4 + 0.5) / 4;
            bool inside = false;
            for (int i = 0; i < 4 && !inside; i++) {
                const double dx = px[i + 1] - px[i], dy = py[i + 1] - py[i];
                double t = ((x - px[i]) * dx + (y - py[i]) * dy) / (dx * dx + dy * dy + 1e-9);
                t = t < 0 ? 0 : t > 1 ? 1 : t;
                inside = hypot(x - px[i] - t * dx, y - py[i] - t * dy) < pen;
            }
            hit += inside;
        }
        pad[k] = (uint8_t)(255 - 255 * hit / 16);
    }
}

static void check_digit(const lk_real *x, uint64_t seed) {
    double mass = 0, mx = 0, my = 0;
    int left = 28, right = 0, top = 28, bottom = 0;
    for (int k = 0; k < 28 * 28; k++) {
        mass += (double)x[k];
        mx += (double)x[k] * (k % 28 + 0.5);
        my += (double)x[k] * (k / 28 + 0.5);
        if (x[k] < 0.2f) continue;
        left = LK_MIN(left, k % 28);
        right = LK_MAX(right, k % 28 + 1);
        top = LK_MIN(top, k / 28);
        bottom = LK_MAX(bottom, k / 28 + 1);
    }
    const int side = LK_MAX(right - left, bottom - top);
    CHECK(side >= 20 && side <= 21, "seed %d: box %d x %d", (int)seed, right - left, bottom - top);
    /* To a quarter of a pixel. */
    CHECK(fabs(mx / mass - 14) < 0.13, "seed %d: x %g", (int)seed, mx / mass);
    CHECK(fabs(my / mass - 14) < 0.13, "seed %d: y %g", (int)seed, my / mass);
}

/* One drawing, whatever its place, polarity and kind of pixels, is one input, and nearly so
   whatever its size and pen. */
static void test_ink_sameness(void) {
    static uint8_t pad[PAD * PAD], other[4 * PAD * PAD];
    static const struct {
        double scale, left, top, pen, most;
    } LIKE[] = {{120, 93, 81, 0.12, 0},
                {171.3, 30.4, 20.7, 0.12, 0.022},
                {60, 130, 25, 0.12, 0.025},
                {120, 40, 50, 0.03, 0.042},
                {120, 40, 50, 0.2, 0.04}};
    enum { SEEDS = 6 };
    prepared out, again;
    double change[LK_COUNTOF(LIKE)] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        draw_stroke(seed, 120, 40, 50, 0.12, pad);
        prepare(LK_PREPARE_INK, pad, PAD, PAD, 1, MNIST, &out);
        CHECK(!out.empty, "seed %d is empty", (int)seed);
        check_digit(out.x, seed);

        for (int k = 0; k < PAD * PAD; k++) other[k] = 255 - pad[k];
        CHECK(same(prepare(LK_PREPARE_INK, other, PAD, PAD, 1, MNIST, &again), &out, 784),
              "inverted");
        for (int light = 0; light < 2; light++) {
            for (int k = 0; k < PAD * PAD; k++) {
                memset(other + 4 * k, light ? 255 : 0, 3);
                other[4 * k + 3] = 255 - pad[k];
            }
            CHECK(same(prepare(LK_PREPARE_INK, other, PAD, PAD, 4, MNIST, &again), &out, 784),
                  "on nothing");
        }
        for (size_t i = 0; i < LK_COUNTOF(LIKE); i++) {
            draw_stroke(seed, LIKE[i].scale, LIKE[i].left, LIKE[i].top, LIKE[i].pen, other);
            prepare(LK_PREPARE_INK, other, PAD, PAD, 1, MNIST, &again);
            change[i] += mean_change(again.x, out.x, 784) / SEEDS;
        }
    }
    for (size_t i = 0; i < LK_COUNTOF(LIKE); i++)
        CHECK(change[i] <= LIKE[i].most, "of size %g, with a pen of %g, drawings change by %g",
              LIKE[i].scale, LIKE[i].pen, change[i]);
}

/* What is less than half as strong as the strongest ink is none. */
static void test_ink_faint(void) {
    static const struct {
        uint8_t ink;
        bool shows;
    } MARKS[] = {{19, false}, {95, false}, {200, true}};
    uint8_t pixels[784] = {0};
    prepared clean, marked;
    for (size_t y = 4; y < 24; y++) memset(pixels + 28 * y + 10, 200, 3);
    prepare(LK_PREPARE_INK, pixels, 28, 28, 1, MNIST, &clean);
    for (size_t i = 0; i < LK_COUNTOF(MARKS); i++) {
        pixels[28 * 12 + 25] = MARKS[i].ink;
        prepare(LK_PREPARE_INK, pixels, 28, 28, 1, MNIST, &marked);
        CHECK(same(&clean, &marked, 784) == !MARKS[i].shows, "a mark of %d", MARKS[i].ink);
    }
}

/* The grain of a camera's paper neither moves the ink's box nor stays in the input. */
static void test_ink_noise(void) {
    static uint8_t pad[PAD * PAD];
    const lk_rng rng = lk_rng_make(5, 99, 1);
    prepared clean, noisy;
    draw_stroke(3, 150, 60, 60, 0.12, pad);
    for (int k = 0; k < PAD * PAD; k++) pad[k] = (uint8_t)(20 + pad[k] * 0.8);
    prepare(LK_PREPARE_INK, pad, PAD, PAD, 1, MNIST, &clean);
    for (int k = 0; k < PAD * PAD; k++)
        pad[k] = (uint8_t)(pad[k] - 15 + (int)lk_rng_below(rng, (uint64_t)k, 31));
    for (int k = 0; k < PAD * PAD; k += 977) pad[k] = (uint8_t)(pad[k] - 40 * (pad[k] > 200));
    prepare(LK_PREPARE_INK, pad, PAD, PAD, 1, MNIST, &noisy);
    CHECK(mean_change(clean.x, noisy.x, 784) < 0.02, "%g", mean_change(clean.x, noisy.x, 784));
}

/* Any size into any size: prepare() checks range, bounds and channels. */
static void test_any_size(void) {
    static const uint32_t SIDES[] = {1, 2, 3, 27, 28, 29, 57, 640, 8192};
    static const lk_shape SHAPES[] = {{1, 28, 28}, {3, 32, 32}, {1, 1, 1}, {3, 5, 40}, {1, 64, 7}};
    static uint8_t pixels[4 * 8192 * 29];
    prepared out;
    const lk_rng rng = lk_rng_make(1, 99, 2);
    for (size_t k = 0; k < sizeof pixels; k++) pixels[k] = (uint8_t)lk_rng_u64(rng, k);
    for (size_t i = 0; i < LK_COUNTOF(SIDES) * LK_COUNTOF(SIDES); i++) {
        const uint32_t w = SIDES[i % LK_COUNTOF(SIDES)], h = SIDES[i / LK_COUNTOF(SIDES)];
        if (w > 57 && h > 29) continue;
        for (size_t k = 0; k < LK_COUNTOF(SHAPES); k++)
            prepare((i + k) % 2, pixels, w, h, 1 + (uint32_t)(i % 3) + (i % 3 > 0), SHAPES[k],
                    &out);
    }
    /* A ramp is darkest where it was and stays in order. */
    for (size_t k = 0; k < 256 * 100; k++) pixels[k] = (uint8_t)(k % 256);
    prepare(LK_PREPARE_IMAGE, pixels, 256, 100, 1, MNIST, &out);
    for (size_t k = 14 * 28 + 1; k < 15 * 28; k++) CHECK(out.x[k] > out.x[k - 1], "ramp at %zu", k);
    /* A line of one pixel along a whole side still shows. */
    memset(pixels, 255, sizeof pixels);
    for (size_t k = 0; k < 8192; k++) pixels[14 * 8192 + k] = 0;
    prepare(LK_PREPARE_INK, pixels, 8192, 29, 1, MNIST, &out);
    CHECK(out.x[14 * 28 + 6] > 0.999f && out.x[14 * 28 + 21] > 0.999f, "the line is lost");
    /* And so does a picture one pixel high. */
    for (size_t k = 0; k < 8192; k++) pixels[k] = k < 2048 ? 0 : 255;
    prepare(LK_PREPARE_IMAGE, pixels, 8192, 1, 1, MNIST, &out);
    CHECK(out.x[13 * 28 + 6] < 0.001f && out.x[13 * 28 + 7] > 0.999f, "the strip is lost");
}

int main(void) {
    test_own_size();
    test_values();
    test_blank();
    test_refusals();
    test_ink_places();
    test_ink_sameness();
    test_ink_faint();
    test_ink_noise();
    test_any_size();
    return TEST_RESULT();
}
