#include "texture.h"

#include <math.h>
#include <stdlib.h>

#include "test.h"

/* A picture of 8 x 8 characters: # is 1, . is 0, + is 0.5, : is 0.25. */
static void draw(const char *rows, lk_real *x) {
    for (int i = 0; i < 64; i++)
        x[i] = rows[i] == '#' ? 1 : rows[i] == '+' ? (lk_real)0.5 : rows[i] == ':' ? 0.25f : 0;
}

static void test_pictures(void) {
    static const struct {
        const char *what, *rows;
        float grey, variation, solidity;
    } CASES[] = {
        {"paper", "................................................................", 0, 0, 0},
        {"ink all over: the middle is four steps from the edge",
         "################################################################", 0, 0, 4},
        {"grey", "::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::", 64, 0, 0},
        {"a dot: two steps up and down, two across",
         "...........................#....................................", 0, 4, 1},
        {"a dot in a corner", "#...............................................................", 0,
         2, 1},
        {"a 3 x 3 square", ".................###.....###.....###............................", 0,
         12, 2},
        {"a diamond of five across",
         "...#......###....#####....###......#............................", 0, 19, 3},
        {"half tones count as ink from 0.5 on",
         ".................+++.....+++.....+++............................", 9, 6, 2},
        {"stripes: seven edges in each of eight rows",
         "#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.#.", 0, 56, 1},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_real x[64];
        float n[LK_TEXTURES];
        draw(CASES[i].rows, x);
        lk_texture_measure(x, (lk_shape){1, 8, 8}, n);
        CHECK(n[LK_TEXTURE_GREY] == CASES[i].grey, "%s: grey %g", CASES[i].what,
              (double)n[LK_TEXTURE_GREY]);
        CHECK(n[LK_TEXTURE_VARIATION] == CASES[i].variation, "%s: variation %g", CASES[i].what,
              (double)n[LK_TEXTURE_VARIATION]);
        CHECK(n[LK_TEXTURE_SOLIDITY] == CASES[i].solidity, "%s: solidity %g", CASES[i].what,
              (double)n[LK_TEXTURE_SOLIDITY]);
    }
}

/* Numbers are per channel: three equal channels, side by side, say what one says. */
static void test_channels(void) {
    lk_real x[64], rgb[192];
    float one[LK_TEXTURES], three[LK_TEXTURES];
    draw("...#......###....#+++#....#::......:............................", x);
    for (int i = 0; i < 192; i++) rgb[i] = x[i / 3];
    lk_texture_measure(x, (lk_shape){1, 8, 8}, one);
    lk_texture_measure(rgb, (lk_shape){3, 8, 8}, three);
    for (int i = 0; i < LK_TEXTURES; i++)
        CHECK(fabs((double)one[i] - (double)three[i]) < 1e-5, "%d: %g, not %g", i, (double)three[i],
              (double)one[i]);
}

static void test_nonfinite(void) {
    lk_real x[64] = {0};
    float n[LK_TEXTURES];
    x[9] = (lk_real)NAN;
    lk_texture_measure(x, (lk_shape){1, 8, 8}, n);
    CHECK(!isfinite(n[LK_TEXTURE_VARIATION]), "a number of what is none");
}

/* Steps to the nearest paper, the frame around the image included, by looking at all of it. */
static int distance(const lk_real *x, int height, int width, int row, int column) {
    int least = 1000;
    for (int r = -1; r <= height; r++)
        for (int c = -1; c <= width; c++) {
            const bool outside = r < 0 || c < 0 || r == height || c == width;
            const int steps = abs(r - row) + abs(c - column);
            if ((outside || x[r * width + c] < (lk_real)0.5) && steps < least) least = steps;
        }
    return least;
}

/* Against the definition, on images with from no to many holes. */
static void test_solidity(void) {
    enum { HEIGHT = 19, WIDTH = 23, SIZE = HEIGHT * WIDTH };
    uint32_t state = 1;
    for (int holes = 0; holes < 60; holes++) {
        lk_real x[SIZE];
        float n[LK_TEXTURES];
        int most = 0;
        for (int i = 0; i < SIZE; i++) x[i] = 1;
        for (int i = 0; i < holes; i++) {
            state = state * 1664525 + 1013904223;
            x[(state >> 8) % SIZE] = 0;
        }
        for (int i = 0; i < SIZE; i++)
            most = LK_MAX(most, distance(x, HEIGHT, WIDTH, i / WIDTH, i % WIDTH));
        lk_texture_measure(x, (lk_shape){1, HEIGHT, WIDTH}, n);
        CHECK(n[LK_TEXTURE_SOLIDITY] == (float)most, "%d holes: %g, not %d", holes,
              (double)n[LK_TEXTURE_SOLIDITY], most);
    }
}

int main(void) {
    test_solidity();
    test_pictures();
    test_channels();
    test_nonfinite();
    return TEST_RESULT();
}
