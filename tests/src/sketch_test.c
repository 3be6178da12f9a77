/* Middle lines of strokes: thinning keeps what hangs together and what encloses something, leaves
   lines one cell wide, and refuses what is no line drawing. */
#include "sketch.h"

#include <math.h>
#include <string.h>

#include "rng.h"
#include "test.h"

enum { SIDE = LK_SKETCH_SIDE, CELLS = SIDE * SIDE };

/* How many regions of cells with this value there are, corners joining them or not. */
static int count_regions(const uint8_t *cells, bool value, bool corners) {
    static bool seen[CELLS];
    static int stack[8 * CELLS];
    int regions = 0;
    memset(seen, 0, sizeof seen);
    for (int start = 0; start < CELLS; start++) {
        if (seen[start] || (cells[start] != 0) != value) continue;
        int depth = 0;
        regions++;
        stack[depth++] = start;
        while (depth > 0) {
            const int at = stack[--depth], x = at % SIDE, y = at / SIDE;
            if (seen[at]) continue;
            seen[at] = true;
            for (int k = 0; k < 9; k++) {
                const int dx = k % 3 - 1, dy = k / 3 - 1, nx = x + dx, ny = y + dy;
                if (k == 4 || (dx && dy && !corners)) continue;
                if (nx < 0 || ny < 0 || nx >= SIDE || ny >= SIDE) continue;
                if (!seen[ny * SIDE + nx] && (cells[ny * SIDE + nx] != 0) == value)
                    stack[depth++] = ny * SIDE + nx;
            }
        }
    }
    return regions;
}

/* A round pen of `radius` cells through points of the box. */
static void draw(uint8_t *cells, const double (*at)[2], size_t points, double radius) {
    for (int i = 0; i < CELLS; i++)
        for (size_t p = 0; p + 1 < points; p++) {
            const double x = i % SIDE + 0.5 - at[p][0], y = i / SIDE + 0.5 - at[p][1];
            const double dx = at[p + 1][0] - at[p][0], dy = at[p + 1][1] - at[p][1];
            const double t = (x * dx + y * dy) / (dx * dx + dy * dy);
            const double along = t < 0 ? 0 : t > 1 ? 1 : t;
            if (hypot(x - along * dx, y - along * dy) <= radius) cells[i] = 1;
        }
}

static void scrawl(uint64_t seed, uint8_t *cells) {
    enum { POINTS = 5 };
    const lk_rng rng = lk_rng_make(seed, 99, 3);
    double at[POINTS][2];
    for (uint64_t i = 0; i < 2 * POINTS; i++) at[i / 2][i % 2] = 22 + 68 * lk_rng_uniform(rng, i);
    draw(cells, at, POINTS, 1 + 5 * lk_rng_uniform(rng, 20));
}

static void test_topology(void) {
    static uint8_t cells[CELLS];
    static lk_sketch sketch;
    for (uint64_t seed = 0; seed < 60; seed++) {
        memset(cells, 0, sizeof cells);
        scrawl(seed, cells);
        if (seed % 3 == 0) scrawl(seed + 1000, cells);
        size_t before = 0;
        for (int i = 0; i < CELLS; i++) before += cells[i];
        const int parts = count_regions(cells, true, true);
        const int holes = count_regions(cells, false, false);
        if (!lk_sketch_take(cells, &sketch)) continue;
        CHECK(count_regions(cells, true, true) == parts, "seed %d: parts", (int)seed);
        CHECK(count_regions(cells, false, false) == holes, "seed %d: holes", (int)seed);
        size_t ink = 0, blocks = 0; /* which are left where lines cross, now and then */
        for (int i = 0; i < CELLS - SIDE - 1; i++) {
            ink += cells[i] != 0;
            blocks += cells[i] && cells[i + 1] && cells[i + SIDE] && cells[i + SIDE + 1];
        }
        CHECK(blocks <= 2, "seed %d: %d blocks", (int)seed, (int)blocks);
        CHECK(ink == sketch.points && ink < before, "seed %d: %d points of %d", (int)seed, (int)ink,
              (int)before);
        /* As many links as make what hangs together hang together, and one more for each hole;
           where lines meet in a corner a small ring of links may be more. */
        CHECK(sketch.links + (size_t)parts + 1 >= ink + (size_t)holes, "seed %d: %d links",
              (int)seed, (int)sketch.links);
        for (size_t i = 0; i < sketch.links; i++)
            CHECK(sketch.from[i] < ink && sketch.to[i] < ink, "seed %d: link %d", (int)seed,
                  (int)i);
    }
}

