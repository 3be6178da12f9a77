#include "augment.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { MOST = 3 * 40 * 40 };
static const lk_change NOTHING = {.scale = 1};

/* x[n] of bytes as data sets have them, from plain multiplications. */
static void noise(uint32_t state, size_t n, lk_real *x) {
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = (lk_real)(state >> 24) / 255;
    }
}

static void apply(const lk_change *change, lk_shape shape, lk_real *x) {
    lk_real *scratch = malloc(lk_augment_scratch(shape) * sizeof *scratch);
    lk_augment_apply(change, shape, x, scratch);
    free(scratch);
}

static void augment(const lk_augmentation *a, uint64_t seed, uint64_t sample, lk_shape shape,
                    lk_real *x) {
    lk_real *scratch = malloc(lk_augment_scratch(shape) * sizeof *scratch);
    lk_augment(a, lk_rng_make(seed, LK_STREAM_AUGMENT, 0), sample, shape, x, scratch);
    free(scratch);
}

static double total(const lk_real *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    return sum;
}

/* ---- the notation ---- */

static void test_parse(void) {
    static const struct {
        const char *text;
        double amount[6];
    } GOOD[] = {
        {"", {0}},
        {" \t ", {0}},
        {"shift 2", {2}},
        {"shift 2, rotate 10, scale 0.1, flip 0.5, erase 0.25, stroke 1",
         {2, 10, 0.1, 0.5, 0.25, 1}},
        {"stroke 8,erase 1,flip 1,scale .5,rotate 180,shift 1000", {1000, 180, 0.5, 1, 1, 8}},
        {"\tshift\t1.5 ,  flip 0. ", {1.5}},
        {"rotate 0.00000000000007", {0, 7e-14}},
    };
    for (size_t i = 0; i < LK_COUNTOF(GOOD); i++) {
        lk_augmentation a = {9, 9, 9, 9, 9, 9};
        lk_error error = {0};
        const lk_status status = lk_augmentation_parse(GOOD[i].text, &a, &error);
        const double *want = GOOD[i].amount;
        bool any = false;
        for (int k = 0; k < 6; k++) any = any || want[k] != 0;
        CHECK(status == LK_OK, "'%s': %s", GOOD[i].text, error.message);
        CHECK(a.shift == want[0] && a.rotate == want[1] && a.scale == want[2] &&
                  a.flip == want[3] && a.erase == want[4] && a.stroke == want[5],
              "'%s': %g %g %g %g %g %g", GOOD[i].text, a.shift, a.rotate, a.scale, a.flip, a.erase,
              a.stroke);
        CHECK(lk_augmentation_any(&a) == any, "'%s'", GOOD[i].text);
    }
    static const struct {
        const char *text;
        uint64_t offset;
        const char *message;
    } BAD[] = {
        {"rotat 3", 0, "expected shift, rotate, scale, flip, erase or stroke, not 'rotat'"},
        {"Shift 3", 0, "erase or stroke, not 'Shift'"},
        {"2", 0, "erase or stroke, not '2'"},
        {",", 0, "erase or stroke, not ''"},
        {"shift 1,", 8, "erase or stroke, not ''"},
        {"shift 1,,flip 1", 8, "erase or stroke, not ''"},
        {"shift 1, flip 0.5, shift 1", 19, "'shift' is said twice"},
        {"shift 0, shift 0", 9, "'shift' is said twice"},
        {"shift 1 rotate 2", 8, "expected a comma, not 'rotate'"},
        {"shift", 5, "shift is 0 to 1000 pixels, not ''"},
        {"shift, flip 1", 5, "shift is 0 to 1000 pixels, not ''"},
        {"shift 1000.1", 6, "shift is 0 to 1000 pixels, not '1000.1'"},
        {"rotate 181", 7, "rotate is 0 to 180 degrees, not '181'"},
        {"rotate -1", 7, "rotate is 0 to 180 degrees, not '-1'"},
        {"scale 0.51", 6, "scale is 0 to 0.5, not '0.51'"},
        {"flip 1.01", 5, "flip is 0 to 1, not '1.01'"},
        {"erase 50%", 6, "erase is 0 to 1, not '50%'"},
        {"stroke 9", 7, "stroke is 0 to 8 pixels, not '9'"},
        {"flip nan", 5, "not 'nan'"},
        {"flip inf", 5, "not 'inf'"},
        {"flip 1e-3", 5, "not '1e-3'"},
        {"flip .", 5, "not '.'"},
        {"flip 0.1.2", 5, "not '0.1.2'"},
        {"flip 0.123456789012345", 5, "not '0.123456789012345'"},
        {"flip\n1", 0, "not 'flip\n1'"},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz 1", 0,
         "not 'abcdefghijklmnopqrstuvwxyzabcdefghijklm'"},
    };
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++) {
        lk_augmentation a = {9, 9, 9, 9, 9, 9};
        lk_error error = {0};
        const lk_status status = lk_augmentation_parse(BAD[i].text, &a, &error);
        CHECK(status == LK_USAGE && error.status == LK_USAGE, "'%s': %d", BAD[i].text, status);
        CHECK(strstr(error.message, BAD[i].message), "'%s': %s", BAD[i].text, error.message);
        CHECK(error.offset == BAD[i].offset, "'%s': offset %llu", BAD[i].text,
              (unsigned long long)error.offset);
        CHECK(a.shift == 9 && a.stroke == 9, "'%s' changed the result", BAD[i].text);
        CHECK(lk_augmentation_parse(BAD[i].text, &a, NULL) == LK_USAGE, "'%s'", BAD[i].text);
    }
    const lk_augmentation one[] = {{.shift = 0.25}, {.rotate = 0.25}, {.scale = 0.25},
                                   {.flip = 0.25},  {.erase = 0.25},  {.stroke = 0.25}};
    for (size_t k = 0; k < LK_COUNTOF(one); k++)
        CHECK(lk_augmentation_any(&one[k]), "amount %zu alone", k);
}

/* ---- what is drawn ---- */

enum { DRAWS = 10000 };

/* v[DRAWS] is uniform in [least, most]: no value outside, each tenth has its share. */
static void check_uniform(const char *what, const double *v, double least, double most) {
    int tenths[10] = {0};
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        CHECK(v[i] >= least && v[i] <= most, "%s %g", what, v[i]);
        tenths[LK_MAX(0, LK_MIN(9, (int)((v[i] - least) / (most - least) * 10)))]++;
        sum += v[i] / DRAWS;
    }
    /* Four standard errors: 30 of 1,000 in a tenth, 0.289 / 100 of the width for the mean. */
    CHECK(fabs(sum - (least + most) / 2) < 4 * 0.00289 * (most - least), "%s: mean %g", what, sum);
    for (int k = 0; k < 10; k++) CHECK(abs(tenths[k] - 1000) < 120, "%s: %d", what, tenths[k]);
}

static void test_draws(void) {
    static double v[5][DRAWS];
    const lk_shape shape = {1, 30, 20};
    const lk_augmentation a = {3, 15, 0.25, 0.3, 0.6, 2};
    const lk_rng rng = lk_rng_make(5, LK_STREAM_AUGMENT, 2);
    int flips = 0, erased = 0;
    double left = 0, top = 0, area = 0, least = 1, most = 0, narrow = 1, wide = 1;
    for (int i = 0; i < DRAWS; i++) {
        const lk_change c = lk_augment_draw(&a, rng, (uint64_t)i, shape);
        v[0][i] = c.across, v[1][i] = c.down, v[2][i] = c.degrees, v[3][i] = c.scale;
        v[4][i] = c.stroke;
        flips += c.flip;
        CHECK(c.left + c.width <= shape.width && c.top + c.height <= shape.height, "outside");
        if (c.width == 0) continue;
        erased++;
        const double share = (double)(c.width * c.height) / 600;
        area += share, least = LK_MIN(least, share), most = LK_MAX(most, share);
        narrow = LK_MAX(narrow, (double)c.height / (double)c.width);
        wide = LK_MAX(wide, (double)c.width / (double)c.height);
        /* Where there is room the place is uniform, so half of the room is before it. */
        left += ((double)c.left - (double)(shape.width - c.width) / 2) / 20;
        top += ((double)c.top - (double)(shape.height - c.height) / 2) / 30;
        /* Sides are rounded, and cut where they would not fit. */
        if (c.width < shape.width && c.height < shape.height)
            CHECK(((double)c.height + 0.5) / ((double)c.width - 0.5) >= 0.3 &&
                      ((double)c.height - 0.5) / ((double)c.width + 0.5) <= 1 / 0.3,
                  "%zu x %zu", c.width, c.height);
    }
    check_uniform("across", v[0], -3, 3);
    check_uniform("down", v[1], -3, 3);
    check_uniform("degrees", v[2], -15, 15);
    check_uniform("scale", v[3], 0.75, 1.25);
    check_uniform("stroke", v[4], -2, 2);
    CHECK(abs(flips - 3000) < 184, "%d flips", flips);
    CHECK(abs(erased - 6000) < 196, "%d erased", erased);
    CHECK(least > 0.01 && least < 0.03 && most > 0.38 && most < 0.43, "areas %g to %g", least,
          most);
    CHECK(narrow > 3 && wide > 3, "sides of 1 to %g and %g to 1", narrow, wide);
    CHECK(fabs(area / erased - 0.2) < 0.02, "area %g", area / erased);
    CHECK(fabs(left / erased) < 0.01 && fabs(top / erased) < 0.01, "off by %g, %g", left / erased,
          top / erased);
    /* The draws do not hang together. */
    for (int p = 0; p < 5; p++)
        for (int q = 0; q < p; q++) {
            const double most_p = (double[]){3, 3, 15, 0.25, 2}[p];
            const double most_q = (double[]){3, 3, 15, 0.25, 2}[q];
            double sum = 0; /* its standard deviation is sqrt(10,000) / 3 */
            for (int i = 0; i < DRAWS; i++)
                sum += (v[p][i] - (p == 3)) / most_p * (v[q][i] - (q == 3)) / most_q;
            CHECK(fabs(sum) < 4 * 33.4, "draws %d and %d: %g", p, q, sum);
        }
}