static void test_refused(void) {
    static uint8_t cells[CELLS];
    static lk_sketch sketch;
    const struct {
        int wide; /* of a bar as high as the box */
        bool taken;
    } BARS[] = {{1, true}, {10, true}, {30, true}, {36, false}, {80, false}};
    for (size_t i = 0; i < LK_COUNTOF(BARS); i++) {
        memset(cells, 0, sizeof cells);
        for (int y = 16; y < 96; y++) memset(cells + y * SIDE + 16, 1, (size_t)BARS[i].wide);
        CHECK(lk_sketch_take(cells, &sketch) == BARS[i].taken, "a bar %d wide", BARS[i].wide);
    }
    for (int lines = 5; lines <= 8; lines++) { /* each as long as the box */
        memset(cells, 0, sizeof cells);
        for (int k = 0; k < lines; k++) memset(cells + (16 + 10 * k) * SIDE + 16, 1, 80);
        CHECK(lk_sketch_take(cells, &sketch) == (lines <= 6), "%d lines", lines);
    }
}

/* A drawing's box, by ink over a half. */
static void find_box(const uint8_t *cells, int *wide, int *high) {
    int left = SIDE, right = 0, top = SIDE, bottom = 0;
    for (int i = 0; i < CELLS; i++) {
        if (cells[i] < 128) continue;
        left = LK_MIN(left, i % SIDE);
        right = LK_MAX(right, i % SIDE + 1);
        top = LK_MIN(top, i / SIDE);
        bottom = LK_MAX(bottom, i / SIDE + 1);
    }
    *wide = right - left;
    *high = bottom - top;
}

/* Long sides fill the box, short ones come closer to them by the formula, up to 1.6 times; what is
   tiny is enlarged three times and no more. */
static void test_drawn(void) {
    static const struct {
        float wide, high;
    } BOXES[] = {{40, 80}, {80, 40}, {64, 80}, {4, 80}, {30, 30}, {10, 6}};
    static uint8_t cells[CELLS];
    static lk_sketch sketch;
    for (size_t i = 0; i < LK_COUNTOF(BOXES); i++) {
        const double wide = (double)BOXES[i].wide, high = (double)BOXES[i].high;
        sketch = (lk_sketch){.points = 4,
                             .links = 4,
                             .x = {7, BOXES[i].wide + 7, BOXES[i].wide + 7, 7},
                             .y = {3, 3, BOXES[i].high + 3, BOXES[i].high + 3},
                             .from = {0, 1, 2, 3},
                             .to = {1, 2, 3, 0}};
        const double longer = fmax(wide, high), share = fmin(wide, high) / longer;
        const double zoom = fmin(3, 70 / longer);
        const double stretch = fmin(1.6, sqrt(sin(acos(0) * share)) / share);
        int across, down;
        lk_sketch_draw(&sketch, cells);
        find_box(cells, &across, &down);
        CHECK(fabs(across - (zoom * wide * (wide < high ? stretch : 1) + 10)) <= 1.5,
              "%g x %g: %d across", wide, high, across);
        CHECK(fabs(down - (zoom * high * (wide < high ? 1 : stretch) + 10)) <= 1.5,
              "%g x %g: %d down", wide, high, down);
    }
}

/* Bars on three sides: the centre of mass comes to the middle, in whole cells, on the grid. */
static void test_centred(void) {
    static uint8_t cells[CELLS];
    for (int k = 0; k < 4; k++) {
        memset(cells, 0, sizeof cells);
        for (int i = 0; i < 80; i++) {
            const int inner = 16 + i, edge = k < 2 ? 16 : 95;
            cells[k % 2 ? inner * SIDE + edge : edge * SIDE + inner] = 200;
        }
        lk_sketch_centre(cells);
        size_t ink = 0;
        for (int i = 0; i < 80; i++) {
            const int inner = 16 + i,
                      edge = k < 2 ? 32 : 79; /* 16 cells on, as far as is allowed */
            ink += cells[k % 2 ? inner * SIDE + edge : edge * SIDE + inner] == 200;
        }
        CHECK(ink == 80, "bar %d: %d cells are where they should be", k, (int)ink);
    }
}

int main(void) {
    test_topology();
    test_refused();
    test_drawn();
    test_centred();
    return TEST_RESULT();
}