/* One amount switched on leaves the others as they were. */
static void test_independence(void) {
    const lk_shape shape = {1, 28, 28};
    const lk_augmentation all = {3, 15, 0.25, 0.3, 0.6, 2}, some = {3, 0, 0, 0, 0, 2};
    const lk_rng rng = lk_rng_make(5, LK_STREAM_AUGMENT, 0);
    for (uint64_t i = 0; i < 100; i++) {
        const lk_change p = lk_augment_draw(&all, rng, i, shape);
        const lk_change q = lk_augment_draw(&some, rng, i, shape);
        CHECK(p.across == q.across && p.down == q.down && p.stroke == q.stroke, "image %d", (int)i);
        CHECK(q.degrees == 0 && q.scale == 1 && !q.flip && q.width == 0, "image %d", (int)i);
    }
}

/* ---- the map ---- */

static void test_turn(void) {
    for (int i = -180000; i <= 180000; i++) {
        const double degrees = i / 1000.0, radians = degrees * 3.14159265358979323846 / 180;
        double c, s;
        lk_turn(degrees, &c, &s);
        CHECK(fabs(c - cos(radians)) < 1e-15 && fabs(s - sin(radians)) < 1e-15, "%g: %g %g",
              degrees, c - cos(radians), s - sin(radians));
    }
    for (int i = -2; i <= 2; i++) {
        double c, s;
        lk_turn(90 * i, &c, &s);
        CHECK(c == (i == 0) - (abs(i) == 2) && s == (i == 1) - (i == -1), "%d quarters", i);
    }
}

static double pixel(const lk_real *plane, lk_shape s, long row, long column, double ground) {
    const bool inside = row >= 0 && column >= 0 && row < (long)s.height && column < (long)s.width;
    return inside ? (double)plane[row * (long)s.width + column] : ground;
}

static int by_value(const void *p, const void *q) {
    const lk_real a = *(const lk_real *)p, b = *(const lk_real *)q;
    return (a > b) - (a < b);
}

/* The median of the border by sorting all of it. */
static double border_median(const lk_real *plane, lk_shape s) {
    lk_real v[4 * 40];
    size_t n = 0;
    for (size_t r = 0; r < s.height; r++) v[n++] = plane[r * s.width];
    for (size_t r = 0; r < s.height; r++) v[n++] = plane[r * s.width + s.width - 1];
    for (size_t c = 0; c < s.width; c++) v[n++] = plane[c];
    for (size_t c = 0; c < s.width; c++) v[n++] = plane[(s.height - 1) * s.width + c];
    qsort(v, n, sizeof *v, by_value);
    return (double)v[n / 2];
}

/* Against the definition: the plane is mirrored, then scaled and turned counter-clockwise about its
   centre, then shifted; so a pixel came from where the inverse of all that leads. */
static void test_map(void) {
    static const lk_shape SHAPES[] = {{1, 28, 28}, {3, 32, 32}, {3, 17, 40}, {1, 40, 5},
                                      {2, 1, 40},  {1, 40, 1},  {4, 1, 1},   {1, 2, 3}};
    const lk_augmentation a = {6, 180, 0.5, 0.5, 0, 0};
    const lk_rng rng = lk_rng_make(1, LK_STREAM_AUGMENT, 0);
    for (size_t k = 0; k < LK_COUNTOF(SHAPES); k++)
        for (uint64_t i = 0; i < 40; i++) {
            const lk_shape s = SHAPES[k];
            lk_real x[MOST], y[MOST];
            noise((uint32_t)i, lk_shape_size(s), x);
            memcpy(y, x, sizeof y);
            const lk_change t = lk_augment_draw(&a, rng, i, s);
            apply(&t, s, y);
            const double angle = t.degrees * 3.14159265358979323846 / 180;
            const double mx = ((double)s.width - 1) / 2, my = ((double)s.height - 1) / 2;
            double worst = 0;
            for (size_t c = 0; c < s.channels; c++) {
                const lk_real *plane = x + c * s.height * s.width;
                const double ground = border_median(plane, s);
                for (size_t r = 0; r < s.height; r++)
                    for (size_t q = 0; q < s.width; q++) {
                        /* Upwards is positive here. */
                        const double right = ((double)q - mx - t.across) / t.scale;
                        const double up = (my - (double)r + t.down) / t.scale;
                        double u = cos(angle) * right + sin(angle) * up;
                        const double v = cos(angle) * up - sin(angle) * right;
                        if (t.flip) u = -u;
                        const double column = u + mx, row = my - v;
                        const long c0 = (long)floor(column), r0 = (long)floor(row);
                        double want = 0;
                        for (int corner = 0; corner < 4; corner++) {
                            const long cc = c0 + corner % 2, rr = r0 + corner / 2;
                            want += (1 - fabs(column - (double)cc)) * (1 - fabs(row - (double)rr)) *
                                    pixel(plane, s, rr, cc, ground);
                        }
                        const double got = (double)y[(c * s.height + r) * s.width + q];
                        worst = LK_MAX(worst, fabs(got - want));
                    }
            }
            CHECK(worst < 1e-6, "shape %zu, image %d: off by %g", k, (int)i, worst);
        }
}

/* Whole pixels, mirrors and right angles move values about without changing one. */
static void test_exact(void) {
    static const struct {
        int across, down, quarters;
        bool flip;
    } CASES[] = {{3, 0, 0, false}, {0, -2, 0, false},  {-7, 5, 0, false}, {0, 0, 0, true},
                 {4, 1, 0, true},  {0, 0, 1, false},   {0, 0, -1, false}, {2, -3, 1, false},
                 {0, 0, 2, true},  {100, 0, 0, false}, {0, 0, -2, false}, {28, -28, 0, true}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++)
        for (uint32_t side = 27; side <= 28; side++) {
            const lk_shape s = {2, side, side};
            lk_real x[MOST], y[MOST];
            noise(7, lk_shape_size(s), x);
            memcpy(y, x, sizeof y);
            lk_change t = NOTHING;
            t.across = CASES[i].across, t.down = CASES[i].down, t.flip = CASES[i].flip;
            t.degrees = 90 * CASES[i].quarters;
            apply(&t, s, y);
            int wrong = 0;
            const long last = (long)side - 1;
            for (size_t c = 0; c < s.channels; c++) {
                const lk_real *plane = x + c * side * side;
                for (long r = 0; r <= last; r++)
                    for (long q = 0; q <= last; q++) {
                        long column = q - CASES[i].across, row = r - CASES[i].down;
                        for (int k = 0; k < (CASES[i].quarters + 4) % 4; k++) {
                            /* The row on top came from the right-hand column. */
                            const long old = column;
                            column = last - row, row = old;
                        }
                        if (CASES[i].flip) column = last - column;
                        const double want = pixel(plane, s, row, column, border_median(plane, s));
                        const double got =
                            (double)y[c * side * side + (size_t)r * side + (size_t)q];
                        wrong += got != want;
                    }
            }
            CHECK(wrong == 0, "case %zu, side %d: %d values", i, (int)side, wrong);
        }
}

/* ---- strokes ---- */

/* A line of ink through the middle, `width` pixels across at `degrees` (0: level), soft-edged. */
static void draw_line(double degrees, double width, uint32_t side, lk_real *x) {
    const double angle = degrees * 3.14159265358979323846 / 180, middle = (side - 1.0) / 2;
    for (uint32_t r = 0; r < side; r++)
        for (uint32_t q = 0; q < side; q++) {
            const double away = fabs((r - middle) * cos(angle) + (q - middle) * sin(angle));
            x[r * side + q] = (lk_real)LK_MAX(0, LK_MIN(1, width / 2 - away + 0.5));
        }
}

/* The width of the line of ink down the middle column, where no end of it is near. */
static double line_width(double degrees, uint32_t side, const lk_real *x, bool dark) {
    double column = 0;
    for (uint32_t r = 0; r < side; r++) column += (double)x[r * side + side / 2];
    return (dark ? side - column : column) * cos(degrees * 3.14159265358979323846 / 180);
}

/* A level line gets exactly as much thicker as asked, in whichever polarity; slanting ones nearly
   so. */
static void test_stroke_width(void) {
    enum { SIDE = 40 };
    const lk_shape s = {1, SIDE, SIDE};
    for (int degrees = 0; degrees <= 45; degrees += 15)
        for (double amount = -3; amount <= 4; amount += 0.5)
            for (int dark = 0; dark < 2; dark++) {
                lk_real x[SIDE * SIDE];
                draw_line(degrees, 6, SIDE, x);
                for (int i = 0; i < SIDE * SIDE && dark; i++) x[i] = 1 - x[i];
                const double before = line_width(degrees, SIDE, x, dark);
                lk_change t = NOTHING;
                t.stroke = amount;
                apply(&t, s, x);
                const double error = line_width(degrees, SIDE, x, dark) - before - amount;
                CHECK(fabs(error) <= (degrees ? 0.09 * fabs(amount) : 1e-5),
                      "%d degrees, %g pixels, dark %d: off by %g", degrees, amount, dark, error);
            }
}

static void test_stroke_mass(void) {
    enum { SIDE = 28, SIZE = SIDE * SIDE };
    const lk_shape s = {1, SIDE, SIDE};
    double before = -1;
    for (double amount = -4; amount <= 6; amount += 0.125) {
        lk_real x[SIZE];
        for (int i = 0; i < SIZE; i++) { /* a ring */
            const double r = i / SIDE - 13.5, q = i % SIDE - 13.5;
            x[i] = (lk_real)LK_MAX(0, 1.5 - fabs(sqrt(r * r + q * q) - 7) / 2);
            x[i] = LK_MIN(x[i], 1);
        }
        lk_change t = NOTHING;
        t.stroke = amount;
        apply(&t, s, x);
        const double mass = total(x, SIZE);
        for (int i = 0; i < SIZE; i++) CHECK(!signbit(x[i]), "%g pixels: negative", amount);
        CHECK(mass > before, "%g pixels: %g after %g", amount, mass, before);
        before = mass;
    }
}

/* Ink is told from paper channel by channel: a red ring on blue is one that is light in red and
   dark in blue, and thickens in both. */
static void test_stroke_colour(void) {
    enum { SIDE = 28, SIZE = SIDE * SIDE };
    const lk_shape s = {3, SIDE, SIDE};
    lk_real x[3 * SIZE], y[3 * SIZE];
    draw_line(30, 3, SIDE, x);
    for (int i = 0; i < SIZE; i++) {
        x[SIZE + i] = (lk_real)0.25;
        x[2 * SIZE + i] = 1 - x[i];
    }
    memcpy(y, x, sizeof y);
    lk_change t = NOTHING;
    t.stroke = 0.75;
    apply(&t, s, y);
    CHECK(total(y, SIZE) > total(x, SIZE) + 15, "red");
    CHECK(memcmp(y + SIZE, x + SIZE, SIZE * sizeof *x) == 0, "a plain channel");
    for (int i = 0; i < SIZE; i++)
        CHECK(fabs((double)y[i] + (double)y[2 * SIZE + i] - 1) < 1e-6, "pixel %d", i);
}

/* ---- erasing ---- */

static void test_erase(void) {
    const lk_shape s = {3, 32, 24};
    const lk_augmentation a = {.erase = 0.5};
    enum { IMAGES = 4000, SIZE = 3 * 32 * 24 };
    int erased = 0;
    double sum = 0, values = 0, alike = 0;
    for (uint64_t i = 0; i < IMAGES; i++) {
        lk_real x[SIZE];
        size_t rows[2] = {99, 0}, columns[2] = {99, 0}, changed = 0;
        for (size_t k = 0; k < SIZE; k++) x[k] = 2;
        augment(&a, 3, i, s, x);
        for (size_t k = 0; k < SIZE; k++) {
            if (x[k] == 2) continue;
            const size_t row = k / 24 % 32, column = k % 24;
            rows[0] = LK_MIN(rows[0], row), rows[1] = LK_MAX(rows[1], row);
            columns[0] = LK_MIN(columns[0], column), columns[1] = LK_MAX(columns[1], column);
            changed++;
            CHECK(x[k] >= 0 && x[k] <= 1, "a value of %g", (double)x[k]);
            sum += (double)x[k];
            alike += k >= 768 && x[k] == x[k - 768];
        }
        values += (double)changed;
        erased += changed > 0;
        if (changed > 0) {
            const size_t area = (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1);
            CHECK(changed == 3 * area, "image %d: %zu values in %zu pixels", (int)i, changed, area);
        }
    }
    CHECK(abs(erased - IMAGES / 2) < 4 * 32, "%d of %d", erased, IMAGES);
    CHECK(fabs(sum / values - 0.5) < 0.003, "mean %g", sum / values);
    CHECK(alike < 5, "channels get the same noise");
}

/* ---- the whole ---- */

static void test_nothing(void) {
    const lk_shape s = {3, 28, 28};
    const lk_augmentation a = {0};
    for (uint64_t i = 0; i < 50; i++) {
        lk_real x[MOST], y[MOST];
        noise((uint32_t)i, lk_shape_size(s), x);
        memcpy(y, x, sizeof y);
        augment(&a, i, i, s, y);
        CHECK(memcmp(x, y, lk_shape_size(s) * sizeof *x) == 0, "image %d", (int)i);
    }
}

/* All amounts; the same number the same bits, another one others; nothing leaves [0, 1]; three
   equal channels stay equal where no noise is written. */
static void test_all(void) {
    enum { PLANE = 28 * 28 };
    const lk_shape s = {3, 28, 28};
    const lk_augmentation a = {2, 30, 0.2, 0.5, 0, 2};
    lk_real last[3 * PLANE] = {0};
    for (uint64_t i = 0; i < 200; i++) {
        lk_real x[3 * PLANE], y[3 * PLANE], z[3 * PLANE];
        noise(3, PLANE, x);
        memcpy(x + PLANE, x, PLANE * sizeof *x);
        memcpy(x + (size_t)2 * PLANE, x, PLANE * sizeof *x);
        memcpy(y, x, sizeof y);
        memcpy(z, x, sizeof z);
        augment(&a, 1, i, s, x);
        augment(&a, 1, i, s, y);
        augment(&a, 2, i, s, z);
        CHECK(memcmp(x, y, sizeof x) == 0, "image %d differs from itself", (int)i);
        CHECK(memcmp(x, z, sizeof x) != 0, "image %d does not depend on the seed", (int)i);
        CHECK(memcmp(x, last, sizeof x) != 0, "image %d is the one before", (int)i);
        memcpy(last, x, sizeof x);
        CHECK(memcmp(x, x + PLANE, PLANE * sizeof *x) == 0 &&
                  memcmp(x, x + (size_t)2 * PLANE, PLANE * sizeof *x) == 0,
              "image %d: channels differ", (int)i);
        for (int k = 0; k < 3 * PLANE; k++)
            CHECK(x[k] >= 0 && x[k] <= 1 && !signbit(x[k]), "image %d: %g", (int)i, (double)x[k]);
    }
}

/* The bits of 200 images of two shapes, by FNV-1a: the same from every compiler and machine. */
static void test_bits(void) {
    static const lk_shape SHAPES[] = {{1, 28, 28}, {3, 33, 21}};
    const lk_augmentation a = {2, 15, 0.1, 0.5, 0.5, 1};
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t k = 0; k < LK_COUNTOF(SHAPES); k++)
        for (uint64_t i = 0; i < 100; i++) {
            const size_t size = lk_shape_size(SHAPES[k]);
            lk_real x[MOST];
            noise((uint32_t)i, size, x);
            augment(&a, 42, i, SHAPES[k], x);
            for (size_t q = 0; q < size; q++) {
                uint32_t bits;
                memcpy(&bits, &x[q], sizeof bits);
                for (int shift = 0; shift < 32; shift += 8)
                    hash = (hash ^ (bits >> shift & 255)) * 0x100000001b3ull;
            }
        }
    CHECK(hash == 0xa2dacb67006990efull, "0x%016llx", (unsigned long long)hash);
}

/* Turning is rotating by right angles, and mirroring comes first. */
static void test_poses(void) {
    static const lk_shape CASES[] = {{1, 1, 1}, {1, 4, 4}, {3, 5, 5}, {2, 3, 6}};
    for (size_t s = 0; s < LK_COUNTOF(CASES); s++) {
        const lk_shape shape = CASES[s];
        const size_t width = shape.width, height = shape.height, plane = width * height;
        lk_real x[256], mirrored[256], once[256], out[256];
        fill_normal(x, lk_shape_size(shape), s);
        for (size_t i = 0; i < lk_shape_size(shape); i++)
            mirrored[i] = x[i - i % width + width - 1 - i % width];
        for (uint32_t pose = 0; pose < LK_POSES; pose++) {
            if (pose % 2 && width != height) continue;
            memcpy(once, pose < 4 ? x : mirrored, sizeof once);
            for (uint32_t turn = 0; turn < pose % 4; turn += width == height ? 1 : 2) {
                lk_real turned[256];
                for (size_t i = 0; i < lk_shape_size(shape); i++) {
                    const size_t y = i % plane / width,
                                 to = width == height
                                          ? i / plane * plane + i % width * width + width - 1 - y
                                          : i / plane * plane + plane - 1 - i % plane;
                    turned[to] = once[i];
                }
                memcpy(once, turned, sizeof once);
            }
            lk_augment_pose(x, shape, pose, out);
            CHECK(memcmp(out, once, lk_shape_size(shape) * sizeof *out) == 0, "pose %u of %zu",
                  pose, s);
        }
    }
}

/* Every pixel is that of one of the two: of both in parts that a line parts, or the brighter one.
 */
static void test_mix(void) {
    const lk_shape shape = {2, 6, 9};
    const lk_rng rng = lk_rng_make(3, LK_STREAM_MIX, 0);
    enum { PLANE = 54, SIZE = 2 * PLANE, MIXES = 500 };
    lk_real x[SIZE], other[SIZE], out[SIZE], again[SIZE];
    size_t overlaid = 0, taken[PLANE] = {0};
    for (size_t i = 0; i < SIZE; i++) {
        x[i] = i % 2 ? 1 : (lk_real)0.5;
        other[i] = (lk_real)0.75;
    }
    for (uint64_t sample = 0; sample < MIXES; sample++) {
        size_t from_other = 0, brighter = 0;
        memcpy(out, x, sizeof out);
        memcpy(again, x, sizeof again);
        lk_augment_mix(rng, sample, shape, other, out);
        lk_augment_mix(rng, sample, shape, other, again);
        CHECK(memcmp(out, again, sizeof out) == 0, "mix %u is another one now", (unsigned)sample);
        for (size_t i = 0; i < SIZE; i++) {
            const bool is_other = out[i] == other[i];
            CHECK(is_other || out[i] == x[i], "a value of neither");
            CHECK(is_other == (out[i % PLANE] == other[i % PLANE]),
                  "channels are parted otherwise");
            from_other += is_other;
            brighter += is_other == (x[i] < other[i]);
        }
        CHECK(from_other > 0 && from_other < SIZE, "all of it is one of them");
        overlaid += brighter == SIZE;
        for (size_t i = 0; i < PLANE && brighter < SIZE; i++) taken[i] += out[i] == other[i];
    }
    CHECK(overlaid > 0.25 * MIXES && overlaid < 0.35 * MIXES, "%zu overlaid", overlaid);
    for (size_t i = 0; i < PLANE; i++) /* in the end half of the time, everywhere */
        CHECK(taken[i] > 0.25 * MIXES && taken[i] < 0.45 * MIXES, "pixel %zu: %zu", i, taken[i]);
}

int main(void) {
    test_poses();
    test_mix();
    test_parse();
    test_draws();
    test_independence();
    test_turn();
    test_map();
    test_exact();
    test_stroke_width();
    test_stroke_mass();
    test_stroke_colour();
    test_erase();
    test_nothing();
    test_all();
    test_bits();
    return TEST_RESULT();
}
